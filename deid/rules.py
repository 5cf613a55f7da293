"""Decides what happens to one element: by its row, its type in the SOP class, and its VR.

Standard: PS3.15 E.1-1 and E.3 (action codes), PS3.5 7.4 (types), 6.2.2 (UN).

Invariants: the decision depends on tag, written VR, parent sequence and SOP class only, so it is
made once and remembered; a destructive code has a weakest form, and the attribute's type can only
raise it to the form that keeps the object valid.

Not here: applying a decision to bytes (``deid.rewriter``), the values themselves (``deid.values``).
"""

import struct
from enum import IntEnum
from functools import lru_cache
from typing import Final, NamedTuple

from deid.dictionary import is_known, keyword_of, vr_of
from deid.encoding import BINARY, UNDEFINED, VRS, Encoding
from deid.errors import Malformed, Truncated
from deid.profile import Profile, Row, Types, default_profile


class Action(IntEnum):
    """What is done with an element."""

    KEEP = 0
    DELETE = 1
    EMPTY = 2
    DUMMY = 3
    LITERAL = 4
    UID = 5
    DATE = 6
    DATETIME = 7
    TIME = 8
    AGE = 9
    PERSON = 10
    NUMBER = 11
    TEXT = 12
    CODE = 13
    CLEAN = 14
    WALK = 15
    CODE_ITEM = 16
    CONVERT = 17
    REFUSE = 18
    DELIMITER = 19


class Plan(NamedTuple):
    """The decision for one element, and how its header is read.

    Attributes:
        form: 0: two bytes of length, 1: four after two reserved bytes, 2: four and no VR.
        vr: the VR to write when the value is replaced.
        fallback: what to do when nothing of the value may stay.
    """

    action: Action
    form: int
    tag: int
    vr: str
    fallback: Action


TEXT_VRS: Final = frozenset(("LO", "LT", "SH", "ST", "UC", "UR", "UT", "AE"))

# What a VR asks for when no row names the attribute.
_BY_VR: Final = {
    **dict.fromkeys(TEXT_VRS, Action.TEXT),
    "AS": Action.AGE,
    "CS": Action.CODE,
    "DA": Action.DATE,
    "DS": Action.NUMBER,
    "DT": Action.DATETIME,
    "IS": Action.NUMBER,
    "PN": Action.PERSON,
    "SQ": Action.WALK,
    "TM": Action.TIME,
    "UI": Action.UID,
}
# A row's verdict stands whatever VR is written; a rule by VR may be overruled by the written one.
_WRITTEN_WINS: Final = {
    "AS": Action.AGE,
    "UI": Action.UID,
    "DA": Action.DATE,
    "DT": Action.DATETIME,
    "PN": Action.PERSON,
}
_BY_VALUE: Final = frozenset(
    (Action.KEEP, Action.TEXT, Action.CODE, Action.NUMBER, Action.TIME, Action.AGE)
)
_VERDICTS: Final = frozenset(
    (Action.DELETE, Action.EMPTY, Action.DUMMY, Action.LITERAL, Action.CODE_ITEM, Action.REFUSE)
)

_ENCAPSULATED_DOCUMENT: Final = 0x00420011
# Code Value, Coding Scheme Designator, Code Meaning: Type 1 wherever a code stands (PS3.3 8.8).
_CODE: Final = frozenset((0x00080100, 0x00080102, 0x00080104))
_PERSON_CODE: Final = 0x00401101
# Rule 2: deleted whatever the tables' options say.
_DELETED: Final = frozenset(
    (0xFFFAFFFA, 0xFFFCFFFC, 0x04000500, 0x04000550, 0x04000561, 0x04000600, 0x00880200)
)
# Written anew at top level (rule 9); inside of items they are ordinary attributes.
METHOD_TAGS: Final = (0x00120062, 0x00120063, 0x00120064, 0x00280303)
# Private tags repeat from file to file, so they are remembered too; the limit is for hostile ones.
_MEMO_LIMIT: Final = 16384


