/**
 * The card that takes the place of a picture that cannot be shown.
 */
import { ArchiveError } from './archive';
import { make } from './parts';

export interface Fault {
  readonly title: string;
  readonly reason: string;
  /** The address of the DICOM object, when it may be downloaded. */
  readonly url?: string | undefined;
  /** A way on: where the link leads and what it says. */
  readonly link?: readonly [href: string, words: string];
}

export class Card {
  constructor(
    private readonly element: HTMLElement,
    private readonly download: (url: string) => Promise<Uint8Array>,
  ) {}

  show(fault: Fault): void {
    const body = [make('h2', {}, fault.title), make('p', { class: 'soft' }, fault.reason)];
    this.element.replaceChildren(...body);
    if (fault.url !== undefined) this.element.append(this.button(fault.url));
    if (fault.link) this.element.append(make('a', { class: 'btn', href: fault.link[0] }, fault.link[1]));
    this.element.hidden = false;
  }

  hide(): void {
    this.element.hidden = true;
  }

  get title(): string | null {
    return this.element.hidden ? null : (this.element.querySelector('h2')?.textContent ?? null);
  }

  private button(url: string): HTMLButtonElement {
    const button = make('button', { class: 'btn', type: 'button' }, 'Download the DICOM file');
    button.addEventListener('click', () => {
      button.setAttribute('aria-busy', 'true');
      this.download(url)
        .then((bytes) => save(bytes, `${url.slice(url.lastIndexOf('/') + 1)}.dcm`))
        .catch(() => (button.textContent = 'The download failed. Try again'))
        .finally(() => button.removeAttribute('aria-busy'));
    });
    return button;
  }
}

function save(bytes: Uint8Array, name: string): void {
  const href = URL.createObjectURL(new Blob([bytes as BlobPart], { type: 'application/dicom' }));
  make('a', { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}

export function kindFault(kind: string, url: string | undefined): Fault {
  return {
    title: 'Cannot show',
    reason: `${kind}. This viewer shows pictures; open the file in a program for this kind of object.`,
    url,
  };
}

/** What went wrong with a request or with decoding, in words. */
export function loadFault(error: unknown, url?: string): Fault {
  const status = statusOf(error);
  if (status === 401) {
    const signIn = document.getElementById('viewer')?.dataset.signIn ?? '/sign-in';
    return {
      title: 'You are signed out',
      reason: 'Sign in again to go on where you were.',
      link: [`${signIn}?next=${encodeURIComponent(location.pathname + location.search)}`, 'Sign in'],
    };
  }
  if (status === 404) {
    return { title: 'No longer there', reason: 'It was deleted, or may not be shown to you any more.' };
  }
  if (status === 0) {
    return { title: 'No connection', reason: 'The server did not answer. Scroll or press R to try again.' };
  }
  if (status !== undefined && status >= 500) {
    return { title: 'Cannot show', reason: `The server could not deliver this image (${status}).`, url };
  }
  return { title: 'Cannot show', reason: 'This image is damaged, or its compression is not known here.', url };
}

function statusOf(error: unknown): number | undefined {
  if (error instanceof ArchiveError) return error.status;
  // Cornerstone rejects with the request itself.
  if (error instanceof XMLHttpRequest) return error.status;
  return error instanceof TypeError && /fetch/i.test(error.message) ? 0 : undefined;
}
