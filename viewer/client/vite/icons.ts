/**
 * Vite plugin: one SVG sprite of the Tabler outline icons that the pages use.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';

const ICONS = [
  'alert-circle',
  'arrow-left',
  'arrows-vertical',
  'check',
  'contrast',
  'contrast-2',
  'copy',
  'device-desktop-share',
  'dots',
  'hand-stop',
  'keyboard',
  'label',
  'loader-2',
  'login-2',
  'logout',
  'maximize',
  'menu-2',
  'rotate-clockwise',
  'stack-2',
  'upload',
  'user-circle',
  'x',
  'zoom-in',
] as const;

export function icons(): Plugin {
  return {
    name: 'readingroom-icons',
    apply: 'build',
    generateBundle() {
      this.emitFile({ type: 'asset', name: 'icons.svg', originalFileName: 'icons.svg', source: sprite() });
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
