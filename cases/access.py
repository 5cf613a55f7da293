"""Who sees which case, and which series of it, as conditions of the query.

A case is seen by everybody once it is published, unless it is private or hidden; by moderators,
when it is published and hidden; and by its owner always. Everybody sees the series of all of its
published versions, its owner those of the working copy, too.
Invariants: whether a case is published, private or hidden is asked by the same statement that reads
its series, so what is taken back is gone with the next statement; a case that the caller may not
see is answered like one that there is not. What is held for review is left to `store.access`.
Not here: what a case consists of (`cases.cases`), share links (`cases.share_access`).
"""

from dataclasses import dataclass
from typing import Final, final

from sqlalchemy import ColumnElement, Select, and_, bindparam, exists, or_, select

from cases.cases import Case, case_by_code
from cases.codes import is_code
from cases.errors import NoSuchCase
from cases.schema import WORKING_COPY, case, case_series
from store.db import Database
from store.schema import series

__all__ = ["CaseScope", "PublishedScope", "case_seen_by", "is_public", "scope_of_case"]


def is_public() -> ColumnElement[bool]:
    """True for each row of `case` that everybody may see."""
    return and_(_is_published(), case.c.hidden_at.is_(None))


@final
@dataclass(frozen=True)
class PublishedScope:
    """What a stranger sees: the series of all public cases, in the versions that are shown.

    Attributes:
        besides: an account whose series are left out, for who sees them anyhow; None for nobody.
    """

    owner_id: None = None
    besides: int | None = None

    def condition(self) -> ColumnElement[bool]:
        """True for the series of public cases."""
        return _is_in_case(self._is_shown())

    def studies(self) -> Select[tuple[int]]:
        """The studies of public cases."""
        return _studies_of_cases(self._is_shown())

    def _is_shown(self) -> ColumnElement[bool]:
        shown = and_(case_series.c.version == case.c.version, is_public())
        return shown if self.besides is None else and_(series.c.owner_id != self.besides, shown)


@final
@dataclass(frozen=True)
class CaseScope:
    """The series of one case, as far as its reader may see it.

    Attributes:
        case_id: the case.
        owner_id: whose eyes these are; None for those who see what everybody does. When it is the
            owner of the case, the scope has the working copy and what is pending, too, and shows
            series that are held for review, which readers do not see.
        sees_hidden: a hidden case is seen, too: a moderator looks.
    """

    case_id: int
    owner_id: int | None = None
    sees_hidden: bool = False

    def condition(self) -> ColumnElement[bool]:
        """True for the series of the case."""
        return _is_in_case(self._is_shown())

    def studies(self) -> Select[tuple[int]]:
        """The studies of the case."""
        return _studies_of_cases(self._is_shown())

    def _is_shown(self) -> ColumnElement[bool]:
        readers = _is_published() if self.sees_hidden else is_public()
        seen = and_(readers, case_series.c.version != WORKING_COPY)
        if self.owner_id is not None:
            seen = or_(seen, case.c.owner_id == self.owner_id)
        return and_(case_series.c.case_id == self.case_id, seen)


def scope_of_case(
    database: Database, code: str, account_id: int | None, *, moderator: bool = False
) -> CaseScope:
    """What a caller sees of a case.

    Args:
        database: the index.
        code: of the case.
        account_id: of the caller; None for a stranger.
        moderator: the caller is one.

    Raises:
        NoSuchCase: there is none that the caller may see.
    """
    found = None
    if is_code(code):
        found = database.row(_SEEN[moderator], {"code": code, "account_id": account_id})
    if found is None:
        raise NoSuchCase("There is no such case.")
    case_id, owner_id, hidden_at = found
    if owner_id == account_id:
        return CaseScope(case_id, owner_id)
    # All others see the same thing, which caches may keep for all of them, unless it is hidden.
    return CaseScope(case_id) if hidden_at is None else CaseScope(case_id, account_id, True)


def case_seen_by(
    database: Database, code: str, account_id: int | None, *, moderator: bool = False
) -> Case:
    """A case, if the caller may see it; the arguments are those of `scope_of_case`.

    Raises:
        NoSuchCase: there is none that the caller may see.
    """
    scope_of_case(database, code, account_id, moderator=moderator)
    return case_by_code(database, code)


def _is_published() -> ColumnElement[bool]:
    return and_(case.c.version.is_not(None), case.c.private.is_(False))


def _is_in_case(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    # Asked of each series by itself: SQLite would make a list of all that are in cases first, for
    # every frame that is asked for.
    of_series = and_(case_series.c.series_id == series.c.id, case.c.id == case_series.c.case_id)
    return exists().where(of_series, condition).correlate(series)


def _studies_of_cases(condition: ColumnElement[bool]) -> Select[tuple[int]]:
    found = select(series.c.study_id).select_from(case_series)
    found = found.join(case, case.c.id == case_series.c.case_id)
    return found.join(series, series.c.id == case_series.c.series_id).where(condition)


def _seen(readers: ColumnElement[bool]) -> Select[tuple[int, int, object]]:
    asks = case.c.owner_id == bindparam("account_id")
    found = select(case.c.id, case.c.owner_id, case.c.hidden_at)
    return found.where(case.c.code == bindparam("code"), or_(asks, readers))


_SEEN: Final = {False: _seen(is_public()), True: _seen(_is_published())}
