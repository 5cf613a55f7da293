"""Remembers the header of a series, so that the next instance costs only where it differs.

The slices of a series have nearly all of their header in common. What de-identification made of
an element depends on its bytes, its place and on who the data set is about; when these are the
same, the result is, and it is copied in runs instead of being worked out again.

Standard: PS3.3 C.7 (what instances of one series share).

Invariants: the output is the same, byte for byte, as without this module, and is checked in the
same way; a header that differs in its tags, or in anything that says who it is about, is not
treated as a repetition. Original headers of the last few series are held in memory, never written.

Not here: working an element out (``deid.rewriter``), the check (``deid.check``).
"""

from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Final

from deid.encoding import UNDEFINED, Encoding, header_reader, value_end
from deid.errors import DeidError
from deid.identity import SERIES_INSTANCE_UID, SOP_INSTANCE_UID, Identity
from deid.rewriter import Counts
from deid.runs import Runs
from deid.scan import Role, role_of
from deid.session import Session, Setting

__all__ = ["HEADER_SLACK", "Repeat", "Repeats"]

_MOST_SERIES: Final = 16
_LONGEST_HEADER: Final = 1 << 18
HEADER_SLACK: Final = 1024
"""What may differ in length between two headers of one series."""
_LONGEST_NAME: Final = HEADER_SLACK + 128


@dataclass(frozen=True)
class _Learnt:
    """A header, element by element, and what became of it.

    Attributes:
        series: the element that says which series it is, as sent.
        series_at: where it begins.
        runs: the header as sent.
        tags: of the elements.
        collected: what each element says of who the data set is about; None: nothing.
        output: the header as written.
        written: where what was written for each element begins, and where the last one ends;
            elements that were inserted in front of it belong to it.
        inserted: the length of what was inserted in front of each.
        counts: what was done to each.
        total: what was done to all.
        behind: the element header that followed.
    """

    session: Session
    identity: Identity
    present: frozenset[int]
    series: bytes
    series_at: int
    runs: Runs
    tags: tuple[int, ...]
    collected: tuple[Identity | None, ...]
    output: bytes
    written: tuple[int, ...]
    inserted: tuple[int, ...]
    counts: tuple[Counts | None, ...]
    total: Counts
    behind: bytes


class Repeat:
    """A header that repeats a learnt one but for some elements.

    Attributes:
        header: its bytes.
        behind: the element header that follows.
        identity, present: as a scan of the header would have found them.
    """

    def __init__(
        self, learnt: _Learnt, buf: bytes, changed: list[tuple[int, int, int]], end: int
    ) -> None:
        self.header: Final = buf[:end]
        self.behind: Final = learnt.behind
        self.present: Final = learnt.present
        self.identity: Final = _identity_of(learnt, buf, changed)
        self._learnt = learnt
        self._changed = changed

    def session(self) -> tuple[Session, bytes]:
        """Return the decisions for the instance, and the rewritten and checked header.

        Raises:
            DeidError: as for any instance.
        """
        learnt = self._learnt
        session = learnt.session.again(self.identity)
        out, anew, last = [], [], 0
        counts = session.counts
        # Counter's own adding and subtracting would take longer than rewriting.
        dict.update(counts, learnt.total)
        for index, start, stop in self._changed:
            front = learnt.written[index] + learnt.inserted[index]
            out.append(learnt.output[learnt.written[last] : front])
            anew.append(session.rewrite_element(self.header[start:stop]))
            out.append(anew[-1])
            last = index + 1
            for name, count in (learnt.counts[index] or {}).items():
                counts[name] -= count
        out.append(learnt.output[learnt.written[last] :])
        written = b"".join(out)
        session.check_elements(anew, written)
        return session, written


