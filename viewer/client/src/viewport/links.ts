/**
 * What elsewhere on the page has to do with the viewer: links into it, a link to what it shows, a report about it.
 *
 * Not here: the form of an address (view.ts).
 */
import { make } from './parts';
import { viewOfLink, withView, type View } from './view';

export interface Linked {
  readonly view: View;
  /** UID of the series on the screen. */
  readonly seriesUid: string | undefined;
  look(view: View): void;
}

/** How long a sentence about the copied link stays, in milliseconds. */
const READING = 4000;

export function followLinks(main: HTMLElement, said: HTMLElement, viewer: Linked): void {
  const page = new URL(main.dataset['page'] ?? location.href, location.href).href;
  document.addEventListener('click', (event) => {
    const target = event.target as Element;
    const link = target.closest<HTMLElement>('[data-view]');
    const report = target.closest<HTMLAnchorElement>('a[data-report]');
    if (target.closest('[data-do="copy-link"]')) {
      target.closest('details')?.removeAttribute('open');
      void copy(withView(main.dataset['page'] ? page : location.href, viewer.view).href, said);
    } else if (report) {
      report.href = withView(report.href, { series: viewer.seriesUid, image: viewer.view.image ?? 1 }).href;
    } else if (link && !(event.ctrlKey || event.metaKey || event.shiftKey)) {
      event.preventDefault();
      viewer.look(viewOfLink(link.dataset['view'] ?? ''));
      main.scrollIntoView({ block: 'nearest', behavior: calm() ? 'auto' : 'smooth' });
    }
  });
}

function calm(): boolean {
  return matchMedia('(prefers-reduced-motion: reduce)').matches;
}

async function copy(address: string, said: HTMLElement): Promise<void> {
  try {
    await navigator.clipboard.writeText(address);
    said.replaceChildren('Link copied');
    setTimeout(() => (said.hidden = true), READING);
    said.hidden = false;
  } catch {
    // Without HTTPS, or in a frame that may not, there is no clipboard.
    const field = make('input', { class: 'input', value: address, readonly: '', 'aria-label': 'Link to this view' });
    field.addEventListener('blur', () => (said.hidden = true));
    said.replaceChildren('Press Control and C to copy', field);
    said.hidden = false;
    field.select();
  }
}
