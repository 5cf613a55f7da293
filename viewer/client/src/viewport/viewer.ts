/**
 * A viewer: joins the rail, the viewport, the labels, the slider and the tools.
 *
 * Invariants: one series is current at a time; what belongs to an earlier choice and arrives late is dropped.
 * Not here: drawing (stage.ts), the order of pictures (stack.ts), requests (archive.ts).
 */
import type { Archive, Series } from './archive';
import { Card, kindFault, loadFault, type Fault } from './card';
import { orderOf, pixelsOf, screenOf } from './hook';
import { drawSheet, listen, type Actions } from './keys';
import { countLabel, placeLabel, seriesLabel, windowLabel } from './labels';
import { followLinks } from './links';
import type { Parts } from './parts';
import { Player } from './player';
import { Prefetch } from './prefetch';
import { preset } from './presets';
import { Rail } from './rail';
import { Slider } from './slider';
import { picturesOf, type Picture } from './stack';
import { Stage, type Tool } from './stage';
import { resolveTables } from './tables';
import { Toolbar } from './toolbar';
import { seriesOf, withView, type View } from './view';
import { followWheel } from './wheel';

/** After this long, in milliseconds, waiting is put into words. */
const PATIENCE = 2000;

export class Viewer implements Actions {
  private readonly stage: Stage;
  private readonly rail: Rail;
  private readonly slider: Slider;
  private readonly card: Card;
  private readonly toolbar: Toolbar;
  private readonly prefetch: Prefetch;
  private readonly player: Player;
  private list: readonly Series[] = [];
  private current: Series | undefined;
  private pictures: readonly Picture[] = [];
  private loaded = new Set<string>();
  private faults = new Map<string, Fault>();
  private aim = 0;
  private chosenTool: Tool = 'scroll';
  private opened = 0;
  private choice = 0;

  constructor(
    private readonly parts: Parts,
    private readonly archive: Archive,
  ) {
    this.stage = Stage.create(parts.stage, {
      displayed: () => this.displayed(),
      aimed: (index) => this.aimed(index),
      changed: () => this.drawWindow(),
      loaded: (imageId) => this.have(imageId, true),
      dropped: (imageId) => this.have(imageId, false),
      failed: (imageId, error) => this.failed(imageId, error),
    });
    this.rail = new Rail(parts.rail, (series) => archive.thumbnail(series), (series) => void this.choose(series));
    this.slider = new Slider(parts.slice, (index) => this.goTo(index));
    this.card = new Card(parts.card, (url) => archive.file(url));
    this.toolbar = new Toolbar(parts.main, this);
    this.prefetch = new Prefetch(this.stage);
    this.player = new Player(() => this.stage.goTo(this.aim + 1 < this.pictures.length ? this.aim + 1 : 0));
    drawSheet(parts.keys.querySelector('.keys') ?? parts.keys);
    listen(this, parts.main);
    followLinks(parts.main, parts.said, this);
    followWheel(parts.pane, (by) => this.scroll(by), (factor) => this.zoom(factor), () => this.pictures.length > 1);
    // Keys go where the reader has last pressed.
    parts.pane.addEventListener('pointerdown', () => parts.pane.focus({ preventScroll: true }));
    parts.stage.addEventListener('dblclick', () => this.fit());
    parts.stage.addEventListener('contextmenu', (event) => event.preventDefault());
    this.tool('scroll');
    this.installHook();
  }

  async open(series: Promise<Series[]>, start: View): Promise<void> {
    try {
      this.list = await series;
    } catch (error) {
      return this.fault(loadFault(error));
    }
    this.rail.draw(this.list);
    const wanted = seriesOf(this.list, start);
    const first = wanted ?? this.list.find(hasPicture) ?? this.list[0];
    if (!first) return this.fault({ title: 'No series', reason: 'There is no series here that you may see.' });
    await this.choose(first, wanted || start.series === undefined ? start : {});
  }

  async choose(series: Series, view: View = {}): Promise<void> {
    const choice = ++this.choice;
    if (this.current) this.address({ ...view, series: this.nameOf(series) });
    this.current = series;
    this.pictures = [];
    this.player.stop();
    this.prefetch.stop();
    this.announce(series);
    try {
      const dataSets = await this.archive.metadata(series);
      await Promise.all(dataSets.map((set) => resolveTables(set, (uri) => this.archive.bulk(uri, series))));
      if (choice !== this.choice) return;
      this.pictures = picturesOf(dataSets, (instance) => this.archive.instance(series, instance));
    } catch (error) {
      if (choice === this.choice) this.fault(loadFault(error));
      return;
    }
    await this.start(choice, view);
  }

