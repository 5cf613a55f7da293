/**
 * The view on the screen: as what a case opens with, and as a link in its text.
 *
 * Invariants: the viewer is loaded when its author wants to see images; a link names a series by its place among those
 * that readers will see, in the order that the page has now, and follows when that order changes.
 * Not here: what links look like to readers (viewer/markdown.py).
 */
import type { Viewer } from '../viewport/viewer';

/** A series in a link: its place from 1, or, while readers do not see it, its UID. */
const LINK = /\bview:([1-9]\d{0,3}|\d+(?:\.\d+){2,})(?=\/)/g;

export function useViews(page: HTMLElement, touched: () => void): void {
  const panel = page.querySelector<HTMLElement>('[data-look]');
  if (!panel) return;
  const views = new Views(page, panel, touched);
  for (const part of page.querySelectorAll<HTMLElement>('[data-look-do], [data-look-hint]')) part.hidden = false;
  page.addEventListener('click', (event) => {
    const verb = (event.target as HTMLElement).closest<HTMLElement>('[data-look-do]')?.dataset['lookDo'];
    if (verb === 'show') void views.show(panel.hidden);
    else if (verb === 'start') void views.start();
    else if (verb === 'link') void views.link();
  });
  page.addEventListener('keydown', (event) => {
    if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
    if (!(event.target as HTMLElement).matches('[data-tabs] textarea')) return;
    event.preventDefault();
    void views.link();
  });
  page.addEventListener('focusin', (event) => {
    const field = event.target as HTMLElement;
    if (field.matches('[data-tabs] textarea')) views.visited.add(field);
  });
}

class Views {
  /** Texts in which the author has been; in others, the cursor says nothing. */
  readonly visited = new WeakSet<Element>();
  private viewer: Promise<Viewer> | undefined;

  constructor(
    private readonly page: HTMLElement,
    private readonly panel: HTMLElement,
    private readonly touched: () => void,
  ) {}

  async show(shown: boolean): Promise<void> {
    this.panel.hidden = !shown;
    this.page.toggleAttribute('data-looking', shown);
    for (const button of this.page.querySelectorAll('[data-look-do="show"][aria-expanded]')) button.ariaExpanded = String(shown);
    if (!shown) return void this.page.querySelector<HTMLElement>('[data-look-do="show"]')?.focus();
    this.viewer ??= import('../viewport/open').then(({ openViewer }) => openViewer());
    await this.viewer;
  }

  /** Lets the case open with what is on the screen. */
  async start(): Promise<void> {
    const seen = await this.seen();
    if (!seen) return;
    const { window, zoom } = Object.fromEntries(seen.more);
    const [center, width] = window?.split(',') ?? [];
    const said = { series: seen.uid, frame: String(seen.image), center, width, zoom };
    for (const [name, value] of Object.entries(said)) {
      const field = this.page.querySelector<HTMLInputElement | HTMLSelectElement>(`[name="start_${name}"]`);
      if (field) field.value = value ?? '';
    }
    this.touched();
    this.say(`The case opens with ${seen.name}, image ${seen.image}.`);
  }

  /** Puts a link to what is on the screen into the text, where the cursor is. */
  async link(): Promise<void> {
    const text = this.page.querySelector<HTMLTextAreaElement>('[data-tabs] .section:not([hidden]) textarea');
    const seen = await this.seen();
    if (!text || !seen) return;
    if (!this.visited.has(text)) text.setSelectionRange(text.value.length, text.value.length);
    const chosen = text.value.slice(text.selectionStart, text.selectionEnd).replace(/[[\]]/g, '');
    const query = seen.more.size > 0 ? `?${decodeURIComponent(seen.more.toString())}` : '';
    const made = `[${chosen || `image ${seen.image}`}](view:${seen.place}/${seen.image}${query})`;
    text.focus({ preventScroll: true });
    // The only way to put in text that the browser's Undo knows of.
    if (!document.execCommand('insertText', false, made)) text.setRangeText(made, text.selectionStart, text.selectionEnd, 'end');
    this.touched();
    this.say(`Linked to ${seen.name}, image ${seen.image}.`);
  }

  /** What is on the screen, if readers will see it. Without a viewer, it is opened first, to choose a view in it. */
  private async seen(): Promise<Seen | undefined> {
    if (this.panel.hidden) {
      await this.show(true);
      this.say('Choose a view, then press again.');
      return undefined;
    }
    const viewer = await this.viewer;
    const uid = viewer?.seriesUid;
    if (!viewer || !uid) return undefined;
    const row = rowsOf(this.page).find((one) => keyOf(one).endsWith(`/${uid}`));
    const place = shownIn(this.page).findIndex((key) => key.endsWith(`/${uid}`)) + 1;
    const name = row?.querySelector<HTMLInputElement>('[name="series_name"]');
    const called = name?.value || name?.placeholder || 'This series';
    if (place === 0) {
      this.say(`${called} is not shown to readers. Tick Show beside it first.`);
      return undefined;
    }
    const { window, zoom, image } = viewer.view;
    const { withView } = await import('../viewport/open');
    const more = withView('https://any.invalid/', { window, zoom }).searchParams;
    return { uid, place, name: called, image: image ?? 1, more };
  }

  private say(words: string): void {
    const line = this.panel.querySelector('[data-look-said]');
    if (line) line.textContent = words;
  }
}

interface Seen {
  readonly uid: string;
  readonly place: number;
  readonly name: string;
  readonly image: number;
  readonly more: URLSearchParams;
}

/** Tells when series were moved or hidden: links in the texts then lead to the same series as before. */
export function followSeries(page: HTMLElement): () => void {
  let before = shownIn(page);
  return () => {
    const now = shownIn(page);
    for (const text of page.querySelectorAll<HTMLTextAreaElement>('[data-tabs] textarea')) {
      const led = renumbered(text.value, before, now);
      if (led !== text.value) text.value = led;
    }
    before = now;
  };
}

/** The text with its links to series at their new places; to one that readers no longer see, by its UID. */
export function renumbered(text: string, before: readonly string[], now: readonly string[]): string {
  return text.replace(LINK, (link, said: string) => {
    const key = said.includes('.') ? now.find((one) => one.endsWith(`/${said}`)) : before[Number(said) - 1];
    if (key === undefined) return link;
    return `view:${now.indexOf(key) + 1 || key.split('/')[1]}`;
  });
}

function rowsOf(page: HTMLElement): HTMLElement[] {
  return [...page.querySelectorAll<HTMLElement>('[data-series]')];
}

function keyOf(row: HTMLElement): string {
  return row.querySelector<HTMLInputElement>('[name="series"]')?.value ?? '';
}

/** The series that readers will see, in order. */
function shownIn(page: HTMLElement): string[] {
  return rowsOf(page)
    .filter((row) => row.querySelector<HTMLInputElement>('[name="show"]')?.checked)
    .map(keyOf);
}
