import { expect, test } from 'vitest';

import type { DataSet } from './dicomjson';
import { Prefetch } from './prefetch';
import { runsOf } from './slider';
import { modalityLut, paletteComplete, resolveTables, rgbOf422, throughLut } from './tables';

test('what is loaded is drawn as unbroken runs', () => {
  expect(runsOf([true, true, false, true])).toEqual([
    [0, 2],
    [3, 4],
  ]);
  expect(runsOf([])).toEqual([]);
});

test('the nearest pictures are loaded first, and no more than four at once', async () => {
  const asked: string[] = [];
  const pending: (() => void)[] = [];
  const prefetch = new Prefetch({
    hasRoom: true,
    has: () => false,
    preload: (imageId) => {
      asked.push(imageId);
      return new Promise((resolve) => pending.push(resolve));
    },
  });
  prefetch.start(['a', 'b', 'c', 'd', 'e', 'f'], 2);
  expect(asked).toEqual(['c', 'd', 'b', 'e']);
  pending.forEach((resolve) => resolve());
  await new Promise((resolve) => setTimeout(resolve));
  expect(asked).toEqual(['c', 'd', 'b', 'e', 'a', 'f']);
});

test('palettes are read from inline data, in bytes or in words', async () => {
  const dataSet: DataSet = { '00280004': { vr: 'CS', Value: ['PALETTE COLOR'] } };
  for (const [descriptor, tag, inline] of [
    ['00281101', '00281201', 'AQI='],
    ['00281102', '00281202', 'AAECAA=='],
    ['00281103', '00281203', 'AAECAA=='],
  ] as const) {
    dataSet[descriptor] = { vr: 'US', Value: [2, 0, 16] };
    dataSet[tag] = { vr: 'OW', InlineBinary: inline };
  }
  await resolveTables(dataSet, () => Promise.reject(new Error('nothing is in bulk')));
  expect(dataSet['00281201']?.Value).toEqual([1, 2]);
  expect(dataSet['00281202']?.Value).toEqual([256, 2]);
  expect(paletteComplete(dataSet)).toBe(true);
  delete dataSet['00281101'];
  expect(paletteComplete(dataSet)).toBe(false);
});

test('a Modality LUT maps stored values and holds at its ends', () => {
  const lut = modalityLut({
    '00280103': { vr: 'US', Value: [1] },
    '00283000': {
      vr: 'SQ',
      Value: [{ '00283002': { vr: 'US', Value: [3, 65535, 16] }, '00283006': { vr: 'US', Value: [10, 20, 30] } }],
    },
  });
  expect(lut).toEqual({ first: -1, entries: [10, 20, 30] });
  expect([...throughLut([-9, -1, 0, 1, 9], lut ?? { first: 0, entries: [] })]).toEqual([10, 10, 20, 30, 30]);
});

test('uncompressed YBR_FULL_422 becomes RGB, two elements from four bytes', () => {
  expect([...rgbOf422([81, 235, 90, 240])]).toEqual([238, 14, 14, 255, 168, 168]);
  expect([...rgbOf422([7, 9, 128, 128])]).toEqual([7, 7, 7, 9, 9, 9]);
});
