/**
 * Loads the rest of a stack once its first picture is there, nearest pictures first.
 */
/** Requests under way at once: of the six that HTTP/1.1 allows, two stay free for the reader. */
const AT_ONCE = 4;

export interface Source {
  readonly hasRoom: boolean;
  has(imageId: string): boolean;
  preload(imageId: string): Promise<void>;
}

export class Prefetch {
  private imageIds: readonly string[] = [];
  private readonly tried = new Set<string>();
  private under = 0;
  private centre = 0;

  constructor(private readonly source: Source) {}

  start(imageIds: readonly string[], centre: number): void {
    this.imageIds = imageIds;
    this.centre = centre;
    this.tried.clear();
    this.fill();
  }

  /** From now on pictures near this index come first. */
  aim(centre: number): void {
    this.centre = centre;
    this.fill();
  }

  stop(): void {
    this.imageIds = [];
  }

  private fill(): void {
    while (this.under < AT_ONCE && this.source.hasRoom) {
      const next = this.next();
      if (next === undefined) return;
      this.tried.add(next);
      this.under += 1;
      // A failure is reported by the stage; it must not stop the others.
      void this.source
        .preload(next)
        .catch(() => undefined)
        .finally(() => {
          this.under -= 1;
          this.fill();
        });
    }
  }

  private next(): string | undefined {
    for (let away = 0; away < this.imageIds.length; away++) {
      for (const index of [this.centre + away, this.centre - away]) {
        const imageId = this.imageIds[index];
        if (imageId && !this.tried.has(imageId) && !this.source.has(imageId)) return imageId;
      }
    }
    return undefined;
  }
}