  /** Moves to what a link names, without loading the page again. */
  look(view: View): void {
    const series = seriesOf(this.list, view) ?? this.current;
    if (!series) return;
    if (series !== this.current) return void this.choose(series, view);
    if (view.image !== undefined) this.goTo(view.image - 1);
    this.adjust(view);
    this.address({ ...view, series: this.nameOf(series) });
  }

  /** What is on the screen, short: what the viewer would show by itself is left out. */
  get view(): View {
    const { current, stage } = this;
    if (!current) return {};
    const [window, own, zoom] = [stage.window, stage.ownWindow, stage.image ? stage.magnification : 1];
    const isOwn = window?.center === own?.center && window?.width === own?.width;
    return {
      series: this.nameOf(current),
      image: this.aim > 0 ? this.aim + 1 : undefined,
      window: isOwn ? undefined : window,
      zoom: Math.abs(zoom - 1) < 0.005 ? undefined : zoom,
    };
  }

  get seriesUid(): string | undefined {
    return this.current?.uid;
  }

  /** A case has an order of its own, so that a number will do. */
  private nameOf(series: Series): string {
    return this.parts.main.dataset['study'] ? series.uid : String(this.list.indexOf(series) + 1);
  }

  private address(view: View): void {
    history.replaceState(null, '', withView(location.href, view));
  }

  private announce(series: Series): void {
    this.rail.mark(series.uid);
    this.card.hide();
    this.faults.clear();
    this.loaded.clear();
    this.parts.pane.dataset['state'] = 'loading';
    this.parts.labels.tl.textContent = seriesLabel(series);
    for (const corner of ['tr', 'bl', 'br'] as const) this.parts.labels[corner].textContent = '';
    this.slider.setCount(0);
    this.opened = performance.now();
    const ahead = this.archive.thumbnail(series);
    // The page may have drawn a larger one already.
    if (ahead && !this.parts.ahead.src.startsWith(ahead)) this.parts.ahead.src = ahead;
    this.parts.ahead.alt = '';
    this.parts.ahead.hidden = !ahead;
    setTimeout(() => this.drawWaiting(), PATIENCE + 50);
  }

  private async start(choice: number, view: View): Promise<void> {
    const { pictures } = this;
    this.aim = 0;
    this.slider.setCount(pictures.length);
    const showable = pictures.filter((picture) => !picture.unshowable);
    if (pictures.length === 0) return this.fault({ title: 'Empty series', reason: 'There is nothing in it.' });
    if (showable.length === 0) return this.fault(kindFault(pictures[0]?.unshowable ?? '', pictures[0]?.url));
    // Objects without a picture have no place in a stack that has pictures.
    this.pictures = showable;
    this.slider.setCount(showable.length);
    for (const picture of showable) if (this.stage.has(picture.imageId)) this.loaded.add(picture.imageId);
    this.drawLoaded();
    const first = Math.min(view.image ?? 1, showable.length) - 1;
    this.aim = first;
    this.slider.setIndex(first);
    await this.stage.show(showable, first);
    if (choice !== this.choice) return;
    this.adjust(view);
    this.prefetch.start(orderOf(showable), first);
  }

  private adjust(view: View): void {
    if (this.stage.image && view.window && this.stage.window) this.stage.setWindow(view.window);
    if (this.stage.image && view.zoom !== undefined) this.stage.magnify(view.zoom);
  }

  private displayed(): void {
    const index = this.stage.displayed;
    const picture = this.pictures[index];
    if (!picture) return;
    const { labels, pane, ahead } = this.parts;
    ahead.hidden = true;
    if (index === this.aim) {
      this.card.hide();
      pane.dataset['state'] = 'ready';
    }
    labels.br.textContent = placeLabel(picture);
    pane.dataset['index'] = String(index);
    pane.setAttribute('aria-label', `${this.current?.name ?? ''}, image ${index + 1} of ${this.pictures.length}`);
    this.drawCount(index);
    this.drawWindow();
  }

  private aimed(index: number): void {
    this.aim = index;
    this.slider.setIndex(index);
    this.prefetch.aim(index);
    const fault = this.faults.get(this.pictures[index]?.imageId ?? '');
    if (fault) this.fault(fault);
    else if (this.parts.pane.dataset['state'] === 'fault') {
      this.card.hide();
      this.parts.pane.dataset['state'] = 'loading';
    }
    this.drawCount(fault ? index : Math.max(0, this.stage.displayed));
  }

  private failed(imageId: string, error: unknown): void {
    const picture = this.pictures.find((entry) => entry.imageId === imageId);
    if (!picture) return;
    const fault = loadFault(error, picture.url);
    this.faults.set(imageId, fault);
    if (this.pictures[this.aim] === picture) {
      this.fault(fault);
      this.drawCount(this.aim);
    }
  }

