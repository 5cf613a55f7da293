"""Writes all that is an account's own into one zip file.

    README.txt  account.json  audit.jsonl  share-links.json
    cases/CODE/case.json  working-copy.md  version-1.json  version-1.md …
    playlists/CODE.json  CODE.md
    dicom/STUDY/study.json  dicom/STUDY/SERIES/INSTANCE.dcm

Standard: PS3.10 (each instance as it is stored).
Invariants: memory does not grow with the size of what is stored; only what has the account for an
owner is read, by a scope; names are made here, of UIDs and codes; a file under its own name is
whole.
Not here: what is written of cases (`cases.own_texts`) and of accounts (`accounts.own_record`), who
may have the file (`cases.exports`).
"""

import os
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Final
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from sqlalchemy import func, select

from accounts.own_record import record_of
from cases.own_texts import as_json, own_texts, safe_name
from store.access import OwnerScope
from store.blobs import name_of
from store.db import Database, in_utc
from store.errors import StoreError
from store.retrieve import Archive, StoredInstance
from store.schema import deed, instance, series, study

__all__ = ["size_of", "write_export"]

_ROWS: Final = 500
_LARGE: Final = 2**30
_READABLE: Final = 0o644 << 16


def size_of(database: Database, account_id: int) -> tuple[int, int]:
    """How many instances an account has stored, and their bytes."""
    query = (
        select(func.count(instance.c.id), func.coalesce(func.sum(instance.c.size), 0))
        .join(series, series.c.id == instance.c.series_id)
        .where(series.c.owner_id == account_id)
    )
    with database.read() as connection:
        count, size = connection.execute(query).one()
    return int(count), int(size)


def write_export(
    path: Path,
    archive: Archive,
    account_id: int,
    *,
    clock: Callable[[], datetime],
    progress: Callable[[int, int], None],
) -> None:
    """Write the file.

    Args:
        path: of the file; until it is whole it has this name with `.part` after it.
        archive: what is stored.
        account_id: whose.
        clock: gives the present time.
        progress: is told how many instances are written, of how many; may raise.

    Raises:
        StoreError: something could not be read; there is no file then.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        # Nobody but this server's own account may read it.
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            with ZipFile(file, "w", allowZip64=True) as into:
                _Writer(into, clock()).write_all(archive, account_id, progress)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)


class _Writer:
    def __init__(self, into: ZipFile, now: datetime) -> None:
        self._into = into
        self._now = now

    def write_all(
        self, archive: Archive, account_id: int, progress: Callable[[int, int], None]
    ) -> None:
        database = archive.database
        total, done = size_of(database, account_id)[0], 0
        progress(done, total)
        self._text("README.txt", _README.format(day=self._now))
        self._text("account.json", as_json(record_of(database, account_id)))
        for name, text in own_texts(database, account_id):
            self._text(name, text)
            progress(done, total)
        self._deeds(database, account_id)
        for study_uid in _studies(database, account_id):
            folder = f"dicom/{safe_name(study_uid)}"
            self._text(f"{folder}/study.json", as_json(_described(database, account_id, study_uid)))
            for ref in archive.instances(OwnerScope(account_id), study_uid):
                self._instance(archive, ref, folder)
                done += 1
                progress(done, max(done, total))

    def _instance(self, archive: Archive, ref: StoredInstance, folder: str) -> None:
        name = f"{safe_name(ref.series_instance_uid)}/{safe_name(ref.sop_instance_uid)}.dcm"
        chunks = archive.read(ref)
        try:
            first = next(chunks, b"")
        except StoreError:
            if _is_stored(archive.database, ref):
                raise
            # Deleted since it was listed.
            return
        info = self._info(f"{folder}/{name}", ZIP_STORED)
        with self._into.open(info, "w", force_zip64=ref.size > _LARGE) as member:
            member.write(first)
            for chunk in chunks:
                member.write(chunk)

    def _deeds(self, database: Database, account_id: int) -> None:
        query = select(deed.c.at, deed.c.what, deed.c.which).where(deed.c.account_id == account_id)
        with (
            self._into.open(self._info("audit.jsonl", ZIP_DEFLATED), "w") as member,
            database.read() as connection,
        ):
            rows = connection.execution_options(yield_per=_ROWS).execute(query.order_by(deed.c.id))
            for at, what, which in rows:
                line = as_json([in_utc(at), what, which]).replace("\n", "")
                member.write(line.encode() + b"\n")

    def _text(self, name: str, text: str) -> None:
        self._into.writestr(self._info(name, ZIP_DEFLATED), text)

    def _info(self, name: str, compression: int) -> ZipInfo:
        info = ZipInfo(name, self._now.timetuple()[:6])
        info.compress_type = compression
        info.external_attr = _READABLE
        return info


def _studies(database: Database, account_id: int) -> Iterable[str]:
    query = select(study.c.study_instance_uid).where(study.c.owner_id == account_id)
    with database.read() as connection:
        return list(connection.execute(query.order_by(study.c.id)).scalars())


def _described(database: Database, account_id: int, study_uid: str) -> list[dict[str, object]]:
    """What this server knows of the series of a study beside what is in their files."""
    query = (
        select(
            series.c.series_instance_uid,
            series.c.came_by,
            series.c.created_at,
            series.c.review_state,
            series.c.review_reasons,
            series.c.reviewed_at,
        )
        .join(study, study.c.id == series.c.study_id)
        .where(study.c.owner_id == account_id, study.c.study_instance_uid == study_uid)
        .order_by(series.c.id)
    )
    with database.read() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def _is_stored(database: Database, ref: StoredInstance) -> bool:
    query = select(instance.c.blob).where(instance.c.id == ref.id)
    with database.read() as connection:
        key = connection.execute(query).scalar()
    return key is not None and name_of(key) == ref.etag


_README: Final = """\
All that this server has of your account, as of {day:%Y-%m-%d %H:%M} UTC.

account.json       your account, tokens and AE titles (without secrets), terms that you accepted,
                   mail that you were sent
audit.jsonl        what you did, one line each: when, what, to which
share-links.json   your share links; their addresses and passwords are known to nobody but you
cases/             your cases, in all versions: texts as Markdown, everything as JSON
playlists/         your playlists
dicom/             your studies, as they are stored: de-identified DICOM files (PS3.10)

What others have made is not here, such as cases of theirs in your playlists.
"""
