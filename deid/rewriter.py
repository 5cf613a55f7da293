"""Applies the rules to an encoded data set, in one pass over its bytes.

Standard: PS3.5 7 (elements and sequences), PS3.15 E (what becomes of them).

Invariants: what stays is copied in runs, byte for byte; a pass over the result changes nothing;
the work is linear in the size and bounded in depth.

Not here: the decisions (``deid.rules``), which bytes come when (``deid.stream``).
"""

import operator
import struct
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from deid import dates, values
from deid.codes import (
    CODE_MEANING,
    CODE_VALUE,
    CODING_SCHEME_DESIGNATOR,
    CODING_SCHEME_VERSION,
    LAST_OF_CODE,
    Code,
    clean_code,
    concept_of,
)
from deid.dictionary import vr_of
from deid.encoding import (
    ITEM,
    ITEM_END,
    MAX_DEPTH,
    SEQUENCE_END,
    UNDEFINED,
    VRS,
    encode_element,
    encode_header,
    header_reader,
    value_end,
)
from deid.errors import DeidError, Malformed, TooLarge, Truncated
from deid.profile import Profile
from deid.rules import (
    AGED,
    IDENTIFYING,
    MEASURED_VALUE,
    Action,
    Plan,
    Planner,
    Step,
)
from deid.scan import MOST_STRANGE
from deid.text import Identifiers
from deid.uids import is_standard, map_uid
from deid.unknown import to_sequence

_NEVER: Final = 1 << 40
_CONCEPT: Final = int(Action.CONCEPT)
_CODE_TAGS: Final = (CODE_VALUE, CODING_SCHEME_DESIGNATOR, CODING_SCHEME_VERSION, CODE_MEANING)
_ALWAYS_MAPPED: Final = frozenset((0x00080018, 0x0020000D, 0x0020000E))
_AGE_LIMITS: Final = {b"Y": 89, b"M": 89 * 12, b"W": 89 * 52, b"D": 89 * 365}
_NUMERALS: Final = b"0123456789+-.,eE \\\0"
_SHORT_LIMIT: Final = 0xFFFE

# Long values differ from slice to slice; the rest of a series needs a few hundred entries.
_REMEMBERED: Final = 256
_MOST_REMEMBERED: Final = 4096

_OLDEST: Final = 89

# What a receipt calls what was done.
_DONE: Final = {
    Action.DELETE: "removed",
    Action.EMPTY: "emptied",
    Action.DUMMY: "replaced",
    Action.CODE_ITEM: "replaced",
    Action.PERSON: "replaced",
    Action.LITERAL: "literal",
    Action.UID: "mapped",
    Action.DATE: "shifted",
    Action.DATETIME: "shifted",
}
Counts = Counter[tuple[str, str]]
"""How many elements changed, by what was done and the rule that says so."""

Pending = Sequence[tuple[int, bytes]]
Memo = dict[tuple[bytes, Action, Action], bytes | None]
"""What became of an element, by its bytes and what was to be done with it."""


