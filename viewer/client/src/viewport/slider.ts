/**
 * The slider at the edge of the viewport: where in the stack, and how much of it is there.
 */
const SVG = 'http://www.w3.org/2000/svg';

export class Slider {
  private readonly drawing: SVGSVGElement;
  private readonly now: SVGRectElement;
  private count = 0;

  constructor(
    private readonly element: HTMLElement,
    goTo: (index: number) => void,
  ) {
    this.drawing = document.createElementNS(SVG, 'svg');
    this.drawing.setAttribute('aria-hidden', 'true');
    this.now = rect('now', { x: '-4', width: '14', height: '6', rx: '1' });
    element.append(this.drawing);
    this.follow(goTo);
  }

  setCount(count: number): void {
    this.count = count;
    this.element.hidden = count < 2;
    this.element.setAttribute('aria-valuemax', String(count));
  }

  setIndex(index: number): void {
    // The bar is 6 px high: it must stay inside the track at either end.
    const share = this.count > 1 ? index / (this.count - 1) : 0;
    this.now.setAttribute('y', `${100 * share}%`);
    this.now.setAttribute('transform', `translate(0 ${-6 * share})`);
    this.element.setAttribute('aria-valuenow', String(index + 1));
    this.element.setAttribute('aria-valuetext', `Image ${index + 1} of ${this.count}`);
  }

  setLoaded(loaded: readonly boolean[]): void {
    const track = rect('t', { width: '6', height: '100%', rx: '1' });
    const runs = runsOf(loaded).map(([from, to]) =>
      rect('got', {
        width: '6',
        rx: '1',
        y: `${(100 * from) / loaded.length}%`,
        height: `${(100 * (to - from)) / loaded.length}%`,
      }),
    );
    this.drawing.replaceChildren(track, ...runs, this.now);
  }

  private follow(goTo: (index: number) => void): void {
    const aim = (event: PointerEvent): void => {
      const { top, height } = this.element.getBoundingClientRect();
      const share = Math.min(1, Math.max(0, (event.clientY - top) / height));
      goTo(Math.round(share * (this.count - 1)));
    };
    this.element.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      this.element.setPointerCapture(event.pointerId);
      aim(event);
    });
    this.element.addEventListener('pointermove', (event) => {
      if (this.element.hasPointerCapture(event.pointerId)) aim(event);
    });
    // The viewport below must not take the same drag for its own tool.
    for (const type of ['mousedown', 'touchstart', 'dblclick'] as const) {
      this.element.addEventListener(type, (event) => event.stopPropagation(), { passive: true });
    }
  }
}

/** The unbroken runs of what is there, as [from, to) pairs. */
export function runsOf(loaded: readonly boolean[]): [number, number][] {
  const runs: [number, number][] = [];
  loaded.forEach((there, index) => {
    const last = runs.at(-1);
    if (there && last?.[1] === index) last[1] = index + 1;
    else if (there) runs.push([index, index + 1]);
  });
  return runs;
}

function rect(name: string, attributes: Record<string, string>): SVGRectElement {
  const element = document.createElementNS(SVG, 'rect');
  element.setAttribute('class', name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
