"""Seals small secrets of an owner, so that the database alone does not tell them.

Invariants: what is sealed is of use to the owner's own key and the purpose only that it was sealed
for; the key is wrapped by the server's secret, so a rotation of that changes nothing here.
Not here: the keys (`store.keys`).
"""

from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

__all__ = ["seal", "unseal"]

NONCE_BYTES: Final = 12


def seal(key: bytes, purpose: bytes, text: str, *, random_bytes: Callable[[int], bytes]) -> str:
    """Seal a text, as a text."""
    nonce = random_bytes(NONCE_BYTES)
    return b64encode(nonce + _cipher(key, purpose).encrypt(nonce, text.encode(), None)).decode()


def unseal(key: bytes, purpose: bytes, sealed: str) -> str | None:
    """What was sealed; None when it was not with this key, or not for this purpose."""
    try:
        raw = b64decode(sealed, validate=True)
        nonce, secret = raw[:NONCE_BYTES], raw[NONCE_BYTES:]
        return _cipher(key, purpose).decrypt(nonce, secret, None).decode()
    except (InvalidTag, ValueError):
        return None


def _cipher(key: bytes, purpose: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, None, purpose).derive(key))
