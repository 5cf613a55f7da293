"""The secret key of each owner, from which UIDs and date shifts are made.

Invariants: a key is 32 random bytes, made once and kept for ever, since the same input must give
the same output for ever. In the database it lies wrapped (AES key wrap, RFC 3394) by the server's
secret, which lives outside the database: neither alone undoes a UID.
Not here: what the key is used for (`deid.uids`, `deid.dates`); where the secret lies
(`server.config`).
"""

from collections.abc import Callable
from hashlib import sha256

from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap,
    aes_key_wrap,
)
from sqlalchemy import select

from store.db import Database
from store.errors import StoreError
from store.schema import owner_key

__all__ = ["KeyRing"]

KEY_BYTES = 32


class KeyRing:
    """Gives each owner's key, making it at the first use.

    Args:
        database: where the wrapped keys lie.
        secret: the server's secret, at least 16 bytes.
        random_bytes: gives that many random bytes, `os.urandom` in production.
    """

    def __init__(
        self, database: Database, secret: bytes, random_bytes: Callable[[int], bytes]
    ) -> None:
        self._database = database
        self._wrapping = sha256(b"readingroom owner keys\0" + secret).digest()
        self._random_bytes = random_bytes
        self._known: dict[int, bytes] = {}

    def key_of(self, owner_id: int) -> bytes:
        """The key of the owner, 32 bytes.

        Raises:
            StoreError: the server's secret is not the one that wrapped this key.
        """
        if owner_id not in self._known:
            self._known[owner_id] = self._unwrap(self._wrapped(owner_id))
        return self._known[owner_id]

    def _wrapped(self, owner_id: int) -> bytes:
        query = select(owner_key.c.wrapped_key).where(owner_key.c.owner_id == owner_id)
        with self._database.read() as connection:
            wrapped = connection.execute(query).scalar()
        if wrapped is not None:
            return bytes(wrapped)
        fresh = aes_key_wrap(self._wrapping, self._random_bytes(KEY_BYTES))
        with self._database.write() as connection:
            # Another process may have been first; its key is then the one that counts.
            row = {"owner_id": owner_id, "wrapped_key": fresh}
            self._database.insert_if_new(connection, owner_key, [row])
            return bytes(connection.execute(query).scalar_one())

    def _unwrap(self, wrapped: bytes) -> bytes:
        try:
            return aes_key_unwrap(self._wrapping, wrapped)
        except InvalidUnwrap:
            raise StoreError(
                "The server's secret is not the one that this database was made with."
            ) from None
