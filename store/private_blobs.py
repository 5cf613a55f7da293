"""Moves the files of series to the place where they belong: the private one, or the shared one.

    copy ─> settled ─> one transaction: the row names the copy, the old key is doomed ─> deleted

Invariants: bytes never change, and there is always a whole file that the row names; a copy that no
row names is cleared as leftovers of ingest are (`Blobs.recover`). A series of which anything may
lie in the private place has a row in `private_series`, written before its first file is moved. All
of it may be broken off and begun again at any time, and by two at once: the one who comes second
moves nothing.
Why it is done so: docs/decisions/0035-private-storage.md.
Not here: which series are private (`cases.private_series`), when this runs (`server.privacy`).
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    delete,
    exists,
    insert,
    or_,
    select,
    update,
)

from store.blobs import BlobWriter
from store.blobs_two import PRIVATE, TwoBlobs
from store.changes import bump
from store.db import Database
from store.errors import StoreError
from store.ingest import Ingest
from store.schema import doomed_blob, instance, private_series, series

__all__ = ["Unsettled", "doubt", "settle", "unsettled"]

logger = logging.getLogger(__name__)

ROWS_AT_ONCE: Final = 100
BYTES_AT_ONCE: Final = 64 * 1024 * 1024
"""What a bucket's writers may hold in memory together, beside one large file."""


class Unsettled(NamedTuple):
    """A series whose files may lie in the wrong place, and how many instances it has."""

    series_id: int
    images: int


class _Series(NamedTuple):
    id: int
    owner_id: int
    updated_at: datetime
    private: bool


class _File(NamedTuple):
    id: int
    blob: str
    size: int


class _Copy(NamedTuple):
    of: _File
    writer: BlobWriter


def unsettled(database: Database, is_private: ColumnElement[bool]) -> list[Unsettled]:
    """The series whose files may lie in the wrong place.

    Args:
        database: the index.
        is_private: true for the rows of `series` that belong in the private place.
    """
    columns = select(series.c.id, series.c.number_of_series_related_instances)
    known = columns.outerjoin(private_series, private_series.c.series_id == series.c.id)
    at = private_series.c.settled_at
    into = known.where(is_private, or_(at.is_(None), at != series.c.updated_at))
    back = columns.join(private_series, private_series.c.series_id == series.c.id)
    with database.read() as connection:
        found = [Unsettled(*row) for row in connection.execute(into)]
        found += [Unsettled(*row) for row in connection.execute(back.where(~is_private))]
    return sorted(found)


def settle(
    ingest: Ingest,
    blobs: TwoBlobs,
    is_private: ColumnElement[bool],
    progress: Callable[[int, int], None],
) -> int:
    """Move the files of all unsettled series; those of one that cannot be moved stay as they are.

    Args:
        ingest: through which they came in.
        blobs: where it puts them.
        is_private: true for the rows of `series` that belong in the private place.
        progress: is told how many instances are done, of how many; may raise.

    Returns:
        How many series could not be settled.
    """
    found, failed, done = unsettled(ingest.database, is_private), 0, 0
    total = sum(one.images for one in found)
    progress(done, total)
    for one in found:
        try:
            place = _begun(ingest.database, one.series_id, is_private)
            if place is not None:
                for files in _misplaced(ingest.database, place):
                    _move(ingest, blobs, place, files)
                    progress(done, total)
                _finish(ingest.database, place)
        except StoreError:
            failed += 1
        done += one.images
        progress(done, total)
    if failed:
        logger.warning("The files of %d series could not be moved; it is tried again.", failed)
    return failed


def doubt(database: Database) -> None:
    """Have each private series looked at again of which a file lies in the shared place."""
    shared = exists().where(
        instance.c.series_id == private_series.c.series_id, ~instance.c.blob.startswith(PRIVATE)
    )
    with database.write() as connection:
        connection.execute(update(private_series).where(shared).values(settled_at=None))


