/**
 * Moves studies and series: by dragging their handle, by arrow keys on it, and by its menu.
 *
 * The order in the page is the order in the form, so nothing else has to be told. Without script the menu sends
 * the form, and the server moves.
 */
const ROW = '[data-series], [data-study], [data-row]';

export function moveRows(page: HTMLElement, touched: () => void): void {
  const hint = page.querySelector<HTMLElement>('[data-hint]');
  if (hint) hint.hidden = false;
  const shift = (row: HTMLElement, by: -1 | 1): void => {
    const other = by < 0 ? row.previousElementSibling : row.nextElementSibling;
    if (!other) return;
    pass(row, other, by);
    touched();
  };
  page.addEventListener('click', (event) => {
    const button = (event.target as HTMLElement).closest<HTMLButtonElement>('[data-move]');
    const verb = button?.dataset['move'];
    const row = button?.closest<HTMLElement>(ROW);
    if (!row || (verb !== 'up' && verb !== 'down')) return;
    event.preventDefault();
    const menu = button?.closest('details');
    if (menu) menu.open = false;
    shift(row, verb === 'up' ? -1 : 1);
    row.querySelector<HTMLElement>('.handle')?.focus();
  });
  page.addEventListener('keydown', (event) => {
    const handle = event.target as HTMLElement;
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key] as -1 | 1 | undefined;
    const row = handle.matches('.handle') ? handle.closest<HTMLElement>(ROW) : null;
    if (!row || !by || handle.closest('details')?.open) return;
    event.preventDefault();
    shift(row, by);
    handle.focus();
  });
  page.addEventListener('pointerdown', (event) => {
    const handle = (event.target as HTMLElement).closest<HTMLElement>('.handle');
    const row = handle?.closest<HTMLElement>(ROW);
    if (row && event.button === 0) drag(row, event, touched);
  });
}

/** What names and switches the row has now that it is elsewhere. */
function after(row: HTMLElement): void {
  const rows = [...(row.parentElement?.children ?? [])] as HTMLElement[];
  rows.forEach((one, at) => {
    const handle = one.querySelector<HTMLElement>('.handle');
    const named = handle?.ariaLabel?.replace(/^(Move \w+) \d+/, `$1 ${at + 1}`);
    if (handle && named) handle.ariaLabel = named;
    const own = handle?.parentElement;
    for (const [verb, last] of [['up', 0], ['down', rows.length - 1]] as const) {
      const button = own?.querySelector<HTMLButtonElement>(`[data-move="${verb}"]`);
      if (button) button.disabled = at === last;
    }
  });
  const status = document.querySelector('[role="status"].sr');
  if (status) status.textContent = `Place ${rows.indexOf(row) + 1} of ${rows.length}`;
}

/** Lets a row and its neighbour change places. The neighbour moves, so that the row keeps focus and pointer. */
function pass(row: HTMLElement, other: Element, by: -1 | 1): void {
  if (by < 0) row.after(other);
  else row.before(other);
  after(row);
}

function drag(row: HTMLElement, start: PointerEvent, touched: () => void): void {
  const following = new AbortController();
  const { signal } = following;
  let moved = false;
  const move = (event: PointerEvent): void => {
    if (!moved && Math.abs(event.clientY - start.clientY) < 5) return;
    moved = true;
    row.dataset['dragged'] = '';
    const before = row.previousElementSibling;
    const next = row.nextElementSibling;
    // Past the middle of a neighbour, the two change places.
    if (before && event.clientY < middle(before)) pass(row, before, -1);
    else if (next && event.clientY > middle(next)) pass(row, next, 1);
    else return;
    touched();
  };
  const end = (): void => {
    following.abort();
    delete row.dataset['dragged'];
    if (!moved) return;
    // The press that was a drag opens no menu, and follows no link.
    const swallow = (event: Event): void => event.preventDefault();
    document.addEventListener('click', swallow, { capture: true, once: true });
    setTimeout(() => document.removeEventListener('click', swallow, { capture: true }));
  };
  document.addEventListener('pointermove', move, { signal });
  document.addEventListener('pointerup', end, { signal });
  document.addEventListener('pointercancel', end, { signal });
}

function middle(element: Element): number {
  const box = element.getBoundingClientRect();
  return box.top + box.height / 2;
}