def is_deleted(tag: int) -> bool:
    """Tell whether rule 2 deletes a tag wherever it stands."""
    group = tag >> 16
    return (
        bool(group & 1)
        or not tag & 0xFFFF
        or group in (0x0000, 0x0002)
        or group >> 8 in (0x50, 0x60)
        or tag in _DELETED
        or not is_known(tag)
    )


class Rules:
    """The decisions for one SOP class (or for all unknown ones, with ``types`` None)."""

    def __init__(self, profile: Profile, types: Types | None) -> None:
        self._rows = profile.rows
        self._types = types
        self._parents = frozenset(parent for parent, _ in types.of) if types else frozenset()
        self.required = sorted(
            tag
            for tag in (types.required if types else ())
            if tag in profile.rows and profile.rows[tag].library in ("empty", "removed")
        )

    def place_of(self, parent: int) -> int:
        """Return the parent as far as decisions differ by it (-1: a sequence like any other)."""
        return parent if parent in self._parents or parent == 0 else -1

    def decide(self, tag: int, place: int) -> tuple[Action, Action]:
        """Return the action for a tag of its dictionary VR, and the fallback."""
        if is_deleted(tag):
            return Action.DELETE, Action.DELETE
        if tag == _ENCAPSULATED_DOCUMENT:
            return Action.REFUSE, Action.REFUSE
        if place == 0 and tag in METHOD_TAGS:
            return Action.LITERAL, Action.LITERAL
        row = self._rows.get(tag)
        if row is None:
            fallback = Action.DUMMY if tag in _CODE else Action.EMPTY
            return _BY_VR.get(vr_of(tag), Action.KEEP), fallback
        kind = None if self._types is None else self._types.of.get((place, tag), 3)
        return _of_row(row, vr_of(tag), kind)


def _of_row(row: Row, vr: str, kind: int | None) -> tuple[Action, Action]:
    if row.library:
        return _of_library(row, vr, kind or 3)
    verdict = _verdict(row.basic, kind)
    if vr == "SQ":
        return _of_sequence(row, verdict), Action.EMPTY
    # What a value falls back to when nothing of it may stay; a date is emptied, not deleted.
    if vr in ("DA", "DT") or (vr == "TM" and row.dates):
        return _BY_VR[vr], Action.DUMMY if verdict is Action.DUMMY else Action.EMPTY
    if vr == "UI":
        return Action.UID, Action.EMPTY
    if row.descriptors and vr in TEXT_VRS:
        return Action.CLEAN, verdict
    return verdict, verdict


def _of_library(row: Row, vr: str, kind: int) -> tuple[Action, Action]:
    """Rows of the DICOM Library table, which win over Table E.1-1 (rules 3 and 4)."""
    if row.library == "value":
        action = Action.LITERAL
    elif row.library == "unique":
        action = Action.UID
    elif kind == 1:
        action = Action.DUMMY if vr != "SQ" else _dummy_sequence(row.tag)
    elif row.library == "empty" or kind == 2:
        action = Action.EMPTY
    else:
        action = Action.DELETE
    return action, action


def _verdict(code: str, kind: int | None) -> Action:
    """Raise the weakest form of a code as far as the type asks (kind None: type unknown)."""
    if kind is None:
        # Nobody knows what the object needs: the strongest form that the code offers.
        if "D" in code:
            return Action.DUMMY
        return Action.EMPTY if "Z" in code else Action.DELETE
    weakest = {"X": Action.DELETE, "Z": Action.EMPTY}.get(code[0], Action.DUMMY)
    if kind == 1:
        return Action.DUMMY
    return Action.EMPTY if kind == 2 and weakest is Action.DELETE else weakest


