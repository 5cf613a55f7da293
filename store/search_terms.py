"""Takes the keys of a search apart: what columns tell, what leads to few studies, what is beyond.

Standard: PS3.18 tables 10.6.1-5 (keys and their levels), PS3.4 C.2.2.2.5 (dates with times).
Invariants: keys of levels below what is searched for have to hold in one and the same series or
instance, one that is visible.
Not here: how a value matches (`store.matching`, `store.search_values`); the order in which the
conditions are best looked at (`store.search_plan`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from pydicom.datadict import dictionary_VR, keyword_for_tag
from sqlalchemy import ColumnElement, Select, Text, exists, false, select, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from store.access import Scope, visible, visible_studies
from store.matching import condition, moments
from store.schema import instance, series, study
from store.search_keys import (
    BEYOND_COLUMNS,
    DEPTH,
    INSTANCE_AVAILABILITY,
    KEYS,
    MODALITIES_IN_STUDY,
    Key,
    Level,
)
from store.search_levels import level_of
from store.search_rules import EMPTY, Rules, Span, date_span, is_universal, one_of
from store.search_values import Test, value_test
from store.search_years import days_of
from store.words import COLUMNS as WORD_COLUMNS

__all__ = ["Beyond", "Match", "Terms", "Words", "terms_of"]

_TIME_OF: Final = {0x00080020: 0x00080030, 0x00080021: 0x00080031, 0x00400244: 0x00400245}
_DATE_OF: Final = {time: date for date, time in _TIME_OF.items()}
_STUDY_DATE: Final = 0x00080020
_STUDY_UID: Final = 0x0020000D
_SERIES_UID: Final = 0x0020000E
_INSTANCE_UID: Final = 0x00080018
_MODALITY: Final = 0x00080060
_SHORTEST_WORD: Final = 3

FEW_DAYS: Final = 31
"""Of fewer days there may be few studies."""


@dataclass(frozen=True)
class Match:
    """One attribute and the value it is to match, as QIDO-RS writes values.

    Attributes:
        tag, value: the attribute and the value.
        within: the sequences it is in, from the outermost.
    """

    tag: int
    value: str
    within: tuple[int, ...] = ()


@dataclass(frozen=True)
class Words:
    """A part of the text of a study's column.

    Attributes:
        exact: who has it matches; otherwise it only may.
    """

    column: str
    text: str
    exact: bool


@dataclass(frozen=True)
class Beyond:
    """A key that no column answers.

    Attributes:
        path: the attribute in the JSON model, after the sequences that it is in.
        creator: of a private attribute whose creator is asked for, too.
        needed: whether what is not there cannot match.
    """

    path: tuple[str, ...]
    test: Test
    level: Level
    needed: bool
    creator: str | None = None


@dataclass
class Terms:
    """The keys of a search.

    Attributes:
        where: conditions on the rows of the level and those above it, said so that rows are walked.
        looked_up: the same, said so that PostgreSQL sees what it has an index for.
        below: conditions on rows below, true for one series or instance of each result.
        leads: selects of the studies that one of the conditions holds for, from an index.
        led_by_few_days: that of them which is of less than a month.
        indexed: those of them that it has one for.
        words: parts of texts that the index of words finds.
        modalities: of which the study has one; none when that is not asked for so.
        has_modality: that, as it is among the conditions.
        study_dates: the range that the study's date is in.
        beyond: what no column answers.
        one_study: the study is named.
    """

    where: list[ColumnElement[bool]] = field(default_factory=list)
    looked_up: list[ColumnElement[bool]] = field(default_factory=list)
    below: list[ColumnElement[bool]] = field(default_factory=list)
    below_level: Level = "study"
    leads: list[Select[Any]] = field(default_factory=list)
    led_by_few_days: list[Select[Any]] = field(default_factory=list)
    indexed: list[ColumnElement[bool]] = field(default_factory=list)
    words: list[Words] = field(default_factory=list)
    modalities: tuple[str, ...] = ()
    has_modality: ColumnElement[bool] | None = None
    study_dates: Span | None = None
    beyond: list[Beyond] = field(default_factory=list)
    one_study: bool = False

    def add(self, walked: ColumnElement[bool], looked_up: ColumnElement[bool]) -> None:
        """Add a condition on the rows of the level or of those above it."""
        self.where.append(walked)
        self.looked_up.append(looked_up)


def terms_of(scope: Scope, level: Level, matches: Iterable[Match], rules: Rules) -> Terms:
    """Take the keys of a search apart.

    Raises:
        NotSearchable: a value is not of its attribute's form, or nothing matches such attributes.
    """
    terms = Terms()
    matches = list(matches)
    together = dict(_together(matches, rules))
    creators = {m.tag: m.value for m in matches if _is_creator(m.tag) and not m.within}
    for match in matches:
        if not match.within and {match.tag, _DATE_OF.get(match.tag)} & together.keys():
            continue
        if match.tag in BEYOND_COLUMNS and not match.within:
            _add_any_in_study(terms, scope, match, rules)
        elif match.tag == INSTANCE_AVAILABILITY and not match.within:
            online = is_universal("CS", match.value, rules) or "ONLINE" in match.value.upper()
            there = true() if online else false()
            terms.add(there, there)
        elif (key := KEYS.get(match.tag)) is not None and not match.within:
            _add_column(terms, scope, level, key, match.value, rules)
        elif not (match.tag in creators and _has_block(match.tag, matches)):
            terms.beyond.append(_beyond(match, rules, creators))
    for tag, (dates, times) in together.items():
        key, time = KEYS[tag], KEYS[_TIME_OF[tag]]
        found = moments(key.column, time.column, dates, times)
        _add(terms, level, key, found, found)
    return terms


def name_of(tag: int) -> str:
    """The keyword of an attribute, or its number."""
    return keyword_for_tag(tag) or f"{tag:08X}"


def _together(matches: list[Match], rules: Rules) -> Iterator[tuple[int, tuple[Span, Span]]]:
    """Dates and times that are both ranges, which is one range of moments."""
    values = {match.tag: match.value for match in matches if not match.within}
    for date, time in _TIME_OF.items():
        pair = values.get(date, ""), values.get(time, "")
        if all("-" in value for value in pair) and not rules.multiple:
            dates = date_span("DA", pair[0], name_of(date))
            yield date, (dates, date_span("TM", pair[1], name_of(time)))


def _add_column(
    terms: Terms, scope: Scope, level: Level, key: Key, value: str, rules: Rules
) -> None:
    name = name_of(key.tag)
    found = walked = condition(key.column, key.vr, value, name, rules)
    if is_universal(key.vr, value, rules):
        return
    if key.tag == _STUDY_DATE:
        terms.leads.append(select(study.c.id).where(visible_studies(scope), found))
        terms.indexed.append(found)
        if value not in EMPTY and len(one_of(key.vr, value, rules)) == 1:
            terms.study_dates = date_span(key.vr, value, name)
            if (days_of(terms.study_dates) or FEW_DAYS) < FEW_DAYS:
                terms.led_by_few_days = terms.leads[-1:]
        walked = condition(_WalkedDate(key.column), key.vr, value, name, rules)
    elif key.tag == _MODALITY:
        terms.leads.append(select(series.c.study_id).where(visible(scope), found))
    elif key.tag in (_SERIES_UID, _INSTANCE_UID) and value not in EMPTY:
        lead = select(series.c.study_id).where(visible(scope), found)
        if key.level == "instance":
            lead = lead.join(instance, instance.c.series_id == series.c.id)
        terms.leads.append(lead)
    elif key.tag == _STUDY_UID:
        terms.one_study = "*" not in value and value not in EMPTY
    elif key.column.name in WORD_COLUMNS:
        words = list(_words(key, value, rules))
        if words:
            terms.words += words
            terms.indexed.append(found)
            walked = condition(_walked_text(key.column, value), key.vr, value, name, rules)
    _add(terms, level, key, walked, found)


class _WalkedDate(FunctionElement[str]):
    """The date said so that SQLite walks in the order of searches, whatever index the date has.

    PostgreSQL's planner knows how many rows have it, and has to choose.
    """

    inherit_cache = True
    type = Text()


class _WalkedText(FunctionElement[str]):
    """A text said so that PostgreSQL's index of words does not tempt its planner."""

    inherit_cache = True
    type = Text()


