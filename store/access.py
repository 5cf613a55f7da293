"""Who may see what, decided in one place and inside the query.

A scope is a condition on rows of `store.schema.series`: every search and every retrieval joins
its series and adds the condition, so that counts, limits and offsets are true for the caller.
Invariants: a reader without a scope reads nothing; nothing is hidden after the query.
Not here: who a caller is (`accounts`); `server` wires the real gate to the edges.
"""

from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import ColumnElement, false

from store.schema import series

__all__ = ["Gate", "NothingScope", "OwnerScope", "Scope"]


class Scope(Protocol):
    """A set of series that a caller may see."""

    def condition(self) -> ColumnElement[bool]:
        """True for each row of `series` that is in the scope."""


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

    def condition(self) -> ColumnElement[bool]:
        """True for no row."""
        return false()


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
