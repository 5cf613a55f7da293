"""The values of a search as they are written, before they meet SQL or JSON.

Standard: PS3.4 C.2.2.2 (matching), PS3.18 8.3.4.1 (the same in a query string), PS3.5 6.2 (forms).
Invariants: what `read` takes, both `store.matching` and `store.search_values` understand alike.
Not here: whether a stored value matches (`store.matching` for columns, `store.search_values`).
"""

import re
from dataclasses import dataclass
from typing import Final

from store.errors import NotSearchable

__all__ = [
    "EMPTY",
    "INTEGERS",
    "LITERAL",
    "MOST_VALUES",
    "REALS",
    "WILD",
    "Rules",
    "Span",
    "date_span",
    "is_universal",
    "moment_span",
    "one_of",
    "plain_time",
    "words_of",
]

INTEGERS: Final = frozenset({"IS", "SL", "SS", "SV", "UL", "US", "UV"})
REALS: Final = frozenset({"DS", "FD", "FL"})
WILD: Final = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
"""The VRs in whose values * and ? stand for other characters."""

MOST_VALUES: Final = 100
"""Of a list of values that are no UIDs, and of words of a name: databases bound expressions."""

EMPTY: Final = frozenset({"", '""'})
# A viewer that searches many studies at once joins UIDs with one or two backslashes.
_LIST: Final = re.compile(r"[,\\]+")
_WORDS: Final = re.compile(r"[\s^=,*?\\]+")
_DATE: Final = re.compile(r"\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])", re.ASCII)
_OLD_DATE: Final = re.compile(r"(\d{4})\.(\d{2})\.(\d{2})", re.ASCII)
_TIME: Final = re.compile(r"([01]\d|2[0-3])([0-5]\d(([0-5]\d|60)(\.\d{1,6})?)?)?", re.ASCII)
_OFFSET: Final = r"[+-](?:0\d|1[0-4])[0-5]\d"
_MOMENT: Final = rf"\d{{4}}(?:\d{{2}}){{0,5}}(?:\.\d{{1,6}})?(?:{_OFFSET})?"
_ONE_MOMENT: Final = re.compile(_MOMENT, re.ASCII)
_MOMENTS: Final = re.compile(rf"(?P<first>{_MOMENT})?-(?P<last>{_MOMENT})?", re.ASCII)


@dataclass(frozen=True)
class Rules:
    """How a search wants its values taken.

    Attributes:
        fuzzy: a name matches when every word asked for begins one of its parts.
        empty: an empty value, or one of two quotation marks, matches what is empty, not all.
        multiple: a list matches what any of its values matches, whatever the attribute.
    """

    fuzzy: bool = False
    empty: bool = False
    multiple: bool = False


LITERAL: Final = Rules()
"""As every search takes values that asks for nothing else."""


@dataclass(frozen=True)
class Span:
    """A range, both ends in it; an empty end is open."""

    first: str
    last: str


def is_universal(vr: str, value: str, rules: Rules) -> bool:
    """Tell whether the value matches everything."""
    if value in EMPTY:
        return not rules.empty
    if vr == "PN" and rules.fuzzy:
        return not words_of(value) or not all(map(words_of, one_of(vr, value, rules)))
    return any(not part.strip("*") for part in one_of(vr, value, rules))


def one_of(vr: str, value: str, rules: Rules) -> list[str]:
    """The values of which one has to match; none of them is empty."""
    if not (rules.multiple or vr in ("CS", "UI")):
        return [value]
    return [part for part in _LIST.split(value) if part]


def words_of(value: str) -> list[str]:
    """The words of a name that is searched for fuzzily."""
    return [word for word in _WORDS.split(value) if word]


def date_span(vr: str, value: str, name: str) -> Span:
    """Read a date or a time, or a range of two.

    Raises:
        NotSearchable: it is neither.
    """
    first, dash, last = (part.strip() for part in value.partition("-"))
    plain, form = (_plain_date, _DATE) if vr == "DA" else (plain_time, _TIME)
    ends = [plain(first), plain(last if dash else first)]
    if not any(ends) or not all(form.fullmatch(end) for end in ends if end):
        what = "date" if vr == "DA" else "time"
        raise NotSearchable(f"{name} is searched by a {what}, or a range of two with a hyphen.")
    return Span(*ends)


def moment_span(value: str, name: str) -> Span:
    """Read a date with its time (DT), or a range of two.

    Raises:
        NotSearchable: it is neither.
    """
    if _ONE_MOMENT.fullmatch(value):
        return Span(value, value)
    found = _MOMENTS.fullmatch(value)
    if found is None or value == "-":
        raise NotSearchable(f"{name} is searched by a date and time, or a range of two.")
    return Span(found["first"] or "", found["last"] or "")


def plain_time(value: str) -> str:
    """The time without the colons of older editions."""
    return value.replace(":", "")


def _plain_date(value: str) -> str:
    return _OLD_DATE.sub(r"\1\2\3", value)
