/**
 * Plays a stack as a film, at the rate that the file asks for.
 */
import { number, type DataSet } from './dicomjson';

const USUAL_RATE = 10;

export class Player {
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(private readonly step: () => void) {}

  toggle(dataSet: DataSet | undefined): void {
    if (this.timer) return this.stop();
    this.timer = setInterval(this.step, 1000 / rateOf(dataSet ?? {}));
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }
}

/** Frames per second: Recommended Display Frame Rate, Cine Rate, or Frame Time (PS3.3 C.7.6.5). */
function rateOf(dataSet: DataSet): number {
  const time = number(dataSet, '00181063');
  const rate = number(dataSet, '00082144') ?? number(dataSet, '00180040') ?? (time ? 1000 / time : USUAL_RATE);
  return Math.min(60, Math.max(1, rate));
}
