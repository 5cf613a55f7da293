"""What a header says of who it is about: the UIDs, the patient, and every name and number.

Standard: PS3.3 C.7 (patient, study, series), PS3.5 6.2 (PN).

Invariants: collected before anything is rewritten, at every depth; lives in memory only.

Not here: removing the identifiers from text (``deid.text``), checking the output (``deid.check``).
"""

from collections.abc import Container
from dataclasses import dataclass, field
from typing import Final

from deid.dictionary import vr_of
from deid.encoding import IMPLICIT, UNDEFINED, Encoding, header_reader, value_end
from deid.errors import (
    DeidError,
    Malformed,
    MissingIdentifier,
    SopClassUnsupported,
    TooLarge,
    Truncated,
)
from deid.text import OURS, is_safe, words_of
from deid.uids import is_standard

SOP_CLASS_UID: Final = 0x00080016
SOP_INSTANCE_UID: Final = 0x00080018
STUDY_INSTANCE_UID: Final = 0x0020000D
SERIES_INSTANCE_UID: Final = 0x0020000E
PATIENT_ID: Final = 0x00100020
ISSUER_OF_PATIENT_ID: Final = 0x00100021
MODALITY: Final = 0x00080060
CONVERSION_TYPE: Final = 0x00080064
BURNED_IN_ANNOTATION: Final = 0x00280301
# Of any overlay: not 0 when it lies in unused bits of the pixels (PS3.3 C.9.2, retired).
OVERLAY_BIT_POSITION: Final = 0x60000102

CONTEXT: Final = frozenset(
    (
        *(SOP_CLASS_UID, SOP_INSTANCE_UID, STUDY_INSTANCE_UID, SERIES_INSTANCE_UID),
        *(PATIENT_ID, ISSUER_OF_PATIENT_ID),
        *(MODALITY, CONVERSION_TYPE, BURNED_IN_ANNOTATION),
    )
)
# Institution Name, Station Name: words of places.
PLACES: Final = frozenset((0x00080080, 0x00081010))
# Numbers that somebody looks a patient up by.
NUMBERS: Final = frozenset(
    (
        *(PATIENT_ID, 0x00101000, 0x00101090, 0x00102154, 0x00080050, 0x00380010, 0x00380060),
        *(0x00402016, 0x00402017, 0x00200010, 0x00401001, 0x00120040, 0x00120042),
    )
)
# Looking for each of them costs time; no real object comes near.
_MANY: Final = 1000
_SHORTEST_WORD: Final = 3
_SHORTEST_PHRASE: Final = 4
_SHORTEST_PLACE: Final = 4
# Family, given and middle name; prefix and suffix ("Mr", "MD") are nobody's.
_NAME_PARTS: Final = 3


@dataclass
class Identity:
    """The identifiers of one data set."""

    context: dict[int, bytes] = field(default_factory=dict)
    names: set[bytes] = field(default_factory=set)
    numbers: set[bytes] = field(default_factory=set)
    places: set[bytes] = field(default_factory=set)

    def collect(self, tag: int, vr: str, value: bytes) -> None:
        """Take note of an element at top level."""
        if tag in CONTEXT:
            self.context[tag] = value.strip(b" \0")
        elif is_overlay_bit_position(tag) and any(value):
            self.context[OVERLAY_BIT_POSITION] = value
        self._collect(tag, vr, value)

    def collect_sequence(self, buf: bytes, enc: Encoding) -> None:
        """Take note of all names and numbers in a sequence value, at any depth.

        Stepping into sequences and items instead of over them visits every element once and needs
        neither recursion nor a stack.
        """
        pos, end, read = 0, len(buf), header_reader(enc)
        while pos < end:
            tag, vr, start, length = read(buf, pos, end)
            pos = start
            if not vr or vr == "SQ":
                continue
            stop = pos = start + length
            if length == UNDEFINED:
                stop, pos = value_end(buf, start, end, enc, tag, vr)
            if pos > end:
                raise Truncated("The data set ends inside an element.")
            known = vr_of(tag)
            if vr == "UN" and known == "SQ":
                self.collect_unknown(buf[start:stop])
            else:
                self._collect(tag, vr, buf[start:stop])

    def collect_unknown(self, buf: bytes) -> None:
        """The same for a sequence that hides in UN."""
        try:
            self.collect_sequence(buf, IMPLICIT)
        except DeidError:
            return  # it will be deleted, because it does not parse

    def _collect(self, tag: int, vr: str, value: bytes) -> None:
        if vr == "PN" or vr_of(tag) == "PN":
            self.names.update(_parts(value))
        elif tag in NUMBERS:
            self.numbers.update(_parts(value))
        elif tag in PLACES:
            self.places.update(_parts(value))
        if len(self.names) + len(self.numbers) + len(self.places) > _MANY:
            raise TooLarge("The header names too many people.")

    def words(self) -> frozenset[bytes]:
        """Return the words that must not stay in text."""
        found = {word for name in self.names for word in _words_of_name(name)}
        for number in self.numbers:
            words = words_of(number)
            found.update(w for w in words if len(words) == 1 or any(48 <= c <= 57 for c in w))
        for place in self.places:
            found.update(w for w in words_of(place) if len(w) >= _SHORTEST_PLACE and not is_safe(w))
        return frozenset(word for word in found if len(word) >= _SHORTEST_WORD) - OURS

    def phrases(self) -> tuple[bytes, ...]:
        """Return whole names and numbers, in lower case, that must not stay in text."""
        return tuple(
            sorted(
                text
                for text in (value.lower() for value in self.names | self.numbers)
                if len(text) >= _SHORTEST_PHRASE and text.strip(b"^") not in OURS
            )
        )

    def uid(self, tag: int, keyword: str) -> str:
        """Return a UID of the context.

        Raises:
            MissingIdentifier: it is absent or empty.
        """
        value = self.context.get(tag, b"")
        if not value:
            raise MissingIdentifier(keyword)
        if b"\\" in value:
            raise Malformed(f"{keyword} has more than one value.")
        return value.decode("latin-1")

    def sop_class_uid(self, private: Container[str] = ()) -> str:
        """Return the SOP class.

        Args:
            private: those beside the standard's that may be it.

        Raises:
            SopClassUnsupported: it is none of either.
        """
        uid = self.uid(SOP_CLASS_UID, "SOPClassUID")
        if not is_standard(uid) and uid not in private:
            raise SopClassUnsupported("The SOP Class UID is not one of the DICOM standard.")
        return uid


def is_overlay_bit_position(tag: int) -> bool:
    """Tell whether a tag is the Overlay Bit Position of any overlay."""
    return tag & 0xFF00FFFF == OVERLAY_BIT_POSITION


def _words_of_name(name: bytes) -> set[bytes]:
    """The words of a name, and those that a family name makes with the initial of another part."""
    parts = [words_of(part) for part in name.split(b"^")[:_NAME_PARTS]]
    words = {word for part in parts for word in part}
    family = b"".join(parts[0])
    for part in parts[1:]:
        given = b"".join(part)
        if family and given:
            words |= {given[:1] + family, family + given[:1], given + family, family + given}
    return words


def _parts(value: bytes) -> list[bytes]:
    """Split a value into its values, and a name into its representations too."""
    found = [part.strip(b" \0^") for part in value.replace(b"=", b"\\").split(b"\\")]
    return [part for part in found if part]
