/**
 * The series rail: a thumbnail, number, name and count for each series, below the name of its study if there are several.
 */
import type { Series } from './archive';
import { make } from './parts';

export class Rail {
  private readonly buttons = new Map<string, HTMLButtonElement>();

  constructor(
    private readonly element: HTMLElement,
    private readonly thumbnail: (series: Series) => string | undefined,
    private readonly choose: (series: Series) => void,
  ) {}

  draw(list: readonly Series[]): void {
    this.element.replaceChildren(...list.flatMap((series) => this.entries(series)));
  }

  mark(uid: string): void {
    for (const [key, button] of this.buttons) {
      if (key === uid) {
        button.setAttribute('aria-current', 'true');
        button.scrollIntoView({ block: 'nearest', inline: 'nearest' });
      } else button.removeAttribute('aria-current');
    }
  }

  private entries(series: Series): HTMLLIElement[] {
    const own = make('li', {}, this.entry(series));
    return series.heading === undefined ? [own] : [make('li', { class: 'study' }, series.heading), own];
  }

  private entry(series: Series): HTMLButtonElement {
    const film = make('span', { class: 'film' });
    const source = this.thumbnail(series);
    if (source) {
      const image = make('img', { src: source, alt: '', loading: 'lazy', decoding: 'async' });
      image.addEventListener('error', () => image.remove());
      film.append(image);
    }
    film.append(make('span', { class: 'o tl' }, series.modality));
    film.append(make('span', { class: 'o br' }, String(series.count)));
    const name = make('span', {});
    if (series.number !== undefined) name.append(make('b', {}, String(series.number)), ' ');
    name.append(series.name);
    const state = series.isHeld ? [make('span', { class: 'pill', 'data-tone': 'hold' }, 'Held for review')] : [];
    const button = make('button', { class: 'serie', type: 'button', title: series.name }, film, ...state, name);
    button.addEventListener('click', () => this.choose(series));
    this.buttons.set(series.uid, button);
    return button;
  }
}
