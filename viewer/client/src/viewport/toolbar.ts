/**
 * The buttons: the toolbar on top, and on phones the bar below and its menu.
 *
 * Buttons say what they do in `data-tool` or `data-do`, so the template alone decides which there are.
 */
import { menus } from '../pages/menus';
import type { Actions } from './keys';
import type { Tool } from './stage';

const DO: Readonly<Record<string, (actions: Actions) => void>> = {
  invert: (a) => a.invert(),
  reset: (a) => a.reset(),
  labels: (a) => a.labels(),
  'full-screen': (a) => a.fullScreen(),
  help: (a) => a.help(),
  'previous-series': (a) => a.series(-1),
  'next-series': (a) => a.series(1),
};

export class Toolbar {
  constructor(
    private readonly main: HTMLElement,
    actions: Actions,
  ) {
    main.addEventListener('click', (event) => {
      const button = (event.target as Element).closest<HTMLElement>('[data-tool], [data-do]');
      if (!button) return;
      if (button.dataset['tool']) actions.tool(button.dataset['tool'] as Tool);
      else if (button.dataset['do'] === 'strip') this.toggleStrip(button);
      else DO[button.dataset['do'] ?? '']?.(actions);
      button.closest('details')?.removeAttribute('open');
    });
    if (!document.fullscreenEnabled) {
      for (const button of main.querySelectorAll<HTMLElement>('[data-do="full-screen"]')) button.hidden = true;
    }
    main.querySelectorAll<HTMLElement>('[role="toolbar"]').forEach(roving);
    menus();
  }

  /** Shows one state on every button that stands for it. */
  press(selector: string, pressed: boolean): void {
    for (const button of this.main.querySelectorAll(selector)) {
      button.setAttribute('aria-pressed', String(pressed));
    }
  }

  pressTool(tool: Tool): void {
    for (const button of this.main.querySelectorAll<HTMLElement>('[data-tool]')) {
      button.setAttribute('aria-pressed', String(button.dataset['tool'] === tool));
    }
  }

  private toggleStrip(button: HTMLElement): void {
    const hidden = this.main.toggleAttribute('data-no-strip');
    button.setAttribute('aria-pressed', String(!hidden));
  }
}

/** One tab stop for the whole toolbar; arrows move within it (WAI-ARIA toolbar pattern). */
function roving(bar: HTMLElement): void {
  const stops = [...bar.querySelectorAll<HTMLElement>('.tool')];
  stops.forEach((stop, index) => (stop.tabIndex = index === 0 ? 0 : -1));
  bar.addEventListener('keydown', (event) => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (step === 0 || event.shiftKey || event.altKey) return;
    const visible = stops.filter((stop) => stop.offsetParent !== null);
    const at = visible.indexOf(document.activeElement as HTMLElement);
    const next = visible[(at + step + visible.length) % visible.length];
    if (at < 0 || !next) return;
    event.preventDefault();
    event.stopPropagation();
    stops.forEach((stop) => (stop.tabIndex = stop === next ? 0 : -1));
    next.focus();
  });
}
