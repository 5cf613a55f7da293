"""Slows down who tries passwords of share links: from one address, and at one link.

Invariants: only what failed is counted; each process counts for itself, in bounded memory, and
nothing of it is written anywhere; a password that was right is not hashed again for some time, as
every request of a program brings it along.
Not here: what a link opens (`cases.share_access`).
"""

from collections import OrderedDict
from datetime import datetime, timedelta
from hashlib import sha256
from threading import Lock
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from store.errors import TooManyRequests

__all__ = ["PASSWORD_CHARACTERS", "Tries", "hash_of"]

PASSWORD_CHARACTERS: Final = (8, 200)
"""How many a password has at least, and at most."""

OF_ADDRESS: Final = 10
OF_LINK: Final = 60
WINDOW: Final = timedelta(minutes=15)
REMEMBERED: Final = 10_000

_hasher = PasswordHasher()


def hash_of(password: str) -> str:
    """What is kept of a password."""
    return _hasher.hash(password)


class Tries:
    """The tries of one process."""

    def __init__(self) -> None:
        self._lock = Lock()
        # Of an address or a link: when its first failure of this window was, and how many since.
        self._failed: OrderedDict[str, tuple[datetime, int]] = OrderedDict()
        self._right: OrderedDict[bytes, None] = OrderedDict()

    def is_right(
        self, password: str, hashed: str, *, share_id: int, address: str, now: datetime
    ) -> bool:
        """Whether a password is that of a link.

        Args:
            password: what was typed.
            hashed: what is kept of the link's.
            share_id: of the link.
            address: from where the request comes.
            now: the present time.

        Raises:
            TooManyRequests: there were too many wrong ones, from there or at this link.
        """
        known = sha256(f"{hashed}\0{password}".encode()).digest()
        with self._lock:
            if known in self._right:
                self._right.move_to_end(known)
                return True
        limits = {f"address {address}": OF_ADDRESS, f"link {share_id}": OF_LINK}
        self._refuse(limits, now)
        try:
            _hasher.verify(hashed, password[: PASSWORD_CHARACTERS[1]])
        except VerificationError:
            self._count(limits, now)
            return False
        with self._lock:
            self._right[known] = None
            _keep_few(self._right)
        return True

    def _refuse(self, limits: dict[str, int], now: datetime) -> None:
        with self._lock:
            for who, most in limits.items():
                began, count = self._failed.get(who, (now, 0))
                if count >= most and now < began + WINDOW:
                    raise TooManyRequests(max(1, round((began + WINDOW - now).total_seconds())))

    def _count(self, limits: dict[str, int], now: datetime) -> None:
        with self._lock:
            for who in limits:
                began, count = self._failed.pop(who, (now, 0))
                is_over = now >= began + WINDOW
                self._failed[who] = (now, 1) if is_over else (began, count + 1)
            _keep_few(self._failed)


def _keep_few(kept: "OrderedDict[str, tuple[datetime, int]] | OrderedDict[bytes, None]") -> None:
    while len(kept) > REMEMBERED:
        kept.popitem(last=False)