  private have(imageId: string, there: boolean): void {
    if (!this.pictures.some((picture) => picture.imageId === imageId)) return;
    if (there) this.loaded.add(imageId);
    else this.loaded.delete(imageId);
    this.faults.delete(imageId);
    this.drawLoaded();
  }

  private fault(fault: Fault): void {
    this.parts.pane.dataset['state'] = 'fault';
    this.parts.ahead.hidden = true;
    this.card.show(fault);
  }

  private drawLoaded(): void {
    this.slider.setLoaded(this.pictures.map((picture) => this.loaded.has(picture.imageId)));
    this.parts.pane.dataset['loaded'] = String(this.loaded.size);
    this.parts.pane.dataset['count'] = String(this.pictures.length);
    this.drawWaiting();
  }

  private drawWaiting(): void {
    const count = this.pictures.length;
    const done = count > 0 && this.loaded.size + this.faults.size >= count;
    const late = performance.now() - this.opened > PATIENCE && this.parts.pane.dataset['state'] !== 'fault';
    this.parts.waiting.hidden = done || !late;
    this.parts.waiting.textContent = count > 1 ? `${this.loaded.size} of ${count} loaded` : 'Loading';
  }

  private drawCount(index: number): void {
    this.parts.labels.tr.textContent = countLabel(index, this.pictures.length);
  }

  private drawWindow(): void {
    const { stage } = this;
    if (!stage.image) return;
    this.parts.labels.bl.textContent = windowLabel(stage.window, stage.zoom, stage.inverted);
    this.toolbar.press('[data-do="invert"]', stage.inverted);
  }

  private installHook(): void {
    const { stage } = this;
    window.readingroom = {
      state: () => ({
        series: this.current?.uid ?? null,
        count: this.pictures.length,
        aim: this.aim,
        index: stage.displayed,
        imageId: stage.image?.imageId ?? null,
        loaded: this.loaded.size,
        window: stage.window ?? null,
        inverted: stage.inverted,
        zoom: stage.zoom,
        tool: this.chosenTool,
        fault: this.card.title,
      }),
      order: () => orderOf(this.pictures),
      pixels: () => pixelsOf(stage.image),
      screen: (points) => screenOf(stage, points),
    };
  }

  // Actions of keys and buttons.

  scroll(by: number): void {
    this.goTo(this.aim + by);
  }
  goTo(index: number): void {
    this.player.stop();
    if (this.pictures.length > 0) this.stage.goTo(index);
  }
  series(by: number): void {
    const at = this.list.findIndex((entry) => entry === this.current);
    const next = this.list[at + by];
    if (next) void this.choose(next);
  }
  play(): void {
    if (this.pictures.length > 1) this.player.toggle(this.pictures[0]?.dataSet);
  }
  tool(tool: Tool): void {
    this.chosenTool = tool;
    this.stage.useTool(tool);
    this.toolbar.pressTool(tool);
    this.parts.pane.dataset['tool'] = tool;
  }
  nudgeWindow(width: number, center: number): void {
    const now = this.stage.window;
    if (!now) return;
    const step = Math.max(1, now.width / 20);
    this.stage.setWindow({ width: now.width + width * step, center: now.center + center * step });
  }
  preset(place: number): void {
    const window = preset(place, this.current?.modality ?? '', this.stage.ownWindow);
    if (window && this.stage.window) this.stage.setWindow(window);
  }
  zoom(factor: number): void {
    if (this.stage.image) this.stage.zoomBy(factor);
  }
  pan(x: number, y: number): void {
    if (this.stage.image) this.stage.panBy(x, y);
  }
  invert(): void {
    if (this.stage.image) this.stage.invert();
  }
  fit(): void {
    if (this.stage.image) this.stage.fit();
  }
  reset(): void {
    if (this.stage.image) this.stage.reset();
  }
  labels(): void {
    const hidden = this.parts.pane.toggleAttribute('data-bare');
    this.toolbar.press('[data-do="labels"]', !hidden);
  }
  fullScreen(): void {
    if (document.fullscreenElement) void document.exitFullscreen();
    // A frame may have been taken the right to it.
    else this.parts.main.requestFullscreen?.().catch(() => undefined);
  }
  help(): void {
    this.parts.keys.showModal();
  }
}

function hasPicture(series: Series): boolean {
  return !['SR', 'KO', 'PR', 'RTSTRUCT', 'RTPLAN', 'DOC', 'ECG', 'SEG', 'REG'].includes(series.modality);
}
