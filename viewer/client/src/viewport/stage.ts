/**
 * The viewport: the only module that knows Cornerstone3D.
 *
 * Invariants: the picture on the screen is always the one that `displayed` names, or a fault
 * was reported for the current index; grey values are those of the modality (after rescale).
 * Not here: which pictures a series has (stack.ts), what surrounds them (main.ts).
 */
import {
  cache,
  Enums,
  eventTarget,
  getShouldUseCPURendering,
  imageLoader,
  init as initCore,
  RenderingEngine,
  type StackViewport,
  type Types,
  utilities,
} from '@cornerstonejs/core';
import { init as initLoader } from '@cornerstonejs/dicom-image-loader';
import * as tools from '@cornerstonejs/tools';

import { registerLoader, registerMetadata } from './loader';
import type { Picture } from './stack';

export type Tool = 'scroll' | 'window' | 'pan' | 'zoom';
export interface Window {
  readonly width: number;
  readonly center: number;
}

/** What the stage tells the page; all on the main thread, in the order in which it happens. */
export interface Events {
  displayed(index: number): void;
  aimed(index: number): void;
  changed(): void;
  loaded(imageId: string): void;
  dropped(imageId: string): void;
  failed(imageId: string, error: unknown): void;
}

const VIEWPORT = 'viewport';
const ENGINE = 'engine';
const NAMES: Record<Tool, string> = {
  scroll: tools.StackScrollTool.toolName,
  window: tools.WindowLevelTool.toolName,
  pan: tools.PanTool.toolName,
  zoom: tools.ZoomTool.toolName,
};
const { MouseBindings } = tools.Enums;

/** Two fingers zoom and pan at once; the zoom tool itself takes one finger as it takes the mouse. */
class PinchTool extends tools.ZoomTool {
  static override toolName = 'Pinch';
}

/** Pictures are dropped, oldest first, beyond this many bytes. */
const CACHE_BYTES = 1_000_000_000;

export class Stage {
  private pictures: readonly Picture[] = [];
  private readonly frame: ResizeObserver;

  private constructor(
    private readonly element: HTMLDivElement,
    private readonly engine: RenderingEngine,
    private readonly group: tools.Types.IToolGroup,
    private readonly events: Events,
  ) {
    this.listen();
    this.frame = new ResizeObserver(() => this.engine.resize(true, true));
    this.frame.observe(element);
  }

  static create(element: HTMLDivElement, events: Events): Stage {
    // One viewport needs one drawing context; the usual seven take a second to make.
    initCore({ rendering: { webGlContextCount: 1 } } as Parameters<typeof initCore>[0]);
    tools.init();
    initLoader({ maxWebWorkers: Math.min(4, Math.max(1, (navigator.hardwareConcurrency || 2) - 1)) });
    registerLoader();
    cache.setMaxCacheSize(CACHE_BYTES);
    for (const tool of [tools.StackScrollTool, tools.WindowLevelTool, tools.PanTool, tools.ZoomTool, PinchTool]) {
      tools.addTool(tool);
    }
    const engine = new RenderingEngine(ENGINE);
    engine.enableElement({ viewportId: VIEWPORT, element, type: Enums.ViewportType.STACK });
    const group = tools.ToolGroupManager.createToolGroup('reading');
    if (!group) throw new Error('The tool group exists already.');
    for (const name of Object.values(NAMES)) group.addTool(name, { pinchToZoom: false });
    group.addTool(PinchTool.toolName);
    group.setToolActive(PinchTool.toolName, { bindings: [{ numTouchPoints: 2 }] });
    group.addViewport(VIEWPORT, ENGINE);
    return new Stage(element, engine, group, events);
  }

  async show(pictures: readonly Picture[], index: number): Promise<void> {
    this.pictures = pictures;
    for (const picture of pictures) {
      // Frames of one object share its metadata, which is kept with the first of them.
      if (picture.frame === 1) registerMetadata(picture.imageId, picture.dataSet);
    }
    const viewport = this.viewport;
    viewport.resetCamera();
    // The window of the last series must not stay on the next one.
    (viewport as unknown as { voiUpdatedWithSetProperties: boolean }).voiUpdatedWithSetProperties = false;
    await viewport.setStack(
      pictures.map((picture) => picture.imageId),
      index,
    );
    viewport.resetCamera();
    viewport.render();
  }

  /** The index of the picture that is on the screen; -1 while there is none. */
  get displayed(): number {
    const image = this.image;
    return image ? this.pictures.findIndex((picture) => picture.imageId === image.imageId) : -1;
  }

  get image(): Types.IImage | undefined {
    const image = this.viewport.getCornerstoneImage() as Types.IImage | undefined;
    return image && this.pictures.some((picture) => picture.imageId === image.imageId) ? image : undefined;
  }

  goTo(index: number): void {
    const aim = Math.min(this.pictures.length - 1, Math.max(0, index));
    this.scroll(aim - this.viewport.getTargetImageIdIndex());
  }

  scroll(by: number): void {
    if (by !== 0) this.viewport.scroll(by, true, false);
  }

  useTool(tool: Tool): void {
    for (const [key, name] of Object.entries(NAMES)) {
      this.group.setToolPassive(name, { removeAllBindings: true });
      const bindings: tools.Types.IToolBinding[] = [];
      if (key === tool) bindings.push({ mouseButton: MouseBindings.Primary });
      if (key === 'pan') bindings.push({ mouseButton: MouseBindings.Auxiliary });
      if (key === 'zoom') bindings.push({ mouseButton: MouseBindings.Secondary });
      if (bindings.length > 0) this.group.setToolActive(name, { bindings });
    }
  }

