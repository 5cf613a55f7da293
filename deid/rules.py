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
from deid.profile import Profile, Row, Types


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
    TECHNICAL = 12
    CODE = 13
    CLEAN = 14
    WALK = 15
    CODE_ITEM = 16
    CONVERT = 17
    CODED = 18
    DELIMITER = 19
    CONCEPT = 20
    OLD_AGE = 21


class Plan(NamedTuple):
    """The decision for one element, and how its header is read.

    Attributes:
        form: 0: two bytes of length, 1: four after two reserved bytes, 2: four and no VR.
        vr: the VR to write when the value is replaced.
        fallback: what to do when nothing of the value may stay.
        rule: the number of the rule that says so, for the receipt.
    """

    action: Action
    form: int
    tag: int
    vr: str
    fallback: Action
    rule: str


class Decision(NamedTuple):
    """What is done with a tag, what when nothing of the value may stay, and which rule says so."""

    action: Action
    fallback: Action
    rule: str


TEXT_VRS: Final = frozenset(("LO", "LT", "SH", "ST", "UC", "UT"))
# Where something is found, and who sends: no text in which a safe word would mean anything.
_ADDRESS_VRS: Final = frozenset(("AE", "UR"))

# What a VR asks for when no row names the attribute.
_BY_VR: Final = {
    **dict.fromkeys(TEXT_VRS, Action.CLEAN),
    **dict.fromkeys(_ADDRESS_VRS, Action.EMPTY),
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
# Written VRs whose rule makes another value, of which the dictionary's VR may not be.
_REPLACING: Final = frozenset(("AS", "UI", "DA", "DT", "PN"))
_BY_VALUE: Final = frozenset(
    (
        *(Action.KEEP, Action.CLEAN, Action.TECHNICAL, Action.CODE, Action.NUMBER),
        *(Action.TIME, Action.AGE),
    )
)
_VERDICTS: Final = frozenset(
    (Action.DELETE, Action.EMPTY, Action.DUMMY, Action.LITERAL, Action.CODE_ITEM)
)

ENCAPSULATED_DOCUMENT: Final = 0x00420011
# Code Value, Coding Scheme Designator, Code Meaning (PS3.3 8.8): cleaned together.
_CODE: Final = frozenset((0x00080100, 0x00080102, 0x00080103, 0x00080104))
# Long and URN Code Value: they stand behind the meaning, and are codes as well.
_OTHER_CODES: Final = frozenset((0x00080119, 0x00080120))
_PERSON_CODE: Final = 0x00401101

# Pixels inside of items are copies that nobody would look at.
_PIXEL_DATA: Final = frozenset((0x7FE00008, 0x7FE00009, 0x7FE00010))

# Places that are no parent sequence: what follows a concept that says who somebody is, or how
# old (PS3.3 C.17.3.2); inside of the measured value of such an age.
ANYWHERE: Final = -1
IDENTIFYING: Final = -2
AGED: Final = -3
CONCEPT_NAME: Final = 0x0040A043
MEASURED_VALUE: Final = 0x0040A300
_NUMERIC_VALUE: Final = 0x0040A30A
# Date Time, Date, Time, Person Name, UID and Text Value of a content item.
_CONTENT_VALUES: Final = frozenset(
    (0x0040A120, 0x0040A121, 0x0040A122, 0x0040A123, 0x0040A124, 0x0040A160)
)
# Rule 2: deleted whatever the tables' options say.
_DELETED: Final = frozenset(
    (0xFFFAFFFA, 0xFFFCFFFC, 0x04000500, 0x04000550, 0x04000561, 0x04000600, 0x00880200)
)
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
    """The decisions for one SOP class (or for all unknown ones, with ``types`` None).

    Args:
        profile: the rows.
        types: of the attributes in this SOP class.
        written: the tags that are written anew at top level whatever came.
    """

    def __init__(self, profile: Profile, types: Types | None, written: frozenset[int]) -> None:
        self._rows = profile.rows
        # Rules 8 and 9; inside of items these are ordinary attributes.
        self._written = written
        self._types = types
        self._technical = profile.technical
        self._parents = frozenset(parent for parent, _ in types.of) if types else frozenset()
        self.required = sorted(
            tag
            for tag in (types.required if types else ())
            if tag in profile.rows and profile.rows[tag].library in ("empty", "removed")
        )

    def place_of(self, parent: int) -> int:
        """Return the parent as far as decisions differ by it (-1: a sequence like any other)."""
        return parent if parent in self._parents or parent in (0, AGED) else ANYWHERE

    def decide(self, tag: int, place: int) -> Decision:
        """Return what is done with a tag of its dictionary VR."""
        if is_deleted(tag) or (place != 0 and tag in _PIXEL_DATA):
            return Decision(Action.DELETE, Action.DELETE, "2")
        if place == 0 and tag in self._written and tag not in self._rows:
            return Decision(Action.LITERAL, Action.LITERAL, "9")
        if place == 0 and tag == ENCAPSULATED_DOCUMENT:
            return Decision(Action.KEEP, Action.KEEP, "7")
        if place == IDENTIFYING and tag in _CONTENT_VALUES:
            return Decision(Action.DUMMY, Action.DUMMY, "7")
        if place == AGED and tag == _NUMERIC_VALUE:
            return Decision(Action.OLD_AGE, Action.OLD_AGE, "7")
        if tag == CONCEPT_NAME:
            return Decision(Action.CONCEPT, Action.EMPTY, "7")
        row = self._rows.get(tag)
        kind = None if self._types is None else self._types.of.get((place, tag), 3)
        if row is None:
            return self._unlisted(tag, kind)
        action, fallback = _of_row(row, vr_of(tag), kind)
        if action is Action.CLEAN:
            return Decision(self._cleaning(tag), fallback, "6")
        return Decision(action, fallback, _rule_of(row, action))

    def _unlisted(self, tag: int, kind: int | None) -> Decision:
        if tag in _CODE:
            return Decision(Action.CODED, Action.DUMMY, "6")
        if tag in _OTHER_CODES:
            return Decision(Action.CODE, Action.DUMMY, "6")
        vr = vr_of(tag)
        action = _BY_VR.get(vr, Action.KEEP)
        # Of an unknown SOP class nobody knows what it needs, and a dummy does no harm there.
        fallback = Action.DUMMY if kind == 1 else Action.EMPTY
        if vr in _ADDRESS_VRS:
            return Decision(fallback, fallback, "6")
        if action is Action.CLEAN:
            return Decision(self._cleaning(tag), fallback, "6")
        return Decision(action, fallback, "6" if action is Action.CODE else "5")

    def _cleaning(self, tag: int) -> Action:
        return Action.TECHNICAL if tag in self._technical else Action.CLEAN


def _rule_of(row: Row, action: Action) -> str:
    if action is Action.LITERAL:
        return "3"
    return "4" if row.library and row.library != "unique" else "5"


def _of_row(row: Row, vr: str, kind: int | None) -> tuple[Action, Action]:
    if row.own:
        return _of_operator(row, vr, kind)
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


def _of_operator(row: Row, vr: str, kind: int | None) -> tuple[Action, Action]:
    """An operator's stricter row; where the type asks for a value, a dummy stands."""
    action = {"dummy": Action.DUMMY, "empty": Action.EMPTY, "remove": Action.DELETE}[row.own]
    if kind == 1 and action is not Action.DUMMY:
        action = Action.DUMMY
    if kind == 2 and action is Action.DELETE:
        action = Action.EMPTY
    if vr == "SQ" and action is Action.DUMMY:
        action = _dummy_sequence(row.tag)
    return action, action


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
    if row.basic.endswith("U*") or row.content:
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
    # References keep their meaning when the UIDs in them are mapped; of what identifies persons
    # every leaf has a row or a rule of its own.
    walked = keyword.startswith("Referenced") or keyword.endswith("IdentificationSequence")
    return Action.WALK if walked else Action.EMPTY


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
        return self.memo_of(place), place

    def memo_of(self, place: int) -> dict[bytes, Step]:
        """Return the steps known so far at a place."""
        return self._memos.setdefault(place, {})

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
            return Plan(Action.DELIMITER, 2, tag, "", Action.DELETE, "1")
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
        action, fallback, rule = self.rules.decide(tag, place)
        return Plan(_reconcile(action, known, written), form, tag, known, fallback, rule)


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
        return _BY_VR.get(written, Action.CLEAN)
    # Nobody can say what such a value means, so it cannot be made into another one of its kind.
    return Action.EMPTY if written in _REPLACING else action


@lru_cache(maxsize=1024)
def planner(
    profile: Profile, sop_class_uid: str, enc: Encoding, written: frozenset[int]
) -> Planner:
    """Return the planner of a SOP class; all unknown ones share one."""
    types = profile.types_of(sop_class_uid)
    if types is None and sop_class_uid:
        return planner(profile, "", enc, written)
    return Planner(Rules(profile, types, written), enc)
