"""The secret keys of owners and of uploads, from which UIDs and date shifts are made.

Invariants: a key is 32 random bytes, made once and kept for ever, since the same input must give
the same output for ever. In the database it lies wrapped (AES key wrap, RFC 3394) by the server's
secret, which lives outside the database: neither alone undoes a UID. All keys of a database are
wrapped by one secret: a key is made only by a process whose secret unwraps those that are there.
Not here: what a key is used for (`deid.uids`, `deid.dates`), where the secret lies
(`server.secret_file`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap,
    aes_key_wrap,
)
from sqlalchemy import Connection, Row, bindparam, delete, func, select, update

from deid.uids import ROOT, is_own
from store.db import Database
from store.errors import NoSuchUpload, WrongSecret
from store.schema import owner_key, study, upload

__all__ = ["Forgotten", "KeyRing"]

KEY_BYTES: Final = 32
KNOWN_UPLOADS: Final = 1024


@dataclass(frozen=True)
class Forgotten:
    """How many keys of owners and of uploads were given up."""

    owners: int
    uploads: int


class KeyRing:
    """Gives the keys, making an owner's at its first use.

    Args:
        database: where the wrapped keys lie.
        secret: the server's secret, at least 16 bytes.
        random_bytes: gives that many random bytes, `os.urandom` in production.
        reread: gives the secrets that are in force by now, asked when a key cannot be unwrapped;
            the first is to wrap what is made.
    """

    def __init__(
        self,
        database: Database,
        secret: bytes,
        random_bytes: Callable[[int], bytes],
        reread: Callable[[], Sequence[bytes]] | None = None,
    ) -> None:
        self._database = database
        self._random_bytes = random_bytes
        self._reread = reread
        self._wrappings = [_wrapping(secret)]
        self._known: dict[int, bytes] = {}
        self._upload = lru_cache(maxsize=KNOWN_UPLOADS)(self._read_upload)
        # A study's upload never changes, and its UID was told to nobody before it was stored.
        self._upload_of = lru_cache(maxsize=KNOWN_UPLOADS)(self._read_upload_of)

    def key_of(self, owner_id: int) -> bytes:
        """The key of the owner, 32 bytes.

        Raises:
            WrongSecret: the server's secret is not the one that wraps the keys.
        """
        if owner_id not in self._known:
            self._known[owner_id] = self._unwrap(self._wrapped(owner_id))
        return self._known[owner_id]

    def new_upload(self, owner_id: int, now: datetime) -> int:
        """Begin an upload, with a key of its own; return its number.

        Raises:
            WrongSecret: the server's secret is not the one that wraps the keys.
        """
        with self._database.write() as connection:
            self._check_secret(connection)
            row = {"owner_id": owner_id, "wrapped_key": self._fresh(), "created_at": now}
            made = connection.execute(upload.insert().returning(upload.c.id), row)
            return int(made.scalar_one())

    def key_of_upload(self, upload_id: int, owner_id: int) -> bytes:
        """The key of an upload of this owner, 32 bytes.

        Raises:
            NoSuchUpload: the owner has begun no such upload.
            WrongSecret: the server's secret is not the one that wraps the keys.
        """
        owner, key = self._upload(upload_id)
        if owner != owner_id:
            raise NoSuchUpload("There is no such upload.")
        return key

    def upload_of(self, owner_id: int, study_instance_uid: str) -> int | None:
        """The upload with whose key a study of this owner is gone on; None for the owner's own key.

        So a viewer that stores back what it made of a study from an upload finds that study again.

        Args:
            owner_id: the owner.
            study_instance_uid: as sent.
        """
        if not study_instance_uid.startswith(ROOT) or is_own(
            self.key_of(owner_id), study_instance_uid
        ):
            return None
        return self._upload_of(owner_id, study_instance_uid)

    def rewrap(self, new_secret: bytes) -> int:
        """Wrap every key by another secret, all or none; return how many there are.

        The keys stay what they are. From then on this ring uses the new secret.

        Raises:
            WrongSecret: a key cannot be unwrapped; nothing is changed.
        """
        wrapping = _wrapping(new_secret)
        with self._database.write() as connection:
            self._check_secret(connection)
            # Again until there are none: on PostgreSQL one may be made while the first wait.
            while self._rewrap_others(connection, wrapping):
                pass
            counted = [select(func.count()).select_from(table) for table in (owner_key, upload)]
            count = sum(int(connection.execute(query).scalar_one()) for query in counted)
        self._wrappings = [wrapping]
        return count

    def forget_unreadable(self) -> Forgotten:
        """Give up the keys that this secret does not unwrap, so that new ones are made.

        What is stored stays; new instances of the same patients no longer join it.
        """
        self._refresh()
        with self._database.write() as connection:
            owners = select(owner_key.c.owner_id, owner_key.c.wrapped_key)
            lost_owners = self._unreadable(connection.execute(owners).all())
            uploads = select(upload.c.id, upload.c.wrapped_key)
            lost_uploads = self._unreadable(connection.execute(uploads).all())
            for of in lost_owners:
                connection.execute(delete(owner_key).where(owner_key.c.owner_id == of))
            for of in lost_uploads:
                connection.execute(
                    update(study).where(study.c.upload_id == of).values(upload_id=None)
                )
                connection.execute(delete(upload).where(upload.c.id == of))
        return Forgotten(len(lost_owners), len(lost_uploads))

    def _rewrap_others(self, connection: Connection, wrapping: bytes) -> int:
        found = 0
        for table, number in ((owner_key, owner_key.c.owner_id), (upload, upload.c.id)):
            rows = connection.execute(select(number, table.c.wrapped_key)).all()
            changes = [
                {"of": of, "by": aes_key_wrap(wrapping, self._unwrap(bytes(wrapped)))}
                for of, wrapped in rows
                if _unwrapped([wrapping], bytes(wrapped)) is None
            ]
            if changes:
                change = update(table).where(number == bindparam("of"))
                connection.execute(change.values(wrapped_key=bindparam("by")), changes)
            found += len(changes)
        return found

    def _wrapped(self, owner_id: int) -> bytes:
        query = select(owner_key.c.wrapped_key).where(owner_key.c.owner_id == owner_id)
        with self._database.read() as connection:
            wrapped = connection.execute(query).scalar()
        if wrapped is not None:
            return bytes(wrapped)
        with self._database.write() as connection:
            self._check_secret(connection)
            row = {"owner_id": owner_id, "wrapped_key": self._fresh()}
            # Another process may have been first; its key is then the one that counts.
            self._database.insert_if_new(connection, owner_key, [row])
            return bytes(connection.execute(query).scalar_one())

    def _read_upload(self, upload_id: int) -> tuple[int, bytes]:
        query = select(upload.c.owner_id, upload.c.wrapped_key).where(upload.c.id == upload_id)
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise NoSuchUpload("There is no such upload.")
        return int(row.owner_id), self._unwrap(bytes(row.wrapped_key))

    def _read_upload_of(self, owner_id: int, study_instance_uid: str) -> int | None:
        query = select(study.c.upload_id).where(
            study.c.owner_id == owner_id, study.c.study_instance_uid == study_instance_uid
        )
        with self._database.read() as connection:
            return connection.execute(query).scalar()

    def _check_secret(self, connection: Connection) -> None:
        """See that this is the secret of the keys that are there, and keep it so until the commit.

        The first key's row is the lock: who makes a key and who rewraps them all take it first,
        so a process that still has the old secret cannot make a key that the new one misses.
        """
        first = select(func.min(owner_key.c.owner_id)).scalar_subquery()
        touch = update(owner_key).where(owner_key.c.owner_id == first)
        touch = touch.values(wrapped_key=owner_key.c.wrapped_key)
        wrapped = connection.execute(touch.returning(owner_key.c.wrapped_key)).scalar()
        if wrapped is not None:
            self._unwrap(bytes(wrapped))

    def _fresh(self) -> bytes:
        return aes_key_wrap(self._wrappings[0], self._random_bytes(KEY_BYTES))

    def _unwrap(self, wrapped: bytes) -> bytes:
        key = _unwrapped(self._wrappings, wrapped)
        if key is None:
            self._refresh()
            key = _unwrapped(self._wrappings, wrapped)
        if key is None:
            raise WrongSecret(
                "The server's secret is not the one that this database was made with."
            )
        return key

    def _refresh(self) -> None:
        found = self._reread() if self._reread is not None else ()
        if found:
            self._wrappings = [_wrapping(secret) for secret in found]

    def _unreadable(self, rows: Sequence[Row[int, bytes]]) -> list[int]:
        return [of for of, wrapped in rows if _unwrapped(self._wrappings, bytes(wrapped)) is None]


def _wrapping(secret: bytes) -> bytes:
    return sha256(b"readingroom owner keys\0" + secret).digest()


def _unwrapped(wrappings: Sequence[bytes], wrapped: bytes) -> bytes | None:
    for wrapping in wrappings:
        try:
            return aes_key_unwrap(wrapping, wrapped)
        except InvalidUnwrap:
            continue
    return None
