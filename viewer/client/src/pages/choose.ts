/**
 * Says how many studies are chosen, as they are ticked.
 */
export function countChosen(): void {
  document.addEventListener('change', (event) => {
    if ((event.target as HTMLElement).closest('[data-choose]')) tell();
  });
  tell();
}

/** For the list as it is now. */
export function tell(): void {
  const form = document.querySelector<HTMLElement>('[data-choose]');
  const chosen = form?.querySelectorAll('[name="study"]:checked').length ?? 0;
  const count = form?.querySelector('[data-chosen]');
  if (count) count.textContent = chosen === 1 ? '1 study chosen' : `${chosen} studies chosen`;
  const make = form?.querySelector('.acts .btn.main');
  if (make) make.textContent = chosen > 1 ? 'Make one case' : 'Make case';
}
