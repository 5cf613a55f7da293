/**
 * Wheel and trackpad: turns what the device reports into whole images.
 */
/** Pixels of a trackpad's travel that make one image. */
const TRAVEL = 40;
/** A pause after which what was left over is forgotten, in milliseconds. */
const PAUSE = 200;

export function followWheel(
  element: HTMLElement,
  scroll: (by: number) => void,
  zoom: (factor: number) => void,
  isStack: () => boolean,
): void {
  let left = 0;
  let last = 0;
  element.addEventListener(
    'wheel',
    (event) => {
      // A picture that is alone leaves the wheel to the page around it.
      if (!event.ctrlKey && !isStack()) return;
      event.preventDefault();
      // Browsers report a pinch on a trackpad as a wheel with Control.
      if (event.ctrlKey) return zoom(Math.exp(-event.deltaY / 150));
      if (event.timeStamp - last > PAUSE) left = 0;
      last = event.timeStamp;
      const notch = event.deltaMode !== WheelEvent.DOM_DELTA_PIXEL || Math.abs(event.deltaY) >= 100;
      // A notch of a mouse wheel is one image, however many lines or pixels it stands for.
      left += notch ? Math.sign(event.deltaY) * TRAVEL : event.deltaY;
      const images = Math.trunc(left / TRAVEL);
      left -= images * TRAVEL;
      if (images !== 0) scroll(images);
    },
    { passive: false },
  );
}
