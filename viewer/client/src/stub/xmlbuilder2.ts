/**
 * Stands in for xmlbuilder2, which vtk.js pulls in for XML files that the viewer never reads or writes.
 *
 * The real package needs Node's `events` and adds a tenth to what a reader downloads.
 */
export function create(): never {
  throw new Error('XML files are not supported here.');
}
