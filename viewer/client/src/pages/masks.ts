/**
 * Rectangles to be blacked out: drawn on the picture with a mouse or pen, and kept the same as the
 * numbers in the form. Without script the form and its button "Show on the picture" do.
 */
const SIDES = ['x', 'y', 'width', 'height'] as const;
const SVG = 'http://www.w3.org/2000/svg';

export function drawMasks(): void {
  const picture = document.querySelector<SVGSVGElement>('svg.measured');
  const form = document.querySelector<HTMLFormElement>('form#masks');
  const boxes = picture?.querySelector('.masks');
  if (!picture || !form || !boxes) return;
  for (const words of form.querySelectorAll<HTMLElement>('[data-draws]')) words.hidden = !words.hidden;
  picture.dataset['draws'] = '';

  const columns = (): HTMLInputElement[][] =>
    SIDES.map((side) => [...form.querySelectorAll<HTMLInputElement>(`[name="${side}"]`)]);
  const show = (): void => {
    const [x, , ,] = columns();
    boxes.replaceChildren(...(x ?? []).flatMap((_, row) => box(columns().map((column) => column[row]), row)));
  };
  form.addEventListener('input', show);
  form.addEventListener('submit', (event) => once(event));

  let from: DOMPoint | undefined;
  let row: HTMLInputElement[] = [];
  picture.addEventListener('pointerdown', (event) => {
    // A finger scrolls the page.
    if (event.button !== 0 || event.pointerType === 'touch') return;
    event.preventDefault();
    picture.setPointerCapture(event.pointerId);
    from = at(picture, event);
    row = emptyRow(form, columns);
  });
  picture.addEventListener('pointermove', (event) => {
    if (!from) return;
    const to = at(picture, event);
    const values = [Math.min(from.x, to.x), Math.min(from.y, to.y), Math.abs(to.x - from.x), Math.abs(to.y - from.y)];
    row.forEach((input, side) => (input.value = String(values[side])));
    show();
  });
  picture.addEventListener('pointerup', () => {
    // A press without a way drew nothing.
    if (from && (row[2]?.value === '0' || row[3]?.value === '0')) for (const input of row) input.value = '';
    from = undefined;
    show();
  });
}

/** Masking takes a while: its button says so, and a second press does nothing. */
function once(event: SubmitEvent): void {
  const button = event.submitter as HTMLButtonElement | null;
  if (button?.value !== 'mask') return;
  if (button.ariaBusy === 'true') return event.preventDefault();
  button.ariaBusy = 'true';
  const icon = button.querySelector('use');
  icon?.setAttribute('href', icon.getAttribute('href')?.replace('#eraser', '#loader-2') ?? '');
  if (button.lastChild) button.lastChild.textContent = 'Masking';
}

/** Where the pointer is, in whole pixels of the picture, within it. */
function at(picture: SVGSVGElement, event: PointerEvent): DOMPoint {
  const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(picture.getScreenCTM()?.inverse());
  const within = (value: number, most: string | undefined): number =>
    Math.round(Math.min(Math.max(value, 0), Number(most)));
  return new DOMPoint(within(point.x, picture.dataset['columns']), within(point.y, picture.dataset['rows']));
}

/** The fields of the first row that is empty; a new one when none is. */
function emptyRow(form: HTMLFormElement, columns: () => HTMLInputElement[][]): HTMLInputElement[] {
  const rows = (): HTMLInputElement[][] => {
    const [x = [], ...others] = columns();
    return x.map((input, row) => [input, ...others.flatMap((column) => column[row] ?? [])]);
  };
  const found = rows().find((row) => row.every((input) => input.value === ''));
  if (found) return found;
  const number = String(rows().length + 1);
  const label = document.createElement('b');
  label.className = 'meta';
  label.textContent = number;
  const fields = SIDES.map((side) => {
    const field = form.querySelector<HTMLInputElement>(`[name="${side}"]`)?.cloneNode() as HTMLInputElement;
    field.value = '';
    field.removeAttribute('aria-invalid');
    field.setAttribute('aria-label', `Rectangle ${number}, ${side}`);
    return field;
  });
  form.querySelector('.boxes')?.append(label, ...fields);
  return fields;
}

function box(fields: (HTMLInputElement | undefined)[], row: number): SVGElement[] {
  const values = fields.map((field) => (/^\d+$/.test(field?.value ?? '') ? Number(field?.value) : NaN));
  if (values.some(Number.isNaN)) return [];
  const rect = document.createElementNS(SVG, 'rect');
  SIDES.forEach((side, place) => rect.setAttribute(side, String(values[place])));
  const number = document.createElementNS(SVG, 'text');
  for (const [name, value] of [['x', values[0]], ['y', values[1]], ['dx', '.35em'], ['dy', '1.1em']]) {
    number.setAttribute(String(name), String(value));
  }
  number.textContent = String(row + 1);
  return [rect, number];
}
