"""Holds series back from others until a person has looked at them; keeps what the person decided.

    free ──> held ──> attested        an instance that has a reason came; the owner looked
               └────> masked          its pixels were blacked out (`store.masks`)
    any ─────> left-out ──> held      the owner keeps the series from others

Standard: PS3.15 E.3.1 (clean pixel data: somebody has to look).
Invariants: a new instance with a reason puts every series but a left-out one back to held, since
nobody has seen that instance; the reasons of a series are those of its instances.
Not here: the reasons (`deid.review`), who sees what in which state (`store.access`), the
transactions that add and replace instances (`store.indexing`, `store.replacing`).
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Connection, Row, Select, case, select, update

from store.audit import Deed, note
from store.changes import bump
from store.db import Database, in_utc
from store.errors import NoSuchSeries, Outdated
from store.schema import instance, series, study
from store.states import State

__all__ = [
    "Decision",
    "Receipts",
    "Review",
    "SeriesReview",
    "State",
    "after_arrival",
    "after_masking",
    "joined_reasons",
]

Decision = Literal["attest", "leave-out", "hold"]


@dataclass(frozen=True)
class SeriesReview:
    """One series as its owner reviews it.

    Attributes:
        series_instance_uid: its UID.
        number, description, modality: what the owner knows it by.
        instances: how many it has.
        state: see `State`.
        reasons: values of `deid.Reason`, sorted.
        reviewed_at: when a person decided; None when nobody has since the last instance that
            somebody must look at.
    """

    series_instance_uid: str
    number: int | None
    description: str
    modality: str
    instances: int
    state: State
    reasons: tuple[str, ...]
    reviewed_at: datetime | None


@dataclass(frozen=True)
class Receipts:
    """The receipts of a series, added up.

    Attributes:
        instances: how many have a receipt.
        without: how many were stored before there were receipts.
        profiles: how many of them by which profile: name, version and SHA-256.
        actions, rules: elements by action and by rule, as in `deid.Receipt`.
    """

    instances: int
    without: int
    profiles: Mapping[tuple[str, str, str], int]
    actions: Mapping[str, int]
    rules: Mapping[str, int]


class Review:
    """What owners are told of the state of their series, and what they decide.

    Args:
        database: the index.
        clock: gives the present time, with its zone.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def series(self, owner_id: int, study_instance_uid: str) -> list[SeriesReview]:
        """The series of one of the owner's studies, in the order of their numbers."""
        with self._database.read() as connection:
            rows = connection.execute(_SERIES.where(*_of(owner_id, study_instance_uid))).all()
        return [_review(row) for row in rows]

    def decide(
        self,
        owner_id: int,
        study_instance_uid: str,
        series_instance_uid: str,
        decision: Decision,
        by: int,
        *,
        seen: int | None = None,
    ) -> SeriesReview:
        """Let the owner decide.

        Args:
            owner_id, study_instance_uid, series_instance_uid: the series.
            decision: `attest` opens a held series, which has no effect on any other; `leave-out`
                keeps it to its owner; `hold` takes either back.
            by: the account that decides.
            seen: how many instances the series had when the person looked at it.

        Raises:
            NoSuchSeries: the owner has no such series.
            Outdated: it does not have as many instances as were seen; nothing is changed.
        """
        place = _of(owner_id, study_instance_uid, series_instance_uid)
        found = select(series.c.id).join(study, study.c.id == series.c.study_id).where(*place)
        with self._database.write() as connection:
            id_ = connection.execute(found).scalar()
            if id_ is None:
                raise NoSuchSeries("There is no such series.")
            _lock_seen(connection, id_, seen)
            now = self._clock()
            decided = {"reviewed_at": now, "reviewed_by": by}
            change = update(series).where(series.c.id == id_, _APPLIES[decision])
            connection.execute(change.values(review_state=_BECOMES[decision], **decided))
            decided_now = _review(connection.execute(_SERIES.where(*place)).one())
            note(connection, Deed(now, by, f"{decision} series", series_instance_uid))
            bump(connection, owner_id)
            return decided_now

    def receipt(
        self,
        owner_id: int,
        study_instance_uid: str,
        series_instance_uid: str,
        sop_instance_uid: str,
    ) -> str | None:
        """The receipt of an instance as JSON; None when there is no such instance or no receipt."""
        place = _of(owner_id, study_instance_uid, series_instance_uid)
        query = _RECEIPTS.where(*place, instance.c.sop_instance_uid == sop_instance_uid)
        with self._database.read() as connection:
            return connection.execute(query).scalar() or None

    def receipts(
        self, owner_id: int, study_instance_uid: str, series_instance_uid: str
    ) -> Receipts:
        """The receipts of a series, added up."""
        place = _of(owner_id, study_instance_uid, series_instance_uid)
        with self._database.read() as connection:
            return _summed(connection.execute(_RECEIPTS.where(*place)).scalars())


