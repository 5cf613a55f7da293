/**
 * `window.readingroom`: what a test may ask the viewer. Documented in README.md of the client.
 *
 * Read-only on purpose: tests act through the keyboard, the mouse and the page.
 */
import type { Types } from '@cornerstonejs/core';

import type { Picture } from './stack';
import type { Stage, Window } from './stage';

export interface State {
  readonly series: string | null;
  readonly count: number;
  /** Where the reader asked to be, and what the screen shows; they differ while it loads. */
  readonly aim: number;
  readonly index: number;
  readonly imageId: string | null;
  readonly loaded: number;
  readonly window: Window | null;
  readonly inverted: boolean;
  readonly zoom: number;
  readonly tool: string;
  readonly fault: string | null;
}

export interface Pixels {
  readonly imageId: string;
  readonly rows: number;
  readonly columns: number;
  readonly samples: number;
  /** Row by row; modality values (after rescale) for grey pictures, 0–255 for colour. */
  readonly values: number[];
}

export interface Hook {
  state(): State;
  order(): string[];
  pixels(): Pixels | null;
  screen(points: readonly (readonly [column: number, row: number])[]): ([number, number, number] | null)[];
}

declare global {
  interface Window {
    readingroom?: Hook;
  }
}

export function pixelsOf(image: Types.IImage | undefined): Pixels | null {
  if (!image) return null;
  const values = image.voxelManager?.getScalarData() ?? image.getPixelData();
  const { imageId, rows, columns } = image;
  return { imageId, rows, columns, samples: values.length / (rows * columns), values: Array.from(values) };
}

/** The colours that stand on the screen at the centres of picture elements; null when outside. */
export function screenOf(stage: Stage, points: readonly (readonly [number, number])[]): ([number, number, number] | null)[] {
  const { canvas } = stage;
  const context = canvas.getContext('2d');
  if (!context || !stage.image) return points.map(() => null);
  const { width, height, data } = context.getImageData(0, 0, canvas.width, canvas.height);
  const scale = canvas.width / canvas.clientWidth;
  return points.map(([column, row]) => {
    const [x, y] = stage.onScreen(column, row).map((value) => Math.floor(value * scale)) as [number, number];
    if (x < 0 || y < 0 || x >= width || y >= height) return null;
    const at = 4 * (y * width + x);
    return [data[at] ?? 0, data[at + 1] ?? 0, data[at + 2] ?? 0];
  });
}

export function orderOf(pictures: readonly Picture[]): string[] {
  return pictures.map((picture) => picture.imageId);
}
