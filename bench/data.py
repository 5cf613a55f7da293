"""Makes the data that every server is given: seeded, synthetic, the same on every machine.

Standard: PS3.10 (file format), PS3.3 A.3 (CT image), A.8.4 (multi-frame grayscale word).
Invariants: the same seed gives the same bytes; every file is valid Explicit VR Little Endian;
UIDs of different files differ.
Not here: the attributes of a slice (``bench.header``).
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from bench.header import ct_header

SEED = 20240305
CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
MULTIFRAME_WORD = "1.2.840.10008.5.1.4.1.1.7.3"
ROOT = "2.25.3400112233"
SIDE = 512
FRAME_BYTES = SIDE * SIDE * 2
CHUNK = 1 << 20


@dataclass(frozen=True)
class Slice:
    """One file: its UIDs, its encoded bytes, and where in them the pixels are."""

    study: str
    series: str
    instance: str
    data: bytes
    pixel_bytes: int

    @property
    def pixels(self) -> bytes:
        """The value of Pixel Data, the last element of the file."""
        return self.data[len(self.data) - self.pixel_bytes :]


@dataclass(frozen=True)
class Large:
    """A multi-frame file too large to be held: a head, and a block of pixels repeated."""

    head: bytes
    frame: bytes
    frames: int

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        return len(self.head) + len(self.frame) * self.frames

    def chunks(self) -> Iterator[bytes]:
        """Yield the file in order, one frame at a time."""
        yield self.head
        for _ in range(self.frames):
            yield self.frame


def ct_series(count: int, *, study: int = 1, series: int = 1, side: int = SIDE) -> list[Slice]:
    """Return ``count`` slices of one CT series; ``side`` 512 makes 512 KB of pixels each."""
    rng = np.random.default_rng((SEED, study, series))
    header = ct_header()
    made = []
    for number in range(1, count + 1):
        study_uid, series_uid = f"{ROOT}.{study}", f"{ROOT}.{study}.{series}"
        ds = _slice(header, _pixels(rng, side, number), number, side)
        ds.StudyInstanceUID, ds.SeriesInstanceUID = study_uid, series_uid
        ds.SOPInstanceUID = f"{series_uid}.{number}"
        ds.SeriesNumber = str(series)
        ds.PatientID = f"BENCH-{study:05}"
        ds.PatientName = f"Bench^Patient{study:05}"
        ds.AccessionNumber = f"ACC{study:05}"
        made.append(
            Slice(study_uid, series_uid, str(ds.SOPInstanceUID), _encode(ds), side * side * 2)
        )
    return made


def many_studies(count: int, *, first: int = 100) -> list[Slice]:
    """Return small slices of ``count`` studies, each of two series of four slices."""
    return [
        made
        for study in range(first, first + count)
        for series in (1, 2)
        for made in ct_series(4, study=study, series=series, side=64)
    ]


def large_multiframe(size: int) -> Large:
    """Return a multi-frame image of about ``size`` bytes of pixels, of frames of 1 MiB."""
    side = 724  # 724 x 724 x 2 bytes: just below 1 MiB
    rng = np.random.default_rng((SEED, size))
    frame = rng.integers(0, 4096, side * side, dtype="<u2").tobytes()
    frames = max(1, size // len(frame))
    ds = ct_header()
    ds.SOPClassUID = MULTIFRAME_WORD
    ds.Modality, ds.ConversionType = "OT", "WSD"
    ds.PatientID, ds.PatientName, ds.AccessionNumber = "BENCH-LARGE", "Bench^Large", "ACCLARGE"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = f"{ROOT}.9", f"{ROOT}.9.1"
    ds.SOPInstanceUID, ds.InstanceNumber = f"{ROOT}.9.1.1", "1"
    ds.Rows = ds.Columns = side
    ds.NumberOfFrames = str(frames)
    ds.PixelSpacing = ["0.7", "0.7"]
    # The element is written by hand: only its 12-byte header, the value follows from chunks().
    length = len(frame) * frames
    element = b"\xe0\x7f\x10\x00OW\x00\x00" + length.to_bytes(4, "little")
    return Large(_encode(ds) + element, frame, frames)


def write_slices(slices: list[Slice], folder: Path, parts: int = 4) -> list[Path]:
    """Write the files into at most ``parts`` folders below ``folder``; return those folders."""
    share = -(-len(slices) // parts)
    folders = [folder / f"part-{part:02}" for part in range(-(-len(slices) // share))]
    for part in folders:
        part.mkdir(parents=True)
    for position, made in enumerate(slices):
        (folders[position // share] / f"{position:04}.dcm").write_bytes(made.data)
    return folders


def _pixels(rng: np.random.Generator, side: int, number: int) -> bytes:
    """Return a noisy disc in air, so that codecs and windows meet something like an image."""
    y, x = np.ogrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    disc = np.where(x * x + y * y < 0.8, 1000 + 2 * (number % 50), 24)
    image = disc + rng.integers(0, 64, (side, side))
    return bytes(image.clip(0, 4095).astype("<u2").tobytes())


def _slice(header: Dataset, pixels: bytes, number: int, side: int) -> Dataset:
    ds = Dataset()
    ds.update(header)
    ds.SOPClassUID = CT_IMAGE
    ds.InstanceNumber = str(number)
    ds.FrameOfReferenceUID = f"{ROOT}.8"
    ds.ImagePositionPatient = ["-190", "-190", str(-3 * number)]
    ds.SliceLocation = str(-3 * number)
    ds.Rows = ds.Columns = side
    spacing = f"{380 / side:.6f}"
    ds.PixelSpacing = [spacing, spacing]
    ds.PixelData = pixels
    ds["PixelData"].VR = "OW"
    return ds


def _encode(ds: Dataset) -> bytes:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ds.SOPClassUID
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    stream = io.BytesIO()
    FileDataset(stream, ds, file_meta=meta, preamble=bytes(128)).save_as(
        stream, enforce_file_format=True
    )
    return stream.getvalue()
