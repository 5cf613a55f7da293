/**
 * Windows on keys 1 to 6: the file's own first, then the customary ones of CT.
 */
import type { Window } from './stage';

const CT: readonly Window[] = [
  { width: 400, center: 40 }, // soft tissue
  { width: 1500, center: -600 }, // lung
  { width: 2000, center: 500 }, // bone
  { width: 80, center: 40 }, // brain
  { width: 600, center: 200 }, // vessels
];

export function preset(place: number, modality: string, own: Window | undefined): Window | undefined {
  if (place === 0) return own;
  return modality === 'CT' ? CT[place - 1] : undefined;
}
