/**
 * Tables of values that the metadata holds as inline or bulk data, turned into numbers.
 *
 * Cornerstone reads numbers only, and would draw a picture without its palette in wrong colours.
 *
 * Standard: PS3.3 C.7.6.3.1.5 and C.7.6.3.1.6 (palettes), C.11.1 (Modality LUT).
 */
import { items, number, numbers, text, type DataSet, type Element } from './dicomjson';

/** Descriptor and data of the three palettes. */
const PALETTES = [
  ['00281101', '00281201'],
  ['00281102', '00281202'],
  ['00281103', '00281203'],
] as const;
const MODALITY_LUT = ['00283002', '00283006'] as const;

type Bulk = (uri: string) => Promise<Uint8Array>;

export async function resolveTables(dataSet: DataSet, bulk: Bulk): Promise<void> {
  const wanted: Promise<void>[] = [];
  if (text(dataSet, '00280004') === 'PALETTE COLOR') {
    wanted.push(...PALETTES.map((pair) => resolve(dataSet, pair, bulk)));
  }
  for (const item of items(dataSet, '00283000')) wanted.push(resolve(item, MODALITY_LUT, bulk));
  await Promise.all(wanted);
}

/** Whether the colour tables that a picture needs are all there and described. */
export function paletteComplete(dataSet: DataSet): boolean {
  if (text(dataSet, '00280004') !== 'PALETTE COLOR') return true;
  return PALETTES.every(
    ([descriptor, tag]) => numbers(dataSet, descriptor).length === 3 && numbers(dataSet, tag).length > 0,
  );
}

export interface Lut {
  /** The stored value that the first entry stands for. */
  readonly first: number;
  readonly entries: readonly number[];
}

/** The Modality LUT of a picture, for those that have a table in place of slope and intercept. */
export function modalityLut(dataSet: DataSet): Lut | undefined {
  const item = items(dataSet, '00283000')[0];
  if (!item) return undefined;
  const entries = numbers(item, MODALITY_LUT[1]);
  const first = numbers(item, MODALITY_LUT[0])[1] ?? 0;
  const signed = number(dataSet, '00280103') === 1 && first > 0x7fff;
  return entries.length > 0 ? { first: signed ? first - 0x10000 : first, entries } : undefined;
}

export function throughLut(stored: ArrayLike<number>, { first, entries }: Lut): Uint16Array {
  const last = entries.length - 1;
  const table = Uint16Array.from(entries);
  return Uint16Array.from({ length: stored.length }, (_, index) => {
    const place = (stored[index] ?? 0) - first;
    return table[place < 0 ? 0 : place > last ? last : place] ?? 0;
  });
}

/** Uncompressed YBR_FULL_422 (Y Y Cb Cr for two elements, PS3.3 C.7.6.3.1.2) as RGB. */
export function rgbOf422(bytes: ArrayLike<number>): Uint8ClampedArray {
  const pairs = bytes.length >> 2;
  // A clamped array rounds, as the equations of C.7.6.3.1.2 want it.
  const rgb = new Uint8ClampedArray(6 * pairs);
  for (let pair = 0; pair < pairs; pair++) {
    const blue = (bytes[4 * pair + 2] ?? 128) - 128;
    const red = (bytes[4 * pair + 3] ?? 128) - 128;
    for (let half = 0; half < 2; half++) {
      const light = bytes[4 * pair + half] ?? 0;
      rgb[6 * pair + 3 * half] = light + 1.402 * red;
      rgb[6 * pair + 3 * half + 1] = light - 0.344136 * blue - 0.714136 * red;
      rgb[6 * pair + 3 * half + 2] = light + 1.772 * blue;
    }
  }
  return rgb;
}

async function resolve(
  dataSet: DataSet,
  [descriptor, tag]: readonly [string, string],
  bulk: Bulk,
): Promise<void> {
  const element = dataSet[tag];
  if (!element || element.Value) return;
  element.Value = entries(await valueOf(element, bulk), numbers(dataSet, descriptor));
}

async function valueOf(element: Element, bulk: Bulk): Promise<Uint8Array> {
  if (element.InlineBinary !== undefined) {
    return Uint8Array.from(atob(element.InlineBinary), (character) => character.charCodeAt(0));
  }
  return element.BulkDataURI === undefined ? new Uint8Array() : bulk(element.BulkDataURI);
}

function entries(bytes: Uint8Array, descriptor: readonly number[]): number[] {
  // A count of 0 stands for 65536: the attribute has 16 bits (C.7.6.3.1.5).
  const count = descriptor[0] || 65536;
  // Tables of 8-bit entries come packed or one to a word; the length tells.
  if (bytes.length <= count + 1) return [...bytes.subarray(0, count)];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: Math.min(count, bytes.length >> 1) }, (_, index) =>
    view.getUint16(2 * index, true),
  );
}