def _begun(database: Database, series_id: int, is_private: ColumnElement[bool]) -> _Series | None:
    """Say that files of the series may lie in the private place from now on, if they are to.

    None when the series is no longer there.
    """
    columns = (series.c.id, series.c.owner_id, series.c.updated_at, is_private.label("private"))
    with database.write() as connection:
        row = connection.execute(select(*columns).where(series.c.id == series_id)).first()
        if row is None:
            return None
        if row.private:
            database.insert_if_new(connection, private_series, [{"series_id": series_id}])
    return _Series(*row)


def _finish(database: Database, place: _Series) -> None:
    of_series = private_series.c.series_id == place.id
    left = exists().where(instance.c.series_id == place.id, instance.c.blob.startswith(PRIVATE))
    with database.write() as connection:
        if place.private:
            # What has come since then has changed the series.
            settled = update(private_series).where(of_series)
            connection.execute(settled.values(settled_at=place.updated_at))
        else:
            connection.execute(delete(private_series).where(of_series, ~left))


def _misplaced(database: Database, place: _Series) -> Iterator[list[_File]]:
    """The instances whose files are not where they belong, a few at a time."""
    lies_private = instance.c.blob.startswith(PRIVATE)
    query = (
        select(instance.c.id, instance.c.blob, instance.c.size)
        .where(instance.c.series_id == place.id, instance.c.id > bindparam("after"))
        .where(~lies_private if place.private else lies_private)
        .order_by(instance.c.id)
        .limit(ROWS_AT_ONCE)
    )
    after = 0
    while True:
        with database.read() as connection:
            found = [_File(*row) for row in connection.execute(query, {"after": after})]
        if not found:
            return
        after = found[-1].id
        some: list[_File] = []
        for file in found:
            if some and sum(one.size for one in some) + file.size > BYTES_AT_ONCE:
                yield some
                some = []
            some.append(file)
        yield some


def _move(ingest: Ingest, blobs: TwoBlobs, place: _Series, files: Sequence[_File]) -> None:
    copies: list[_Copy] = []
    try:
        for file in files:
            copies.append(_Copy(file, blobs.begin_copy(file.blob, private=place.private)))
            _copy(blobs, copies[-1])
        blobs.settle([copy.writer for copy in copies])
    except BaseException:
        for copy in copies:
            copy.writer.discard()
        raise
    # Whether an error comes before or after the commit, is not known: nothing is discarded then.
    with ingest.database.write() as connection:
        named = _name(connection, place, copies)
    blobs.publish([key for key in (copy.writer.key for copy in copies) if key in named])
    for copy in copies:
        if copy.writer.key not in named:
            copy.writer.discard()
    ingest.sweep()


def _copy(blobs: TwoBlobs, copy: _Copy) -> None:
    size = 0
    for chunk in blobs.stream(copy.of.blob):
        copy.writer.write(chunk)
        size += len(chunk)
    if size != copy.of.size:
        raise StoreError("A stored file is not as long as the index says.")
    copy.writer.seal()


def _name(connection: Connection, place: _Series, copies: Sequence[_Copy]) -> set[str]:
    """Let the rows name the copies; return the keys of those whose instance was as it had been."""
    locking = select(series.c.id).where(series.c.id == place.id).with_for_update()
    connection.execute(locking)
    named, doomed = set(), []
    for file, writer in copies:
        of_file = {"of": file.id, "old": file.blob, "new": writer.key}
        if connection.execute(_RENAME, of_file).rowcount == 1:
            named.add(writer.key)
            doomed.append({"key": file.blob})
    if doomed:
        connection.execute(insert(doomed_blob), doomed)
        # What others keep of the index has the old keys.
        bump(connection, place.owner_id)
    return named


_RENAME: Final = (
    update(instance)
    .where(instance.c.id == bindparam("of"), instance.c.blob == bindparam("old"))
    .values(blob=bindparam("new"))
)
