/**
 * Keeps the list of studies current while the page is open, by fetching the page again.
 *
 * The server draws the list either way, so there is one drawing and no second source of truth.
 */
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
  if (!old || !next || old.innerHTML === next.innerHTML) return false;
  const focused = (document.activeElement as HTMLElement | null)?.getAttribute('href');
  hideBroken(next);
  old.replaceWith(next);
  // The row that had the focus keeps it, wherever it is now.
  if (focused) next.querySelector<HTMLElement>(`[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  return true;
}

function say(): void {
  const status = document.querySelector('[role="status"]');
  const total = document.querySelector<HTMLElement>('[data-live]')?.dataset['live'];
  if (status && total) status.textContent = total;
}
