/**
 * Thumbnails that cannot be had leave their black ground, not the browser's sign of a broken picture.
 */
export function hideBroken(within: ParentNode): void {
  for (const image of within.querySelectorAll<HTMLImageElement>('.film > img')) {
    // One that was not tried yet, as those of a page that is only parsed, is no broken one.
    if (image.complete && image.naturalWidth === 0 && image.currentSrc !== '') image.remove();
    else image.addEventListener('error', () => image.remove());
  }
}
