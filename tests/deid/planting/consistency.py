"""Scores what must not change, and what must change together: measured values, UIDs, dates.

Standard: PS3.15 E.3.6 (dates), E.3.9 (UIDs), E.3.10; PS3.3 C.12.1 (instances).

Invariants: works on values as bytes, so that no re-encoding goes unnoticed; independent of the
engine's own rules, but for the list of rows.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from pydicom.datadict import dictionary_has_tag, dictionary_VR

from tests.deid.planting.key import Path
from tests.deid.planting.reading import Reading
from tests.deid.planting.rows import rows

PIXELS = frozenset((0x7FE00008, 0x7FE00009, 0x7FE00010))
_NUMBERS = frozenset(
    (
        *("US", "SS", "UL", "SL", "UV", "SV", "FL", "FD", "AT", "OB", "OW", "OF", "OD", "OL"),
        *("OV", "DS", "IS", "TM", "US or SS", "OB or OW", "US or OW", "US or SS or OW"),
    )
)
_BY_TAG = {row.tag: row for row in rows()}
_STANDARD = b"1.2.840.10008."
_INSTANCE, _STUDY, _PATIENT, _REFERENCED = 0x00080018, 0x0020000D, 0x00100020, 0x00081155
_ISSUER, _BIRTH = 0x00100021, 0x00100030
# What is deleted by name, or is about other bytes than these (rule 2).
_DELETED = frozenset((0x00880200, 0x04000500, 0x04000550, 0x04000561, 0x04000600, 0xFFFCFFFC))


def measured(reading: Reading) -> Iterator[tuple[Path, bytes]]:
    """Yield geometry, acquisition, windowing, frame timing: numbers that no row names."""
    for path, value in reading.values.items():
        tag = path[-1]
        if tag in PIXELS or tag in _BY_TAG or not is_kept(tag) or _vr(tag) not in _NUMBERS:
            continue
        if all(_is_walked(parent) for parent in path[:-1:2]):
            yield path, value


def is_kept(tag: int) -> bool:
    """Tell whether the profile keeps elements of this tag at all."""
    group = tag >> 16
    gone = group & 1 or group in (0, 2) or group >> 8 in (0x50, 0x60) or not tag & 0xFFFF
    return not gone and tag not in _DELETED and dictionary_has_tag(tag)


def _is_walked(tag: int) -> bool:
    row = _BY_TAG.get(tag)
    return row.is_walked if row is not None else is_kept(tag)


def _vr(tag: int) -> str:
    return dictionary_VR(tag) if dictionary_has_tag(tag) else ""


def changed_values(before: Reading, after: Reading) -> Iterator[Path]:
    """Yield where a measured value is not what it was."""
    for path, value in measured(before):
        if value.strip(b" \0") != after.values.get(path, b"").strip(b" \0"):
            yield path


def pixels_equal(before: Reading, after: Reading) -> bool:
    """Tell whether the pixel data is the same, byte for byte."""
    return all(before.values.get((tag,)) == after.values.get((tag,)) for tag in PIXELS)


@dataclass
class Ledger:
    """UIDs and dates of many files, before and after.

    Attributes:
        uids: what each UID became.
        shifts: by how many days the dates of each patient moved.
        kept: original UIDs that are still there.
    """

    uids: dict[bytes, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    shifts: dict[tuple[bytes, ...], set[int]] = field(default_factory=lambda: defaultdict(set))
    kept: set[bytes] = field(default_factory=set)
    sent: set[bytes] = field(default_factory=set)
    stored: set[bytes] = field(default_factory=set)
    references: list[tuple[bytes, bytes]] = field(default_factory=list)

    def add(self, before: Reading, after: Reading) -> None:
        """Take note of one file."""
        patient = tuple(_bare(before, (tag,)) for tag in (_PATIENT, _ISSUER))
        if not patient[0]:
            patient = (_bare(before, (_STUDY,)),)
        self.sent.add(_bare(before, (_INSTANCE,)))
        self.stored.add(_bare(after, (_INSTANCE,)))
        for path in before.values:
            if path not in after.values or not _lives(path):
                continue
            vr, was, now = _vr(path[-1]), _bare(before, path), _bare(after, path)
            if vr == "UI":
                self._note_uids(path, was, now)
            elif vr in ("DA", "DT") and path[-1] != _BIRTH:
                self._note_days(patient, was, now)

    def _note_uids(self, path: Path, was: bytes, now: bytes) -> None:
        for old, new in zip(was.split(b"\\"), now.split(b"\\"), strict=False):
            if not old or not new or (old.startswith(_STANDARD) and old == new):
                continue
            self.uids[old].add(new)
            if old == new:
                self.kept.add(old)
            if path[-1] == _REFERENCED:
                self.references.append((old, new))

    def _note_days(self, patient: tuple[bytes, ...], was: bytes, now: bytes) -> None:
        for old, new in zip(was.split(b"\\"), now.split(b"\\"), strict=False):
            one, two = _day(old), _day(new)
            if one and two and new != b"19000101":
                self.shifts[patient].add((two - one).days)

    @property
    def split(self) -> dict[bytes, set[bytes]]:
        """UIDs that became several."""
        return {old: new for old, new in self.uids.items() if len(new) > 1}

    @property
    def merged(self) -> list[bytes]:
        """UIDs that several became."""
        found: dict[bytes, int] = defaultdict(int)
        for values in self.uids.values():
            for value in values:
                found[value] += 1
        return [uid for uid, count in found.items() if count > 1]

    @property
    def broken(self) -> list[bytes]:
        """References that resolved and do not, or that point outside by the original UID."""
        return [
            old
            for old, new in self.references
            if (old in self.sent) != (new in self.stored) or old == new
        ]

    @property
    def resolved(self) -> int:
        """How many references point at what was sent."""
        return sum(new in self.stored for _, new in self.references)

    @property
    def torn(self) -> list[tuple[bytes, ...]]:
        """Patients whose dates moved by different numbers of days, or not at all."""
        return [who for who, days in self.shifts.items() if len(days) > 1 or 0 in days]


def _lives(path: Path) -> bool:
    return is_kept(path[-1]) and all(is_kept(parent) for parent in path[:-1:2])


def _bare(reading: Reading, path: Path) -> bytes:
    return reading.values.get(path, b"").strip(b" \0")


def _day(value: bytes) -> date | None:
    try:
        return date.fromisoformat(value[:8].decode())
    except ValueError:
        return None


def marker_faults(before: Reading, after: Reading) -> Iterator[str]:
    """Yield what the output claims of itself and should not, or should and does not."""
    ds, was = after.ds, before.ds
    if ds.get("PatientIdentityRemoved") != "YES":
        yield "Patient Identity Removed is not YES"
    if not ds.get("DeidentificationMethod"):
        yield "there is no De-identification Method"
    codes = {str(item.CodeValue) for item in ds.get("DeidentificationMethodCodeSequence") or ()}
    # 113101 (clean pixel data) is claimed for masked pixels alone, the others never
    wrong = codes & {"113101", "113109", "113110", "113111", "113112"}
    if wrong or "113100" not in codes:
        yield f"the codes are {sorted(codes)}"
    if ("113107" in codes) != (ds.get("LongitudinalTemporalInformationModified") == "MODIFIED"):
        yield "modified dates are claimed in one place only"
    burned = str(ds.get("BurnedInAnnotation", "")), str(was.get("BurnedInAnnotation", ""))
    if burned[0] == "NO" and burned[1] != "NO":
        yield "pixels are claimed to be clean"
