import { expect, test } from 'vitest';

import { renumbered } from './editor-views';

test('links follow their series when it is moved, hidden and shown again', () => {
  const text = 'See [1](view:1/3?zoom=2), [2](view:2/1) and [none](view:9/1); overview:1/2 too.';
  const [pd, t1] = ['1.2/1.2.3.4.1', '1.2/1.2.3.4.2'];
  const moved = renumbered(text, [pd, t1], [t1, pd]);
  expect(moved).toBe('See [1](view:2/3?zoom=2), [2](view:1/1) and [none](view:9/1); overview:1/2 too.');
  const hidden = renumbered(moved, [t1, pd], [pd]);
  expect(hidden).toBe('See [1](view:1/3?zoom=2), [2](view:1.2.3.4.2/1) and [none](view:9/1); overview:1/2 too.');
  expect(renumbered(hidden, [pd], [t1, pd])).toBe(moved);
});
