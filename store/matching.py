"""How a value of a search matches a column of the index.

Standard: PS3.4 C.2.2.2 (single value, list of UID, universal, wild card and range matching, with
C.2.2.2.5 for dates and times together), PS3.18 8.3.4.1 (the same in a query string).
Not here: which attributes there are (`store.search_keys`); values that are in no column
(`store.search_values`, which matches alike).
"""

import re
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, false, func, or_, true

from store.errors import NotSearchable
from store.search_rules import (
    EMPTY,
    INTEGERS,
    LITERAL,
    MOST_VALUES,
    WILD,
    Rules,
    Span,
    date_span,
    is_universal,
    one_of,
    words_of,
)

__all__ = ["condition", "moments"]

LONGEST: Final = 10_240
"""Characters of what is no list of UIDs: those of a Long Text. SQLite takes no pattern of 50 KB."""

_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,12}")
_INTEGER_COLUMN: Final = range(-(2**31), 2**31)
_BEFORE_WORD: Final = ("", "% ", "%^", "%=", "%,")


def condition(
    column: ColumnElement[Any], vr: str, value: str, name: str, rules: Rules = LITERAL
) -> ColumnElement[bool]:
    """True for the rows that match.

    Args:
        column: text, or a number for IS and US.
        vr: of the attribute.
        value: as QIDO-RS writes it; empty matches everything, unless the rules say otherwise.
        name: of the attribute, for people.
        rules: how the search wants its values taken.

    Raises:
        NotSearchable: the value is not one of this VR, or too long.
    """
    if is_universal(vr, value, rules):
        return true()
    if value in EMPTY:
        return column.is_(None) if vr in INTEGERS else column == ""
    parts = one_of(vr, value, rules)
    if vr == "UI":
        return column.in_(parts)
    if len(value) > LONGEST:
        raise NotSearchable(f"{name} is searched by at most {LONGEST:,} characters.")
    if len(parts) > MOST_VALUES:
        raise NotSearchable(f"{name} is searched by at most {MOST_VALUES} values at once.")
    return or_(false(), *(_single(column, vr, part, name, rules) for part in parts))


def moments(
    date: ColumnElement[Any], time: ColumnElement[Any], dates: Span, times: Span
) -> ColumnElement[bool]:
    """True for the rows whose date and time together lie in one range of moments."""
    bounds = [date != ""]
    if dates.first:
        later = and_(date == dates.first, time >= times.first) if times.first else true()
        bounds.append(or_(date > dates.first, and_(date == dates.first, later)))
    if dates.last:
        earlier = _until(time, times.last) if times.last else true()
        bounds.append(or_(date < dates.last, and_(date == dates.last, earlier)))
    return and_(*bounds)


def like(value: str) -> str:
    """The pattern of SQL for a value in which * and ? stand for other characters."""
    return _escaped(value).replace("*", "%").replace("?", "_")


def _single(
    column: ColumnElement[Any], vr: str, value: str, name: str, rules: Rules
) -> ColumnElement[bool]:
    if vr in ("DA", "TM"):
        return _in_span(column, date_span(vr, value, name))
    if vr in INTEGERS:
        if not _WHOLE.fullmatch(value.strip()):
            raise NotSearchable(f"{name} is searched by a whole number.")
        return column == int(value) if int(value) in _INTEGER_COLUMN else false()
    if vr == "PN" and rules.fuzzy:
        words = words_of(value)
        if len(words) > MOST_VALUES:
            raise NotSearchable(f"{name} is searched by at most {MOST_VALUES} words at once.")
        return and_(true(), *(_begins_a_part(column, word) for word in words))
    if vr in WILD and ("*" in value or "?" in value):
        return column.ilike(like(value), escape="\\")
    if vr == "PN":
        # PS3.4 C.2.2.2.1: names may match without regard to case and to trailing delimiters.
        bare = func.lower(func.rtrim(column, "^")) == value.rstrip("^").lower()
        return and_(column != "", bare)
    return column == value


def _begins_a_part(column: ColumnElement[Any], word: str) -> ColumnElement[bool]:
    pattern = f"{_escaped(word)}%"
    return or_(*(column.ilike(before + pattern, escape="\\") for before in _BEFORE_WORD))


def _escaped(value: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", value)


def _in_span(column: ColumnElement[Any], span: Span) -> ColumnElement[bool]:
    # What is empty comes before every date and time.
    bounds = [column >= span.first if span.first else column != ""]
    if span.last:
        bounds.append(_until(column, span.last))
    return and_(*bounds)


def _until(column: ColumnElement[Any], last: str) -> ColumnElement[bool]:
    # 10 as the end of a range of times is the whole hour, and 1030 the whole minute.
    return column <= last if len(last) == 8 else func.substr(column, 1, len(last)) <= last
