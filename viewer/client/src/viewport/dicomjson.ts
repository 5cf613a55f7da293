/**
 * Reading values out of the DICOM JSON model (PS3.18 annex F).
 *
 * Nothing here throws: an element that is absent, empty or of another kind reads as
 * `undefined`, because every attribute the viewer asks for may be missing in real data.
 */

export interface Element {
  readonly vr: string;
  Value?: readonly unknown[];
  readonly BulkDataURI?: string;
  readonly InlineBinary?: string;
}

/** One data set, keyed by the eight hexadecimal digits of the tag. */
export type DataSet = Record<string, Element | undefined>;

export type Vector = readonly [number, number, number];

export function text(dataSet: DataSet, tag: string): string | undefined {
  const value = dataSet[tag]?.Value?.[0];
  if (typeof value === 'string') return value.trim() || undefined;
  if (typeof value === 'number') return String(value);
  return undefined;
}

export function numbers(dataSet: DataSet, tag: string): number[] {
  const values = dataSet[tag]?.Value ?? [];
  // DS and IS may come as strings: PS3.18 F.2.3.1 allows either.
  return values.map(Number).filter(Number.isFinite);
}

export function number(dataSet: DataSet, tag: string): number | undefined {
  return numbers(dataSet, tag)[0];
}

export function items(dataSet: DataSet, tag: string): readonly DataSet[] {
  const values = dataSet[tag]?.Value ?? [];
  return values.filter((item): item is DataSet => typeof item === 'object' && item !== null);
}

export function vector(dataSet: DataSet, tag: string): Vector | undefined {
  const [x, y, z] = numbers(dataSet, tag);
  return x === undefined || y === undefined || z === undefined ? undefined : [x, y, z];
}
