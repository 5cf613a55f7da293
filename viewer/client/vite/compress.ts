/**
 * Vite plugin: a Brotli and a gzip twin beside each text and WebAssembly file, for assets.py to serve.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';

const WORTH = /\.(js|css|svg|wasm)$/;

export function compress(): Plugin {
  let folder = '';
  return {
    name: 'readingroom-compress',
    apply: 'build',
    configResolved(config) {
      folder = config.build.outDir;
    },
    async writeBundle() {
      for (const name of await readdir(folder)) {
        if (!WORTH.test(name)) continue;
        const bytes = await readFile(join(folder, name));
        // Level 9 of 11: the last two cost most of a minute and save one percent.
        const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } };
        await writeFile(join(folder, `${name}.br`), brotliCompressSync(bytes, quality));
        await writeFile(join(folder, `${name}.gz`), gzipSync(bytes, { level: 9 }));
      }
    },
  };
}
