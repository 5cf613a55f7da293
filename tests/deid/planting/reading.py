"""Reads a file for scoring: every value at every depth as bytes, as pydicom finds them.

Invariants: independent of the engine; deflated data sets are searched inflated; a file that
cannot be read still has its bytes.
"""

import io
import re
import struct
import warnings
import zlib
from functools import cached_property

import pydicom
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.filereader import read_sequence
from pydicom.sequence import Sequence

from tests.deid.planting.key import Groups, Path

_MARK = re.compile(rb"zq[0-9a-z]{6}z|1\.2\.826\.0\.1\.9999\.[0-9]{8}")
_WORD = re.compile(rb"[0-9a-z\x80-\xff]+(?:\.[0-9]+)*")
_NO_WORD = bytes(c for c in range(128) if not chr(c).isalnum())
_SHORT = 4
_DEFLATED = re.compile(rb"1\.2\.840\.10008\.1\.2\.1\.99\0?")
_STRAY_DELIMITER = 0xFFFEE0DD


class Reading:
    """One file.

    Attributes:
        raw: all its bytes, a deflated data set inflated.
        values: the bytes of every element that is no sequence, by path; of a sequence, none.
    """

    def __init__(self, data: bytes) -> None:
        self.raw = b"".join(inflate(data)) if is_deflated(data) else data
        self.values: dict[Path, bytes] = {}
        self.readable = True
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.ds = pydicom.dcmread(io.BytesIO(data), force=True)
                _walk(self.ds.file_meta, (), self.values)
                _walk(self.ds, (), self.values)
        except Exception:  # whatever a foreign tool wrote
            self.readable = False
            self.ds = FileDataset("", Dataset())

    @cached_property
    def lower(self) -> bytes:
        """All bytes in lower case."""
        return self.raw.lower()

    @cached_property
    def marks(self) -> frozenset[bytes]:
        """Every mark that the file holds."""
        return frozenset(_MARK.findall(self.lower))

    def shows(self, path: Path, groups: Groups) -> bool:
        """Tell whether the value at a path, or the file for no path, shows an identity."""
        if not path:
            return any(all(n in self.lower for n in group) for group in groups)
        value = self.values.get(path)
        return bool(value) and shows(value or b"", groups)


def shows(value: bytes, groups: Groups) -> bool:
    """Tell whether a value shows an identity: short needles as words, long ones anywhere."""
    lowered = value.lower()
    squeezed = lowered.translate(None, _NO_WORD)
    words = words_of(value)

    def found(needle: bytes) -> bool:
        if len(needle) < _SHORT:
            return needle in words
        return needle in lowered or needle in squeezed

    return any(all(map(found, group)) for group in groups)


def words_of(value: bytes) -> frozenset[bytes]:
    """Return the words of a value, in lower case."""
    lowered = value.lower()
    whole = _WORD.findall(lowered)
    return frozenset((*whole, *re.findall(rb"[0-9a-z\x80-\xff]+", lowered)))


def is_deflated(data: bytes) -> bool:
    """Tell whether a file has the deflated transfer syntax."""
    return data[128:132] == b"DICM" and _DEFLATED.search(data, 132, 1000) is not None


def inflate(data: bytes) -> tuple[bytes, bytes]:
    """Return file meta information with all before it, and the data set inflated."""
    pos = 132
    while data[pos : pos + 2] == b"\x02\0":
        long = data[pos + 4 : pos + 6] in (b"OB", b"UC", b"UN", b"UR", b"UT")
        size = struct.unpack_from("<L" if long else "<H", data, pos + (8 if long else 6))[0]
        pos += (12 if long else 8) + size
    stream = zlib.decompressobj(wbits=-15)
    try:
        return data[:pos], stream.decompress(data[pos:]) + stream.unused_data
    except zlib.error:
        return data[:pos], data[pos:]


def _walk(ds: Dataset, path: Path, into: dict[Path, bytes]) -> None:
    for tag in list(ds.keys()):
        here = (*path, int(tag))
        element: DataElement | RawDataElement = ds.get_item(tag)
        if tag == _STRAY_DELIMITER:
            continue
        if isinstance(element, RawDataElement):
            raw = element.value or b""
            into[here] = bytes(raw)
            if not _is_sequence(element):
                continue
            try:
                found = _unknown(raw) if element.VR == "UN" else ds[tag].value
            except Exception:  # not the sequence that it claims to be
                continue
        elif element.VR == "SQ":
            found = element.value
        else:
            into[here] = _encoded(element, little=ds.original_encoding[1] is not False)
            continue
        into[here] = b""
        for number, item in enumerate(found or ()):
            _walk(item, (*here, number), into)


def _encoded(element: DataElement, *, little: bool) -> bytes:
    """Encode again what pydicom decodes at once: empty values, and Pixel Representation."""
    if element.VR == "US" and isinstance(element.value, int):
        return struct.pack("<H" if little else ">H", element.value)
    return str(element.value or "").encode()


def _unknown(raw: bytes) -> Sequence:
    """Read the items in a UN, which are implicit little endian in any syntax (PS3.5 6.2.2)."""
    return read_sequence(io.BytesIO(raw), True, True, len(raw), "iso8859")


def _is_sequence(element: RawDataElement) -> bool:
    if element.VR == "SQ":
        return True
    known = dictionary_has_tag(element.tag) and dictionary_VR(element.tag) == "SQ"
    return element.VR in (None, "UN") and known
