"""Holds what is decided once for an instance: its new UIDs, the date shift, rewriter and check.

Standard: PS3.15 E.3.9 (UIDs), E.3.6 (dates), PS3.3 C.7 (patient, study, series, SOP Common).

Invariants: the decisions depend on the owner's key and the header alone; a data set of a study
that the same key made is not shifted again.

Not here: the bytes' way through (``deid.body``).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from deid import dates
from deid.check import Check, distinctive
from deid.dictionary import vr_of
from deid.encoding import Encoding, encode_element
from deid.identity import (
    ISSUER_OF_PATIENT_ID,
    PATIENT_ID,
    SERIES_INSTANCE_UID,
    SOP_INSTANCE_UID,
    STUDY_INSTANCE_UID,
    Identity,
)
from deid.profile import Profile
from deid.rewriter import Counts, Memo, Rewriter
from deid.rules import planner
from deid.text import Identifiers
from deid.uids import is_own, is_standard, map_uid
from deid.values import CLEAN_CONTENT, CLEAN_GRAPHICS, CLEAN_PIXELS, literals

# As many senders as are likely to be at work at the same time, twice for rewriting and checking.
_SERIES: Final = 32
_CONTENT: Final = 0x0040A730
_GRAPHIC_ANNOTATION: Final = 0x00700001


@dataclass(frozen=True, eq=False)
class Setting:
    """What is decided before anything of an instance is known; `setting_of` gives it.

    Attributes:
        profile: the rules.
        enc: the encoding of the data set.
        cleaned_pixels: a person has blacked out what the pixels said.
    """

    profile: Profile
    enc: Encoding
    cleaned_pixels: bool


@lru_cache(maxsize=64)
def setting_of(profile: Profile, enc: Encoding, *, cleaned_pixels: bool) -> Setting:
    """Return the one setting that says this, so that settings are told apart by what they are."""
    return Setting(profile, enc, cleaned_pixels)


class Session:
    """The decisions for one instance.

    Raises:
        MissingIdentifier, SopClassUnsupported, Malformed: it cannot be stored.
    """

    def __init__(
        self, setting: Setting, key: bytes, identity: Identity, present: frozenset[int]
    ) -> None:
        self.setting: Final = setting
        self.key: Final = key
        self._take_uids(identity)
        profile, enc = setting.profile, setting.enc
        texts = identity.words(), identity.phrases()
        shift = _shift(key, identity, self.sent_study_instance_uid)
        written = literals(profile, enc, _applied(setting, present))
        plans = planner(profile, self.sop_class_uid, enc, frozenset(written))

        common = _series(setting, key, shift, *texts)
        self._rewriter = Rewriter(profile, plans, key, shift, *common, written)
        common = _series(setting, key, 0, *texts)
        self._checker = Rewriter(profile, plans, key, 0, *common, written)
        self._names = distinctive(identity)
        self._begin()
        missing = {tag: element for tag, element in written.items() if tag not in present}
        for tag in plans.rules.required:
            if tag not in present:
                missing.setdefault(tag, encode_element(tag, vr_of(tag), b"", enc))
        self.inserted: Final = tuple(sorted(missing.items()))
        self._pending = self.inserted

    def again(self, identity: Identity) -> "Session":
        """Return the decisions for an instance that differs in its SOP Instance UID only."""
        other = object.__new__(Session)
        other.__dict__.update(self.__dict__)
        other.sent_sop_instance_uid = identity.uid(SOP_INSTANCE_UID, "SOPInstanceUID")
        other.sop_instance_uid = map_uid(self.key, other.sent_sop_instance_uid)
        other._rewriter = self._rewriter.again()
        other._checker = self._checker.again()
        # What was replaced before must not be left in this one either.
        other._rewriter.uids.update(self._rewriter.uids)
        other._begin()
        other._pending = ()
        return other

    def _take_uids(self, identity: Identity) -> None:
        self.sop_class_uid = identity.sop_class_uid(self.setting.profile.sop_classes)
        self.sent_sop_instance_uid = identity.uid(SOP_INSTANCE_UID, "SOPInstanceUID")
        self.sent_study_instance_uid = identity.uid(STUDY_INSTANCE_UID, "StudyInstanceUID")
        self.sent_series_instance_uid = identity.uid(SERIES_INSTANCE_UID, "SeriesInstanceUID")
        self.sop_instance_uid = map_uid(self.key, self.sent_sop_instance_uid)
        self.study_instance_uid = map_uid(self.key, self.sent_study_instance_uid)
        self.series_instance_uid = map_uid(self.key, self.sent_series_instance_uid)

    def _begin(self) -> None:
        for sent, new in (
            (self.sent_sop_instance_uid, self.sop_instance_uid),
            (self.sent_study_instance_uid, self.study_instance_uid),
            (self.sent_series_instance_uid, self.series_instance_uid),
        ):
            if not is_standard(sent):
                self._rewriter.uids[sent.encode("latin-1")] = new.encode()
        self._check = Check(self._checker, self._names)

    @property
    def counts(self) -> Counts:
        """What was done so far."""
        return self._rewriter.counts

    def rewrite(self, part: bytes) -> bytes:
        """Rewrite and check the next part of the data set."""
        written = self._rewriter.rewrite(part, self._pending)
        self._pending = ()
        self._check.is_stable(written, self._rewriter.uids)
        self.check_names(written)
        return written

    def rewrite_element(self, element: bytes) -> bytes:
        """Rewrite one element at top level; `check_elements` must follow."""
        return self._rewriter.rewrite(element)

    def check_elements(self, elements: Iterable[bytes], written: bytes) -> None:
        """Check elements that were rewritten one by one, and the whole that they are part of.

        Raises:
            VerificationFailed: an element would change again, or an identifier is left.
        """
        self._check.is_stable(b"".join(elements), self._rewriter.uids)
        self.check_names(written)

    def check_names(self, written: bytes) -> None:
        """Look for what must not be left.

        Raises:
            VerificationFailed: an identifier is left.
        """
        self._check.holds_none(written, self._rewriter.uids)


def _applied(setting: Setting, present: frozenset[int]) -> frozenset[str]:
    """Return the codes of what is applied to an instance beside what is to all."""
    found = {
        CLEAN_PIXELS: setting.cleaned_pixels,
        CLEAN_GRAPHICS: _GRAPHIC_ANNOTATION in present,
        CLEAN_CONTENT: _CONTENT in present,
    }
    return frozenset(code for code, applies in found.items() if applies)


@lru_cache(maxsize=_SERIES)
def _series(
    setting: Setting, key: bytes, shift: int, words: frozenset[bytes], phrases: tuple[bytes, ...]
) -> tuple[Identifiers, Memo]:
    """What the instances of one patient have in common, so that it is worked out once.

    It holds original values, in memory only and for the last few patients, as long as the
    process's own buffers may.
    """
    del setting, key, shift  # what is remembered holds for these only
    return Identifiers(words, phrases), {}


def _shift(key: bytes, identity: Identity, study: str) -> int:
    if is_own(key, study):
        return 0
    patient = identity.context.get(PATIENT_ID, b"")
    if not patient:
        return dates.shift_of(key, b"study", study.encode())
    return dates.shift_of(key, b"patient", patient, identity.context.get(ISSUER_OF_PATIENT_ID, b""))
