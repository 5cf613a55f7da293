"""Holds what is decided once for an instance: its new UIDs, the date shift, rewriter and check.

Standard: PS3.15 E.3.9 (UIDs), E.3.6 (dates), PS3.3 C.7 (patient, study, series, SOP Common).

Invariants: the decisions depend on the owner's key and the header alone; a data set of a study
that the same key made is not shifted again.

Not here: the bytes' way through (``deid.body``).
"""

from functools import lru_cache
from typing import Final

from deid import dates
from deid.check import Check
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
from deid.values import literals

# As many senders as are likely to be at work at the same time, twice for rewriting and checking.
_SERIES: Final = 32


class Session:
    """The decisions for one instance.

    Raises:
        MissingIdentifier, SopClassUnsupported, Malformed: it cannot be stored.
    """

    def __init__(
        self,
        profile: Profile,
        key: bytes,
        enc: Encoding,
        identity: Identity,
        present: frozenset[int],
        *,
        cleaned_pixels: bool,
    ) -> None:
        self.sop_class_uid: Final = identity.sop_class_uid()
        self.sent_sop_instance_uid: Final = identity.uid(SOP_INSTANCE_UID, "SOPInstanceUID")
        self.sent_study_instance_uid: Final = identity.uid(STUDY_INSTANCE_UID, "StudyInstanceUID")
        sent_series = identity.uid(SERIES_INSTANCE_UID, "SeriesInstanceUID")
        sent = (self.sent_sop_instance_uid, self.sent_study_instance_uid, sent_series)
        new = [map_uid(key, uid) for uid in sent]
        self.sop_instance_uid, self.study_instance_uid, self.series_instance_uid = new
        self._identity = identity
        texts = identity.words(), identity.phrases()
        shift = _shift(key, identity, self.sent_study_instance_uid)
        written = literals(profile, enc, cleaned_pixels=cleaned_pixels)
        plans = planner(profile, self.sop_class_uid, enc, frozenset(written))

        def rewriter(days: int) -> Rewriter:
            common = _series(profile, key, days, enc, *texts, cleaned_pixels=cleaned_pixels)
            return Rewriter(profile, plans, key, days, *common, written)

        self._rewriter = rewriter(shift)
        self._rewriter.uids.update(
            (old.encode("latin-1"), uid.encode())
            for old, uid in zip(sent, new, strict=True)
            if not is_standard(old)
        )
        self._check = Check(rewriter(0))
        missing = {tag: element for tag, element in written.items() if tag not in present}
        for tag in plans.rules.required:
            if tag not in present:
                missing.setdefault(tag, encode_element(tag, vr_of(tag), b"", enc))
        self._pending = sorted(missing.items())

    @property
    def counts(self) -> Counts:
        """What was done so far."""
        return self._rewriter.counts

    def rewrite(self, part: bytes) -> bytes:
        """Rewrite and check the next part of the data set."""
        written = self._rewriter.rewrite(part, self._pending)
        self._pending = []
        self._check(written, self._identity, self._rewriter.uids)
        return written


@lru_cache(maxsize=_SERIES)
def _series(
    profile: Profile,
    key: bytes,
    shift: int,
    enc: Encoding,
    words: frozenset[bytes],
    phrases: tuple[bytes, ...],
    *,
    cleaned_pixels: bool,
) -> tuple[Identifiers, Memo]:
    """What the instances of one patient have in common, so that it is worked out once.

    It holds original values, in memory only and for the last few patients, as long as the
    process's own buffers may.
    """
    del profile, key, shift, enc, cleaned_pixels  # what is remembered holds for these only
    return Identifiers(words, phrases), {}


def _shift(key: bytes, identity: Identity, study: str) -> int:
    if is_own(key, study):
        return 0
    patient = identity.context.get(PATIENT_ID, b"")
    if not patient:
        return dates.shift_of(key, b"study", study.encode())
    return dates.shift_of(key, b"patient", patient, identity.context.get(ISSUER_OF_PATIENT_ID, b""))