  get window(): Window | undefined {
    const { voiRange, VOILUTFunction } = this.viewport.getProperties();
    if (!voiRange || !this.image || this.image.color) return undefined;
    if (VOILUTFunction === Enums.VOILUTFunctionType.LINEAR_EXACT) {
      const { lower, upper } = voiRange;
      return { width: upper - lower, center: (upper + lower) / 2 };
    }
    const { windowWidth, windowCenter } = utilities.windowLevel.toWindowLevel(voiRange.lower, voiRange.upper);
    return { width: windowWidth, center: windowCenter };
  }

  setWindow({ width, center }: Window): void {
    const { VOILUTFunction } = this.viewport.getProperties();
    const voiRange = utilities.windowLevel.toLowHighRange(Math.max(1, width), center, VOILUTFunction);
    this.viewport.setProperties({ voiRange });
    this.viewport.render();
  }

  /** The window that the file asks for, or one over all its values. */
  get ownWindow(): Window | undefined {
    const image = this.image;
    if (!image || image.color) return undefined;
    const width = [image.windowWidth].flat()[0];
    const center = [image.windowCenter].flat()[0];
    return width === undefined || center === undefined ? undefined : { width, center };
  }

  /** Whether the reader turned the greys round; MONOCHROME1 alone does not count. */
  get inverted(): boolean {
    return this.invertedOnScreen !== (this.image?.imageFrame?.photometricInterpretation === 'MONOCHROME1');
  }

  private get invertedOnScreen(): boolean {
    return this.viewport.getProperties().invert ?? false;
  }

  invert(): void {
    this.viewport.setProperties({ invert: !this.invertedOnScreen });
    this.viewport.render();
  }

  /** How large one picture element is on the screen, in CSS pixels along its row. */
  get zoom(): number {
    const data = this.image && this.viewport.getImageData();
    if (!data) return 1;
    const [a, b] = [this.onScreen(0, 0), this.onScreen(1, 0)];
    return Math.hypot(b[0] - a[0], b[1] - a[1]);
  }

  /** The same, as a multiple of what fits into the viewport. */
  get magnification(): number {
    return this.viewport.getZoom();
  }

  magnify(magnification: number): void {
    this.viewport.setZoom(magnification);
    this.viewport.render();
  }

  zoomBy(factor: number): void {
    this.viewport.setZoom(this.viewport.getZoom() * factor);
    this.viewport.render();
  }

  panBy(x: number, y: number): void {
    const [left, top] = this.viewport.getPan();
    this.viewport.setPan([left + x, top + y]);
    this.viewport.render();
  }

  fit(): void {
    this.viewport.resetCamera();
    this.viewport.render();
  }

  reset(): void {
    this.viewport.resetProperties();
    this.fit();
  }

  /** Where the centre of a picture element lies in the viewport, in CSS pixels. */
  onScreen(column: number, row: number): Types.Point2 {
    const { origin, direction, spacing } = this.viewport.getImageData();
    const world = origin.map(
      (value, axis) =>
        value +
        column * (spacing[0] ?? 1) * (direction[axis] ?? 0) +
        row * (spacing[1] ?? 1) * (direction[3 + axis] ?? 0),
    );
    return this.viewport.worldToCanvas(world as Types.Point3);
  }

  get canvas(): HTMLCanvasElement {
    return this.viewport.canvas;
  }

  /** Loads one picture ahead of its need, as the viewport itself would. */
  async preload(imageId: string): Promise<void> {
    const options = {
      // The two renderers want colour in different layouts, and the cache is shared.
      useRGBA: getShouldUseCPURendering(),
      requestType: Enums.RequestType.Prefetch,
      priority: 0,
    };
    await imageLoader.loadAndCacheImage(imageId, options);
  }

  has(imageId: string): boolean {
    return cache.getImage(imageId) !== undefined;
  }

  /** False when another picture would push one out that is still wanted. */
  get hasRoom(): boolean {
    return cache.getCacheSize() < 0.8 * CACHE_BYTES;
  }

  private get viewport(): StackViewport {
    return this.engine.getViewport(VIEWPORT) as StackViewport;
  }

  private listen(): void {
    const on = (target: EventTarget, type: string, heard: (detail: never) => void): void => {
      target.addEventListener(type, (event) => heard((event as CustomEvent).detail as never));
    };
    const { Events: types } = Enums;
    // A failure reaches us as IMAGE_LOAD_FAILED and, once more, nobody: Cornerstone's cache rejects too.
    const told = new WeakSet<object>();
    window.addEventListener('unhandledrejection', (event) => {
      if (told.has(Object(event.reason) as object)) event.preventDefault();
    });
    on(this.element, types.IMAGE_RENDERED, () => {
      if (this.image) this.events.displayed(this.displayed);
    });
    on(this.element, types.STACK_VIEWPORT_SCROLL, (detail: { newImageIdIndex: number }) =>
      this.events.aimed(detail.newImageIdIndex),
    );
    on(this.element, types.VOI_MODIFIED, () => this.events.changed());
    on(this.element, types.CAMERA_MODIFIED, () => this.events.changed());
    on(this.element, tools.Enums.Events.TOUCH_TAP, (detail: { taps: number }) => {
      if (detail.taps === 2) this.fit();
    });
    on(eventTarget, types.IMAGE_LOADED, (detail: { image: Types.IImage }) =>
      this.events.loaded(detail.image.imageId),
    );
    on(eventTarget, types.IMAGE_CACHE_IMAGE_REMOVED, (detail: { imageId: string }) =>
      this.events.dropped(detail.imageId),
    );
    on(eventTarget, types.IMAGE_LOAD_FAILED, (detail: { imageId: string; error: unknown }) => {
      told.add(Object(detail.error) as object);
      this.events.failed(detail.imageId, detail.error);
    });
  }
}
