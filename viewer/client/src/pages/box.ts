/**
 * One box on the picture of a report: drawn with a mouse or pen, and kept the same as the four
 * numbers in the form, which do without script.
 */
const SIDES = ['x', 'y', 'width', 'height'] as const;

export function drawBox(): void {
  const picture = document.querySelector<SVGSVGElement>('svg.boxed[data-columns]');
  const form = document.querySelector<HTMLFormElement>('form#report');
  const rect = picture?.querySelector('.spot');
  if (!picture || !form || !rect) return;
  const fields = SIDES.map((side) => form.querySelector<HTMLInputElement>(`[name="${side}"]`));
  for (const words of document.querySelectorAll<HTMLElement>('p[data-draws]')) words.hidden = false;
  picture.dataset['draws'] = '';

  const show = (): void => {
    SIDES.forEach((side, place) => rect.setAttribute(side, /^\d+$/.exec(fields[place]?.value ?? '')?.[0] ?? '0'));
  };
  const write = (values: readonly number[]): void => {
    const is_box = (values[2] ?? 0) > 0 && (values[3] ?? 0) > 0;
    fields.forEach((field, place) => {
      if (field) field.value = is_box ? String(values[place]) : '';
    });
    show();
  };
  form.addEventListener('input', show);
  show();

  let from: DOMPoint | undefined;
  picture.addEventListener('pointerdown', (event) => {
    // A finger scrolls the page.
    if (event.button !== 0 || event.pointerType === 'touch') return;
    event.preventDefault();
    picture.setPointerCapture(event.pointerId);
    from = at(picture, event);
  });
  picture.addEventListener('pointermove', (event) => {
    if (!from) return;
    const to = at(picture, event);
    write([Math.min(from.x, to.x), Math.min(from.y, to.y), Math.abs(to.x - from.x), Math.abs(to.y - from.y)]);
  });
  picture.addEventListener('pointerup', () => (from = undefined));
}

/** Where the pointer is, in whole pixels of the picture, within it. */
function at(picture: SVGSVGElement, event: PointerEvent): DOMPoint {
  const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(picture.getScreenCTM()?.inverse());
  const within = (value: number, most: string | undefined): number =>
    Math.round(Math.min(Math.max(value, 0), Number(most)));
  return new DOMPoint(within(point.x, picture.dataset['columns']), within(point.y, picture.dataset['rows']));
}
