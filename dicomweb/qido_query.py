"""Reads the query parameters of a search.

Standard: PS3.18 8.3.4 (query parameters of searches), 10.6.1.3 (the keys of each resource).
Invariants: what is not understood of a parameter's value is a 400 with a sentence that names the
parameter and never its value; parameters that are unknown are passed over, with a warning where
the results would otherwise look narrower than they are.
Not here: how values match (`store.search`), the answer (`dicomweb.qido`).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword

from dicomweb.errors import BadRequest
from store.search import ALL, Level, Match, Query
from store.search_rules import Rules

__all__ = ["Place", "read_query"]

MAX_RESULTS: Final = 10_000
MAX_LARGE_RESULTS: Final = 1_000
"""The most results in an answer, and in one for which each data set is read."""
MAX_NUMBER: Final = 2**31 - 1

_STUDY_UID: Final = 0x0020000D
_SERIES_UID: Final = 0x0020000E
_TAG: Final = re.compile(r"[0-9A-Fa-f]{8}")
# Lists of them, wildcards, and the empty value in quotes.
_UIDS: Final = re.compile(r'[0-9.,\\\s*?"]*')
_CONTROL: Final = {chr(code) for code in range(32)} | {"\x7f"}
# They are counted, or made, for each answer; nothing finds a study by them.
_NO_KEYS: Final = frozenset({0x00081190, 0x00201206, 0x00201208})


@dataclass(frozen=True, slots=True)
class Place:
    """Which of the search resources is asked: what is looked for, and below what."""

    level: Level
    study: str | None = None
    series: str | None = None


@dataclass
class _Read:
    """What the parameters have said so far."""

    values: dict[tuple[int, ...], str] = field(default_factory=dict)
    include: set[int | tuple[int, ...]] = field(default_factory=set)
    everything: bool = False
    numbers: dict[str, int] = field(default_factory=dict)
    flags: dict[str, bool] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


_FLAGS: Final = ("fuzzymatching", "emptyvaluematching", "multiplevaluematching")


def read_query(place: Place, parameters: Iterable[tuple[str, str]]) -> tuple[Query, list[str]]:
    """Make a search of the parameters; return it with what the caller is warned of.

    Raises:
        BadRequest: a parameter has a value that it cannot have.
    """
    read = _Read()
    keys = []
    for name, value in parameters:
        if name in read.numbers or name in read.flags:
            raise BadRequest(f"The parameter {name} is given more than once.")
        if name in ("limit", "offset"):
            read.numbers[name] = _number(name, value)
        elif name in _FLAGS:
            read.flags[name] = _is_true(name, value)
        elif name == "includefield":
            _include(read, value)
        elif (path := _path(name)) is not None:
            keys.append((name, path, value))
    rules = Rules(*(read.flags.get(name, False) for name in _FLAGS))
    for name, path, value in keys:
        _key(read, name, path, value, rules)
    return _query(place, read, rules), read.warnings


def _query(place: Place, read: _Read, rules: Rules) -> Query:
    found = [Match(path[-1], value, path[:-1]) for path, value in read.values.items()]
    # Those of the path come on top: a key of the same name can only narrow them further.
    found += [Match(_STUDY_UID, place.study)] if place.study is not None else []
    found += [Match(_SERIES_UID, place.series)] if place.series is not None else []
    most = MAX_LARGE_RESULTS if read.everything else MAX_RESULTS
    return Query(
        place.level,
        tuple(found),
        ALL if read.everything else frozenset(read.include),
        limit=min(read.numbers.get("limit", most), most),
        offset=read.numbers.get("offset", 0),
        with_parents=place.study is None or (place.level == "instance" and place.series is None),
        rules=rules,
    )


def _include(read: _Read, value: str) -> None:
    for word in re.split(r"[,\\]", value):
        if word.strip().lower() == "all":
            read.everything = True
        elif (path := _path(word.strip())) is not None:
            read.include.add(path if len(path) > 1 else path[0])


def _key(read: _Read, name: str, path: tuple[int, ...], value: str, rules: Rules) -> None:
    if not _CONTROL.isdisjoint(value):
        raise BadRequest(f"The value of {_named(path)} holds a control character.")
    if _vr(path[-1]) == "UI" and not _UIDS.fullmatch(value):
        raise BadRequest(f"The value of {_named(path)} is no UID.")
    if path[-1] in _NO_KEYS:
        read.warnings.append(f"The attribute {path[-1]:08X} is not supported as a matching key")
    elif path not in read.values or read.values[path] == value:
        read.values[path] = value
    elif rules.multiple or _vr(path[-1]) == "UI":
        read.values[path] += f",{value}"
    else:
        raise BadRequest(f"The attribute {_named(path)} is given more than once.")


def _named(path: tuple[int, ...]) -> str:
    return ".".join(keyword_for_tag(tag) or f"{tag:08X}" for tag in path)


def _vr(tag: int) -> str:
    try:
        return dictionary_VR(tag)
    except KeyError:
        return ""


@lru_cache(maxsize=1024)
def _path(name: str) -> tuple[int, ...] | None:
    """Return the attributes that a name names: keywords or eight digits, sequences before dots."""
    path = []
    for part in name.split("."):
        # Some attributes of the dictionary have an empty keyword.
        tag = int(part, 16) if _TAG.fullmatch(part) else tag_for_keyword(part) if part else None
        # Of groups 0000 and 0002 no data set has anything.
        if tag is None or tag >> 16 < 8:
            return None
        path.append(tag)
    return tuple(path)


def _number(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit()) or len(value) > 20:
        raise BadRequest(f"The parameter {name} must be a whole number, 0 or more.")
    return min(int(value), MAX_NUMBER)


def _is_true(name: str, value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise BadRequest(f"The parameter {name} must be true or false.")
    return value.lower() == "true"
