/**
 * Keeps the list of studies current while the page is open, by fetching the page again.
 *
 * The server draws the list either way, so there is one drawing and no second source of truth.
 */
import { tell } from './choose';
import { hideBroken } from './thumbnails';

/** Between two looks, in milliseconds: while something arrives, and while nothing does. */
const BUSY = 3_000;
const QUIET = 15_000;
/** Changes are told to screen readers at most this often, in milliseconds. */
const TELL = 10_000;

export function followArrivals(): void {
  if (!document.querySelector('[data-live]')) return;
  let told = 0;
  const look = async (): Promise<void> => {
    if (!document.hidden) {
      const changed = await refresh().catch(() => false);
      if (changed && performance.now() - told > TELL) {
        told = performance.now();
        say();
      }
    }
    const busy = document.querySelector('[data-live] [data-arriving]');
    setTimeout(() => void look(), busy ? BUSY : QUIET);
  };
  const busy = document.querySelector('[data-live] [data-arriving]');
  setTimeout(() => void look(), busy ? BUSY : QUIET);
}

async function refresh(): Promise<boolean> {
  const response = await fetch(location.href, { headers: { Accept: 'text/html' }, credentials: 'same-origin' });
  if (!response.ok || response.redirected) return false;
  const fresh = new DOMParser().parseFromString(await response.text(), 'text/html');
  const [old, next] = [document, fresh].map((page) => page.querySelector('[data-live]'));
  if (!old || !next || plain(old) === plain(next)) return false;
  // Somebody is choosing from it; the next look will do.
  if (old.querySelector('details[open]')) return false;
  const focused = (document.activeElement as HTMLElement | null)?.getAttribute('href');
  for (const box of next.querySelectorAll<HTMLInputElement>('[name="study"]')) {
    box.checked = !!old.querySelector(`[name="study"][value="${CSS.escape(box.value)}"]:checked`);
  }
  hideBroken(next);
  old.replaceWith(next);
  tell();
  // The row that had the focus keeps it, wherever it is now.
  if (focused) next.querySelector<HTMLElement>(`[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  return true;
}

/** What a part of the page says, without what changes from one look to the next. */
function plain(part: Element): string {
  const copy = part.cloneNode(true) as Element;
  for (const one of copy.querySelectorAll('[name="csrf_token"], .acts, .film > img')) one.remove();
  return copy.innerHTML;
}

function say(): void {
  const status = document.querySelector('[role="status"]');
  const total = document.querySelector<HTMLElement>('[data-live]')?.dataset['live'];
  if (status && total) status.textContent = total;
}
