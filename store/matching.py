"""How a value of a search matches a column of the index.

Standard: PS3.4 C.2.2.2 (single value, list of UID, universal, wild card and range matching),
PS3.18 8.3.4.1 (the same in a query string).
Not here: which attributes there are (`store.search_keys`).
"""

import re
from typing import Any

from sqlalchemy import Column, ColumnElement, and_, func, or_, true

from store.errors import NotSearchable

__all__ = ["UNIVERSAL", "condition"]

UNIVERSAL = frozenset({"", '""', "*"})
"""Values that match everything."""

_WILD = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UT"})
# A viewer that searches many studies at once joins UIDs with one or two backslashes.
_LIST = re.compile(r"[,\\]+")
_WHOLE = re.compile(r"[+-]?[0-9]{1,9}")
_FORM = {"DA": re.compile(r"\d{8}"), "TM": re.compile(r"\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?")}


def condition(column: Column[Any], vr: str, value: str) -> ColumnElement[bool]:
    """True for the rows that match.

    Args:
        column: text, or a number for IS and US.
        vr: of the attribute.
        value: as QIDO-RS writes it; empty matches everything.

    Raises:
        NotSearchable: the value is not one of this VR.
    """
    if value in UNIVERSAL:
        return true()
    if vr in ("DA", "TM"):
        return _range(column, vr, value)
    if vr in ("UI", "CS"):
        parts = [part for part in _LIST.split(value) if part]
        return or_(*(_single(column, vr, part) for part in parts))
    return _single(column, vr, value)


def _single(column: Column[Any], vr: str, value: str) -> ColumnElement[bool]:
    if vr in ("IS", "US"):
        if not _WHOLE.fullmatch(value.strip()):
            raise NotSearchable(f"{column.name} is searched by a whole number.")
        return column == int(value)
    if vr in _WILD and ("*" in value or "?" in value):
        return column.ilike(_like(value), escape="\\")
    if vr == "PN":
        # PS3.4 C.2.2.2.1: names may match without regard to case and to trailing delimiters.
        bare = value.rstrip("^").lower()
        return func.lower(func.rtrim(column, "^")) == bare
    return column == value


def _like(value: str) -> str:
    escaped = re.sub(r"([\\%_])", r"\\\1", value)
    return escaped.replace("*", "%").replace("?", "_")


def _range(column: Column[Any], vr: str, value: str) -> ColumnElement[bool]:
    first, dash, last = value.partition("-")
    if not dash:
        last = first
    for end in (first, last):
        if end and not _FORM[vr].fullmatch(end):
            raise NotSearchable(f"{column.name} is searched by a {vr} value or a range of two.")
    bounds = [column != ""]
    if first:
        bounds.append(column >= first)
    if last:
        # 10 as the end of a range of times is the whole hour, and 1030 the whole minute.
        bounds.append(func.substr(column, 1, len(last)) <= last)
    return and_(*bounds)
