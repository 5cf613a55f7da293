"""The address of a new share link, on its way to the page that shows it, once.

    POST ── session: a pad ──────────────┐
      └──── address: the secret ⊕ pad ──> GET shows it, and the pad is gone

Invariants: neither half tells anything of the secret, so it is in no cookie, history or log; the
server keeps none of it; what is shown is the address of a link of whoever asks, or nothing; the
page that is loaded again shows nothing.
Not here: making links (`cases.sharing`), the page (`viewer.shares`).
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Final

from flask import session

from cases.share_list import Share, share_of_secret
from store.db import Database

__all__ = ["parted", "shown_once"]

PAD: Final = "new share"
"""The name of the pad in the session."""


def parted(secret: str, random_bytes: Callable[[int], bytes]) -> str:
    """Put a pad into the session; return the other half of the secret, for the next address.

    Args:
        secret: of the link that was made.
        random_bytes: gives that many random bytes.
    """
    data = secret.encode()
    pad = random_bytes(len(data))
    session[PAD] = _text(pad)
    return _text(_mixed(data, pad))


def shown_once(database: Database, owner_id: int, half: str) -> tuple[Share, str] | None:
    """The owner's link that was just made, and its secret; None the next time.

    Args:
        database: where links are kept.
        owner_id: who is signed in.
        half: from the address of the page.
    """
    pad = session.pop(PAD, "")
    try:
        secret = _mixed(_bytes(half), _bytes(pad)).decode("ascii")
    except ValueError:
        return None
    made = share_of_secret(database, owner_id, secret) if secret else None
    return None if made is None else (made, secret)


def _mixed(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
