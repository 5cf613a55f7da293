"""Which stored series a document names, and what follows from them.

Invariants: only series of the owner are ever found, by a condition of the query; what the owner has
not, or no longer has, is taken out of a document before it is kept.
Not here: what readers see of it (`cases.showing`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection, delete, insert, select

from cases.document import Document, ShownStudy, StartState
from cases.schema import case_series
from store.access import OPEN_STATES
from store.schema import series, study
from store.states import State

__all__ = [
    "WITHOUT_PICTURE",
    "OwnSeries",
    "owned",
    "picture_of",
    "put_series",
    "rank",
    "series_of_owner",
]

WAVES: Final = frozenset(("AU", "ECG", "EEG", "EMG", "EPS", "HD", "RESP"))
"""Series of these modalities are drawn as curves."""

WITHOUT_PICTURE: Final = (
    WAVES
    | frozenset(("", "DOC", "KO", "PLAN", "PR", "SR"))
    | frozenset(("FID", "REG", "RTPLAN", "RTSTRUCT", "RWV", "SEG"))
)
"""Series of these modalities stand for a case only if there is no picture in it."""

_AT_ONCE: Final = 500

Pair = tuple[str, str]
"""Study and Series Instance UID."""


@dataclass(frozen=True)
class OwnSeries:
    """A series of the owner's, as far as a case is concerned."""

    id: int
    study_uid: str
    uid: str
    number: int | None
    description: str
    modality: str
    body_part: str
    images: int
    state: State

    @property
    def is_open(self) -> bool:
        """Others may see it."""
        return self.state in OPEN_STATES

    @property
    def has_picture(self) -> bool:
        """It can stand for a case."""
        return self.modality not in WITHOUT_PICTURE


def series_of_owner(
    connection: Connection, owner_id: int, pairs: Iterable[Pair]
) -> dict[Pair, OwnSeries]:
    """Those of the series that the owner has."""
    wanted = set(pairs)
    uids = sorted({uid for _, uid in wanted})
    found: dict[Pair, OwnSeries] = {}
    for at in range(0, len(uids), _AT_ONCE):
        query = _SERIES.where(
            series.c.owner_id == owner_id,
            study.c.owner_id == owner_id,
            series.c.series_instance_uid.in_(uids[at : at + _AT_ONCE]),
        )
        for (
            id_,
            study_uid,
            uid,
            number,
            description,
            modality,
            part,
            images,
            state,
        ) in connection.execute(query):
            found[study_uid, uid] = OwnSeries(
                id_, study_uid, uid, number, description, modality, part, images, State(state)
            )
    return {pair: one for pair, one in found.items() if pair in wanted}


def owned(
    connection: Connection, owner_id: int, document: Document
) -> tuple[Document, list[OwnSeries]]:
    """The document without what the owner has not, and the series that it then shows, in order.

    A series is shown once. A study of which nothing is shown stays, so that its author can choose
    of it again.
    """
    known = series_of_owner(connection, owner_id, document.series_uids())
    studies_known = _studies_of_owner(connection, owner_id, document)
    found: dict[Pair, OwnSeries] = {}
    studies: dict[str, ShownStudy] = {}
    for wanted in document.studies:
        if wanted.uid not in studies_known:
            continue
        kept = []
        for one in wanted.series:
            pair = wanted.uid, one.uid
            if pair in known and pair not in found:
                found[pair] = known[pair]
                kept.append(one)
        before = studies.get(wanted.uid, replace(wanted, series=()))
        studies[wanted.uid] = replace(before, series=(*before.series, *kept))
    start = document.start
    if start.series and all(uid != start.series for _, uid in found):
        start = StartState()
    return replace(document, studies=tuple(studies.values()), start=start), list(found.values())


def put_series(
    connection: Connection, case_id: int, version: int, shown: Sequence[OwnSeries]
) -> None:
    """Let a version of a case be made of these series."""
    of_version = (case_series.c.case_id == case_id, case_series.c.version == version)
    before = set(connection.execute(select(case_series.c.series_id).where(*of_version)).scalars())
    after = {one.id for one in shown}
    # Rows that stay are left alone: whoever deletes a series holds its row, and wants these next.
    if gone := sorted(before - after):
        connection.execute(
            delete(case_series).where(*of_version, case_series.c.series_id.in_(gone))
        )
    rows = [
        {"case_id": case_id, "version": version, "series_id": series_id}
        for series_id in sorted(after - before)
    ]
    if rows:
        connection.execute(insert(case_series), rows)


def picture_of(document: Document, shown: Sequence[OwnSeries]) -> str:
    """The UIDs of the series that stands for the case, of its study first; empty for none.

    It is the one that the viewer begins with, if that can be drawn; else the first with a picture
    that others may see, or with curves; else the first of all, for which there is a sign.
    """
    first = [one for one in shown if one.uid == document.start.series and rank(one.modality) < 2]
    others = sorted(shown, key=lambda one: (rank(one.modality), not one.is_open))
    return next((f"{one.study_uid} {one.uid}" for one in [*first, *others]), "")


def rank(modality: str) -> int:
    """How well a series stands for more: 0 with a picture, 1 drawn as curves, 2 with a sign."""
    return 1 if modality in WAVES else 2 * (modality in WITHOUT_PICTURE)


def _studies_of_owner(connection: Connection, owner_id: int, document: Document) -> set[str]:
    query = select(study.c.study_instance_uid).where(
        study.c.owner_id == owner_id,
        study.c.study_instance_uid.in_([one.uid for one in document.studies]),
    )
    return set(connection.execute(query).scalars())


_SERIES: Final = select(
    series.c.id,
    study.c.study_instance_uid,
    series.c.series_instance_uid,
    series.c.series_number,
    series.c.series_description,
    series.c.modality,
    series.c.body_part_examined,
    series.c.number_of_series_related_instances,
    series.c.review_state,
).join(study, study.c.id == series.c.study_id)
