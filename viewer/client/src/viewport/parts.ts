/**
 * The elements of a viewer, found once; the template case_viewer.html draws them.
 */
export interface Parts {
  readonly main: HTMLElement;
  readonly pane: HTMLElement;
  readonly stage: HTMLDivElement;
  readonly ahead: HTMLImageElement;
  readonly rail: HTMLElement;
  readonly slice: HTMLElement;
  readonly card: HTMLElement;
  readonly waiting: HTMLElement;
  readonly said: HTMLElement;
  readonly keys: HTMLDialogElement;
  readonly labels: Record<'tl' | 'tr' | 'bl' | 'br', HTMLElement>;
}

export function findParts(): Parts {
  const main = one<HTMLElement>(document, '#viewer');
  const part = <E extends HTMLElement>(name: string): E => one<E>(document, `[data-part="${name}"]`);
  return {
    main,
    pane: part('pane'),
    stage: part('stage'),
    ahead: part('ahead'),
    rail: part('rail'),
    slice: part('slice'),
    card: part('card'),
    waiting: part('waiting'),
    said: part('said'),
    keys: part('keys'),
    labels: {
      tl: one(main, '.pane > .o.tl'),
      tr: one(main, '.pane > .o.tr'),
      bl: one(main, '.pane > .o.bl'),
      br: one(main, '.pane > .o.br'),
    },
  };
}

export function one<E extends Element>(within: ParentNode, selector: string): E {
  const found = within.querySelector<E>(selector);
  if (!found) throw new Error(`The page has no ${selector}.`);
  return found;
}

/** A new element with attributes and children; text children are never read as markup. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