def _of_sequence(row: Row, verdict: Action) -> Action:
    if row.basic.endswith("U*"):
        return Action.WALK
    if verdict is not Action.DUMMY:
        return verdict
    if row.basic == "D":
        # Every leaf of these has a row or a rule of its own; codes of persons have not.
        return Action.CODE_ITEM if row.tag == _PERSON_CODE else Action.WALK
    return _dummy_sequence(row.tag)


def _dummy_sequence(tag: int) -> Action:
    keyword = keyword_of(tag)
    if keyword.endswith("CodeSequence"):
        return Action.CODE_ITEM
    # References keep their meaning when the UIDs in them are mapped.
    return Action.WALK if keyword.startswith("Referenced") else Action.EMPTY


# Action, tag, length of the header, length of the whole element (-1: the header's second part
# tells), and the plan: what a walk needs, as a plain tuple because that unpacks fastest.
Step = tuple[Action, int, int, int, Plan]


class Planner:
    """Remembers the steps of one set of rules in one encoding, by the first 8 bytes of a header.

    These hold tag and VR, and for most elements the length as well, so a walk over known headers
    costs one look-up for each element.
    """

    def __init__(self, rules: Rules, enc: Encoding) -> None:
        self.rules = rules
        self.enc = enc
        order = "<" if enc.little else ">"
        self._tag = struct.Struct(order + "HH").unpack_from
        self._u16 = struct.Struct(order + "H").unpack_from
        self._u32 = struct.Struct(order + "L").unpack_from
        self._memos: dict[int, dict[bytes, Step]] = {}

    def memo(self, parent: int) -> tuple[dict[bytes, Step], int]:
        """Return the steps known so far below a parent sequence, and the place for ``step``."""
        place = self.rules.place_of(parent)
        return self._memos.setdefault(place, {}), place

    def step(self, key: bytes, place: int) -> Step:
        """Make the step for a header that is not in the memo yet."""
        if len(key) < 8:
            raise Truncated("The data set ends inside an element header.")
        plan = self._plan(key, place)
        offset, length = 8, -1
        if plan.form == 0:
            length = self._u16(key, 6)[0]
        elif plan.form == 2:
            length = self._u32(key, 4)[0]
        else:
            offset = 12
        total = -1 if length in (-1, UNDEFINED) else offset + length
        step = (plan.action, plan.tag, offset, total, plan)
        memo = self._memos.setdefault(place, {})
        if len(memo) >= _MEMO_LIMIT:
            memo.clear()
        memo[key] = step
        return step

    def _plan(self, key: bytes, place: int) -> Plan:
        group, element = self._tag(key)
        tag = group << 16 | element
        if group == 0xFFFE:
            return Plan(Action.DELIMITER, 2, tag, "", Action.DELETE)
        known = vr_of(tag)
        if self.enc.explicit:
            found = VRS.get(key[4:6])
            if found is None:
                raise Malformed(
                    f"{keyword_of(tag)} has a value representation that does not exist."
                )
            written, form = found[0], int(found[1])
        else:
            written, form = known, 2
        action, fallback = self.rules.decide(tag, place)
        return Plan(_reconcile(action, known, written), form, tag, known, fallback)


def _reconcile(action: Action, known: str, written: str) -> Action:
    """Combine the dictionary's rule with a VR that may differ: either may call for a rule."""
    if action in _VERDICTS or written == known:
        return action
    if known == "SQ":
        return Action.CONVERT
    if written == "SQ":
        return Action.DELETE
    if action not in _BY_VALUE or written == "UN":
        return action
    if action is Action.KEEP and written not in BINARY:
        return _BY_VR.get(written, Action.TEXT)
    return _WRITTEN_WINS.get(written, action)


@lru_cache(maxsize=1024)
def planner(sop_class_uid: str, enc: Encoding) -> Planner:
    """Return the planner of a SOP class; all unknown ones share one."""
    profile = default_profile()
    types = profile.types_of(sop_class_uid)
    if types is None and sop_class_uid:
        return planner("", enc)
    return Planner(Rules(profile, types), enc)
