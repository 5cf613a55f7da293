/**
 * What was done, with Undo: it leaves after six seconds, but not while somebody points at it or has the focus in it.
 */
const SECONDS = 6;

export function toasts(): void {
  for (const toast of document.querySelectorAll<HTMLElement>('[data-toast]')) {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stay = (): void => clearTimeout(timer);
    const leave = (): void => {
      stay();
      timer = setTimeout(() => toast.remove(), SECONDS * 1000);
    };
    for (const kind of ['pointerenter', 'focusin']) toast.addEventListener(kind, stay);
    for (const kind of ['pointerleave', 'focusout']) toast.addEventListener(kind, leave);
    leave();
  }
}
