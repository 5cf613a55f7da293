/**
 * Vite plugin: one SVG sprite of the Tabler outline icons that the pages use, and the mark.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';

const ICONS = [
  'adjustments-horizontal',
  'alert-circle',
  'alert-triangle',
  'arrow-down',
  'arrow-left',
  'arrow-up',
  'arrows-vertical',
  'calendar-x',
  'check',
  'chevron-left',
  'chevron-right',
  'clock',
  'code',
  'contrast',
  'contrast-2',
  'copy',
  'dots',
  'download',
  'eraser',
  'eye',
  'eye-off',
  'flag-3',
  'folder',
  'folder-plus',
  'grip-vertical',
  'hand-stop',
  'history',
  'key',
  'keyboard',
  'label',
  'link',
  'link-plus',
  'loader-2',
  'lock',
  'logout',
  'mail',
  'maximize',
  'menu-2',
  'pencil',
  'playlist-add',
  'plus',
  'quote',
  'receipt',
  'refresh',
  'rotate-clockwise',
  'rss',
  'search',
  'server',
  'share-3',
  'shield-half',
  'stack-2',
  'trash',
  'upload',
  'user',
  'user-circle',
  'world',
  'x',
  'zoom-in',
] as const;

/** The mark, a film under a lamp, on its own ground: the icon of the browser's tab. */
const MARK = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-3 -2.5 26 26"><rect x="-3" y="-2.5" width="26" height="26" rx="4" fill="#171d23"/><path d="M1 2.5h18" stroke="#eaa93f" stroke-width="2.6"/><path fill="#e8ebee" fill-rule="evenodd" d="M2 6h16v13H2zM7.6 8.2c-2 0-3.4 3.3-3.4 6.2 0 2.2 4.6 2.2 4.6 0V10c0-1.2-.3-1.8-1.2-1.8zM12.4 8.2c2 0 3.4 3.3 3.4 6.2 0 2.2-4.6 2.2-4.6 0V10c0-1.2.3-1.8 1.2-1.8z"/></svg>`;

export function icons(): Plugin {
  return {
    name: 'readingroom-icons',
    apply: 'build',
    generateBundle() {
      this.emitFile({ type: 'asset', name: 'icons.svg', originalFileName: 'icons.svg', source: sprite() });
      this.emitFile({ type: 'asset', name: 'mark.svg', originalFileName: 'mark.svg', source: MARK });
    },
  };
}

function sprite(): string {
  const symbols = ICONS.map((name) => {
    const svg = readFileSync(fileURLToPath(import.meta.resolve(`@tabler/icons/outline/${name}.svg`)), 'utf8');
    const paths = svg.slice(svg.indexOf('>', svg.indexOf('<svg')) + 1, svg.indexOf('</svg>'));
    return `<symbol id="${name}" viewBox="0 0 24 24">${paths.replace(/\s+/g, ' ').trim()}</symbol>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join('')}</svg>`;
}