def joined_reasons(*reasons: str) -> str:
    """Reasons as the index has them: each once, sorted, with spaces between."""
    return " ".join(sorted({reason for some in reasons for reason in some.split()}))


def after_arrival(state: str, reasons: str, arrived: Iterable[str]) -> dict[str, Any]:
    """What changes in the row of a series to which instances with these reasons were added."""
    joined = joined_reasons(reasons, *arrived)
    if not any(arrived) or (state in (State.HELD, State.LEFT_OUT) and joined == reasons):
        return {}
    if state in (State.HELD, State.LEFT_OUT):
        return {"review_reasons": joined}
    held = {"review_state": State.HELD, "reviewed_at": None, "reviewed_by": None}
    return {**held, "review_reasons": joined}


def after_masking(state: str, left: Iterable[str], by: int, now: datetime) -> dict[str, Any]:
    """What changes in the row of a series of which images were masked and these reasons are left.

    While any is left, somebody still has to look at what was not masked.
    """
    joined = joined_reasons(*left)
    if joined or state == State.LEFT_OUT:
        return {"review_reasons": joined}
    masked = {"review_state": State.MASKED, "reviewed_at": now, "reviewed_by": by}
    return {**masked, "review_reasons": ""}


_SERIES: Final[Select[Any]] = (
    select(
        series.c.series_instance_uid,
        series.c.series_number,
        series.c.series_description,
        series.c.modality,
        series.c.number_of_series_related_instances,
        series.c.review_state,
        series.c.review_reasons,
        series.c.reviewed_at,
    )
    .join(study, study.c.id == series.c.study_id)
    .order_by(series.c.series_number.nulls_last(), series.c.id)
)
_RECEIPTS: Final = (
    select(instance.c.receipt)
    .join(series, series.c.id == instance.c.series_id)
    .join(study, study.c.id == series.c.study_id)
)
_is_held: Final = series.c.review_state == State.HELD
_is_decided: Final = series.c.review_state.in_([State.ATTESTED, State.MASKED, State.LEFT_OUT])
_APPLIES: Final[Mapping[Decision, ColumnElement[bool]]] = {
    "attest": _is_held,
    "leave-out": series.c.review_state != State.LEFT_OUT,
    "hold": _is_decided,
}
_BECOMES: Final[Mapping[Decision, Any]] = {
    "attest": State.ATTESTED,
    "leave-out": State.LEFT_OUT,
    "hold": case((series.c.review_reasons == "", State.FREE), else_=State.HELD),
}


def _of(
    owner_id: int, study_instance_uid: str, series_instance_uid: str | None = None
) -> list[ColumnElement[bool]]:
    found = [study.c.owner_id == owner_id, study.c.study_instance_uid == study_instance_uid]
    if series_instance_uid is not None:
        found.append(series.c.series_instance_uid == series_instance_uid)
    return found


def _lock_seen(connection: Connection, series_id: int, seen: int | None) -> None:
    """Keep others from adding to the series, and see that nobody has."""
    # An update, as it waits for a batch under way and then looks again, on either database.
    locking = update(series).where(series.c.id == series_id).values(id=series.c.id)
    if seen is not None:
        locking = locking.where(series.c.number_of_series_related_instances == seen)
    if connection.execute(locking).rowcount == 0:
        raise Outdated("The series has changed since it was looked at.")


def _review(row: Row[Any]) -> SeriesReview:
    return SeriesReview(
        series_instance_uid=row.series_instance_uid,
        number=row.series_number,
        description=row.series_description,
        modality=row.modality,
        instances=row.number_of_series_related_instances,
        state=State(row.review_state),
        reasons=tuple(row.review_reasons.split()),
        reviewed_at=in_utc(row.reviewed_at) if row.reviewed_at else None,
    )


def _summed(receipts: Iterable[str]) -> Receipts:
    without, profiles = 0, Counter[tuple[str, str, str]]()
    actions, rules = Counter[str](), Counter[str]()
    for text in receipts:
        if not text:
            without += 1
            continue
        receipt = json.loads(text)
        profiles[receipt["profile"], receipt["version"], receipt["sha256"]] += 1
        actions.update(receipt["actions"])
        rules.update(receipt["rules"])
    return Receipts(profiles.total(), without, profiles, actions, rules)
