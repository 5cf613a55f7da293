import { expect, test } from 'vitest';

import type { Series } from './archive';
import { seriesIn, startOf, type Shown } from './listing';
import { readView, seriesOf, startingFrom, viewOfLink, withView } from './view';

const read = (query: string): ReturnType<typeof readView> => readView(new URLSearchParams(query));

const SHOWN: Shown = {
  studies: [
    {
      uid: '1.2',
      name: '1 - Wrist',
      series: [
        { uid: '1.2.1', name: 'PD coronal', modality: 'MR', images: 16, state: 'free' },
        { uid: '1.2.2', name: '2 - T1', modality: 'MR', images: 20, state: 'held' },
      ],
    },
    { uid: '1.3', name: 'Nine weeks later', series: [{ uid: '1.3.1', name: 'CT', modality: 'CT', images: 54, state: 'masked' }] },
  ],
  start: { series: '1.2.2', frame: 7, window: [40, 400], zoom: 1.5 },
};

test('a view is read from an address, and an address made of it is the same again', () => {
  const view = { series: '2', image: 7, window: { center: -600, width: 1500 }, zoom: 1.25 };
  const address = 'https://x.example/cases/k7m2qxvb?version=3&series=2&image=7&window=-600,1500&zoom=1.25';
  expect(read(new URL(address).search)).toEqual(view);
  expect(withView(address, view).href).toBe(address);
  expect(withView(`${address}&in=abc`, { series: '1' }).search).toBe('?version=3&in=abc&series=1');
  expect(withView(address, { zoom: 1.23456, window: { center: 12.3456, width: 812.5 } }).search).toBe(
    '?version=3&window=12.35,813&zoom=1.23',
  );
});

test.each([
  'series=&image=0&window=&zoom=0',
  'image=-3&window=40&zoom=-1',
  'image=1e3&window=40,0&zoom=1e9',
  'image=two&window=a,b&zoom=<script>',
  'window=40,-400&zoom=NaN&image=3.5',
])('what is of no use in an address reads as if it were left out: %s', (query) => {
  const nothing = { series: undefined, image: undefined, window: undefined, zoom: undefined };
  expect(read(query)).toEqual(nothing);
});

test('series are those of the case, in its order, with names of studies if there are several', () => {
  const list = seriesIn(SHOWN);
  expect(list.map(({ study, uid, heading, isHeld }) => [study, uid, heading, isHeld])).toEqual([
    ['1.2', '1.2.1', '1 - Wrist', false],
    ['1.2', '1.2.2', undefined, true],
    ['1.3', '1.3.1', 'Nine weeks later', false],
  ]);
  expect(seriesIn({ ...SHOWN, studies: SHOWN.studies.slice(0, 1) })[0]?.heading).toBeUndefined();
});

test('a series is named by its place or by its UID', () => {
  const list: Series[] = seriesIn(SHOWN);
  expect(seriesOf(list, { series: '3' })?.uid).toBe('1.3.1');
  expect(seriesOf(list, { series: '1.2.2' })?.uid).toBe('1.2.2');
  expect(seriesOf(list, { series: '4' })).toBeUndefined();
  expect(seriesOf(list, { series: '0' })).toBeUndefined();
  expect(seriesOf(list, {})).toBeUndefined();
});

test('the author says what is shown first, unless the address does', () => {
  const own = startOf(SHOWN);
  expect(own).toEqual({ series: '1.2.2', image: 7, window: { center: 40, width: 400 }, zoom: 1.5 });
  expect(startingFrom(own, read(''))).toEqual(own);
  expect(startingFrom(own, read('image=3'))).toEqual({ ...own, image: 3 });
  expect(startingFrom(own, read('series=1'))).toEqual(read('series=1'));
  expect(startingFrom(undefined, read('image=3')).image).toBe(3);
});

test('links in the text name a series, and perhaps an image', () => {
  expect(viewOfLink('2/10')).toEqual({ series: '2', image: 10 });
  expect(viewOfLink('1.2.840.1')).toEqual({ series: '1.2.840.1', image: undefined });
  expect(viewOfLink('2/x')).toEqual({ series: '2', image: undefined });
  expect(viewOfLink('2/7?window=-600,1500&zoom=1.5')).toEqual({
    series: '2',
    image: 7,
    window: { center: -600, width: 1500 },
    zoom: 1.5,
  });
});
