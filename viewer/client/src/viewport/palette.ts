/**
 * Colour tables of PALETTE COLOR pictures, put where Cornerstone looks for them.
 *
 * The metadata holds the tables as inline or bulk data; Cornerstone reads numbers only, and
 * would draw a picture without its table in wrong colours.
 *
 * Standard: PS3.3 C.7.6.3.1.5 and C.7.6.3.1.6 (palette descriptors and data).
 */
import { numbers, text, type DataSet, type Element } from './dicomjson';

const TABLES = [
  ['00281101', '00281201'],
  ['00281102', '00281202'],
  ['00281103', '00281203'],
] as const;

export async function resolvePalette(
  dataSet: DataSet,
  bulk: (uri: string) => Promise<Uint8Array>,
): Promise<void> {
  if (text(dataSet, '00280004') !== 'PALETTE COLOR') return;
  await Promise.all(
    TABLES.map(async ([descriptor, tag]) => {
      const element = dataSet[tag];
      if (!element || element.Value) return;
      const bytes = await valueOf(element, bulk);
      element.Value = entries(bytes, numbers(dataSet, descriptor));
    }),
  );
}

async function valueOf(
  element: Element,
  bulk: (uri: string) => Promise<Uint8Array>,
): Promise<Uint8Array> {
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
