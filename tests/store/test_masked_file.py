"""Areas blacked out: native pixel data byte for byte, compressed ones pixel for pixel."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from deid.meta import write_meta
from deid.profile import default_profile
from store.errors import CannotDecode, CannotMask
from store.masked_file import masked
from store.masked_pixels import Area
from store.pixels import decode
from tests.store.images import (
    BIG_ENDIAN,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    KINDS,
    Kind,
    Values,
    part10,
    read,
)
from tests.store.stored_file import Files, StoredFile

NATIVE = (IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED)
# Two that overlap, one at the far corner, one of a single pixel.
AREAS: list[Area] = [
    (slice(0, 4), slice(0, 6)),
    (slice(2, 7), slice(4, 8)),
    (slice(10, 13), slice(8, 11)),
    (slice(9, 10), slice(2, 3)),
]
GREY = next(kind for kind in KINDS if kind.name == "grey frames")
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
JPEG = "1.2.840.10008.1.2.4."


def masked_bytes(data: bytes, areas: Sequence[Area] = AREAS) -> bytes:
    stored = StoredFile(data)
    new = masked(Files(), stored, areas, "2.25.77")
    head = write_meta(
        default_profile(), new.transfer_syntax, "1.2.840.10008.5.1.4.1.1.7", "2.25.77"
    )
    return head + b"".join(new.data_set)


def blacked(kind: Kind, values: Values, areas: Sequence[Area] = AREAS) -> Values:
    """What must come out, pixel by pixel."""
    found = values.copy()
    for rows, columns in areas:
        for row in range(rows.start, rows.stop):
            for column in range(columns.start, columns.stop):
                # The chrominance of a pixel is its neighbour's, too.
                pair = (column & ~1, column | 1) if kind.shares else (column,)
                for each in pair:
                    found[:, row, each] = kind.black
    return found


def pixel_bytes(data: bytes, keyword: str = "PixelData") -> bytes:
    value = read(data)[keyword].value
    assert isinstance(value, bytes)
    return value


@pytest.mark.parametrize("syntax", NATIVE)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_native_pixels_are_black_inside_and_the_same_bytes_outside(kind: Kind, syntax: str) -> None:
    if syntax == BIG_ENDIAN and kind.vr == "OB" and kind.allocated == 1:
        kind = replace(kind, vr="OW")

    new = masked_bytes(kind.part10(syntax))

    expected = blacked(kind, kind.values())
    assert (expected != kind.values()).any()
    assert read(new).file_meta.TransferSyntaxUID == syntax
    assert pixel_bytes(new) == kind.layout(expected, little=syntax != BIG_ENDIAN)


@pytest.mark.parametrize("syntax", NATIVE)
@pytest.mark.parametrize(("allocated", "keyword"), [(32, "Float"), (64, "DoubleFloat")])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_real_numbers_are_masked(
    syntax: str, allocated: int, keyword: str, photometric: str
) -> None:
    vr = "OF" if allocated == 32 else "OD"
    shape = Kind("real", (0,), allocated=allocated, keyword=f"{keyword}PixelData", vr=vr)
    values = np.random.default_rng(1).normal(0, 5, (3, 13, 11, 1)).astype(shape.dtype)
    values[0, 12, 0], values[1, 12, 1], values[2, 12, 2] = np.nan, np.inf, -np.inf
    stays = np.ones(values.shape, bool)
    for rows, columns in AREAS:
        stays[:, rows, columns] = False
    kept = values[stays & np.isfinite(values)]
    darkest = kept.max() if photometric == "MONOCHROME1" else kept.min()
    kind = replace(shape, black=(darkest,), photometric=photometric)
    little = syntax != BIG_ENDIAN
    ds = kind.data_set()
    setattr(ds, kind.keyword, kind.layout(values, little=little))
    del ds.BitsStored, ds.HighBit

    new = masked_bytes(part10(ds, syntax))

    expected = kind.layout(blacked(kind, values), little=little)
    assert pixel_bytes(new, kind.keyword) == expected


def test_a_signed_image_gets_the_least_value_that_stays() -> None:
    kind = Kind("signed", (0,), allocated=16, signed=True, frames=2)
    values = np.full((2, 13, 11, 1), -1000, "<i2")
    values[1, 12, 0] = -1024
    # What is blacked out has no say.
    values[:, 0, 0] = -30000
    ds = kind.data_set()
    ds.PixelData = kind.layout(values)
    ds["PixelData"].VR = "OW"
    new = np.frombuffer(pixel_bytes(masked_bytes(part10(ds, EXPLICIT))), "<i2")
    assert sorted(set(new.tolist())) == [-1024, -1000]


def test_an_image_of_which_nothing_stays_is_uniform() -> None:
    kind = Kind("signed", (0,), allocated=16, signed=True)
    new = masked_bytes(kind.part10(), [(slice(0, 13), slice(0, 11))])
    assert pixel_bytes(new) == bytes(kind.frames * 13 * 11 * 2 + kind.frames * 13 * 11 * 2 % 2)


def test_frames_that_the_header_does_not_tell_of_are_masked_too() -> None:
    ds = GREY.data_set()
    ds.PixelData = GREY.layout(GREY.values())
    ds["PixelData"].VR = "OW"
    del ds.NumberOfFrames
    expected = GREY.layout(blacked(GREY, GREY.values()))
    assert pixel_bytes(masked_bytes(part10(ds, EXPLICIT))) == expected


def test_a_part_of_a_frame_at_the_end_is_masked_too() -> None:
    whole = GREY.layout(GREY.values())
    expected = GREY.layout(blacked(GREY, GREY.values()))
    ds = GREY.data_set()
    cut = len(whole) - 60
    ds.PixelData = whole[:cut]
    ds["PixelData"].VR = "OW"
    assert pixel_bytes(masked_bytes(part10(ds, EXPLICIT))) == expected[:cut]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_blocks_of_lines_meet_without_a_seam(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.masked_pixels._BLOCK_BYTES", 1)
    kind = replace(kind, frames=50)
    new = masked_bytes(kind.part10())
    assert pixel_bytes(new) == kind.layout(blacked(kind, kind.values()))


def test_chrominance_that_is_named_shared_and_is_not() -> None:
    kind = Kind("whole", (0, 128, 128), "YBR_FULL")
    ds = kind.data_set()
    ds.PhotometricInterpretation = "YBR_FULL_422"
    ds.PixelData = kind.layout(kind.values())
    ds["PixelData"].VR = "OB"
    new = masked_bytes(part10(ds, EXPLICIT))
    assert pixel_bytes(new) == kind.layout(blacked(kind, kind.values()))


def test_chrominance_of_which_nobody_knows_where_it_lies_is_refused() -> None:
    kind = next(kind for kind in KINDS if kind.shares)
    ds = kind.data_set()
    ds.PixelData = kind.layout(kind.values()) + bytes(30)
    ds["PixelData"].VR = "OB"
    with pytest.raises(CannotMask):
        masked_bytes(part10(ds, EXPLICIT))


@pytest.mark.parametrize("syntax", NATIVE)
def test_of_the_header_only_what_must_change_does(syntax: str) -> None:
    kind = replace(GREY, extra={"WindowCenter": 40, "SmallestImagePixelValue": 64})
    ds = kind.data_set()
    ds.PixelData = kind.layout(kind.values(), little=syntax != BIG_ENDIAN)
    ds["PixelData"].VR = "OW"
    ds.LargestImagePixelValue, ds.PixelPaddingValue = 190, 0
    for keyword in ("SmallestImagePixelValue", "LargestImagePixelValue", "PixelPaddingValue"):
        ds[keyword].VR = "US"
    ds.WaveformSequence = Items([waveform(2 << 20)])
    ds.DataSetTrailingPadding = b"\0\0"
    old = read(part10(ds, syntax))
    new = read(masked_bytes(part10(ds, syntax)))

    assert set(old.keys()) - set(new.keys()) == {0x00280106, 0x00280107}
    changed = {element.keyword for element in new if element != old[element.tag]}
    assert changed == {"SOPInstanceUID", "ImageType", "PixelData"}
    assert new.SOPInstanceUID == "2.25.77"
    assert new.ImageType == ["DERIVED", "PRIMARY", "AXIAL"]


def waveform(size: int) -> Dataset:
    item = Dataset()
    item.add_new(0x54001010, "OW", bytes(size))
    return item


@pytest.mark.parametrize("kind", ["", "ORIGINAL", None])
def test_image_type_is_changed_where_there_is_one(kind: str | None) -> None:
    ds = GREY.data_set()
    ds.PixelData = GREY.layout(GREY.values())
    ds["PixelData"].VR = "OW"
    ds.ImageType = kind
    if kind is None:
        del ds.ImageType
    new = read(masked_bytes(part10(ds, EXPLICIT)))
    assert new.get("ImageType", "absent") == {"": "", "ORIGINAL": "DERIVED", None: "absent"}[kind]


@pytest.mark.parametrize("undefined", [False, True])
def test_frame_type_agrees_with_image_type(undefined: bool) -> None:
    frame = Dataset()
    frame.FrameType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    group = Dataset()
    group.MRImageFrameTypeSequence = Items([frame])
    ds = GREY.data_set()
    ds.PerFrameFunctionalGroupsSequence = Items([group] * 3)
    ds["PerFrameFunctionalGroupsSequence"].is_undefined_length = undefined
    ds.PixelData = GREY.layout(GREY.values())
    ds["PixelData"].VR = "OW"
    new = read(masked_bytes(part10(ds, EXPLICIT)))
    types = [g[0x00189226][0].FrameType for g in new.PerFrameFunctionalGroupsSequence]
    assert types == [["DERIVED", "PRIMARY", "VOLUME", "NONE"]] * 3


@pytest.mark.parametrize("syntax", NATIVE)
def test_without_an_area_only_the_name_changes(syntax: str) -> None:
    old = read(GREY.part10(syntax))
    new = read(masked_bytes(GREY.part10(syntax), []))
    assert {e.keyword for e in new if e != old[e.tag]} == {"SOPInstanceUID"}
    assert len(new) == len(old)


def test_without_an_area_fragments_stay_as_they_are(shared_data: Path) -> None:
    for name in ("ct-j2k-lossy", "ct-jpeg-baseline-8bit", "OBXXXX1A_rle_2frame"):
        data = (shared_data / f"syntaxes/{name}.dcm").read_bytes()
        new = masked_bytes(data, [])
        assert pixel_bytes(new) == pixel_bytes(data), name
        assert read(new).file_meta.TransferSyntaxUID == read(data).file_meta.TransferSyntaxUID


# What comes out of what comes in; everything that is not here stays as it is.
REWRITTEN = {
    **{f"{JPEG}{lossy}": {f"{JPEG}90"} for lossy in (50, 51, 53, 55, 91)},
    # JPEG 2000 where the encoder at hand cannot state 12 bits.
    **{f"{JPEG}{number}": {f"{JPEG}80", f"{JPEG}90"} for number in (80, 81)},
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("folder", ["syntaxes", "kinds"])
def test_real_images_keep_every_pixel_outside(shared_data: Path, folder: str) -> None:
    seen: dict[str, int] = {}
    for path in sorted((shared_data / folder).rglob("*.dcm")):
        try:
            stored = StoredFile.at(path)
        except (AttributeError, pydicom.errors.InvalidDicomError):
            continue
        # Without preamble, and cut short, none is ever stored.
        if not stored.frames or not stored.header.preamble or "JLSL_RGB" in path.name:
            continue
        rows = stored.header.Rows
        areas = [(slice(0, rows // 5 + 1), slice(2, 4)), (slice(rows // 2, rows), slice(0, 2))]
        again = StoredFile(masked_bytes(path.read_bytes(), areas))
        syntax = stored.transfer_syntax
        assert again.transfer_syntax in REWRITTEN.get(syntax, {syntax}), path.name
        assert again.frames == stored.frames, path.name
        for number in {1, (stored.frames + 1) // 2, stored.frames}:
            check_frame(stored, again, number, areas, path.name)
        seen[syntax] = seen.get(syntax, 0) + 1
    assert len(seen) > (9 if folder == "syntaxes" else 3)


def check_frame(
    old: StoredFile, new: StoredFile, number: int, areas: Sequence[Area], name: str
) -> None:
    before = decode(old.header, old.frame(number), old.transfer_syntax)
    after = decode(new.header, new.frame(number), new.transfer_syntax)
    inside = np.zeros(before.shape[:2], bool)
    for area in areas:
        inside[area] = True
    real = before.dtype.kind == "f"
    assert np.array_equal(before[~inside], after[~inside], equal_nan=real), name
    assert len(np.unique(after[inside].reshape(inside.sum(), -1), axis=0)) == 1, name
    if after.ndim == 3:
        assert not after[inside].any(), name


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    "name",
    [
        *("ct-rle", "ct-j2k-lossless", "ct-j2k-lossy", "ct-jpeg-lossless-sv1", "ct-jpegls-near"),
        *("ct-jpeg-extended-12bit", "US1_J2KR", "SC_rgb_jpeg_dcmtk", "ct-htj2k-lossless-16bit"),
        *("SC_rgb_rle_16bit_2frame", "emri_small_jpeg_ls_lossless", "emri_small_RLE"),
    ],
)
def test_other_decoders_see_what_ours_do(shared_data: Path, name: str) -> None:
    data = masked_bytes((shared_data / f"syntaxes/{name}.dcm").read_bytes(), AREAS)
    new = StoredFile(data)
    theirs = read(data).pixel_array
    theirs = theirs[None] if new.frames == 1 else theirs
    for number in range(1, new.frames + 1):
        ours = decode(new.header, new.frame(number), new.transfer_syntax)
        assert np.array_equal(theirs[number - 1], ours)


def test_fragments_are_well_formed(shared_data: Path) -> None:
    data = masked_bytes((shared_data / "kinds/us/us-cine-65-frames.dcm").read_bytes())
    at = data.index(struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF)) + 12
    lengths = []
    while True:
        group, element, length = struct.unpack_from("<HHI", data, at)
        at += 8 + length
        if (group, element) == (0xFFFE, 0xE0DD):
            break
        assert (group, element) == (0xFFFE, 0xE000)
        lengths.append(length)
    # An empty table, and a fragment of an even length for each frame.
    assert lengths[0] == 0
    assert len(lengths) == 66
    assert not any(length % 2 for length in lengths)
    assert length == 0
    assert at == len(data)


def test_loss_stays_told_and_colour_is_named(shared_data: Path) -> None:
    new = read(masked_bytes((shared_data / "syntaxes/SC_rgb_jpeg_dcmtk.dcm").read_bytes()))
    assert new.PhotometricInterpretation == "YBR_RCT"
    assert new.LossyImageCompression == "01"
    assert new.LossyImageCompressionMethod == "ISO_10918_1"
    assert new.PlanarConfiguration == 0


def test_offset_tables_go_with_the_fragments(shared_data: Path) -> None:
    name = "SC_rgb_jpeg_dcmtk"
    ds = pydicom.dcmread(shared_data / f"syntaxes/{name}.dcm")
    ds.ExtendedOffsetTable = struct.pack("<Q", 0)
    ds.ExtendedOffsetTableLengths = struct.pack("<Q", 1)
    data = part10(ds, f"{JPEG}50")
    assert "ExtendedOffsetTable" in read(masked_bytes(data, []))
    new = read(masked_bytes(data))
    assert "ExtendedOffsetTable" not in new
    assert "ExtendedOffsetTableLengths" not in new


@pytest.mark.parametrize("name", ["mpeg2-720x480", "h264-640x480"])
def test_a_video_is_refused(shared_data: Path, name: str) -> None:
    with pytest.raises(CannotMask):
        masked_bytes((shared_data / f"kinds/video/{name}.dcm").read_bytes())


@pytest.mark.parametrize("samples", [2, 4])
def test_pixels_of_unknown_form_are_refused(samples: int) -> None:
    ds = GREY.data_set()
    ds.SamplesPerPixel = samples
    ds.PixelData = bytes(13 * 11 * samples * 3 + 1)
    ds["PixelData"].VR = "OW"
    with pytest.raises(CannotMask):
        masked_bytes(part10(ds, EXPLICIT))


def test_a_palette_that_cannot_be_read_is_refused() -> None:
    kind = next(kind for kind in KINDS if kind.name == "palette")
    broken = replace(kind, extra={})
    with pytest.raises(CannotMask):
        masked_bytes(broken.part10())


def test_a_damaged_frame_is_told(shared_data: Path) -> None:
    data = bytearray((shared_data / "syntaxes/SC_rgb_rle_16bit_2frame.dcm").read_bytes())
    second = data.rindex(struct.pack("<HH", 0xFFFE, 0xE000)) + 8
    data[second : second + 4] = struct.pack("<I", 9)
    stored = StoredFile(bytes(data))
    with pytest.raises(CannotDecode):
        decode(stored.header, stored.frame(2), stored.transfer_syntax)
    new = masked(Files(), stored, AREAS, "2.25.77")
    with pytest.raises(CannotMask):
        b"".join(new.data_set)


class Endless(Files):
    """A large file that exists only while it is read."""

    def __init__(self, data: bytes, size: int) -> None:
        self.head, self.size = data[:-6] + struct.pack("<I", size), size

    def read(self, ref: StoredFile) -> Iterator[bytes]:
        yield self.head
        for _ in range(self.size // 65536):
            yield b"\xff" * 65536


@pytest.mark.parametrize("signed", [False, True])
def test_memory_does_not_grow_with_the_pixel_data(signed: bool) -> None:
    size = 200 << 20
    ds: Any = Kind("one", (0,), allocated=16, signed=signed, rows=1, columns=1).data_set()
    ds.PixelData = b"\1\2"
    ds["PixelData"].VR = "OW"
    data = part10(ds, IMPLICIT)
    stored = StoredFile(data)
    stored.header.Rows = stored.header.Columns = 1024
    stored.header.NumberOfFrames = size >> 21

    tracemalloc.start()
    new = masked(Endless(data, size), stored, [(slice(0, 100), slice(0, 512))], "2.25.77")
    given = sum(map(len, new.data_set))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert given > size
    assert most < 16 << 20
