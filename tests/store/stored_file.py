"""A DICOM file as the store sees a stored instance, for tests of what reads stored instances."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileDataset

from store.frames import FrameIndex, index_frames

DEFLATED = "1.2.840.10008.1.2.1.99"
PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


@dataclass(frozen=True)
class Element:
    """The pixel data element, as deid reports it."""

    tag: int
    vr: str
    offset: int
    length: int | None
    fragments: tuple[tuple[int, int], ...] = ()
    basic_offsets: tuple[int, ...] = ()


@dataclass
class StoredFile:
    """One file, its pixel data located; offsets of a deflated one count in the inflated file."""

    data: bytes
    transfer_syntax: str = field(init=False)
    header: FileDataset = field(init=False)
    element: Element | None = field(init=False)
    plain: bytes = field(init=False)

    def __post_init__(self) -> None:
        whole = pydicom.dcmread(BytesIO(self.data), force=True)
        self.transfer_syntax = str(whole.file_meta.TransferSyntaxUID)
        self.plain = inflated(self.data) if self.transfer_syntax == DEFLATED else self.data
        # pydicom counts from the first byte of the data set that it inflated.
        start = data_set_start(self.data) if self.transfer_syntax == DEFLATED else 0
        self.element = find_pixels(self.plain, whole, start)
        for keyword in PIXEL_KEYWORDS:
            if keyword in whole:
                del whole[keyword]
        self.header = whole

    @classmethod
    def at(cls, path: Path) -> StoredFile:
        return cls(path.read_bytes())

    def index(self) -> FrameIndex:
        assert self.element is not None
        return index_frames(self.header, self.element, self.transfer_syntax, self.read_range)

    def read_range(self, offset: int, length: int) -> bytes:
        return self.plain[offset : offset + length]

    @property
    def frames(self) -> int:
        return self.index().frames if self.element else 0

    def frame(self, number: int) -> bytes:
        index = self.index()
        stored = b"".join(self.read_range(*where) for where in index.ranges(number))
        return index.frame_bytes(number, stored)


class Files:
    """Reads stored files as store.retrieve.Archive reads stored instances."""

    def dataset(self, ref: StoredFile) -> Dataset:
        return ref.header

    def read(self, ref: StoredFile) -> Iterator[bytes]:
        for start in range(0, len(ref.data), 65536):
            yield ref.data[start : start + 65536]

    def frame(self, ref: StoredFile, number: int) -> bytes:
        return ref.frame(number)


def data_set_start(data: bytes) -> int:
    return 144 + int.from_bytes(data[140:144], "little")


def inflated(data: bytes) -> bytes:
    """The file with its data set inflated, the meta information unchanged."""
    start = data_set_start(data)
    return data[:start] + zlib.decompressobj(-15).decompress(data[start:])


def find_pixels(plain: bytes, whole: FileDataset, start: int) -> Element | None:
    for keyword in PIXEL_KEYWORDS:
        if keyword in whole:
            found = whole.get_item(keyword)
            assert isinstance(found, RawDataElement)
            tag, vr, offset = int(found.tag), found.VR or "OW", start + found.value_tell
            if found.length != 0xFFFFFFFF:
                return Element(tag, vr, offset, len(found.value or b""))
            table, fragments = walk_items(plain, offset)
            return Element(tag, vr, offset, None, fragments, table)
    return None


def walk_items(data: bytes, at: int) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
    """The Basic Offset Table and the ranges of the fragments that follow it."""
    found: list[tuple[int, int]] = []
    while data[at : at + 4] == b"\xfe\xff\x00\xe0":
        length = min(int.from_bytes(data[at + 4 : at + 8], "little"), len(data) - at - 8)
        found.append((at + 8, length))
        at += 8 + length
    start, length = found[0]
    table = tuple(
        int.from_bytes(data[at : at + 4], "little") for at in range(start, start + length, 4)
    )
    return table, tuple(found[1:])
