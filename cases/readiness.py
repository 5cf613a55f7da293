"""Why a case cannot be published as it is.

Invariants: what is asked here when somebody looks is asked again in the transaction that publishes.
Not here: names and numbers in texts, which are only warned of (`cases.suspicions`).
"""

from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import Connection, select

from cases.contents import OwnSeries, owned
from cases.schema import WORKING_COPY, case, case_series
from cases.showing import default_name
from cases.snapshots import snapshot_of
from cases.working import Case
from store.db import Database
from store.states import State

__all__ = ["blockers", "reasons_against"]

_CLOSED: Final = {
    State.HELD: "is held for review: look at it, or take it out of the case.",
    State.LEFT_OUT: "is left out, so that only you see it: take it out of the case.",
}


def blockers(database: Database, found: Case) -> list[str]:
    """Why a case cannot be published as it is, a sentence each; empty when it can."""
    with database.read() as connection:
        _, shown = owned(connection, found.owner_id, found.document)
        return reasons_against(connection, found, shown)


def reasons_against(connection: Connection, found: Case, shown: Sequence[OwnSeries]) -> list[str]:
    """Return the same, in the transaction that would publish it; `shown` is what it shows."""
    sentences = []
    if found.hidden_at is not None:
        sentences.append("The case is hidden until a moderator has looked at it.")
    if not found.title:
        sentences.append("The case has no title.")
    if not shown:
        sentences.append("The case shows no series.")
    names = {one.uid: one.name for study in found.document.studies for one in study.series}
    hidden = _in_hidden_cases(connection, found, shown)
    for one in shown:
        name = names.get(one.uid) or default_name(one.number, one.description)
        if not one.is_open:
            sentences.append(f"{name} {_CLOSED[one.state]}")
        elif one.id in hidden:
            sentences.append(f"{name} is part of another case, which a moderator has to look at.")
    if found.version is not None and not found.changed and _is_as_published(connection, found):
        sentences.append(f"Nothing has changed since version {found.version}.")
    return sentences


def _in_hidden_cases(
    connection: Connection, found: Case, shown: Sequence[OwnSeries]
) -> Collection[int]:
    """Return which of the series somebody has reported, so that they are not just shown again."""
    query = (
        select(case_series.c.series_id)
        .join(case, case.c.id == case_series.c.case_id)
        .where(case.c.hidden_at.is_not(None), case.c.id != found.id)
        .where(case_series.c.version != WORKING_COPY)
        .where(case_series.c.series_id.in_([one.id for one in shown]))
    )
    return set(connection.execute(query).scalars())


def _is_as_published(connection: Connection, found: Case) -> bool:
    assert found.version is not None
    said = snapshot_of(connection, found.id, found.version)
    now = found.title, found.modality, found.body_part
    return now == (said.title, said.modality, said.body_part)
