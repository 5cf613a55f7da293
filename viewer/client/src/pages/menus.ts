/**
 * Menus are <details>: they open by themselves; script closes them by Escape and by a press elsewhere.
 */
let isOn = false;

export function menus(): void {
  // A page with a viewer has two scripts that ask for it.
  if (isOn) return;
  isOn = true;
  const open = (): NodeListOf<HTMLDetailsElement> => document.querySelectorAll('details.menu[open]');
  document.addEventListener('pointerdown', (event) => {
    for (const menu of open()) if (!menu.contains(event.target as Node)) menu.open = false;
  });
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    for (const menu of open()) {
      menu.open = false;
      menu.querySelector('summary')?.focus();
    }
  });
}
