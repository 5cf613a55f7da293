/**
 * Which cases of playlists were read in this browser, and where to go on. Nobody else is told.
 */
const KEY = 'readingroom.read';
/** So many are remembered, the last ones. */
const MOST = 2000;

export function rememberReading(): void {
  const read = remembered();
  const here = /\/cases\/([a-z0-9]{8})$/.exec(location.pathname)?.[1];
  if (here && document.querySelector('.case-page')) remember(read, here);
  const page = document.querySelector<HTMLElement>('[data-playlist]');
  if (page) tell(page, new Set(read));
  // Back from a case, the page may be the one that was left.
  addEventListener('pageshow', (event) => {
    if (page && event.persisted) tell(page, new Set(remembered()));
  });
}

function tell(page: HTMLElement, read: ReadonlySet<string>): void {
  const rows = [...page.querySelectorAll<HTMLElement>('[data-case]')];
  const isRead = (row: HTMLElement): boolean => read.has(row.dataset['case'] ?? '');
  const count = rows.filter(isRead).length;
  for (const row of rows) show(row.querySelector('[data-read]'), isRead(row));
  const progress = page.querySelector<HTMLElement>('[data-progress]');
  show(progress, count > 0);
  const number = progress?.querySelector('[data-count]');
  const bar = progress?.querySelector('progress');
  if (number) number.textContent = String(count);
  if (bar) bar.value = count;
  const next = rows.findIndex((row) => !isRead(row));
  const way = page.querySelector<HTMLAnchorElement>('[data-go-on]');
  const to = rows[next]?.querySelector<HTMLAnchorElement>('a.go');
  if (way && to) {
    way.href = to.href;
    way.textContent = `Go on at case ${next + 1}`;
  }
  show(way, count > 0 && next > 0);
}

function show(part: HTMLElement | null, shown: boolean): void {
  if (part) part.hidden = !shown;
}

function remembered(): string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]');
    return Array.isArray(kept) ? kept.filter((one): one is string => typeof one === 'string') : [];
  } catch {
    // Not allowed to keep anything, or something else wrote there.
    return [];
  }
}

function remember(read: string[], code: string): void {
  if (read.includes(code)) return;
  try {
    localStorage.setItem(KEY, JSON.stringify([...read, code].slice(-MOST)));
  } catch {
    // Then it is not remembered.
  }
}
