"""What a query asks for: its level, what has to match, and what is to be returned.

Standard: PS3.4 C.4.1.1.3 (request identifiers), C.4.1.2 and C.4.1.3.2 (hierarchical and relational
queries), C.2.2.2 (matching), C.6.1.1 and C.6.2.1 (keys of each level).
Invariants: without relational queries each level above has one value of its unique key; what is
given as a condition is one: a key that nothing here can match is told (FF01), never dropped
silently.
Not here: encoded identifiers (`dimse.identifiers`), the search itself (`dimse.query`).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from dimse import query_statuses
from dimse.extended import COMBINED, FUZZY, RELATIONAL, has
from dimse.identifiers import BINARY, Element, Identifier, Unfit, vr_of
from dimse.models import UNIQUE_KEYS, Level, Model
from store.search import KEYS, Match
from store.search_levels import level_of
from store.search_rules import Rules

__all__ = [
    "AVAILABILITY",
    "COUNTED_ABOVE",
    "LEVEL",
    "PATIENT_ID",
    "RELATED_TO_PATIENT",
    "RETRIEVE_AE_TITLE",
    "Asked",
    "asked_in",
    "level_in",
    "single",
]

CHARACTER_SET: Final = 0x00080005
LEVEL: Final = 0x00080052
RETRIEVE_AE_TITLE: Final = 0x00080054
AVAILABILITY: Final = 0x00080056
TIMEZONE: Final = 0x00080201
PATIENT_ID: Final = UNIQUE_KEYS["PATIENT"]
COUNTED_ABOVE: Final = frozenset({0x00080061, 0x00201206, 0x00201208})
"""What is made of the series of a study."""
RELATED_TO_PATIENT: Final = frozenset({0x00201200, 0x00201202, 0x00201204})

_DEPTH: Final[dict[Level, int]] = {"PATIENT": 0, "STUDY": 1, "SERIES": 2, "IMAGE": 3}
_LEVEL_OF: Final[dict[str, Level]] = {"study": "STUDY", "series": "SERIES", "instance": "IMAGE"}
_OF_PATIENT: Final = RELATED_TO_PATIENT | {
    *(0x00100010, 0x00100020, 0x00100021, 0x00100022, 0x00100024, 0x00100030, 0x00100032),
    *(0x00100035, 0x00100040, 0x00101000, 0x00101001, 0x00101002, 0x00101005, 0x00101060),
    *(0x00101100, 0x00102160, 0x00102201, 0x00102202, 0x00102203, 0x00102292, 0x00102293),
    *(0x00102294, 0x00102295, 0x00102296, 0x00102297, 0x00102298, 0x00102299, 0x00104000),
    *(0x00120062, 0x00120063, 0x00120064),
}
# They say how the identifier is written, or are the same for everything here.
_NO_KEYS: Final = frozenset({CHARACTER_SET, LEVEL, RETRIEVE_AE_TITLE, TIMEZONE})
# Counted for each answer: nothing is found by them.
_COUNTS: Final = RELATED_TO_PATIENT | {0x00201206, 0x00201208}
_SOP_CLASSES_IN_STUDY: Final = 0x00080062
_IN_STUDY: Final = frozenset({0x00080061, _SOP_CLASSES_IN_STUDY, 0x00201206, 0x00201208})
_DATES: Final = {0x00080020: 0x00080030, 0x00080021: 0x00080031, 0x00400244: 0x00400245}
_UIDS: Final = re.compile(r"[0-9.\\*? ]*")
_ONE_UID: Final = re.compile(r"[0-9.]{1,64}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


@dataclass
class Asked:
    """A query.

    Attributes:
        level: what is looked for.
        rules: how values are taken.
        matches: conditions.
        include: what is to be looked up, each after the sequences it is in.
        returned: what is answered of each match, with the VR if it has no value there.
        is_supported: all that is asked for can be matched, and returned if it is there.
    """

    level: Level
    rules: Rules
    matches: tuple[Match, ...] = ()
    include: set[int | tuple[int, ...]] = field(default_factory=set)
    returned: dict[str, str] = field(default_factory=dict)
    is_supported: bool = True

    @property
    def tags(self) -> frozenset[int]:
        """The attributes that are to be returned."""
        return frozenset(int(name, 16) for name in self.returned)


def asked_in(identifier: Identifier, model: Model, extended: bytes) -> Asked:
    """Read what a query asks for.

    Args:
        identifier: of the request.
        model: the information model that is searched.
        extended: what was agreed by SOP Class Extended Negotiation.

    Raises:
        Unfit: it is no query in this model.
    """
    level = level_in(identifier, model)
    if not has(extended, RELATIONAL):
        for above in model.above(level):
            single(identifier, above)
    asked = Asked(level, Rules(fuzzy=has(extended, FUZZY)))
    matches = [match for tag in sorted(identifier) for match in _key(asked, tag, identifier[tag])]
    if not has(extended, COMBINED):
        matches += _apart(matches)
    asked.matches = tuple(matches)
    for above in (*model.above(level), level):
        key = UNIQUE_KEYS[above]
        asked.returned.setdefault(f"{key:08X}", vr_of(key))
        asked.include.add(key)
    return asked


def level_in(identifier: Identifier, model: Model) -> Level:
    """The Query/Retrieve Level.

    Raises:
        Unfit: there is none, or it is none of the model.
    """
    asked = identifier.get(LEVEL, Element("CS")).value.upper()
    for level in model.levels:
        if level == asked:
            return level
    raise Unfit(query_statuses.NO_LEVEL, LEVEL)


def single(identifier: Identifier, level: Level) -> str:
    """The one value of a level's unique key.

    Raises:
        Unfit: it is not there, or not one.
    """
    tag = UNIQUE_KEYS[level]
    value = identifier.get(tag, Element("UI")).value
    is_one = _CONTROL.search(value) is None and not set(value) & set("*?\\")
    if not value or not is_one or (level != "PATIENT" and not _ONE_UID.fullmatch(value)):
        raise Unfit(query_statuses.NO_UNIQUE_KEY, tag)
    return value


def _key(asked: Asked, tag: int, element: Element) -> Iterator[Match]:
    """Note what a key asks to be returned; give what it asks to match."""
    if tag & 0xFFFF == 0 or tag == CHARACTER_SET:
        return
    if element.vr == "SQ" or vr_of(tag) == "SQ":
        yield from _sequence(asked, tag, element)
        return
    vr = vr_of(tag) if tag in KEYS or element.vr == "UN" else element.vr
    asked.returned[f"{tag:08X}"] = vr
    if tag in _NO_KEYS or tag == AVAILABILITY:
        if tag == TIMEZONE:
            asked.include.add(tag)
        if tag == AVAILABILITY and element.value:
            yield Match(tag, element.value)
        return
    _note(asked, tag, vr)
    if not _is_private(tag):
        asked.include.add(tag)
    if not element.value:
        return
    if _is_searchable(asked, tag, vr):
        yield Match(tag, _value(tag, vr, element.value))
    else:
        asked.is_supported = False


def _sequence(asked: Asked, tag: int, element: Element) -> Iterator[Match]:
    asked.returned[f"{tag:08X}"] = "SQ"
    _note(asked, tag, "SQ")
    paths = list(_leaves((tag,), element))
    asked.include.update(path for path, _ in paths if not any(map(_is_private, path)))
    for path, leaf in paths:
        if leaf.vr == "SQ" or not leaf.value:
            continue
        vr = vr_of(path[-1]) if leaf.vr == "UN" else leaf.vr
        if asked.level == "PATIENT" or vr in BINARY or any(map(_is_private, path)):
            asked.is_supported = False
        else:
            yield Match(path[-1], _value(path[-1], vr, leaf.value), path[:-1])


def _leaves(path: tuple[int, ...], element: Element) -> Iterator[tuple[tuple[int, ...], Element]]:
    """The keys in a sequence, with the way to them; the sequence itself if it asks for all."""
    keys = [(tag, key) for item in element.items for tag, key in item.items() if tag & 0xFFFF]
    if not keys:
        yield path, element
    for tag, key in keys:
        if key.vr == "SQ":
            yield from _leaves((*path, tag), key)
        else:
            yield (*path, tag), key


def _note(asked: Asked, tag: int, vr: str) -> None:
    """Note a key that cannot be returned: it is private, binary, or of a level below."""
    is_below = _DEPTH[_level_of(tag)] > _DEPTH[asked.level]
    is_answered = tag != _SOP_CLASSES_IN_STUDY and vr not in BINARY and not _is_private(tag)
    if is_below or not is_answered:
        asked.is_supported = False


def _is_searchable(asked: Asked, tag: int, vr: str) -> bool:
    if tag in _COUNTS or vr in BINARY or _is_private(tag):
        return False
    # Patients are found by what the index has of them.
    return asked.level != "PATIENT" or (tag in _OF_PATIENT and tag in KEYS)


def _is_private(tag: int) -> bool:
    return bool(tag >> 16 & 1)


def _value(tag: int, vr: str, value: str) -> str:
    """The value as the store takes it.

    Raises:
        Unfit: it cannot be one.
    """
    if _CONTROL.search(value) or (vr == "UI" and not _UIDS.fullmatch(value)):
        raise Unfit(query_statuses.UNFIT_VALUE, tag)
    return value.replace(" ", "") if vr == "UI" else value


def _level_of(tag: int) -> Level:
    if tag in _OF_PATIENT:
        return "PATIENT"
    return "STUDY" if tag in _IN_STUDY else _LEVEL_OF[level_of(tag)]


def _apart(matches: Iterable[Match]) -> Iterator[Match]:
    """What keeps a range of dates and one of times from being taken as one range of moments.

    The store takes them so, as PS3.18 has it; PS3.4 wants it agreed on. It reads the last of
    several values of a date, and an empty one matches everything.
    """
    values = {match.tag: match.value for match in matches if not match.within}
    for date, time in _DATES.items():
        if "-" in values.get(date, "") and "-" in values.get(time, ""):
            yield Match(date, "")
