/**
 * Where a reader is, as it stands in an address: `?series=N|UID&image=N&window=C,W&zoom=Z`.
 *
 * Everything may be left out. Series and images are counted from 1, in the order in which the viewer has them; a
 * series may also be named by its UID. A window is centre and width, as PS3.3 C.11.2.1.2 has them; zoom 1 fits the
 * picture into its viewport.
 * Invariants: what is not of this form reads as if it were left out; writing what was read gives the same address.
 */
import type { Series } from './archive';
import type { Window } from './stage';

export interface View {
  readonly series?: string | undefined;
  readonly image?: number | undefined;
  readonly window?: Window | undefined;
  readonly zoom?: number | undefined;
}

const NAMES = ['series', 'image', 'window', 'zoom'] as const;
const LARGEST_ZOOM = 100;

export function readView(query: URLSearchParams): View {
  const zoom = figure(query.get('zoom'));
  return {
    series: query.get('series') || undefined,
    image: count(query.get('image')),
    window: windowOf((query.get('window') ?? '').split(',').map(figure)),
    zoom: zoom !== undefined && zoom > 0 && zoom <= LARGEST_ZOOM ? zoom : undefined,
  };
}

/** The address with this view in it, in place of the one that it had. */
export function withView(address: string, view: View): URL {
  const url = new URL(address);
  for (const name of NAMES) url.searchParams.delete(name);
  const { series, image, window, zoom } = view;
  const said = {
    series,
    image: image === undefined ? undefined : String(image),
    window: window && `${short(window.center)},${short(window.width)}`,
    zoom: zoom === undefined ? undefined : short(zoom),
  };
  // A comma is allowed in a query as it is (RFC 3986 3.4), and shorter.
  const pairs = NAMES.flatMap((name) => (said[name] === undefined ? [] : [`${name}=${said[name]}`]));
  url.search = [url.search.replace(/^\?/, ''), ...pairs].filter(Boolean).join('&');
  return url;
}

/** What is shown first: the author's choice, as far as the address has none of its own. */
export function startingFrom(own: View | undefined, asked: View): View {
  if (!own || asked.series !== undefined) return asked;
  return {
    series: own.series,
    image: asked.image ?? own.image,
    window: asked.window ?? own.window,
    zoom: asked.zoom ?? own.zoom,
  };
}

/** The series that a view names, by number or UID. */
export function seriesOf(list: readonly Series[], view: View): Series | undefined {
  const { series } = view;
  if (series === undefined) return undefined;
  return list.find((entry) => entry.uid === series) ?? list[(count(series) ?? 0) - 1];
}

/** What a link in the text says: "SERIES/IMAGE", or only the series; then "?window=C,W&zoom=Z" if it has them. */
export function viewOfLink(said: string): View {
  const [place = '', query] = said.split('?');
  const [series, image] = place.split('/');
  return { ...readView(new URLSearchParams(query)), series: series || undefined, image: count(image ?? null) };
}

function windowOf([center, width]: readonly (number | undefined)[]): Window | undefined {
  return center === undefined || width === undefined || width <= 0 ? undefined : { center, width };
}

function count(text: string | null): number | undefined {
  return text !== null && /^[1-9]\d{0,5}$/.test(text) ? Number(text) : undefined;
}

function figure(text: string | null): number | undefined {
  return text !== null && /^-?\d{1,9}(\.\d{1,9})?$/.test(text) ? Number(text) : undefined;
}

/** No more digits than anybody sees. */
function short(value: number): string {
  return String(Number(value.toFixed(Math.abs(value) >= 100 ? 0 : 2)));
}
