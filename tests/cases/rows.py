"""Puts an account's series and its cases into the index, without any files."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count
from typing import Any

from sqlalchemy import select

from accounts.plans import Plan
from cases.cases import Case, case_of_owner, create_case, save_case
from cases.document import Document, ShownSeries, ShownStudy
from cases.publishing import publish
from store.db import Database
from store.schema import series, study
from tests.store.rows import add_instance, add_series, add_study

OWNER = 7
NOW = datetime(2026, 5, 12, 10, 42, tzinfo=UTC)
Pair = tuple[str, str]
_drawn = count()


def clock() -> datetime:
    return NOW


def random_bytes(number: int) -> bytes:
    """Other bytes each time, and the same in each run."""
    return sha256(str(next(_drawn)).encode()).digest()[:number]


def add_pair(
    database: Database,
    owner: int = OWNER,
    *,
    images: int = 2,
    study_id: int | None = None,
    of_study: dict[str, Any] | None = None,
    instances: bool = False,
    **columns: Any,  # noqa: ANN401 - of the series
) -> Pair:
    """A series, in a study of its own or in that of `study_id`: Study and Series Instance UID.

    Args:
        database: the index.
        owner: whose it is.
        images: how many the index counts.
        study_id: the row of its study; None for a new one.
        of_study: columns of a new study.
        instances: also add rows of instances.
        columns: of the series.
    """
    if study_id is None:
        study_id = add_study(database, owner, **(of_study or {}))
    columns = {"number_of_series_related_instances": images} | columns
    series_id = add_series(database, study_id, owner, **columns)
    for _ in range(images if instances else 0):
        add_instance(database, series_id, owner=owner)
    return pair_of(database, series_id)


def pair_of(database: Database, series_id: int) -> Pair:
    query = select(study.c.study_instance_uid, series.c.series_instance_uid)
    query = query.join(series, series.c.study_id == study.c.id).where(series.c.id == series_id)
    with database.read() as connection:
        found = connection.execute(query).one()
    return found[0], found[1]


def showing(*pairs: Pair) -> Document:
    """A document that shows these series, each of a study of its own."""
    return Document(studies=tuple(ShownStudy(s, series=(ShownSeries(uid),)) for s, uid in pairs))


def add_case(
    database: Database,
    owner: int = OWNER,
    *,
    title: str = "Wrist pain after a fall",
    pairs: Sequence[Pair] | None = None,
    private: bool = False,
    plan: Plan | None = None,
    modality: str | None = None,
    body_part: str | None = None,
    now: datetime = NOW,
    **document: Any,  # noqa: ANN401 - fields of `Document`
) -> Case:
    """A pending case; of a new series, unless `pairs` says of which.

    Args:
        database: the index.
        owner: whose it is.
        title, private, plan: of the case.
        pairs: Study and Series Instance UIDs.
        modality, body_part: of the case; by default guessed from its series.
        now: when it is made.
        document: fields of its working copy.
    """
    chosen = [add_pair(database, owner)] if pairs is None else pairs
    made = create_case(
        database,
        owner,
        title=title,
        series=chosen,
        clock=lambda: now,
        random_bytes=random_bytes,
        private=private,
        plan=plan,
    )
    if not document and modality is None and body_part is None:
        return made
    return save_case(
        database,
        owner,
        made.code,
        title=title,
        modality=made.modality if modality is None else modality,
        body_part=made.body_part if body_part is None else body_part,
        document=replace(made.document, **document),
        saved=made.saved,
        clock=lambda: now,
    )


def add_published(
    database: Database,
    owner: int = OWNER,
    *,
    now: datetime = NOW,
    note: str = "",
    **case: Any,  # noqa: ANN401 - as `add_case` takes them
) -> Case:
    """A case that was published once."""
    made = add_case(database, owner, now=now, **case)
    publish(database, owner, made.code, clock=lambda: now, note=note)
    return case_of_owner(database, owner, made.code)


def edit(database: Database, case: Case, *, now: datetime = NOW, **fields: Any) -> Case:  # noqa: ANN401
    """Save a case with other fields: title, modality, body_part, private, or of its document."""
    readers = {name: fields.pop(name) for name in ("private", "plan") if name in fields}
    at_once = {name: getattr(case, name) for name in ("title", "modality", "body_part")}
    at_once = {name: fields.pop(name, value) for name, value in at_once.items()}
    document: Document = fields.pop("document", case.document)
    return save_case(
        database,
        case.owner_id,
        case.code,
        **at_once,
        **readers,
        document=replace(document, **fields),
        saved=case.saved,
        clock=lambda: now,
    )
