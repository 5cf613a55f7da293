/**
 * Passkeys: asks the browser for one as soon as the page is there, and sends what it answers.
 *
 * Standard: W3C Web Authentication 5.1 (create, get).
 * Invariants: the answer goes to the form's own address; nothing of it is kept.
 */
type Json = Record<string, unknown>;
interface Named {
  id: string;
  type: PublicKeyCredentialType;
  transports?: AuthenticatorTransport[];
}

const REFUSED = 'The browser did not give a passkey: it was cancelled, took too long, or there is none for this site.';
const MISSING = 'This browser does not know passkeys, or does not offer them at this address.';

export function askForPasskey(): void {
  const form = document.querySelector<HTMLFormElement>('form[data-passkey]');
  if (!form) return;
  const again = form.querySelector<HTMLButtonElement>('[data-passkey-again]');
  again?.addEventListener('click', () => void answer(form, again));
  void answer(form, again);
}

async function answer(form: HTMLFormElement, again: HTMLButtonElement | null): Promise<void> {
  const said = form.querySelector('[data-passkey-said]');
  const field = form.querySelector<HTMLInputElement>('input[name="credential"]');
  if (!field) return;
  if (again) again.hidden = true;
  try {
    const options = JSON.parse(form.dataset.options ?? '{}') as Json;
    field.value = JSON.stringify(form.dataset.passkey === 'create' ? await made(options) : await given(options));
    form.submit();
  } catch {
    if (said) said.textContent = 'credentials' in navigator ? REFUSED : MISSING;
    if (again) again.hidden = false;
  }
}

async function made(options: Json): Promise<Json> {
  const user = options.user as Json;
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge),
    user: { ...user, id: bytes(user.id) },
    excludeCredentials: named(options.excludeCredentials),
  } as unknown as PublicKeyCredentialCreationOptions;
  const credential = (await navigator.credentials.create({ publicKey })) as PublicKeyCredential;
  const response = credential.response as AuthenticatorAttestationResponse;
  return {
    ...common(credential),
    response: {
      attestationObject: text(response.attestationObject),
      clientDataJSON: text(response.clientDataJSON),
      transports: response.getTransports(),
    },
  };
}

async function given(options: Json): Promise<Json> {
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge),
    allowCredentials: named(options.allowCredentials),
  } as unknown as PublicKeyCredentialRequestOptions;
  const credential = (await navigator.credentials.get({ publicKey })) as PublicKeyCredential;
  const response = credential.response as AuthenticatorAssertionResponse;
  return {
    ...common(credential),
    response: {
      authenticatorData: text(response.authenticatorData),
      clientDataJSON: text(response.clientDataJSON),
      signature: text(response.signature),
      ...(response.userHandle ? { userHandle: text(response.userHandle) } : {}),
    },
  };
}

function common(credential: PublicKeyCredential): Json {
  return {
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    extensions: JSON.stringify(credential.getClientExtensionResults()),
  };
}

function named(list: unknown): PublicKeyCredentialDescriptor[] {
  return ((list ?? []) as Named[]).map((one) => ({ ...one, id: bytes(one.id) }));
}

function bytes(base64url: unknown): Uint8Array<ArrayBuffer> {
  const plain = atob(String(base64url).replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

function text(buffer: ArrayBuffer): string {
  const plain = btoa(String.fromCharCode(...new Uint8Array(buffer)));
  return plain.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
