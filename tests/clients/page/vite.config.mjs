import { fileURLToPath } from 'node:url';

const client = (path) => fileURLToPath(new URL(`../../../viewer/client/${path}`, import.meta.url));

// The page has no packages of its own: it takes the viewer's.
const packagesOfTheViewer = {
  name: 'packages-of-the-viewer',
  enforce: 'pre',
  resolveId(source, importer) {
    if (source.startsWith('@cornerstonejs/') && importer?.endsWith('/page/main.js')) {
      return this.resolve(source, client('src/viewport/main.ts'));
    }
  },
};

export default {
  base: './',
  publicDir: false,
  plugins: [packagesOfTheViewer],
  resolve: { alias: { xmlbuilder2: client('src/stub/xmlbuilder2.ts') } },
  worker: { format: 'es' },
  build: {
    target: 'esnext',
    outDir: '../build/page',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 4000,
  },
};
