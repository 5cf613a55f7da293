/**
 * What the public pages gain from script: filters apply as they are chosen, menus copy.
 */
export function applyFilters(): void {
  const form = document.querySelector<HTMLFormElement>('form#find');
  const sheet = document.getElementById('filters');
  if (!form || !sheet) return;
  const isSheet = (): boolean => sheet.matches(':popover-open');
  const feet = sheet.querySelector<HTMLElement>('.feet');
  if (feet) feet.dataset['quiet'] = '';
  for (const control of [...sheet.querySelectorAll('input'), ...document.querySelectorAll('select[form="find"]')]) {
    control.addEventListener('change', () => {
      // In a sheet one chooses several, and sees the result when it closes.
      if (!isSheet()) form.requestSubmit();
    });
  }
  form.addEventListener('formdata', (event) => {
    for (const [name, value] of [...event.formData]) if (value === '') event.formData.delete(name);
  });
}

/** Copies what a button or a link of a menu names; without a clipboard, the link leads to where it can be read. */
export function copyTexts(): void {
  for (const control of document.querySelectorAll<HTMLElement>('[data-copy-text]')) {
    control.hidden = false;
    control.addEventListener('click', (event) => {
      if (!navigator.clipboard) return;
      event.preventDefault();
      void navigator.clipboard.writeText(control.dataset['copyText'] ?? '').then(() => copied(control));
    });
  }
}

function copied(control: HTMLElement): void {
  control.closest<HTMLDetailsElement>('details.menu')?.removeAttribute('open');
  const status = document.querySelector('body > [role="status"]');
  if (status) status.textContent = 'Copied';
  toast('Copied');
}

/** Says for six seconds that something is done. */
function toast(words: string): void {
  document.querySelector('.toasts')?.remove();
  const box = document.createElement('div');
  box.className = 'toasts';
  const line = document.createElement('p');
  line.className = 'toast';
  line.textContent = words;
  box.append(line);
  document.body.append(box);
  setTimeout(() => box.remove(), 6000);
}
