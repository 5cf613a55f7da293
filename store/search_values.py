"""How a value of a search matches an attribute of the JSON model: what the index has no column for.

Standard: PS3.4 C.2.2.2 (single value, list of UID, universal, wild card, range and sequence
matching), PS3.18 8.3.4.1 (the same in a query string) and Annex F (the values).
Invariants: matches as `store.matching` does where both apply. Of several values of an attribute any
may match; of several items of a sequence, too. What is not there matches only an empty key.
Not here: which data sets are looked at (`store.search_beyond`).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

from store.errors import NotSearchable
from store.search_rules import (
    EMPTY,
    INTEGERS,
    LITERAL,
    MOST_VALUES,
    REALS,
    WILD,
    Rules,
    date_span,
    is_universal,
    moment_span,
    one_of,
    plain_time,
    words_of,
)

__all__ = ["BINARY", "Attributes", "Test", "found_at", "value_test"]

Attributes = Mapping[str, Any]
Test = Callable[[Attributes | None], bool]
"""Tells whether an attribute of the JSON model, or its absence, matches."""

BINARY: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_PARTS_OF_NAMES: Final = re.compile(r"[ ^=,]")
_OFFSET: Final = re.compile(r"([+-])(\d{2})(\d{2})\Z", re.ASCII)
_NAME_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")
_FIRST_MOMENT: Final = "00000101000000000000"
_LAST_MOMENT: Final = "00001231235959999999"


def value_test(vr: str, value: str, name: str, rules: Rules = LITERAL) -> Test:
    """Make the test of an attribute.

    Args:
        vr: of the attribute; the stored one counts when it is not known, and is "".
        value: as QIDO-RS writes it; empty matches everything, unless the rules say otherwise.
        name: of the attribute, for people.
        rules: how the search wants its values taken.

    Raises:
        NotSearchable: the value is not one of this VR, values of this VR are not searched by, or
            there are too many.
    """
    if is_universal(vr, value, rules):
        return lambda _attribute: True
    if value in EMPTY:
        return lambda attribute: not (attribute and attribute.keys() > {"vr"})
    if vr == "SQ" or vr in BINARY:
        raise NotSearchable(f"{name} is a {vr}, which no value matches.")
    parts = one_of(vr, value, rules)
    if vr != "UI" and len(parts) > MOST_VALUES:
        raise NotSearchable(f"{name} is searched by at most {MOST_VALUES} values at once.")
    tests = [_single(vr, part, name, rules) for part in parts]
    return lambda attribute: any(test(one) for one in _values(attribute) for test in tests)


def found_at(data_set: Attributes, path: tuple[str, ...]) -> Iterator[Attributes | None]:
    """The attributes at a path, one for each item of the sequences on the way; None: not there."""
    here, *further = path
    attribute = data_set.get(here)
    if not further:
        yield attribute
        return
    items: Iterable[Attributes | None] = (attribute or {}).get("Value") or ({},)
    for item in items:
        yield from found_at(item or {}, tuple(further))


def _values(attribute: Attributes | None) -> Iterator[Any]:
    for value in (attribute or {}).get("Value", ()):
        if isinstance(value, dict):
            yield "=".join(value.get(group, "") for group in _NAME_GROUPS).rstrip("=")
        elif value is not None and value != "":
            yield value


def _single(vr: str, value: str, name: str, rules: Rules) -> Callable[[Any], bool]:
    if vr in ("DA", "TM"):
        return _span_test(vr, value, name)
    if vr == "DT":
        return _moment_test(value, name)
    if vr in INTEGERS or vr in REALS:
        return _number_test(vr, value, name)
    if vr == "AT":
        tag = re.sub(r"[(), ]", "", value).upper()
        return lambda stored: stored == tag
    if vr == "PN" and rules.fuzzy:
        words = [word.lower() for word in words_of(value)]
        return lambda stored: _has_parts(str(stored), words)
    if (vr in WILD or vr == "") and ("*" in value or "?" in value):
        return _wild_test(value)
    if vr == "PN":
        bare = value.rstrip("^").lower()
        return lambda stored: str(stored).rstrip("^").lower() == bare
    return lambda stored: str(stored) == value


def _has_parts(stored: str, words: list[str]) -> bool:
    parts = _PARTS_OF_NAMES.split(stored.lower())
    return all(any(part.startswith(word) for part in parts) for word in words)


def _wild_test(value: str) -> Callable[[Any], bool]:
    # Piece by piece: one pattern of many stars could take for ever on a text that does not match.
    written = re.split(r"\*+", value)
    first, *between = [
        re.compile(re.escape(piece).replace(r"\?", "."), re.IGNORECASE | re.DOTALL)
        for piece in written
    ]

    def test(stored: object) -> bool:
        text = str(stored)
        if not between:
            return first.fullmatch(text) is not None
        found = first.match(text)
        for piece in between[:-1]:
            found = found and piece.search(text, found.end())
        if found is None:
            return False
        # Without stars, a piece is as long as what it matches.
        begin = len(text) - len(written[-1])
        return begin >= found.end() and between[-1].fullmatch(text, begin) is not None

    return test


def _number_test(vr: str, value: str, name: str) -> Callable[[Any], bool]:
    try:
        number = int(value) if vr in INTEGERS else float(value)
    except ValueError:
        what = "whole number" if vr in INTEGERS else "number"
        raise NotSearchable(f"{name} is searched by a {what}.") from None
    return lambda stored: isinstance(stored, int | float) and stored == number


def _span_test(vr: str, value: str, name: str) -> Callable[[Any], bool]:
    span = date_span(vr, value, name)
    last = len(span.last)

    def test(stored: object) -> bool:
        text = str(stored).replace(".", "") if vr == "DA" else plain_time(str(stored))
        return text >= span.first and (not last or text[:last] <= span.last)

    return test


def _moment_test(value: str, name: str) -> Callable[[Any], bool]:
    span = moment_span(value, name)
    try:
        first = _moment(span.first, _FIRST_MOMENT) if span.first else None
        last = _moment(span.last, _LAST_MOMENT) if span.last else None
    except ValueError:
        raise NotSearchable(f"{name} is searched by a date and time, or two.") from None

    def test(stored: object) -> bool:
        try:
            moment = _moment(str(stored), _FIRST_MOMENT)
        except ValueError:
            return False
        return (first is None or moment >= first) and (last is None or moment <= last)

    return test


def _moment(text: str, rest: str) -> datetime:
    """The moment that a DT says, what it leaves out taken from `rest`; without a zone, in UTC."""
    zone: timezone = UTC
    if found := _OFFSET.search(text):
        text = text[: found.start()]
        away = timedelta(hours=int(found[2]), minutes=int(found[3]))
        zone = timezone(-away if found[1] == "-" else away)
    digits = text.replace(".", "")
    full = digits + rest[len(digits) :]
    if len(digits) == 6 and rest == _LAST_MOMENT:
        # The last day of a month is the day before the next one's first.
        month = datetime.strptime(digits, "%Y%m").replace(tzinfo=zone) + timedelta(days=32)
        return month.replace(day=1) - timedelta(microseconds=1)
    return datetime.strptime(full, "%Y%m%d%H%M%S%f").replace(tzinfo=zone)
