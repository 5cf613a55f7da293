"""Tells, element by element, what de-identifying an instance does to it and why.

Standard: PS3.15 Table E.1-1 (action codes), PS3.10 7.1 (file meta information).

Invariants: what happened is found by comparing what came with what was written, so it is what is
true and not what was meant; every element at every depth has a line, also below what was removed.
The lines hold original values: they are for the eyes of whoever has the file, and never stored.

Not here: the decisions (``deid.rules``), how a value is shown (``deid.shown``).
"""

import zlib
from dataclasses import dataclass, replace
from typing import Final

from deid.body import Streamed
from deid.codes import concept_of
from deid.dictionary import is_known, keyword_of, vr_of
from deid.encoding import DEFLATED, EXPLICIT_LITTLE, encoding_of
from deid.errors import DeidError
from deid.meta import PREAMBLE, read_meta
from deid.parts import Element, Part
from deid.profile import Profile, default_profile
from deid.receipt import Receipt
from deid.rules import (
    AGED,
    CONCEPT_NAME,
    IDENTIFYING,
    MEASURED_VALUE,
    Action,
    Decision,
    planner,
)
from deid.shown import charsets_of
from deid.stream import Deidentified, Deidentifier
from deid.values import literals

__all__ = ["Explanation", "Line", "explain"]

_STEP: Final = 1 << 20
_ANEW: Final = "written anew"
_SPECIFIC_CHARACTER_SET: Final = 0x00080005
_META: Final = encoding_of(EXPLICIT_LITTLE)
_META_START: Final = PREAMBLE + 4
_DONE: Final = {
    Action.LITERAL: "literal",
    Action.UID: "mapped",
    Action.DATE: "shifted",
    Action.DATETIME: "shifted",
    Action.DUMMY: "replaced",
    Action.CODE_ITEM: "replaced",
    Action.PERSON: "replaced",
}


@dataclass(frozen=True)
class Line:
    """What happened to one element.

    Attributes:
        path: tags and numbers of items, from the top: ``(0040,0275)[1].(0040,1001)``.
        keyword: of the element, or its tag.
        vr: as it came; as written, of what was added.
        rule: number of the rule that decided.
        source: the row of a table, or what else the rule stands on.
        action: kept, removed, emptied, replaced, literal, mapped, shifted, cleaned, searched (a
            sequence in which something changed) or added.
        before, after: the values, shortened; None where there is no element.
    """

    path: str
    keyword: str
    vr: str
    rule: str
    source: str
    action: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Explanation:
    """All lines of an instance, in the order of its elements, and its receipt."""

    lines: tuple[Line, ...]
    receipt: Receipt


def explain(data: bytes, key: bytes, profile: Profile | None = None) -> Explanation:
    """De-identify a Part 10 file in memory and say what happened.

    Args:
        data: the file.
        key: what UIDs and dates are moved by.
        profile: None for the default one.

    Raises:
        DeidError: it cannot be de-identified.
    """
    written: list[bytes] = []
    engine = Deidentifier(key, written.append, profile=profile)
    for at in range(0, len(data), _STEP):
        engine.feed(data[at : at + _STEP])
    result = engine.finish()
    old, new = (_data_set_of(file) for file in (data, b"".join(written)))
    walk = _Walk(profile or default_profile(), result, new.buf)
    walk.meta(_meta_of(old), _meta_of(new))
    walk.data_set(old)
    return Explanation(tuple(walk.lines), result.receipt)


def _data_set_of(file: bytes) -> Part:
    """Return the data set of a file, inflated in place when it is deflated."""
    syntax, start = read_meta(file[:_STEP])
    if syntax == DEFLATED:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        file = file[:start] + inflater.decompress(file[start:])
    return Part(file, start, len(file), encoding_of(syntax))


def _meta_of(data_set: Part) -> Part:
    return Part(data_set.buf, _META_START, data_set.start, _META)


