"""Who may see what, decided in one place and inside the query.

A scope is a set of rows of `store.schema.series`, and names whose eyes look at it. Every search and
every retrieval joins its series and adds `visible`, so that counts, limits and offsets are true
for the caller.
Invariants: a reader without a scope reads nothing; nothing is hidden after the query; a series that
is held for review, or left out by its owner, is in nobody's view but its owner's, whatever scope
has it. Only this module asks a scope for its condition.
Not here: who a caller is (`accounts`); `server` wires the real gate to the edges; what makes a
series held, and what its owner decides (`store.review`).
"""

from dataclasses import dataclass
from typing import Final, Protocol, final

from sqlalchemy import ColumnElement, and_, false, or_

from store.review import State
from store.schema import series

__all__ = ["OPEN_STATES", "Gate", "NothingScope", "OwnerScope", "Scope", "visible"]

OPEN_STATES: Final = (State.FREE, State.ATTESTED, State.MASKED)
"""The states of review in which a series may be shown to others than its owner."""


class Scope(Protocol):
    """A set of series that a caller may see, short of those held for review."""

    @property
    def owner_id(self) -> int | None:
        """The account whose eyes these are; None for a stranger's."""

    def condition(self) -> ColumnElement[bool]:
        """True for each row of `series` that is in the scope; for `visible` alone."""


@final
@dataclass(frozen=True)
class OwnerScope:
    """All that one owner has stored."""

    owner_id: int

    def condition(self) -> ColumnElement[bool]:
        """True for the owner's series."""
        return series.c.owner_id == self.owner_id


@dataclass(frozen=True)
class NothingScope:
    """What a stranger sees while nothing is published."""

    owner_id: None = None

    def condition(self) -> ColumnElement[bool]:
        """True for no row."""
        return false()


def visible(scope: Scope) -> ColumnElement[bool]:
    """True for each row of `series` that may be shown within the scope: the one condition."""
    if isinstance(scope, OwnerScope):
        # Owners see all of theirs. Said without an OR, so that the index on the owner is used.
        return scope.condition()
    open_to_others = series.c.review_state.in_(OPEN_STATES)
    if scope.owner_id is None:
        return and_(scope.condition(), open_to_others)
    return and_(scope.condition(), or_(open_to_others, series.c.owner_id == scope.owner_id))


class Gate(Protocol):
    """Asked by an edge who its caller is; `server` supplies the real one."""

    def reader(self, authorization: str | None) -> Scope | None:
        """What this caller may read.

        Args:
            authorization: the Authorization header of the request, if it has one. A gate may
                know more of the caller (a session) by itself.

        Returns:
            The caller's scope, or None when credentials were given and are not valid.
        """

    def storer(self, authorization: str | None) -> int | None:
        """The owner to whom this caller's instances go, or None when it may not store."""