@compiles(_WalkedDate, "sqlite")
def _without_index(walked: _WalkedDate, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    return f"(+{compiler.process(walked.clauses, **options)})"


@compiles(_WalkedText, "postgresql")
def _collated(walked: _WalkedText, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    # Unlike of other expressions, its planner knows how often this one has a value.
    return f'({compiler.process(walked.clauses, **options)} COLLATE "C")'


@compiles(_WalkedDate)
@compiles(_WalkedText)
def _as_it_is(
    walked: _WalkedDate | _WalkedText,
    compiler: SQLCompiler,
    **options: Any,  # noqa: ANN401
) -> str:
    return compiler.process(walked.clauses, **options)


def _walked_text(column: ColumnElement[Any], value: str) -> ColumnElement[Any]:
    # Without regard to case, "C" compares ASCII only.
    return _WalkedText(column) if value.isascii() else column.concat("")


def _add(
    terms: Terms,
    level: Level,
    key: Key,
    walked: ColumnElement[bool],
    looked_up: ColumnElement[bool],
) -> None:
    if key.tag == _STUDY_DATE:
        # First, as it costs least to look at, and many rows need no look at the rest.
        terms.where.insert(0, walked)
        terms.looked_up.insert(0, looked_up)
    elif DEPTH[key.level] <= DEPTH[level]:
        terms.add(walked, looked_up)
    else:
        terms.below.append(walked)
        terms.below_level = max(terms.below_level, key.level, key=DEPTH.__getitem__)


def _add_any_in_study(terms: Terms, scope: Scope, match: Match, rules: Rules) -> None:
    # A second look at the study's series, so that a study found by one modality still lists all.
    if is_universal(BEYOND_COLUMNS[match.tag], match.value, rules):
        return
    if match.tag == MODALITIES_IN_STUDY:
        own = condition(series.c.modality, "CS", match.value, name_of(match.tag), rules)
        found = select(series.c.study_id).where(visible(scope), own)
        terms.leads.append(found)
    else:
        own = condition(instance.c.sop_class_uid, "UI", match.value, name_of(match.tag), rules)
        joined = series.join(instance, instance.c.series_id == series.c.id)
        found = select(series.c.study_id).select_from(joined).where(visible(scope), own)
    has_any = exists(found.where(series.c.study_id == study.c.id).correlate(study))
    terms.add(has_any, has_any)
    if match.tag == MODALITIES_IN_STUDY and match.value not in EMPTY:
        values = one_of("CS", match.value, rules)
        if not any("*" in value or "?" in value for value in values):
            terms.modalities, terms.has_modality = tuple(values), has_any


def _words(key: Key, value: str, rules: Rules) -> Iterator[Words]:
    """The longest part of the value that has to be in the text as it is, if it is long enough."""
    if rules.multiple or value in EMPTY or (key.vr == "PN" and rules.fuzzy):
        return
    parts = value.rstrip("^" if key.vr == "PN" else "").replace("?", "*").split("*")
    longest = max(parts, key=len)
    if len(longest) >= _SHORTEST_WORD:
        exact = value == f"*{longest}*"
        yield Words(str(key.column.name), longest, exact)


def _beyond(match: Match, rules: Rules, creators: dict[int, str]) -> Beyond:
    path = (*match.within, match.tag)
    try:
        vr = dictionary_VR(match.tag).partition(" ")[0]
    except KeyError:
        vr = ""
    test = value_test(vr, match.value, name_of(match.tag), rules)
    return Beyond(
        tuple(f"{tag:08X}" for tag in path),
        test,
        level_of(path[0]),
        needed=not is_universal(vr, match.value, rules) and match.value not in EMPTY,
        creator=creators.get(_creator_of(match.tag)) if not match.within else None,
    )


def _is_creator(tag: int) -> bool:
    return bool(tag >> 16 & 1) and 0x10 <= tag & 0xFFFF <= 0xFF


def _creator_of(tag: int) -> int:
    return (tag & 0xFFFF0000) | (tag >> 8 & 0xFF)


def _has_block(creator: int, matches: list[Match]) -> bool:
    return any(_creator_of(m.tag) == creator and m.tag & 0xFF00 for m in matches)
