/**
 * Loads frames with Cornerstone's loader and adds what it leaves out: the Modality LUT.
 *
 * Standard: PS3.3 C.11.1. A picture has either a table or slope and intercept, so what Cornerstone
 * gives for one with a table are the stored values.
 */
import { imageLoader, type Types, utilities } from '@cornerstonejs/core';
import { wadors } from '@cornerstonejs/dicom-image-loader';

import { numbers, type DataSet } from './dicomjson';
import { modalityLut, throughLut, type Lut } from './tables';

export function registerLoader(): void {
  imageLoader.registerImageLoader('wadors', (imageId, options) => {
    const load = wadors.loadImage(imageId, options ?? {});
    const promise = (load.promise as unknown as Promise<Types.IImage>).then((image) => {
      const dataSet = wadors.metaDataManager.get(imageId) as unknown as DataSet | undefined;
      const lut = dataSet && !image.color ? modalityLut(dataSet) : undefined;
      return lut && dataSet ? withLut(image, lut, dataSet) : image;
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
