/**
 * Thumbnails that cannot be had leave their black ground, not the browser's sign of a broken picture.
 */
export function hideBroken(within: ParentNode): void {
  for (const image of within.querySelectorAll<HTMLImageElement>('.film > img')) {
    if (image.complete && image.naturalWidth === 0) image.remove();
    else image.addEventListener('error', () => image.remove());
  }
}
