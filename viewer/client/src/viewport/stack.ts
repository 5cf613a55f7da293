/**
 * From the metadata of a series to the stack of pictures in reading order.
 *
 * Order: along the normal of the image plane when every picture has a position and all are
 * parallel, in the direction in which instance numbers grow; otherwise by instance number,
 * then frame. Pictures at one place (phases, echoes) keep their order by instance number.
 *
 * Standard: PS3.3 C.7.6.2 (Image Plane), C.7.6.16 (functional groups of multi-frame images).
 */
import { items, number, numbers, text, vector, type DataSet, type Vector } from './dicomjson';
import { kindOf } from './kinds';

export interface Picture {
  readonly imageId: string;
  readonly url: string;
  readonly dataSet: DataSet;
  readonly frame: number;
  readonly instance: number;
  readonly plane: Plane | undefined;
  readonly thickness: number | undefined;
  /** What kind of object this is when it cannot be shown as a picture. */
  readonly unshowable: string | undefined;
}

export interface Plane {
  readonly position: Vector;
  readonly row: Vector;
  readonly column: Vector;
}

/** Cosine above which two planes count as parallel: within 0.5 degrees. */
const PARALLEL = 0.99996;
/** Positions closer than this, in mm, are one place. */
const SAME_PLACE = 0.01;

export function picturesOf(dataSets: readonly DataSet[], address: (instance: string) => string): Picture[] {
  const pictures = dataSets.flatMap((dataSet) => framesOf(dataSet, address));
  return inOrder(pictures);
}

function framesOf(dataSet: DataSet, address: (instance: string) => string): Picture[] {
  const uid = text(dataSet, '00080018');
  if (!uid) return [];
  const url = address(uid);
  const unshowable = kindOf(dataSet);
  const frames = unshowable ? 1 : Math.max(1, number(dataSet, '00280008') ?? 1);
  return Array.from({ length: frames }, (_, index) => ({
    imageId: `wadors:${url}/frames/${index + 1}`,
    url,
    dataSet,
    frame: index + 1,
    instance: number(dataSet, '00200013') ?? 0,
    plane: planeOf(dataSet, index),
    thickness: thicknessOf(dataSet, index),
    unshowable,
  }));
}

/** Looks an attribute up where a frame keeps it: its own group, the shared one, the data set. */
function group(dataSet: DataSet, frame: number, sequence: string): DataSet {
  const own = items(dataSet, '52009230')[frame];
  const shared = items(dataSet, '52009229')[0];
  return (own && items(own, sequence)[0]) ?? (shared && items(shared, sequence)[0]) ?? dataSet;
}

function planeOf(dataSet: DataSet, frame: number): Plane | undefined {
  const position = vector(group(dataSet, frame, '00209113'), '00200032');
  const [a, b, c, d, e, f] = numbers(group(dataSet, frame, '00209116'), '00200037');
  if (!position || a === undefined || b === undefined || c === undefined) return undefined;
  if (d === undefined || e === undefined || f === undefined) return undefined;
  return { position, row: [a, b, c], column: [d, e, f] };
}

function thicknessOf(dataSet: DataSet, frame: number): number | undefined {
  return number(group(dataSet, frame, '00289110'), '00180050');
}

/**
 * Size of a picture element in mm, row by column; without one, what is known of its shape.
 *
 * Standard: PS3.3 10.7 (spacings), C.7.6.3.1.7 (Pixel Aspect Ratio).
 */
export function spacingOf(dataSet: DataSet): [number, number] | undefined {
  for (const tag of ['00280030', '00181164', '00182010', '00280034']) {
    const [row, column] = numbers(dataSet, tag);
    if (row !== undefined && column !== undefined && row > 0 && column > 0) return [row, column];
  }
  return undefined;
}

export function inOrder(pictures: readonly Picture[]): Picture[] {
  const byNumber = [...pictures].sort((a, b) => a.instance - b.instance || a.frame - b.frame);
  const places = placesOf(byNumber);
  if (!places) return byNumber;
  const direction = trend(byNumber.map((picture) => places.get(picture) ?? 0));
  // Array.sort is stable, so pictures at one place stay in the order of their numbers.
  return [...byNumber].sort((a, b) => direction * ((places.get(a) ?? 0) - (places.get(b) ?? 0)));
}

/** The place of each picture along the common normal, in whole steps, or nothing when there is none. */
function placesOf(pictures: readonly Picture[]): Map<Picture, number> | undefined {
  const first = pictures[0]?.plane;
  if (!first) return undefined;
  const normal = normalOf(first);
  const places = new Map<Picture, number>();
  for (const picture of pictures) {
    if (!picture.plane || dot(normalOf(picture.plane), normal) < PARALLEL) return undefined;
    places.set(picture, Math.round(dot(picture.plane.position, normal) / SAME_PLACE));
  }
  return places;
}

/** 1 when the values grow along the list on the whole, -1 when they fall. */
function trend(values: readonly number[]): 1 | -1 {
  const middle = (values.length - 1) / 2;
  return values.reduce((sum, value, index) => sum + (index - middle) * value, 0) < 0 ? -1 : 1;
}

export function normalOf(plane: Plane): Vector {
  const [a, b, c] = plane.row;
  const [d, e, f] = plane.column;
  return [b * f - c * e, c * d - a * f, a * e - b * d];
}

function dot(a: Vector, b: Vector): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}
