/**
 * Keys and gestures: one list that both answers the keyboard and fills the help sheet.
 */
import { make } from './parts';
import type { Tool } from './stage';

/** What keys and buttons can ask for. */
export interface Actions {
  scroll(by: number): void;
  goTo(index: number): void;
  series(by: number): void;
  play(): void;
  tool(tool: Tool): void;
  nudgeWindow(width: number, center: number): void;
  preset(place: number): void;
  zoom(factor: number): void;
  pan(x: number, y: number): void;
  invert(): void;
  fit(): void;
  reset(): void;
  labels(): void;
  fullScreen(): void;
  help(): void;
}

interface Row {
  readonly does: string;
  /** What the sheet shows: keys, and gestures after them. */
  readonly keys: readonly string[];
  readonly gesture?: string;
  readonly on?: Readonly<Record<string, (actions: Actions) => void>>;
}

const LAST = Number.MAX_SAFE_INTEGER;

export const ROWS: readonly Row[] = [
  {
    does: 'Next, previous image',
    keys: ['↓', '↑'],
    gesture: 'wheel',
    on: { ArrowDown: (a) => a.scroll(1), ArrowUp: (a) => a.scroll(-1) },
  },
  {
    does: 'Ten images on, back',
    keys: ['Page Down', 'Page Up'],
    on: { PageDown: (a) => a.scroll(10), PageUp: (a) => a.scroll(-10) },
  },
  {
    does: 'First, last image',
    keys: ['Home', 'End'],
    on: { Home: (a) => a.goTo(0), End: (a) => a.goTo(LAST) },
  },
  {
    does: 'Next, previous series',
    keys: ['→', '←'],
    on: { ArrowRight: (a) => a.series(1), ArrowLeft: (a) => a.series(-1) },
  },
  { does: 'Play the stack, stop', keys: ['Space'], on: { ' ': (a) => a.play() } },
  {
    does: 'Scroll, window, pan, zoom',
    keys: ['S', 'W', 'P', 'Z'],
    on: {
      s: (a) => a.tool('scroll'),
      w: (a) => a.tool('window'),
      p: (a) => a.tool('pan'),
      z: (a) => a.tool('zoom'),
    },
  },
  {
    does: 'Window wider, brighter',
    keys: ['Shift + arrows'],
    on: {
      'Shift+ArrowRight': (a) => a.nudgeWindow(1, 0),
      'Shift+ArrowLeft': (a) => a.nudgeWindow(-1, 0),
      'Shift+ArrowUp': (a) => a.nudgeWindow(0, -1),
      'Shift+ArrowDown': (a) => a.nudgeWindow(0, 1),
    },
  },
  {
    does: 'Window of the file, then presets',
    keys: ['1', '…', '6'],
    on: Object.fromEntries(
      [1, 2, 3, 4, 5, 6].map((place) => [String(place), (a: Actions) => a.preset(place - 1)]),
    ),
  },
  {
    does: 'Zoom in, out',
    keys: ['+', '−'],
    gesture: 'right button',
    on: { '+': (a) => a.zoom(1.25), '=': (a) => a.zoom(1.25), '-': (a) => a.zoom(0.8) },
  },
  {
    does: 'Pan',
    keys: ['Alt + arrows'],
    gesture: 'middle button',
    on: {
      'Alt+ArrowRight': (a) => a.pan(24, 0),
      'Alt+ArrowLeft': (a) => a.pan(-24, 0),
      'Alt+ArrowDown': (a) => a.pan(0, 24),
      'Alt+ArrowUp': (a) => a.pan(0, -24),
    },
  },
  { does: 'Invert the greys', keys: ['I'], on: { i: (a) => a.invert() } },
  { does: 'Fit to the window', keys: ['0'], gesture: 'double click', on: { '0': (a) => a.fit() } },
  { does: 'Reset', keys: ['R'], on: { r: (a) => a.reset() } },
  { does: 'Hide the labels', keys: ['H'], on: { h: (a) => a.labels() } },
  { does: 'Full screen', keys: ['F'], on: { f: (a) => a.fullScreen() } },
  { does: 'Zoom and pan on a touch screen', keys: [], gesture: 'two fingers' },
  { does: 'This sheet', keys: ['?'], on: { '?': (a) => a.help() } },
];

const BINDINGS = new Map(ROWS.flatMap((row) => Object.entries(row.on ?? {})));

/** Answers keys: everywhere if the viewer has the page for itself, else where it has the focus. */
export function listen(actions: Actions, main: HTMLElement): void {
  const hasPage = main.matches('.whole, .embed *');
  document.addEventListener('keydown', (event) => {
    if (!hasPage && !document.fullscreenElement && !main.contains(event.target as Node)) return;
    if (event.ctrlKey || event.metaKey || document.querySelector('dialog[open]')) return;
    const target = event.target as HTMLElement;
    if (target.closest('input, textarea, select')) return;
    // A focused button keeps Space and Enter for itself.
    if (event.key === ' ' && target.closest('button, a, summary')) return;
    const action = BINDINGS.get(nameOf(event));
    if (!action) return;
    event.preventDefault();
    action(actions);
  });
}

function nameOf(event: KeyboardEvent): string {
  const arrow = event.key.startsWith('Arrow');
  const modifier = arrow && event.shiftKey ? 'Shift+' : arrow && event.altKey ? 'Alt+' : '';
  return modifier + (event.key.length === 1 ? event.key.toLowerCase() : event.key);
}

export function drawSheet(list: HTMLElement): void {
  const rows = ROWS.map((row) => {
    const value = make('dd');
    row.keys.forEach((key) => value.append(key === '…' ? ' to ' : make('kbd', {}, key), ' '));
    if (row.gesture) value.append(row.keys.length > 0 ? `· ${row.gesture}` : row.gesture);
    return make('div', {}, make('dt', {}, row.does), value);
  });
  list.replaceChildren(...rows);
}
