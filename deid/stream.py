"""De-identifies one instance while its bytes pass through.

Standard: PS3.10 7 (file format), PS3.5 A (transfer syntaxes), PS3.15 E (profile).

Invariants: nothing is written before the header was rewritten and checked; of the file meta
information that came nothing but the transfer syntax is used.

Not here: the data set's way (``deid.body``), the rules (``deid.rules``), storing (``store``).
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from deid.body import Body, Limits, Streamed
from deid.deflate import Deflater, Inflater
from deid.encoding import DEFLATED, encoding_of, is_encapsulated
from deid.errors import NotDicom, Truncated
from deid.identity import STUDY_INSTANCE_UID
from deid.meta import check_prefix, check_size, read_meta, write_meta
from deid.profile import Profile, default_profile
from deid.receipt import Receipt
from deid.repeats import HEADER_SLACK, Repeat, Repeats
from deid.review import Reason, reasons
from deid.session import Session, Setting, setting_of

_META_STEP: Final = 4096
_REPEATS: Final = Repeats()

KeyChoice = Callable[[str], bytes]
"""Gives the key for a study, by its Study Instance UID as sent."""


@dataclass(frozen=True)
class Deidentified:
    """What became of an instance. The UIDs are the new ones, but for the two that say ``sent``.

    Attributes:
        header: the de-identified elements in front of the first streamed one, as encoded in the
            file (for the deflated syntax: inflated).
        trailer: the de-identified elements behind the first streamed one, without streamed ones.
        size: bytes written.
        review: why a person must look at it before strangers may; empty when nobody must.
        receipt: what was done, in counts.
    """

    transfer_syntax: str
    sop_class_uid: str
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sent_study_instance_uid: str
    sent_sop_instance_uid: str
    header: bytes
    trailer: bytes
    streamed: tuple[Streamed, ...]
    size: int
    review: tuple[Reason, ...]
    receipt: Receipt


class Deidentifier:
    """Takes the bytes of one instance in pieces and writes the de-identified file.

    Args:
        key: the key that UIDs and dates are moved by, or what gives it for a study.
        write: gets the file in order; what it raises goes through.
        transfer_syntax: None when a Part 10 file comes, else the syntax of a bare data set.
        limits: what the instance may ask for.
        profile: the profile to apply, None for the default one.
        cleaned_pixels: a person has blacked out what the pixels said; this is then claimed.
        pass_on: gets pieces of long values, in their turn, instead of ``write``, which then need
            not be copied; a piece is good during the call only.

    Raises:
        DeidError: from any method; the instance is refused and nothing of it may be kept.
    """

    def __init__(
        self,
        key: bytes | KeyChoice,
        write: Callable[[bytes], object],
        *,
        transfer_syntax: str | None = None,
        limits: Limits | None = None,
        profile: Profile | None = None,
        cleaned_pixels: bool = False,
        pass_on: Callable[[memoryview], object] | None = None,
    ) -> None:
        self._key = key
        self._pass_on = pass_on
        self._profile = profile or default_profile()
        self._cleaned_pixels = cleaned_pixels
        self._setting: Setting | None = None
        self._put = write
        self._limits = limits or Limits()
        self._meta = bytearray()
        self._syntax = ""
        self._size = 0
        self._offset = 0
        self._body: Body | None = None
        self._session: Session | None = None
        self._inflater: Inflater | None = None
        self._deflater: Deflater | None = None
        if transfer_syntax is not None:
            self._open(transfer_syntax)

    def feed(self, data: bytes | memoryview) -> None:
        """Take the next bytes, as many as there are."""
        if self._body is None:
            self._take_meta(data)
        elif self._inflater is None:
            self._body.feed(data)
        else:
            for piece in self._inflater.inflate(data):
                self._body.feed(piece)

    def finish(self) -> Deidentified:
        """Say that all bytes have come; return what was written.

        Raises:
            Truncated: the instance is not complete.
        """
        if self._body is None:
            self._finish_meta()
        if self._body is None:
            raise Truncated("The file ends inside the file meta information.")
        if self._inflater is not None:
            self._inflater.finish()
        self._body.finish()
        if self._deflater is not None:
            self._deflater.finish()
        session, body = self._session, self._body
        if session is None:
            raise Truncated("There is no data set.")
        review = reasons(
            self._profile,
            body.identity,
            body.present,
            session.sop_class_uid,
            self._syntax,
            cleaned_pixels=self._cleaned_pixels,
        )
        # Whoever still holds this, as a large batch does, need not hold the header, too.
        receipt, self._body = self._receipt(session, review), None
        return Deidentified(
            transfer_syntax=self._syntax,
            sop_class_uid=session.sop_class_uid,
            study_instance_uid=session.study_instance_uid,
            series_instance_uid=session.series_instance_uid,
            sop_instance_uid=session.sop_instance_uid,
            sent_study_instance_uid=session.sent_study_instance_uid,
            sent_sop_instance_uid=session.sent_sop_instance_uid,
            header=body.parts[0],
            trailer=b"".join(body.parts[1:]),
            streamed=tuple(body.streamed),
            size=self._size,
            review=review,
            receipt=receipt,
        )

    @property
    def new_uids(self) -> tuple[str, str] | None:
        """The SOP Class UID and the new SOP Instance UID, once the header has come."""
        session = self._session
        return None if session is None else (session.sop_class_uid, session.sop_instance_uid)

    def _receipt(self, session: Session, review: tuple[Reason, ...]) -> Receipt:
        blanked = self._body.blanked if self._body else 0
        return _receipt_of(self._profile, frozenset(session.counts.items()), blanked, review)

    def _take_meta(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        while view and self._body is None:
            self._meta += view[:_META_STEP]
            view = view[_META_STEP:]
            check_size(len(self._meta))
            if not check_prefix(self._meta):
                continue
            try:
                syntax, pos = read_meta(bytes(self._meta))
            except Truncated:
                continue
            self._leave_meta(syntax, pos)
        if view:
            self.feed(view)

    def _finish_meta(self) -> None:
        """Read file meta information that nothing follows."""
        if not check_prefix(self._meta):
            raise NotDicom("This is not a DICOM file: it is shorter than preamble and prefix.")
        self._leave_meta(*read_meta(bytes(self._meta)))

    def _leave_meta(self, syntax: str, pos: int) -> None:
        self._open(syntax)
        rest = bytes(self._meta[pos:])
        self._meta.clear()
        self.feed(rest)

    def _open(self, syntax: str) -> None:
        self._syntax = syntax
        if syntax == DEFLATED:
            limits = self._limits
            self._inflater = Inflater(limits.inflated_free, limits.inflated_ratio)
        enc = encoding_of(syntax)
        self._setting = setting_of(self._profile, enc, cleaned_pixels=self._cleaned_pixels)
        candidates = _REPEATS.candidates(self._setting)

        def recognise(head: bytes) -> Repeat | None:
            return _REPEATS.match(candidates, self._key_of, head)

        self._body = Body(
            enc,
            encapsulated=is_encapsulated(syntax),
            transfer_syntax=syntax,
            limits=self._limits,
            rewrite=self._rewrite,
            write=self._write,
            wanted=max((len(known.runs.source) for known in candidates), default=0) + HEADER_SLACK,
            recognise=recognise if candidates else None,
        )

    def _key_of(self, study_instance_uid: str) -> bytes:
        key = self._key
        return key if isinstance(key, bytes) else key(study_instance_uid)

    def _rewrite(self, part: bytes) -> bytes:
        """Rewrite one part of the data set; the first one decides, and opens the file."""
        body = self._body
        assert body is not None
        if self._session is not None:
            return self._session.rewrite(part)
        assert self._setting is not None
        if body.repeat is not None:
            self._session, written = body.repeat.session()
        else:
            present = frozenset(body.present)
            key = self._key_of(body.identity.uid(STUDY_INSTANCE_UID, "StudyInstanceUID"))
            self._session = Session(self._setting, key, body.identity, present)
            written = self._session.rewrite(part)
            if body.behind and not body.skipped:
                known = self._session, body.identity, present
                _REPEATS.learn(self._setting, *known, part, written, body.behind)
        head = write_meta(
            self._profile,
            self._syntax,
            self._session.sop_class_uid,
            self._session.sop_instance_uid,
        )
        self._offset = len(head)
        self._send(head)
        if self._inflater is not None:
            self._deflater = Deflater(self._send)
        return written

    def _write(self, data: bytes | memoryview) -> int:
        self._offset += len(data)
        if self._deflater is not None:
            self._deflater.deflate(data)
        else:
            self._send(data)
        return self._offset

    def _send(self, data: bytes | memoryview) -> None:
        self._size += len(data)
        if isinstance(data, bytes):
            self._put(data)
        elif self._pass_on is not None:
            self._pass_on(data)
        else:
            whole = data.obj
            if isinstance(whole, bytes) and len(whole) == len(data):
                self._put(whole)
            else:
                self._put(bytes(data))


@lru_cache(maxsize=256)
def _receipt_of(
    profile: Profile,
    counts: frozenset[tuple[tuple[str, str], int]],
    blanked: int,
    review: tuple[Reason, ...],
) -> Receipt:
    """Sum up what was done; the instances of a series mostly share one receipt."""
    actions: Counter[str] = Counter()
    rules: Counter[str] = Counter()
    for (action, rule), count in counts:
        if count > 0:
            actions[action] += count
            rules[rule] += count
    if blanked:
        actions["emptied"] += blanked
        rules["8"] += blanked
    return Receipt(profile.name, profile.version, profile.sha256, actions, rules, review)