class _Walk:
    """Walks what came and what was written side by side."""

    def __init__(self, profile: Profile, result: Deidentified, written: bytes) -> None:
        self.lines: list[Line] = []
        self._written = written
        self._profile = profile
        self._result = result
        self._streamed = {each.tag: each for each in result.streamed}
        self._enc = encoding_of(result.transfer_syntax)
        always = frozenset(literals(profile, self._enc, frozenset()))
        self._rules = planner(profile, result.sop_class_uid, self._enc, always).rules
        self._charsets = charsets_of(b"")

    def meta(self, old: Part, new: Part) -> None:
        """Compare preamble and file meta information."""
        if any(old.buf[:PREAMBLE]):
            size = f"{PREAMBLE} bytes"
            self.lines.append(Line("preamble", "", "", "9", _ANEW, "emptied", size, ""))
        found = {element.tag: element for element in new.elements()}
        for element in old.elements():
            self._leaf("", element, found.pop(element.tag, None), self._of_meta(element.tag))
        for element in found.values():
            self._added("", element, self._of_meta(element.tag))

    def data_set(self, old: Part) -> None:
        """Compare the data sets."""
        found = list(old.top_level())
        for element in found:
            if element.tag == _SPECIFIC_CHARACTER_SET:
                self._charsets = charsets_of(element.value)
        written = self._result.header + self._result.trailer
        new = Part(written, 0, len(written), self._enc)
        self._level("", found, new.elements(), 0)

    def _level(self, path: str, found: list[Element], written: list[Element], place: int) -> None:
        """Compare one data set or item with what was written of it."""
        tags = {element.tag for element in found}
        by_tag = {element.tag: element for element in written}
        added = [element for element in written if element.tag not in tags]
        for element in found:
            while added and added[0].tag < element.tag:
                first = added.pop(0)
                self._added(path, first, self._rules.decide(first.tag, place))
            decision = self._rules.decide(element.tag, place)
            if not path and element.tag in self._streamed:
                self._long(element, self._streamed[element.tag], decision)
            else:
                self._element(path, element, by_tag.get(element.tag), decision, place)
            if element.tag == CONCEPT_NAME:
                place = self._behind_concept(element, place)
        for element in added:
            self._added(path, element, self._rules.decide(element.tag, place))

    def _behind_concept(self, name: Element, place: int) -> int:
        """What stands behind the name of a concept is decided by what it names."""
        try:
            concept = concept_of(name.part.buf, name.start, name.end, name.part.enc)
        except DeidError:
            return place
        if concept in self._profile.identifying:
            return IDENTIFYING
        return AGED if concept in self._profile.ages else place

    def _element(
        self, path: str, old: Element, new: Element | None, decision: Decision, place: int
    ) -> None:
        inside = old.items()
        if inside is None:
            self._leaf(path, old, new, decision)
            return
        at = len(self.lines)
        self._line(path, old, decision, "", new)
        outside = (new.items() if new else None) or []
        parent = AGED if place == AGED and old.tag == MEASURED_VALUE else old.tag
        is_walked = len(outside) == len(inside)
        for number, item in enumerate(inside, 1):
            below = f"{path}{old.number}[{number}]."
            if is_walked:
                written = outside[number - 1].elements()
                self._level(below, item.elements(), written, self._rules.place_of(parent))
            else:
                self._gone(below, item, decision)
        if new is None:
            action = "removed"
        elif not is_walked:
            action = _DONE.get(decision.action, "replaced") if outside else "emptied"
        else:
            unchanged = all(line.action == "kept" for line in self.lines[at + 1 :])
            action = "kept" if unchanged else "searched"
        self.lines[at] = replace(self.lines[at], action=action)

    def _gone(self, path: str, item: Part, decision: Decision) -> None:
        """Say of all that is in an item that it went with its sequence."""
        for element in item.elements():
            self._line(path, element, decision, "removed", source="with its sequence")
            for number, below in enumerate(element.items() or (), 1):
                self._gone(f"{path}{element.number}[{number}].", below, decision)

    def _leaf(self, path: str, old: Element, new: Element | None, decision: Decision) -> None:
        if new is None:
            action = "removed"
        elif new.value == old.value:
            action = "kept"
        elif not new.value:
            action = "emptied"
        else:
            action = _DONE.get(decision.action, "cleaned")
        self._line(path, old, decision, action, new)

    def _long(self, old: Element, new: Streamed, decision: Decision) -> None:
        """Compare a value that streamed through, which is shown by its size."""
        if new.length is not None:
            before, after = f"{old.end - old.start} bytes", f"{new.length} bytes"
        else:
            before = _sized(old.fragments())
            after = _sized([length for _, length in new.fragments])
        size = old.end - old.start
        is_kept = memoryview(self._written)[new.offset :][:size] == old.view
        if not is_kept:
            after = f"{after}, segments cleared"
            decision = decision._replace(rule="8")
        self._line("", old, decision, "kept" if is_kept else "cleaned")
        self.lines[-1] = replace(self.lines[-1], before=before, after=after)

    def _added(self, path: str, new: Element, decision: Decision) -> None:
        self._line(path, new, decision, "added", new)
        self.lines[-1] = replace(self.lines[-1], before=None)

    def _line(
        self,
        path: str,
        element: Element,
        decision: Decision,
        action: str,
        new: Element | None = None,
        source: str = "",
    ) -> None:
        self.lines.append(
            Line(
                path=f"{path}{element.number}",
                keyword=keyword_of(element.tag),
                vr=element.vr,
                rule=decision.rule,
                source=source or self._source(element.tag, decision),
                action=action,
                before=element.shown(self._charsets),
                after=None if new is None else new.shown(self._charsets),
            )
        )

    def _of_meta(self, tag: int) -> Decision:
        if tag in self._profile.literals:
            return Decision(Action.LITERAL, Action.LITERAL, "3")
        return Decision(Action.DUMMY, Action.DUMMY, "9")

    def _source(self, tag: int, decision: Decision) -> str:
        """Name what a decision stands on."""
        if decision.rule == "2":
            return _why_deleted(tag)
        if decision.rule == "8":
            return "segments and comments"
        row = self._profile.rows.get(tag)
        if row is None or tag >> 16 == 0x0002:
            return _ANEW if decision.rule in ("3", "9") else f"VR {vr_of(tag)}"
        named = (("operator", row.own), ("DICOM Library", row.library), ("E.1-1", row.basic))
        return ", ".join(f"{table}: {said}" for table, said in named if said)


def _sized(fragments: list[int]) -> str:
    plural = "" if len(fragments) == 1 else "s"
    return f"{sum(fragments)} bytes in {len(fragments)} fragment{plural}"


def _why_deleted(tag: int) -> str:
    """Say why rule 2 deletes a tag wherever it stands."""
    group = tag >> 16
    if group & 1:
        return "private"
    if not tag & 0xFFFF:
        return "group length"
    if group >> 8 in (0x50, 0x60):
        return "curve" if group >> 8 == 0x50 else "overlay"
    return "deleted everywhere" if is_known(tag) else "not in PS3.6"
