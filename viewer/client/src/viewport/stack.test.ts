import { expect, test } from 'vitest';

import type { DataSet } from './dicomjson';
import { picturesOf, spacingOf } from './stack';

const address = (uid: string): string => `https://a/instances/${uid}`;

function slice(uid: string, instance: number, z?: number, row: number[] = [1, 0, 0]): DataSet {
  return {
    '00080018': { vr: 'UI', Value: [uid] },
    '00200013': { vr: 'IS', Value: [instance] },
    '00280010': { vr: 'US', Value: [4] },
    '00280011': { vr: 'US', Value: [4] },
    ...(z === undefined
      ? {}
      : {
          '00200032': { vr: 'DS', Value: [0, 0, z] },
          '00200037': { vr: 'DS', Value: [...row, 0, 1, 0] },
        }),
  };
}

function order(dataSets: DataSet[]): string[] {
  return picturesOf(dataSets, address).map((picture) => picture.imageId.replace('wadors:https://a/instances/', ''));
}

test('parallel slices lie in the order of their positions, as instance numbers grow', () => {
  expect(order([slice('b', 2, 5), slice('a', 1, 9), slice('c', 3, 7)])).toEqual(['a/frames/1', 'c/frames/1', 'b/frames/1']);
});

test('without positions instance numbers decide', () => {
  expect(order([slice('b', 2), slice('a', 1)])).toEqual(['a/frames/1', 'b/frames/1']);
});

test('planes that are not parallel keep the order of their numbers', () => {
  expect(order([slice('b', 2, 1, [0, 0, 1]), slice('a', 1, 9)])).toEqual(['a/frames/1', 'b/frames/1']);
});

test('pictures at one place keep the order of their numbers', () => {
  expect(order([slice('c', 3, 1), slice('b', 2, 0), slice('a', 1, 0)])).toEqual(['a/frames/1', 'b/frames/1', 'c/frames/1']);
});

test('a multi-frame instance is one picture for each frame, placed by its own group', () => {
  const frame = (z: number): DataSet => ({
    '00209113': { vr: 'SQ', Value: [{ '00200032': { vr: 'DS', Value: [0, 0, z] } }] },
  });
  const shared: DataSet = {
    '00209116': { vr: 'SQ', Value: [{ '00200037': { vr: 'DS', Value: [1, 0, 0, 0, 1, 0] } }] },
    '00289110': { vr: 'SQ', Value: [{ '00180050': { vr: 'DS', Value: [2.5] } }] },
  };
  const enhanced: DataSet = {
    ...slice('e', 1),
    '00280008': { vr: 'IS', Value: [3] },
    '52009229': { vr: 'SQ', Value: [shared] },
    '52009230': { vr: 'SQ', Value: [frame(0), frame(4), frame(2)] },
  };
  expect(order([enhanced])).toEqual(['e/frames/1', 'e/frames/3', 'e/frames/2']);
  expect(picturesOf([enhanced], address)[0]?.thickness).toBe(2.5);
});

test('a report is no picture and says what it is', () => {
  const report: DataSet = {
    '00080016': { vr: 'UI', Value: ['1.2.840.10008.5.1.4.1.1.88.11'] },
    '00080018': { vr: 'UI', Value: ['r'] },
  };
  expect(picturesOf([report], address)[0]?.unshowable).toBe('Structured report');
});

test('a spacing of nothing is none, and the shape of elements is kept', () => {
  expect(spacingOf({ '00280030': { vr: 'DS', Value: [0, 0] } })).toBeUndefined();
  expect(spacingOf({ '00280030': { vr: 'DS', Value: [0, 0] }, '00280034': { vr: 'IS', Value: [4, 3] } })).toEqual([4, 3]);
  expect(spacingOf({ '00280030': { vr: 'DS', Value: ['0.5', '0.4'] } })).toEqual([0.5, 0.4]);
});
