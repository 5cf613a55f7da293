/**
 * Entry of every page that is opened with its viewer.
 */
import { openViewer } from './open';

await openViewer();
