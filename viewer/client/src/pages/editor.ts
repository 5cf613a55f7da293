/**
 * What the editor of a case gains from script: tabs, moving by drag and keys, the viewer beside it, and a guard of what is not saved.
 */
import { moveRows } from './editor-moves';
import { makeTabs } from './editor-tabs';
import { followSeries, useViews } from './editor-views';

/** After this long, in milliseconds, the form may be sent again, although no other page has come. */
const AGAIN = 10_000;

export function editor(): void {
  const page = document.querySelector<HTMLElement>('[data-editor]');
  const form = page?.querySelector('form');
  if (!page || !form) return;
  makeTabs(page);
  const guard = guardTyped(page, form);
  const follow = followSeries(page);
  moveRows(page, () => {
    guard();
    follow();
  });
  form.addEventListener('change', (event) => {
    if ((event.target as HTMLInputElement).name === 'show') follow();
  });
  useViews(page, guard);
}

/** Says when something is not saved, asks before it is lost, and sends only when somebody answers. */
function guardTyped(page: HTMLElement, form: HTMLFormElement): () => void {
  let unsaved = 'unsaved' in page.dataset;
  let sending = false;
  let asking = false;
  const state = page.querySelector('[data-state]');
  const touch = (): void => {
    if (!unsaved && state) state.textContent = 'Not saved yet.';
    unsaved = true;
  };
  form.addEventListener('input', (event) => {
    // Choosing a study changes nothing until it is added.
    if ((event.target as HTMLElement).id !== 'add') touch();
  });
  addEventListener('beforeunload', (event) => {
    if (unsaved && !sending) event.preventDefault();
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    // A second press while the first is under way would save upon a state that is about to change.
    if (sending || asking) return;
    asking = true;
    void send(page, form, event.submitter)
      .then((sent) => (sending = sent))
      .finally(() => (asking = false));
    // The author may have stopped it meanwhile.
    setTimeout(() => (sending = false), AGAIN);
  });
  // Back from the page that was sent to: the form may be sent again.
  addEventListener('pageshow', () => (sending = false));
  return touch;
}

/** Sends the form if the server can be reached: what a browser cannot send, it would put an empty page for. */
async function send(page: HTMLElement, form: HTMLFormElement, by: HTMLElement | null): Promise<boolean> {
  const offline = page.querySelector<HTMLElement>('[data-offline]');
  const pressed = by instanceof HTMLButtonElement ? by : null;
  pressed?.setAttribute('aria-busy', 'true');
  try {
    await fetch(location.href, { method: 'HEAD', cache: 'no-store', redirect: 'manual' });
  } catch {
    if (offline) {
      offline.hidden = false;
      offline.scrollIntoView({ block: 'center' });
    }
    return false;
  } finally {
    pressed?.removeAttribute('aria-busy');
  }
  if (offline) offline.hidden = true;
  // Sent by hand, as the browser would ask again and again what is to be done.
  if (pressed?.name) {
    const value = document.createElement('input');
    Object.assign(value, { type: 'hidden', name: pressed.name, value: pressed.value });
    form.append(value);
    HTMLFormElement.prototype.submit.call(form);
    value.remove();
  } else HTMLFormElement.prototype.submit.call(form);
  return true;
}
