/**
 * Entry of the viewer page: asks for the list of series at once, while Cornerstone is still loading.
 */
import { Archive } from './archive';
import { findParts } from './parts';

const parts = findParts();
const { root, study, series } = parts.main.dataset;
const archive = new Archive(root ?? '/dicomweb', study ?? '');
const list = archive.series();
// The list is awaited in the viewer; a failure before that must not count as unhandled.
list.catch(() => undefined);

const { Viewer } = await import('./viewer');
await new Viewer(parts, archive).open(list, series || undefined);