class Rewriter:
    """Rewrites one data set, in one or more parts.

    Args:
        profile: what the rules stand on.
        planner: the decisions for its SOP class and encoding.
        key: the owner's key, for UIDs.
        shift: days that dates move; 0 leaves them.
        identifiers: names and numbers of the data set that must not stay in text.
        memo: what was found with the same key, shift, encoding and identifiers before.
        literals: the elements that are written whatever came.
    """

    def __init__(
        self,
        profile: Profile,
        planner: Planner,
        key: bytes,
        shift: int,
        identifiers: Identifiers,
        memo: Memo,
        literals: dict[int, bytes],
    ) -> None:
        self.counts: Counts = Counter()
        self._strange = 0
        self._profile = profile
        self._planner = planner
        self._enc = planner.enc
        self._key = key
        self._shift = shift
        self._identifiers = identifiers
        self._memo = memo
        self._literals = literals
        self._read = header_reader(planner.enc)
        order = "<" if planner.enc.little else ">"
        self._u32 = struct.Struct(order + "L").unpack_from
        self._item = struct.Struct(order + "HHL").unpack_from
        self._out: list[bytes] = []
        self._pending: list[tuple[int, bytes]] = []
        # original UID to its replacement, as far as this data set names them
        self.uids: dict[bytes, bytes] = {}
        self._tests = self._make_tests()

    def again(self) -> "Rewriter":
        """Return one that decides the same and has not met anything yet."""
        # As `copy` does, in a tenth of the time: it is needed twice for every instance.
        other = object.__new__(Rewriter)
        other.__dict__.update(self.__dict__)
        other.counts, other.uids = Counter(), {}
        other._strange = 0
        other._out, other._pending = [], []
        return other

    def _make_tests(self) -> list[Callable[[bytes], object] | None]:
        """Make, by action, the quick tests that tell that a value stays as it is."""
        tests: list[Callable[[bytes], object] | None] = [None] * len(Action)
        tests[Action.EMPTY] = operator.not_
        tests[Action.NUMBER] = lambda value: not value.translate(None, _NUMERALS)
        tests[Action.CLEAN] = self._identifiers.clean_text.__contains__
        tests[Action.TECHNICAL] = self._identifiers.clean_technical.__contains__
        tests[Action.CODE] = self._identifiers.is_harmless_code
        tests[Action.TIME] = dates.are_times
        if not self._shift:
            tests[Action.DATE] = lambda value: dates.shift_dates(value, 0) is value
            tests[Action.DATETIME] = lambda value: dates.shift_datetimes(value, 0) is value
        return tests

    def rewrite(self, buf: bytes, pending: Pending = ()) -> bytes:
        """Return the rewritten data set; ``pending`` are elements to insert, in order of tags.

        The very object ``buf`` is returned when nothing changes.
        """
        self._out = []
        self._pending = list(pending)
        try:
            _, size = self._level(buf, 0, len(buf), 0, 0, delimited=False)
        except struct.error:
            raise Truncated("The data set ends inside an element.") from None
        out, self._out = self._out, []
        return buf if size < 0 else b"".join(out)

    def _level(
        self, buf: bytes, pos: int, end: int, parent: int, depth: int, *, delimited: bool
    ) -> tuple[int, int]:
        """Rewrite one data set or item; return where it ends and its new size, -1: unchanged.

        Nothing is added to the output when nothing changes, so that the caller's run goes on.
        """
        out, u32, tests = self._out, self._u32, self._tests
        memo, place = self._planner.memo(parent)
        known = memo.get
        waiting = self._pending[0][0] if self._pending and not depth else _NEVER
        run, size, changed, closed = pos, 0, False, not delimited
        while pos < end:
            key = buf[pos : pos + 8]
            action, tag, offset, total, plan = known(key) or self._step(key, place)
            if tag > waiting:
                inserted = self._insert(tag)
                waiting = self._pending[0][0] if self._pending else _NEVER
                out += (buf[run:pos], inserted)
                size += pos - run + len(inserted)
                run, changed = pos, True
            start = pos + offset
            if total < 0:
                length = u32(buf, start - 4)[0]
                stop = start + length
            else:
                stop = pos + total
                length = stop - start
            if action == 0 and length != UNDEFINED:
                pos = stop
                continue
            stays = tests[action]
            if stays is not None and stop <= end and stays(buf[start:stop]):
                pos = stop
                continue
            if action == 19 and delimited and tag == ITEM_END:
                pos, closed = start, True
                break
            mark = len(out)
            out.append(b"")
            behind, new = self._element(buf, pos, start, length, end, plan, depth, place)
            if action == _CONCEPT:
                place = self._place_behind(buf, start, behind, place)
                memo = self._planner.memo_of(place)
                known = memo.get
            if new is None:
                del out[mark:]
            else:
                out[mark] = buf[run:pos]
                size += pos - run + new
                run, changed = behind, True
            pos = behind
        if pos > end or not closed:
            raise Truncated("A sequence or element is longer than what holds it.")
        if self._pending and not depth:
            inserted = self._insert(_NEVER)
            out += (buf[run:pos], inserted)
            size += pos - run + len(inserted)
            run, changed = pos, True
        if not changed:
            return pos, -1
        out.append(buf[run:pos])
        return pos, size + pos - run

    def _step(self, key: bytes, place: int) -> Step:
        self._strange += 1
        if self._strange > MOST_STRANGE:
            raise TooLarge("The data set has too many elements of different kinds.")
        return self._planner.step(key, place)

    def _place_behind(self, buf: bytes, start: int, end: int, place: int) -> int:
        """Return the place that a concept name makes of the rest of its content item."""
        try:
            concept = concept_of(buf, start, end, self._enc)
        except DeidError:
            return place
        if concept in self._profile.identifying:
            return IDENTIFYING
        return AGED if concept in self._profile.ages else place

    def _insert(self, tag: int) -> bytes:
        due = [element for waiting, element in self._pending if waiting < tag]
        self._pending = self._pending[len(due) :]
        return b"".join(due)

    def _element(
        self,
        buf: bytes,
        pos: int,
        start: int,
        length: int,
        end: int,
        plan: Plan,
        depth: int,
        place: int,
    ) -> tuple[int, int | None]:
        """Rewrite one element that is not simply kept.

        Returns where the next one begins, and how many bytes were added to the output, None when
        the element stays as it is.
        """
        action = plan.action
        if action is Action.WALK or action is Action.CONCEPT:
            aged = place == AGED and plan.tag == MEASURED_VALUE
            parent = AGED if aged else plan.tag
            return self._walk(buf, pos, start, length, end, plan, depth, parent)
        if action is Action.CODED:
            return self._coded(buf, pos, end)
        if length == UNDEFINED:
            stop, behind = self._undefined_end(buf, pos, start, end, plan)
        else:
            stop = behind = start + length
        if behind > end:
            raise Truncated("An element is longer than what holds it.")
        if action is Action.DELETE:
            self.counts["removed", plan.rule] += 1
            return behind, 0
        if action is Action.CONVERT:
            return behind, self._convert(buf, start, stop, plan, depth)
        if action is Action.DELIMITER:
            if depth or plan.tag == ITEM:
                raise Malformed("A delimiter stands outside of a sequence.")
            return behind, 0
        if length == UNDEFINED and action is Action.KEEP:
            return behind, None
        new = self._remembered(plan, buf[pos:behind], start - pos, stop - pos, depth)
        if new is None:
            return behind, None
        self.counts[self._outcome(plan, new), plan.rule] += 1
        self._out.append(new)
        return behind, len(new)

    def _outcome(self, plan: Plan, new: bytes) -> str:
        """Return what a receipt calls a change."""
        long = self._enc.explicit and VRS[plan.vr.encode()][1]
        if len(new) <= (12 if long else 8):
            return "emptied" if new else "removed"
        return _DONE.get(plan.action, "cleaned")

    def _coded(self, buf: bytes, pos: int, end: int) -> tuple[int, int | None]:
        """Rewrite value, scheme, version and meaning of a code, which stand behind each other."""
        found: list[tuple[int, str, bytes]] = []
        behind = pos
        while behind < end:
            tag, vr, start, length = self._read(buf, behind, end)
            if tag > LAST_OF_CODE or tag < CODE_VALUE:
                break
            if length == UNDEFINED or vr == "SQ":
                raise Malformed("A code is not encoded as one.")
            behind = start + length
            found.append((tag, vr, buf[start:behind]))
        if behind > end:
            raise Truncated("An element is longer than what holds it.")
        raw = buf[pos:behind]
        name = raw, Action.CODED, Action.DUMMY
        if name in self._memo:
            new = self._memo[name]
        else:
            new = self._cleaned_code(raw, found)
            if len(raw) <= _REMEMBERED and len(self._memo) < _MOST_REMEMBERED:
                self._memo[name] = new
        if new is None:
            return behind, None
        self.counts["cleaned", "6"] += 1
        self._out.append(new)
        return behind, len(new)

    def _cleaned_code(self, raw: bytes, found: list[tuple[int, str, bytes]]) -> bytes | None:
        by_tag = {tag: value for tag, _, value in found}
        code = Code(*(by_tag.get(tag) for tag in _CODE_TAGS))
        cleaned = clean_code(code, self._profile, self._identifiers)
        plain = [tag for tag, vr, _ in found if vr == vr_of(tag)]
        if cleaned == code and plain == [tag for tag in _CODE_TAGS if tag in by_tag]:
            return None
        new = b"".join(
            encode_element(tag, vr_of(tag), value.rstrip(b" \0"), self._enc)
            for tag, value in zip(_CODE_TAGS, cleaned, strict=True)
            if value is not None
        )
        return None if new == raw else new

    def _undefined_end(
        self, buf: bytes, pos: int, start: int, end: int, plan: Plan
    ) -> tuple[int, int]:
        vr = VRS[buf[pos + 4 : pos + 6]][0] if self._enc.explicit else plan.vr
        return value_end(buf, start, end, self._enc, plan.tag, vr)

    def _walk(
        self,
        buf: bytes,
        pos: int,
        start: int,
        length: int,
        end: int,
        plan: Plan,
        depth: int,
        parent: int,
    ) -> tuple[int, int | None]:
        stop = end if length == UNDEFINED else start + length
        if stop > end:
            raise Truncated("A sequence is longer than what holds it.")
        mark = len(self._out)
        self._out.append(b"")
        undefined = length == UNDEFINED
        behind, size = self._items(buf, start, stop, parent, depth + 1, undefined=undefined)
        if size < 0:
            del self._out[mark:]
            return behind, None
        head = encode_header(plan.tag, plan.vr, UNDEFINED if undefined else size, self._enc)
        self._out[mark] = head
        return behind, len(head) + size

    def _items(
        self, buf: bytes, pos: int, end: int, parent: int, depth: int, *, undefined: bool
    ) -> tuple[int, int]:
        """Rewrite the value of a sequence; returns as ``_level`` does."""
        if depth > MAX_DEPTH:
            raise Malformed("Sequences are nested too deeply.")
        out, run, size, changed = self._out, pos, 0, False
        while pos < end or undefined:
            if end - pos < 8:
                raise Truncated("A sequence ends inside an item header.")
            group, element, length = self._item(buf, pos)
            start, tag = pos + 8, group << 16 | element
            if tag == SEQUENCE_END and undefined:
                pos = start
                break
            if tag != ITEM:
                raise Malformed("A sequence holds something that is no item.")
            open_end = length == UNDEFINED
            stop = end if open_end else start + length
            if stop > end:
                raise Truncated("A sequence ends inside an item.")
            mark = len(out)
            out.append(b"")
            behind, new = self._level(buf, start, stop, parent, depth, delimited=open_end)
            if new < 0:
                del out[mark:]
            else:
                head = encode_header(ITEM, "", UNDEFINED if open_end else new, self._enc)
                out[mark] = buf[run:pos] + head
                size += pos - run + len(head) + new
                run, changed = behind, True
            pos = behind
        if not changed:
            return pos, -1
        out.append(buf[run:pos])
        return pos, size + pos - run

    def _convert(self, buf: bytes, start: int, stop: int, plan: Plan, depth: int) -> int:
        """Re-write a UN sequence as a real one; what does not parse is deleted."""
        content = to_sequence(buf, start, stop, self._enc, depth)
        if content is None:
            return 0
        mark = len(self._out)
        self._out.append(b"")
        _, size = self._items(content, 0, len(content), plan.tag, depth + 1, undefined=False)
        if size < 0:
            self._out.append(content)
            size = len(content)
        head = encode_header(plan.tag, "SQ", size, self._enc)
        self._out[mark] = head
        return len(head) + size

    def _remembered(
        self, plan: Plan, element: bytes, start: int, stop: int, depth: int
    ) -> bytes | None:
        """Return what ``_replacement`` does; the slices of a series share most of their values."""
        # A UID is also written down for the check, so it is looked at each time.
        if len(element) > _REMEMBERED or plan.action is Action.UID:
            return self._replacement(plan, element, element[start:stop], depth)
        memo, name = self._memo, (element, plan.action, plan.fallback)
        if name in memo:
            return memo[name]
        new = self._replacement(plan, element, element[start:stop], depth)
        if len(memo) < _MOST_REMEMBERED:
            memo[name] = new
        return new

    def _replacement(self, plan: Plan, element: bytes, value: bytes, depth: int) -> bytes | None:
        """Return the element to write instead; None when it stays as it is."""
        action, tag, vr = plan.action, plan.tag, plan.vr
        if action is Action.LITERAL:
            literal = self._literals[tag]
            return literal if literal != element else None
        new: bytes | None
        if action is Action.EMPTY:
            new = b""
        elif action is Action.CODE_ITEM:
            new = values.dummy_code(self._enc)
        elif action is Action.DUMMY:
            new = values.DUMMIES[vr]
        else:
            new = self._cleaned(plan, value)
            if new is value:
                return None
            if new is None or (not new and value.strip(b" \0")):
                return self._fall_back(plan, element)
            if new == value.rstrip(b" \0") and len(value) - len(new) < 2:
                return None
        return self._encoded(tag, vr, new, element)

    def _fall_back(self, plan: Plan, element: bytes) -> bytes | None:
        if plan.fallback is Action.DELETE:
            return b""
        new = values.DUMMIES[plan.vr] if plan.fallback is Action.DUMMY else b""
        return self._encoded(plan.tag, plan.vr, new, element)

    def _encoded(self, tag: int, vr: str, value: bytes, element: bytes) -> bytes | None:
        if len(value) > _SHORT_LIMIT and self._enc.explicit and not VRS[vr.encode()][1]:
            raise TooLarge("A rewritten value does not fit its value representation.")
        new = encode_element(tag, vr, value, self._enc)
        return None if new == element else new

    def _cleaned(self, plan: Plan, value: bytes) -> bytes | None:
        """Return the cleaned value; the same object: it stays; None: nothing of it may stay."""
        action = plan.action
        if action is Action.UID:
            return self._mapped(plan.tag, value)
        if action is Action.DATE:
            return dates.shift_dates(value, self._shift)
        if action is Action.DATETIME:
            return dates.shift_datetimes(value, self._shift)
        if action is Action.AGE:
            return _limited_age(value)
        if action is Action.CLEAN or action is Action.TECHNICAL:
            return self._identifiers.clean(value, technical=action is Action.TECHNICAL)
        if action is Action.CODE:
            return self._identifiers.clean_code(value)
        if action is Action.OLD_AGE:
            return _limited_number(value)
        if action is Action.PERSON:
            return values.ANONYMIZED if value.strip(b" \0") else value
        return None  # it did not pass its test

    def _mapped(self, tag: int, value: bytes) -> bytes:
        parts = [self._mapped_one(tag, part.strip(b" \0")) for part in value.split(b"\\")]
        return b"\\".join(parts)

    def _mapped_one(self, tag: int, uid: bytes) -> bytes:
        if not uid:
            return uid
        known = self.uids.get(uid)
        if known is None:
            name = uid.decode("latin-1")
            if is_standard(name) or name in self._profile.sop_classes:
                # may be structure elsewhere, so it is not remembered
                return map_uid(self._key, name).encode() if tag in _ALWAYS_MAPPED else uid
            known = self.uids[uid] = map_uid(self._key, name).encode()
        return known


def _limited_number(value: bytes) -> bytes | None:
    """Return an age that is a number, in years or not, no higher than what may be told."""
    try:
        return value if float(value.strip(b" \0") or b"0") <= _OLDEST else b"90"
    except ValueError:
        return None


def _limited_age(value: bytes) -> bytes | None:
    ages = []
    for part in value.split(b"\\"):
        age = part.strip(b" \0")
        if age and not (len(age) == 4 and age[:3].isdigit() and age[3:] in _AGE_LIMITS):
            return None
        ages.append(b"090Y" if age and int(age[:3]) > _AGE_LIMITS[age[3:]] else age)
    return b"\\".join(ages)
