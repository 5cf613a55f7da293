"""The studies that a reader may see, as the list of studies shows them.

Invariants: the scope is part of every query; a page costs the same however much is stored.
Not here: how they are drawn (`templates/uploads.html`), the search itself (`store.search`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select

from cases.contents import WITHOUT_PICTURE, rank
from cases.using import Use, cases_with
from store.access import Scope, visible
from store.db import Database
from store.schema import series, study
from store.search import Match, Query, search
from viewer.study_states import SETTLED
from viewer.words import utc

__all__ = [
    "PER_PAGE",
    "StudyEntry",
    "StudyPage",
    "find_studies",
    "find_study",
    "is_uid",
    "page_of_studies",
]

PER_PAGE: Final = 50
STUDY_INSTANCE_UID: Final = 0x0020000D
UID_LENGTH: Final = 64


@dataclass(frozen=True, slots=True)
class StudyEntry:
    """One study as a row of the list.

    Attributes:
        uid: its Study Instance UID.
        title: what it is called on the page.
        date: Study Date, as a DA value; it was shifted.
        series, images: how many it has.
        pictured: UID of the series that stands for it; None when it has none.
        came_by: the ways on which it came.
        arrived: when the newest part of it came.
        arriving: more of it may be under way.
        held, left_out: how many of its series wait for their owner's decision, and how many the
            owner left out.
        changed: grows whenever the owner decided something, so that pictures are asked for anew.
        cases: of its owner, that show series of it.
    """

    uid: str
    title: str
    date: str
    series: int
    images: int
    pictured: str | None
    came_by: tuple[str, ...]
    arrived: datetime
    arriving: bool
    held: int
    left_out: int
    changed: int
    cases: tuple[Use, ...] = ()


@dataclass(frozen=True, slots=True)
class StudyPage:
    """One page of the list."""

    entries: tuple[StudyEntry, ...]
    number: int
    total: int

    @property
    def first(self) -> int:
        """The place of its first entry in the whole list, from 1."""
        return (self.number - 1) * PER_PAGE + 1

    @property
    def last(self) -> int:
        """The place of its last entry in the whole list."""
        return self.first + len(self.entries) - 1


def page_of_studies(database: Database, scope: Scope, number: int, now: datetime) -> StudyPage:
    """Page `number` of the studies in the scope, counted from 1, newest first."""
    offset = (number - 1) * PER_PAGE
    found = search(database, scope, Query("study", limit=PER_PAGE, offset=offset, count_all=True))
    entries = _entries(database, scope, found.results, now)
    return StudyPage(entries, number, offset + len(found.results) + found.remaining)


def find_study(database: Database, scope: Scope, uid: str, now: datetime) -> StudyEntry | None:
    """The study of this UID; None when there is none in the scope."""
    # A comma or wildcard would ask for something else than one study.
    if not is_uid(uid):
        return None
    found = search(database, scope, Query("study", (Match(STUDY_INSTANCE_UID, uid),), limit=1))
    entries = _entries(database, scope, found.results, now)
    return entries[0] if entries else None


def find_studies(
    database: Database, scope: Scope, uids: Sequence[str], now: datetime
) -> list[StudyEntry]:
    """Those of the studies that are in the scope, in this order; a page of them at most."""
    wanted = list(dict.fromkeys(uids))[:PER_PAGE]
    found = [find_study(database, scope, uid, now) for uid in wanted]
    return [entry for entry in found if entry is not None]


def is_uid(text: str) -> bool:
    """A UID has this form (PS3.5 9.1); nothing else need be looked up."""
    return len(text) <= UID_LENGTH and all(part.isdecimal() for part in text.split("."))


def _entries(
    database: Database, scope: Scope, results: Sequence[dict[str, Any]], now: datetime
) -> tuple[StudyEntry, ...]:
    uids = [_text(result, "0020000D") for result in results]
    parts = _series_of(database, scope, uids)
    used = {} if scope.owner_id is None else cases_with(database, scope.owner_id, uids)
    return tuple(
        _entry(result, own, used.get(uid, ()), now)
        for uid, result in zip(uids, results, strict=True)
        if (own := parts[uid])
    )


def _series_of(
    database: Database, scope: Scope, uids: Sequence[str]
) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {uid: [] for uid in uids}
    columns = (
        study.c.study_instance_uid,
        series.c.series_instance_uid,
        series.c.modality,
        series.c.body_part_examined,
        series.c.number_of_series_related_instances,
        series.c.came_by,
        series.c.updated_at,
        series.c.review_state,
        series.c.reviewed_at,
    )
    query = (
        select(*columns)
        .join(study, series.c.study_id == study.c.id)
        .where(study.c.study_instance_uid.in_(uids), visible(scope))
        .order_by(series.c.series_number.nulls_last(), series.c.id)
    )
    with database.read() as connection:
        for row in connection.execute(query).mappings():
            found[row["study_instance_uid"]].append(dict(row))
    return found


def _entry(
    result: dict[str, Any], parts: list[dict[str, Any]], cases: tuple[Use, ...], now: datetime
) -> StudyEntry:
    arrived = max(utc(part["updated_at"]) for part in parts)
    return StudyEntry(
        uid=_text(result, "0020000D"),
        title=_text(result, "00081030") or _title(parts),
        date=_text(result, "00080020"),
        series=len(parts),
        images=sum(part["number_of_series_related_instances"] for part in parts),
        pictured=_pictured(parts),
        came_by=tuple(dict.fromkeys(part["came_by"] for part in parts)),
        arrived=arrived,
        arriving=now - arrived < SETTLED,
        held=sum(part["review_state"] == "held" for part in parts),
        left_out=sum(part["review_state"] == "left-out" for part in parts),
        changed=max(_second(part["reviewed_at"]) for part in parts),
        cases=cases,
    )


def _title(parts: list[dict[str, Any]]) -> str:
    """ "MR wrist", from what the series say, for a study without a description."""
    modality = next((part["modality"] for part in parts if part["modality"]), "")
    body_part = next((part["body_part_examined"] for part in parts if _is_picture(part)), "")
    if not modality:
        return "Study"
    return f"{modality} {str(body_part).lower() or 'study'}"


def _pictured(parts: list[dict[str, Any]]) -> str | None:
    # The longest series is seldom a scout or a dose report.
    best = min(
        parts,
        key=lambda part: (rank(part["modality"]), -int(part["number_of_series_related_instances"])),
        default=None,
    )
    return None if best is None else str(best["series_instance_uid"])


def _is_picture(part: dict[str, Any]) -> bool:
    return part["modality"] not in WITHOUT_PICTURE


def _text(result: dict[str, Any], tag: str) -> str:
    values = result.get(tag, {}).get("Value") or [""]
    return str(values[0])


def _second(moment: datetime | None) -> int:
    return 0 if moment is None else int(utc(moment).timestamp())
