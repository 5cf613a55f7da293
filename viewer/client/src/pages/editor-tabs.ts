/**
 * The texts of a case as tabs; without script they stand one below the other.
 */
export function makeTabs(page: HTMLElement): void {
  const within = page.querySelector<HTMLElement>('[data-tabs]');
  const list = within?.querySelector<HTMLElement>('[role="tablist"]');
  if (!within || !list) return;
  const tabs = [...list.querySelectorAll<HTMLButtonElement>('[role="tab"]')];
  const part = (tab: HTMLElement): HTMLElement | null =>
    within.querySelector(`#${CSS.escape(tab.getAttribute('aria-controls') ?? '')}`);
  const show = (chosen: HTMLButtonElement): void => {
    for (const tab of tabs) {
      const isChosen = tab === chosen;
      tab.ariaSelected = String(isChosen);
      tab.tabIndex = isChosen ? 0 : -1;
      const panel = part(tab);
      if (panel) panel.hidden = !isChosen;
    }
    // Only the row of tabs: the page stays where it is.
    list.scrollLeft = chosen.offsetLeft - list.offsetLeft - 48;
  };
  list.hidden = false;
  within.dataset['made'] = '';
  for (const tab of tabs) {
    const panel = part(tab);
    panel?.setAttribute('role', 'tabpanel');
    panel?.setAttribute('aria-labelledby', tab.id);
    tab.addEventListener('click', () => show(tab));
    const closed = panel?.querySelector<HTMLInputElement>('[name="closed"]');
    closed?.addEventListener('change', () => {
      const eye = tab.querySelector<HTMLElement>('[data-eye]');
      if (eye) eye.hidden = !closed.checked;
    });
  }
  list.addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = tabs.indexOf(document.activeElement as HTMLButtonElement);
    const next = tabs[(at + step + tabs.length) % tabs.length];
    if (next) show(next);
    next?.focus();
  });
  // The first that says something, as that is what its author goes on with.
  const written = tabs.find((tab) => part(tab)?.querySelector('textarea')?.value.trim());
  const first = written ?? tabs[0];
  if (first) show(first);
}
