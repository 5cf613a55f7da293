"""Secrets that are shown once and kept only as digests: tokens and sign-in links.

Invariants: a secret has 256 random bits, so a plain SHA-256 of it cannot be searched through.
Not here: passwords, which people choose (`accounts.people`).
"""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256

__all__ = ["digest_of", "new_secret"]


def new_secret(random_bytes: Callable[[int], bytes]) -> str:
    """A fresh secret of 43 letters, digits, `-` and `_`."""
    return urlsafe_b64encode(random_bytes(32)).decode().rstrip("=")


def digest_of(secret: str) -> bytes:
    """What is kept of it."""
    return sha256(secret.encode()).digest()
