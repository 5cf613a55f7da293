/**
 * Buttons that copy the address beside them. They are hidden until script can do it.
 */
export function copyButtons(): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>('[data-copy]')) {
    button.hidden = false;
    button.addEventListener('click', () => void copy(button));
  }
}

async function copy(button: HTMLButtonElement): Promise<void> {
  const code = button.parentElement?.querySelector('code');
  const status = document.querySelector('[role="status"]');
  if (!code) return;
  let said = 'Copied';
  try {
    await navigator.clipboard.writeText(code.textContent ?? '');
  } catch {
    // Without HTTPS there is no clipboard: leave the address selected for the keyboard.
    getSelection()?.selectAllChildren(code);
    said = 'Selected. Press Control and C to copy';
  }
  button.title = said;
  if (status) status.textContent = said;
}
