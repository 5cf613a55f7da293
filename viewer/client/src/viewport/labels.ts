/**
 * What stands in the corners of the viewport: never identity, never a date.
 */
import type { Series } from './archive';
import { normalOf, type Picture } from './stack';
import type { Window } from './stage';

const MINUS = '−';
const NBSP = ' ';

export function seriesLabel(series: Series): string {
  return [series.number, series.name].filter((part) => part !== undefined).join('  ');
}

export function countLabel(index: number, count: number): string {
  return count > 0 ? `${index + 1} / ${count}` : '';
}

export function windowLabel(window: Window | undefined, zoom: number, inverted: boolean): string {
  const scale = `${Math.round(zoom * 100)}${NBSP}%${inverted ? '  inverted' : ''}`;
  if (!window) return scale;
  return `W ${figure(window.width)}  L ${figure(window.center)}\n${scale}`;
}

export function placeLabel(picture: Picture): string {
  const thickness = picture.thickness ? `${figure(picture.thickness, 1)}${NBSP}mm` : '';
  return [thickness, place(picture)].filter(Boolean).join('\n');
}

/** The position along the body axis that the plane is most square to, as in "S 42.7". */
function place(picture: Picture): string {
  if (!picture.plane) return '';
  const normal = normalOf(picture.plane).map(Math.abs);
  const axis = normal.indexOf(Math.max(...normal));
  const value = picture.plane.position[axis] ?? 0;
  // PS3.3 C.7.6.2.1.1: x grows to the left, y to the back, z to the head of the patient.
  const letter = ['RL', 'AP', 'IS'][axis]?.[value < 0 ? 0 : 1] ?? '';
  return `${letter} ${Math.abs(value).toFixed(1)}`;
}

/** Whole numbers for wide windows, enough digits for narrow ones, with a real minus sign. */
function figure(value: number, digits?: number): string {
  const places = digits ?? (Math.abs(value) >= 20 || Number.isInteger(value) ? 0 : 2);
  return String(Number(value.toFixed(places))).replace('-', MINUS);
}
