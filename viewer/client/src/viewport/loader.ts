/**
 * Loads frames with Cornerstone's loader and adds what it leaves out: the Modality LUT, and a refusal
 * of pictures on which it would fail without ever saying so.
 *
 * Standard: PS3.3 C.11.1. A picture has either a table or slope and intercept, so what Cornerstone
 * gives for one with a table are the stored values.
 */
import { imageLoader, type Types, utilities } from '@cornerstonejs/core';
import { wadors } from '@cornerstonejs/dicom-image-loader';

import { numbers, text, type DataSet } from './dicomjson';
import { modalityLut, paletteComplete, throughLut, type Lut } from './tables';

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

export function registerLoader(): void {
  imageLoader.registerImageLoader('wadors', (imageId, options) => {
    const dataSet = wadors.metaDataManager.get(imageId) as unknown as DataSet;
    if (!DRAWN.has(text(dataSet, '00280004') ?? '') || !paletteComplete(dataSet)) {
      return { promise: Promise.reject(new Error('This picture has colours that are not described.')) };
    }
    const load = wadors.loadImage(imageId, options ?? {});
    const promise = (load.promise as unknown as Promise<Types.IImage>).then((image) => {
      const lut = image.color ? undefined : modalityLut(dataSet);
      return lut ? withLut(image, lut, dataSet) : image;
    });
    return { ...load, promise } as unknown as Types.IImageLoadObject;
  });
}

function withLut(image: Types.IImage, lut: Lut, dataSet: DataSet): Types.IImage {
  const values = throughLut(image.getPixelData(), lut);
  const [min, max] = rangeOf(values);
  const own = numbers(dataSet, '00281051').length > 0;
  const whole = utilities.windowLevel.toWindowLevel(min, max);
  return {
    ...image,
    dataType: 'Uint16Array',
    minPixelValue: min,
    maxPixelValue: max,
    sizeInBytes: values.byteLength,
    ...(own ? {} : { windowWidth: whole.windowWidth, windowCenter: whole.windowCenter }),
    getPixelData: () => values,
    voxelManager: utilities.VoxelManager.createImageVoxelManager({
      scalarData: values,
      width: image.columns,
      height: image.rows,
      numberOfComponents: 1,
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
