"""Other DICOMweb servers to which an owner sends, and from which they import.

Invariants: a token for another server lies in the database sealed (AES-GCM) with a key made from
the owner's own, which is itself wrapped by the server's secret.
Not here: talking to them (`server.dicomweb_client`); whether this server may connect to them, since
only its operator names them (accounts would have to be asked about by `accounts.reach`).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import ColumnElement, Row, delete, insert, select

from store.db import Database
from store.errors import BadRemote, NoSuchRemote
from store.keys import KeyRing
from store.schema import remote

__all__ = ["Remote", "Remotes"]

NONCE_BYTES: Final = 12
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")


@dataclass(frozen=True)
class Remote:
    """Another server.

    Attributes:
        name: by which the owner calls it.
        url: of its DICOMweb root, without a slash at its end.
        token: that it wants; None for none. Never to be shown.
    """

    id: int
    owner_id: int
    name: str
    url: str
    token: str | None


class Remotes:
    """The other servers of owners.

    Args:
        database: where they are kept.
        keys: gives owners' keys.
        random_bytes: gives that many random bytes.
        clock: gives the present time.
    """

    def __init__(
        self,
        database: Database,
        keys: KeyRing,
        random_bytes: Callable[[int], bytes],
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._keys = keys
        self._random_bytes = random_bytes
        self._clock = clock

    def add(self, owner_id: int, name: str, url: str, token: str | None = None) -> None:
        """Give a server a name; the last word counts.

        Raises:
            BadRemote: not a name, or not the http or https address of one.
        """
        if not _NAME.match(name):
            raise BadRemote("The name of a server has 1 to 64 letters, digits, dots and dashes.")
        row = {
            "owner_id": owner_id,
            "name": name,
            "url": _checked(url),
            "sealed_token": None if token is None else self._seal(owner_id, token),
            "created_at": self._clock(),
        }
        with self._database.write() as connection:
            connection.execute(delete(remote).where(*_is(owner_id, name)))
            connection.execute(insert(remote).values(row))

    def get(self, owner_id: int, name: str) -> Remote:
        """A server by its name.

        Raises:
            NoSuchRemote: the owner has none of this name.
            WrongSecret: the server's secret is not the one that wraps the keys.
        """
        with self._database.read() as connection:
            row = connection.execute(select(remote).where(*_is(owner_id, name))).first()
        if row is None:
            raise NoSuchRemote("There is no server of this name.")
        return self._remote(row)

    def all(self, owner_id: int | None = None) -> list[Remote]:
        """The servers of an owner, or of all."""
        query = select(remote).order_by(remote.c.owner_id, remote.c.name)
        if owner_id is not None:
            query = query.where(remote.c.owner_id == owner_id)
        with self._database.read() as connection:
            return [self._remote(row) for row in connection.execute(query)]

    def remove(self, owner_id: int, name: str) -> None:
        """Forget a server.

        Raises:
            NoSuchRemote: the owner has none of this name.
        """
        with self._database.write() as connection:
            if connection.execute(delete(remote).where(*_is(owner_id, name))).rowcount == 0:
                raise NoSuchRemote("There is no server of this name.")

    def _remote(self, row: Row[tuple[object, ...]]) -> Remote:
        token = None if row.sealed_token is None else self._unseal(row.owner_id, row.sealed_token)
        return Remote(row.id, row.owner_id, row.name, row.url, token)

    def _seal(self, owner_id: int, token: str) -> bytes:
        nonce = self._random_bytes(NONCE_BYTES)
        return nonce + self._cipher(owner_id).encrypt(nonce, token.encode(), None)

    def _unseal(self, owner_id: int, sealed: bytes) -> str:
        nonce, text = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        return self._cipher(owner_id).decrypt(nonce, text, None).decode()

    def _cipher(self, owner_id: int) -> AESGCM:
        made = HKDF(SHA256(), 32, None, b"tokens of other servers")
        return AESGCM(made.derive(self._keys.key_of(owner_id)))


def _is(owner_id: int, name: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return remote.c.owner_id == owner_id, remote.c.name == name


def _checked(url: str) -> str:
    url = url.strip()
    if not _is_address(url):
        raise BadRemote("The address of a server is https://HOST/PATH, without anything else.")
    return url.rstrip("/")


def _is_address(url: str) -> bool:
    # Looked for in the text, since `urlsplit` drops line breaks, and cannot tell empty from absent.
    if any(letter <= " " or letter in "?#\\\x7f" for letter in url):
        return False
    try:
        parts = urlsplit(url)
        is_there = parts.scheme in ("http", "https") and bool(parts.hostname)
        return is_there and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        return False
