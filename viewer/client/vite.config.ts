import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

import { compress } from './vite/compress.ts';
import { icons } from './vite/icons.ts';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  // Relative addresses: the files work wherever the server mounts them.
  base: './',
  publicDir: false,
  plugins: [icons(), compress()],
  resolve: { alias: { xmlbuilder2: here('src/stub/xmlbuilder2.ts') } },
  worker: { format: 'es' },
  build: {
    target: 'esnext',
    outDir: here('../static/dist'),
    emptyOutDir: true,
    assetsDir: '',
    assetsInlineLimit: 0,
    manifest: 'manifest.json',
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 4000,
    rolldownOptions: {
      onLog(level, log, report) {
        // The codecs ask for Node's fs and path only where there is no browser.
        if (!/externalized for browser.*codec-/s.test(log.message ?? '')) report(level, log);
      },
      input: {
        site: here('src/styles/site.css'),
        pages: here('src/pages/main.ts'),
        viewer: here('src/viewport/main.ts'),
      },
    },
  },
});
