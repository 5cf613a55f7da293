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

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, final, runtime_checkable

from sqlalchemy import BindParameter, ColumnElement, Select, and_, exists, false, or_, select

from store.schema import series, study
from store.states import State

__all__ = [
    "OPEN_STATES",
    "Caller",
    "Gate",
    "LeadingScope",
    "LentScope",
    "NothingScope",
    "OwnerScope",
    "Scope",
    "SeriesScope",
    "UploadScope",
    "visible",
    "visible_later",
    "visible_studies",
    "visible_studies_later",
]

OPEN_STATES: Final = (State.FREE, State.ATTESTED, State.MASKED)
"""The states of review in which a series may be shown to others than its owner."""


class Scope(Protocol):
    """A set of series that a caller may see, short of those held for review."""

    @property
    def owner_id(self) -> int | None:
        """The account whose eyes these are; None for a stranger's."""

    def condition(self) -> ColumnElement[bool]:
        """True for each row of `series` that is in the scope; for `visible` alone."""


@runtime_checkable
class LeadingScope(Scope, Protocol):
    """A scope of few series among many, which can name their studies."""

    def studies(self) -> Select[tuple[int]]:
        """The keys of the studies that its series are in, and perhaps of some more.

        Whoever wants a few does not wait for all; one may come several times.
        """


@final
@dataclass(frozen=True)
class OwnerScope:
    """All that one owner has stored."""

    owner_id: int

    def condition(self) -> ColumnElement[bool]:
        """True for the owner's series."""
        return series.c.owner_id == self.owner_id


@final
@dataclass(frozen=True)
class SeriesScope:
    """A fixed set of series, by the numbers of their rows: what a case is made of, or a share.

    Attributes:
        owner_id: whose eyes these are; None shows what is open to others only.
    """

    series_ids: frozenset[int]
    owner_id: int | None = None

    def condition(self) -> ColumnElement[bool]:
        """True for the series of the set."""
        return series.c.id.in_(sorted(self.series_ids))


@final
@dataclass(frozen=True)
class UploadScope:
    """The studies that one owner sent in one upload.

    Attributes:
        owner_id: whose upload it is, and whose eyes these are.
    """

    upload_id: int
    owner_id: int

    def condition(self) -> ColumnElement[bool]:
        """True for the series of these studies."""
        studies = select(study.c.id).where(study.c.upload_id == self.upload_id)
        return and_(series.c.owner_id == self.owner_id, series.c.study_id.in_(studies))


@final
@dataclass(frozen=True)
class LentScope:
    """What somebody shows to those who have a link; not for everybody, though for nobody's eyes.

    Attributes:
        scope: what the link shows; of strangers' eyes.
    """

    scope: Scope
    owner_id: None = None

    def condition(self) -> ColumnElement[bool]:
        """True for what the link shows."""
        return self.scope.condition()


@dataclass(frozen=True)
class NothingScope:
    """What a stranger sees where nothing is for strangers."""

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


def visible_later(owner: BindParameter[int]) -> ColumnElement[bool]:
    """The same for the scope of an owner who is named when the statement is executed."""
    return series.c.owner_id == owner


def visible_studies(scope: Scope) -> ColumnElement[bool]:
    """True for each row of `study` that has a series that is `visible`."""
    if isinstance(scope, OwnerScope):
        # Every row of `study` has a series, and all of its series are its owner's: said of the
        # study itself, it needs no look at the series.
        return study.c.owner_id == scope.owner_id
    return exists().where(series.c.study_id == study.c.id, visible(scope))


def visible_studies_later(owner: BindParameter[int]) -> ColumnElement[bool]:
    """The same for the scope of an owner who is named when the statement is executed."""
    return study.c.owner_id == owner


@dataclass(frozen=True)
class Caller:
    """Who asks, as far as a request tells.

    Attributes:
        authorization: the Authorization header, if there is one.
        root: the values in the path of the root that is asked, by name: which share, which upload.
        address: from where the request comes; empty when that is not known.
        agent: the User-Agent header.
    """

    authorization: str | None = None
    root: Mapping[str, str] = field(default_factory=dict)
    address: str = ""
    agent: str = ""


class Gate(Protocol):
    """Asked by an edge what its caller may do; `server` supplies the real one.

    Each answer holds for one request: what is revoked is void at the next one. A gate may know more
    of the caller (a session) by itself. Each of its methods may raise:

        Forbidden: it is known who the caller is, and this is not open to it.
        NoSuchRoot: there is no root of these values, or not any more.
        TooManyRequests: the caller asked too often.
    """

    def reader(self, caller: Caller) -> Scope | None:
        """What this caller may read; None when credentials were given and are not valid."""

    def renewed(self, scope: Scope) -> Scope:
        """A scope that it gave, as of now: an answer is under way, and what it shows may end."""

    def storer(self, caller: Caller) -> int | None:
        """The owner to whom this caller's instances go, or None when nothing tells who it is."""

    def remover(self, caller: Caller) -> Scope | None:
        """In what this caller may delete what belongs to the eyes that it has, or None."""
