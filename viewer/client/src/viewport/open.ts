/**
 * Opens the viewer that a page holds: finds out which series there are while Cornerstone is still loading.
 */
import { Archive } from './archive';
import { seriesIn, shownIn, startOf } from './listing';
import { findParts } from './parts';
import { readView, startingFrom } from './view';
import type { Viewer } from './viewer';

export { withView } from './view';

export async function openViewer(): Promise<Viewer> {
  const parts = findParts();
  const { root, study } = parts.main.dataset;
  const archive = new Archive(root ?? '/dicomweb');
  // A case says what it shows; of a study, all is shown that there is.
  const shown = shownIn(parts.main.querySelector('[data-part="shown"]'));
  const list = shown ? Promise.resolve(seriesIn(shown)) : archive.series(study ?? '');
  // The list is awaited in the viewer; a failure before that must not count as unhandled.
  list.catch(() => undefined);
  const asked = readView(new URLSearchParams(location.search));
  const { Viewer } = await import('./viewer');
  const viewer = new Viewer(parts, archive);
  await viewer.open(list, startingFrom(shown && startOf(shown), asked));
  return viewer;
}
