// Loads every frame of a series with Cornerstone's own wadors loader and hands over the samples.
import { imageLoader, init as initCore } from '@cornerstonejs/core';
import { init as initLoader, wadors } from '@cornerstonejs/dicom-image-loader';

let authorization = {};

const base64 = (samples) => {
  const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
  let text = '';
  for (let at = 0; at < bytes.length; at += 32768) {
    text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  }
  return btoa(text);
};

async function loadFrame(imageId) {
  const image = await imageLoader.loadImage(imageId);
  const samples = image.getPixelData();
  return {
    kind: samples.constructor.name,
    rows: image.rows,
    columns: image.columns,
    colour: image.color,
    min: image.minPixelValue,
    max: image.maxPixelValue,
    transferSyntax: image.imageFrame?.transferSyntaxUID ?? image.transferSyntaxUID ?? null,
    scaled: image.preScale?.scaled ?? false,
    samples: base64(samples),
  };
}

window.loadSeries = async (root, token, study, series) => {
  authorization = { Authorization: `Bearer ${token}` };
  const address = `${root}/studies/${study}/series/${series}`;
  const answer = await fetch(`${address}/metadata`, {
    headers: { Accept: 'application/dicom+json', ...authorization },
  });
  if (!answer.ok) throw new Error(`metadata: ${answer.status}`);
  const loaded = [];
  for (const instance of await answer.json()) {
    const frames = Number(instance['00280008']?.Value?.[0] ?? 1);
    for (let frame = 1; frame <= frames; frame++) {
      const uid = instance['00080018'].Value[0];
      const imageId = `wadors:${address}/instances/${uid}/frames/${frame}`;
      wadors.metaDataManager.add(imageId, instance);
      loaded.push(await loadFrame(imageId));
    }
  }
  return loaded;
};

initCore();
initLoader({ maxWebWorkers: 1, beforeSend: () => authorization });
document.documentElement.dataset.state = 'ready';