class Repeats:
    """The headers of the last few series, for one process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._learnt: OrderedDict[tuple[Setting, bytes, bytes], _Learnt | None] = OrderedDict()

    def candidates(self, setting: Setting) -> list[_Learnt]:
        """Return what was learnt in a setting."""
        with self._lock:
            return [
                learnt
                for (known, _, _), learnt in self._learnt.items()
                if learnt is not None and known is setting
            ]

    def match(
        self, candidates: list[_Learnt], key_of: Callable[[str], bytes], buf: bytes
    ) -> Repeat | None:
        """Return the repetition that a buffered header is, if it is one.

        Args:
            candidates: what may be repeated.
            key_of: gives the key for a Study Instance UID.
            buf: the first bytes of the data set.
        """
        for learnt in candidates:
            # What a series is called has to be the same, and is looked for in no time.
            at = learnt.series_at
            if buf.find(learnt.series, max(0, at - HEADER_SLACK), at + _LONGEST_NAME) < 0:
                continue
            found = _match(learnt, buf)
            if found is None:
                continue
            session = learnt.session
            if key_of(session.sent_study_instance_uid) != session.key:
                continue
            return Repeat(learnt, buf, *found)
        return None

    def learn(
        self,
        setting: Setting,
        session: Session,
        identity: Identity,
        present: frozenset[int],
        part: bytes,
        written: bytes,
        behind: bytes,
    ) -> None:
        """Take note of a header that was worked out; the second one of a series is learnt."""
        if len(part) > _LONGEST_HEADER:
            return
        name = setting, session.key, identity.context.get(SERIES_INSTANCE_UID, b"")
        with self._lock:
            is_new = name not in self._learnt
            if is_new:
                self._learnt[name] = None
            self._learnt.move_to_end(name)
            while len(self._learnt) > _MOST_SERIES:
                self._learnt.popitem(last=False)
        if is_new:
            return
        learnt = _learn(setting.enc, session, identity, present, part, written, behind)
        with self._lock:
            if learnt is not None and name in self._learnt:
                self._learnt[name] = learnt


def _match(learnt: _Learnt, buf: bytes) -> tuple[list[tuple[int, int, int]], int] | None:
    """Return the elements that differ (number, start, end), and where the header ends."""
    starts, count = learnt.runs.starts, len(learnt.tags)
    changed, index, pos = [], 0, 0
    while True:
        equal = learnt.runs.equal_until(buf, pos, index)
        pos += starts[equal] - starts[index]
        if equal == count:
            break
        stop = _end_of(learnt, buf, pos, equal)
        if stop is None or not _says_the_same(learnt, equal, buf, pos, stop):
            return None
        changed.append((equal, pos, stop))
        index, pos = equal + 1, stop
    if buf[pos : pos + len(learnt.behind)] != learnt.behind:
        return None
    return changed, pos


def _end_of(learnt: _Learnt, buf: bytes, pos: int, index: int) -> int | None:
    """Return where an element that differs ends; None when it is another one."""
    enc = learnt.session.setting.enc
    if not learnt.runs.is_same_element(index, buf, pos, enc):
        return None
    try:
        tag, vr, first, length = header_reader(enc)(buf, pos, len(buf))
        if length == UNDEFINED:
            stop = value_end(buf, first, len(buf), enc, tag, vr)[1]
        else:
            stop = first + length
    except DeidError:
        return None
    return stop if stop <= len(buf) else None


def _says_the_same(learnt: _Learnt, index: int, buf: bytes, pos: int, stop: int) -> bool:
    """Tell whether an element says the same of who the data set is about as the learnt one."""
    known = learnt.collected[index]
    if known is None:
        return True
    found = _collected(buf[pos:stop], learnt.session.setting.enc)
    same = (found.names, found.numbers, found.places) == (
        known.names,
        known.numbers,
        known.places,
    )
    return same and found.context.keys() <= {SOP_INSTANCE_UID}


def _identity_of(learnt: _Learnt, buf: bytes, changed: list[tuple[int, int, int]]) -> Identity:
    known = learnt.identity
    context = dict(known.context)
    for index, start, stop in changed:
        if learnt.tags[index] == SOP_INSTANCE_UID:
            context |= _collected(buf[start:stop], learnt.session.setting.enc).context
    return Identity(context, known.names, known.numbers, known.places)


def _collected(element: bytes, enc: Encoding) -> Identity:
    """What one element says of who the data set is about, as a scan collects it."""
    identity = Identity()
    tag, vr, first, length = header_reader(enc)(element, 0, len(element))
    role = role_of(tag, vr)
    if role is Role.COLLECT:
        identity.collect(tag, vr, element[first:])
    elif role is Role.SEQUENCE:
        stop = len(element)
        if length == UNDEFINED:
            stop = value_end(element, first, stop, enc, tag, vr)[0]
        if vr == "SQ":
            identity.collect_sequence(element[first:stop], enc)
        else:
            identity.collect_unknown(element[first:stop])
    return identity


def _learn(
    enc: Encoding,
    session: Session,
    identity: Identity,
    present: frozenset[int],
    part: bytes,
    written: bytes,
    behind: bytes,
) -> _Learnt | None:
    """Work a header out once more, element by element."""
    again = session.again(identity)
    waiting = list(session.inserted)
    starts, tags, collected, ends, inserted, counts = [0], [], [], [0], [], []
    out: list[bytes] = []
    read, pos = header_reader(enc), 0
    while pos < len(part):
        tag, vr, first, length = read(part, pos, len(part))
        if not vr:
            return None  # a stray delimiter
        stop = first + length
        if length == UNDEFINED:
            stop = value_end(part, first, len(part), enc, tag, vr)[1]
        front = b"".join(element for due, element in waiting if due < tag)
        waiting = [(due, element) for due, element in waiting if due >= tag]
        again.counts.clear()
        piece = again.rewrite_element(part[pos:stop])
        out += (front, piece)
        starts.append(stop)
        tags.append(tag)
        found = _collected(part[pos:stop], enc)
        collected.append(found if role_of(tag, vr) in (Role.COLLECT, Role.SEQUENCE) else None)
        inserted.append(len(front))
        ends.append(ends[-1] + len(front) + len(piece))
        counts.append(Counter(again.counts) if again.counts else None)
        pos = stop
    out += [element for _, element in waiting]
    if b"".join(out) != written:
        return None
    if SERIES_INSTANCE_UID not in tags:
        return None
    named = tags.index(SERIES_INSTANCE_UID)
    total = sum((count for count in counts if count), start=Counter())
    return _Learnt(
        session,
        identity,
        present,
        part[starts[named] : starts[named + 1]],
        starts[named],
        Runs(part, tuple(starts)),
        tuple(tags),
        tuple(collected),
        written,
        tuple(ends),
        tuple(inserted),
        tuple(counts),
        total,
        behind,
    )
