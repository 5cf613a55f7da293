"""Images made in code, in every form that native pixel data has, for tests of masks."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"

Values = NDArray[Any]


@dataclass(frozen=True)
class Kind:
    """How pixels are stored, and what is black then."""

    name: str
    black: tuple[float, ...]
    photometric: str = "MONOCHROME2"
    allocated: int = 8
    stored: int = 0
    high: int = 0
    signed: bool = False
    planar: int = 0
    frames: int = 3
    rows: int = 13
    columns: int = 11
    keyword: str = "PixelData"
    vr: str = "OW"
    extra: dict[str, object] = field(default_factory=dict)

    @property
    def bits(self) -> int:
        return self.stored or self.allocated

    @property
    def samples(self) -> int:
        return 3 if self.photometric.startswith(("RGB", "YBR")) else 1

    @property
    def shares(self) -> bool:
        return self.photometric.endswith("422")

    @property
    def dtype(self) -> str:
        kind = "f" if self.keyword != "PixelData" else "i" if self.signed else "u"
        return f"{kind}{max(8, self.allocated) // 8}"

    def values(self) -> Values:
        """Frames, rows, columns and samples of noise, all values in the middle of the range."""
        rng = np.random.default_rng(5)
        shape = (self.frames, self.rows, self.columns, self.samples)
        if self.allocated == 1:
            return rng.integers(0, 2, shape).astype("u1")
        span = 1 << self.bits
        low = (-span // 4) if self.signed else span // 4
        high = low + span // 2 - 1
        found = rng.integers(low, high, shape)
        found[:, -1, 0], found[:, -1, 1] = low, high
        if self.shares:
            found[:, :, 1::2, 1:] = found[:, :, 0::2, 1:]
        shift = (self.high or self.bits - 1) + 1 - self.bits
        return (found << shift).astype(self.dtype)

    def layout(self, values: Values, *, little: bool = True) -> bytes:
        """Lay values out as the pixel data element has them, one cell after the other."""
        order = values.transpose(0, 3, 1, 2) if self.planar else values
        if self.shares:
            pairs = values.reshape(-1, 2, 3)
            order = np.stack((pairs[:, 0, 0], pairs[:, 1, 0], pairs[:, 0, 1], pairs[:, 0, 2]), 1)
        if self.allocated == 1:
            data = np.packbits(order.ravel(), bitorder="little").tobytes()
        else:
            data = np.ascontiguousarray(order, f"<{self.dtype}").tobytes()
        data += b"\0" * (len(data) % 2)
        width = {"OB": 1, "OW": 2, "OL": 4, "OF": 4, "OD": 8}[self.vr]
        return data if little else np.frombuffer(data, f"<u{width}").byteswap().tobytes()

    def data_set(self) -> Dataset:
        ds = Dataset()
        ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        ds.SpecificCharacterSet = "ISO_IR 100"
        ds.NumberOfFrames, ds.Rows, ds.Columns = self.frames, self.rows, self.columns
        ds.SamplesPerPixel, ds.PhotometricInterpretation = self.samples, self.photometric
        ds.BitsAllocated, ds.BitsStored = self.allocated, self.bits
        ds.HighBit = self.high or self.bits - 1
        if self.samples == 3:
            ds.PlanarConfiguration = self.planar
        if self.keyword == "PixelData":
            ds.PixelRepresentation = int(self.signed)
        for keyword, value in self.extra.items():
            setattr(ds, keyword, value)
        return ds

    def part10(self, syntax: str = EXPLICIT) -> bytes:
        ds = self.data_set()
        little = syntax != BIG_ENDIAN
        setattr(ds, self.keyword, self.layout(self.values(), little=little))
        ds[self.keyword].VR = self.vr
        return part10(ds, syntax)


def palette(darkest: int) -> dict[str, object]:
    """A palette of 256 colours of which one is black."""
    entries = np.random.default_rng(3).integers(40, 256, (3, 256)).astype("u1")
    entries[:, darkest] = 0
    names = ("Red", "Green", "Blue")
    tables = {
        f"{name}PaletteColorLookupTableData": (entry.astype("<u2") * 257).tobytes()
        for name, entry in zip(names, entries, strict=True)
    }
    return {f"{name}PaletteColorLookupTableDescriptor": [256, 0, 16] for name in names} | tables


KINDS = [
    Kind("grey", (0,), vr="OB", frames=1),
    Kind("grey frames", (0,)),
    Kind("twelve bits", (0,), allocated=16, stored=12),
    Kind("twelve upper bits", (0,), allocated=16, stored=12, high=15),
    Kind("inverted", (4095,), "MONOCHROME1", allocated=16, stored=12),
    Kind("inverted upper bits", (0xFFF0,), "MONOCHROME1", allocated=16, stored=12, high=15),
    Kind("signed", (-16384,), allocated=16, signed=True),
    Kind("signed twelve", (-1024,), allocated=16, stored=12, signed=True),
    Kind("signed inverted", (1023,), "MONOCHROME1", allocated=16, stored=12, signed=True),
    Kind("thirty-two bits", (0,), allocated=32),
    Kind("thirty-two bits, long words", (0,), allocated=32, vr="OL"),
    Kind("bits", (0,), allocated=1, vr="OB"),
    Kind("bits in words", (0,), allocated=1),
    Kind("inverted bits", (1,), "MONOCHROME1", allocated=1, vr="OB"),
    Kind("colour", (0, 0, 0), "RGB"),
    Kind("colour by plane", (0, 0, 0), "RGB", planar=1),
    Kind("colour of sixteen bits", (0, 0, 0), "RGB", allocated=16, planar=1),
    Kind("luminance", (0, 128, 128), "YBR_FULL", vr="OB"),
    Kind("luminance by plane", (0, 128, 128), "YBR_FULL", planar=1),
    Kind("shared chrominance", (0, 128, 128), "YBR_FULL_422", columns=12),
    Kind("palette", (77,), "PALETTE COLOR", extra=palette(77)),
]


def part10(ds: Dataset, syntax: str) -> bytes:
    """The file, with UIDs if it has none."""
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = UID(syntax)
    ds.SOPClassUID = ds.get("SOPClassUID", UID("1.2.840.10008.5.1.4.1.1.7"))
    ds.SOPInstanceUID = ds.get("SOPInstanceUID", UID("2.25.1"))
    ds.preamble = bytes(128)
    out = io.BytesIO()
    implicit, little = syntax == IMPLICIT, syntax != BIG_ENDIAN
    pydicom.dcmwrite(out, ds, implicit_vr=implicit, little_endian=little, enforce_file_format=True)
    return out.getvalue()


def read(data: bytes) -> FileDataset:
    return pydicom.dcmread(io.BytesIO(data))
