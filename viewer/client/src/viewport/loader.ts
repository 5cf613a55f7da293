/**
 * Loads frames with Cornerstone's loader and adds what it leaves out: the Modality LUT, native
 * 4:2:2 colour, and a refusal of pictures on which it would fail without ever saying so.
 *
 * Standard: PS3.3 C.11.1. A picture has either a table or slope and intercept, so what Cornerstone
 * gives for one with a table are the stored values.
 */
import { Enums, imageLoader, type Types, utilities } from '@cornerstonejs/core';
import { wadors } from '@cornerstonejs/dicom-image-loader';

import { number, numbers, text, type DataSet } from './dicomjson';
import { spacingOf } from './stack';
import { modalityLut, paletteComplete, rgbOf422, throughLut, type Lut } from './tables';

/** PS3.3 C.7.6.3.1.2: the kinds of picture that Cornerstone converts. */
const DRAWN = new Set([
  'MONOCHROME1',
  'MONOCHROME2',
  'PALETTE COLOR',
  'RGB',
  'YBR_FULL',
  'YBR_FULL_422',
  'YBR_ICT',
  'YBR_PARTIAL_420',
  'YBR_RCT',
]);

const RLE = '1.2.840.10008.1.2.5';

export function registerLoader(): void {
  imageLoader.registerImageLoader('wadors', (imageId, options) => {
    const dataSet = wadors.metaDataManager.get(imageId) as unknown as DataSet;
    if (!isDrawable(dataSet)) {
      return { promise: Promise.reject(new Error('This picture has colours of an unknown kind.')) };
    }
    const load = wadors.loadImage(imageId, options ?? {});
    const promise = (load.promise as unknown as Promise<Types.IImage>).then((image) => {
      if (!isWhole(image)) throw new Error('The frame is shorter than the picture.');
      if (isMisread(image)) throw new Error('Colour of 16 bits in RLE is not decoded here.');
      if (image.color) return inBytes(isNative422(image) ? withRgb(image) : image);
      image.voiLUTFunction = voiFunction(dataSet);
      const lut = modalityLut(dataSet);
      return lut ? withLut(image, lut, dataSet) : image;
    });
    return { ...load, promise } as unknown as Types.IImageLoadObject;
  });
}

/** False for what Cornerstone would draw wrongly, or fail on without a word. */
function isDrawable(dataSet: DataSet): boolean {
  if (!DRAWN.has(text(dataSet, '00280004') ?? '') || !paletteComplete(dataSet)) return false;
  const colour = (number(dataSet, '00280002') ?? 1) > 1;
  const bits = number(dataSet, '00280100') ?? 8;
  return !colour || bits <= 16;
}

/** Makes a picture's metadata known, with what Cornerstone takes for granted and data may lack. */
export function registerMetadata(imageId: string, dataSet: DataSet): void {
  if (!text(dataSet, '00080060')) dataSet['00080060'] = { vr: 'CS', Value: ['OT'] };
  const spacing = spacingOf(dataSet);
  if (spacing) dataSet['00280030'] = { vr: 'DS', Value: spacing };
  else delete dataSet['00280030'];
  wadors.metaDataManager.add(imageId, dataSet as never);
}

/** Cornerstone reads the first letter of the function's name for the whole (PS3.3 C.11.2.1.3). */
function voiFunction(dataSet: DataSet): Enums.VOILUTFunctionType {
  const name = text(dataSet, '00281056');
  const known = Object.values(Enums.VOILUTFunctionType).find((value) => String(value) === name);
  return known ?? Enums.VOILUTFunctionType.LINEAR;
}

/** Colour has 8 bits on a screen: of longer samples the upper ones count. */
function inBytes(image: Types.IImage): Types.IImage {
  const bits = image.imageFrame?.bitsStored ?? 8;
  const samples = image.getPixelData();
  if (bits <= 8 || samples.BYTES_PER_ELEMENT === 1) return image;
  const bytes = Uint8Array.from(samples, (sample) => sample >>> (bits - 8));
  return withValues(image, bytes, bytes.length / (image.rows * image.columns));
}

function withLut(image: Types.IImage, lut: Lut, dataSet: DataSet): Types.IImage {
  const values = throughLut(image.getPixelData(), lut);
  const [min, max] = rangeOf(values);
  const own = numbers(dataSet, '00281051').length > 0;
  const whole = utilities.windowLevel.toWindowLevel(min, max);
  return {
    ...withValues(image, values, 1),
    dataType: 'Uint16Array',
    minPixelValue: min,
    maxPixelValue: max,
    ...(own ? {} : { windowWidth: whole.windowWidth, windowCenter: whole.windowCenter }),
  };
}

/** Cornerstone draws what it got, however little; half a picture must not pass for one. */
function isWhole(image: Types.IImage): boolean {
  const samples = image.getPixelData().length / (image.rows * image.columns);
  return isNative422(image) || samples === (image.color ? (image.rgba ? 4 : 3) : 1);
}

/** Cornerstone takes the byte planes of 16-bit colour in RLE for grey. */
function isMisread(image: Types.IImage): boolean {
  const { transferSyntaxUID } = image as { transferSyntaxUID?: string };
  return image.color && transferSyntaxUID === RLE && (image.imageFrame?.bitsAllocated ?? 8) > 8;
}

/** Uncompressed 4:2:2 has two bytes for an element; what a decoder gives has three or four. */
function isNative422(image: Types.IImage): boolean {
  const { rows, columns } = image;
  const kind = image.imageFrame?.photometricInterpretation;
  return kind === 'YBR_FULL_422' && image.getPixelData().length === 2 * rows * columns;
}

function withRgb(image: Types.IImage): Types.IImage {
  const rgb = rgbOf422(image.getPixelData());
  if (!image.rgba) return withValues(image, new Uint8Array(rgb.buffer), 3);
  const rgba = new Uint8ClampedArray(4 * image.rows * image.columns).fill(255);
  for (let at = 0; at < rgb.length / 3; at++) rgba.set(rgb.subarray(3 * at, 3 * at + 3), 4 * at);
  return withValues(image, rgba, 4);
}

function withValues(image: Types.IImage, values: Types.PixelDataTypedArray, samples: number): Types.IImage {
  const { columns: width, rows: height } = image;
  return {
    ...image,
    sizeInBytes: values.byteLength,
    getPixelData: () => values,
    voxelManager: utilities.VoxelManager.createImageVoxelManager({
      scalarData: values,
      width,
      height,
      numberOfComponents: samples,
    }),
  };
}

function rangeOf(values: Uint16Array): [number, number] {
  let [min, max] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return [min, max];
}
