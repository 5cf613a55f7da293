/**
 * The series of a case: which there are, in what order, and what the viewer shows first, as the page says it.
 */
import type { Series } from './archive';
import type { View } from './view';

interface ShownSeries {
  readonly uid: string;
  readonly name: string;
  readonly modality: string;
  readonly images: number;
  readonly state: string;
}

interface ShownStudy {
  readonly uid: string;
  readonly name: string;
  readonly series: readonly ShownSeries[];
}

/** What the template case_viewer.html writes. */
export interface Shown {
  readonly studies: readonly ShownStudy[];
  readonly start: {
    readonly series: string;
    readonly frame: number | null;
    readonly window: readonly [center: number, width: number] | null;
    readonly zoom: number | null;
  };
}

/** States in which others than its owner see a series. */
const OPEN = ['free', 'attested', 'masked'];

export function shownIn(element: Element | null): Shown | undefined {
  return element ? (JSON.parse(element.textContent ?? '') as Shown) : undefined;
}

export function seriesIn({ studies }: Shown): Series[] {
  return studies.flatMap((study) =>
    study.series.map((series, index) => ({
      study: study.uid,
      uid: series.uid,
      number: undefined,
      name: series.name,
      modality: series.modality,
      count: series.images,
      heading: studies.length > 1 && index === 0 ? study.name : undefined,
      isHeld: !OPEN.includes(series.state),
    })),
  );
}

export function startOf({ start }: Shown): View {
  const [center, width] = start.window ?? [];
  return {
    series: start.series || undefined,
    image: start.frame ?? undefined,
    window: center === undefined || width === undefined ? undefined : { center, width },
    zoom: start.zoom ?? undefined,
  };
}
