"""Explicit VR Little Endian out of everything else: against pydicom, DCMTK and what was stored."""

from __future__ import annotations

import io
import struct
import subprocess
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.sequence import Sequence
from pydicom.uid import UID

from store.errors import CannotTranscode
from store.pixels import decode
from store.transcode import in_syntax
from tests.store.stored_file import Files, StoredFile

EXPLICIT = "1.2.840.10008.1.2.1"
IMPLICIT = "1.2.840.10008.1.2"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
RLE = "1.2.840.10008.1.2.5"

LOSSLESS = (
    *("explicit-le", "implicit-le", "explicit-be", "deflated", "rle", "j2k-lossless"),
    *("htj2k-lossless-16bit", "jpeg-lossless-p14", "jpeg-lossless-sv1", "jpegls-lossless"),
)
# What decoding changes: pixel data and their description, offset tables, signs of lossy data; and
# a delimiter that one writer puts behind the end of the pixel data.
DESCRIPTION = {
    0xFFFEE0DD,
    *(0x7FE00001, 0x7FE00002, 0x7FE00010),
    *(0x00280004, 0x00280006, 0x00282110, 0x00282114),
}


def transcoded(stored: StoredFile) -> bytes:
    return b"".join(in_syntax(Files(), stored, EXPLICIT))


def read(data: bytes) -> pydicom.FileDataset:
    return pydicom.dcmread(io.BytesIO(data))


def part10(ds: Dataset, syntax: str) -> bytes:
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = UID(syntax)
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = UID("1.2.840.10008.5.1.4.1.1.7")
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = UID("2.25.1")
    ds.preamble = bytes(128)
    out = io.BytesIO()
    little, implicit = syntax != BIG_ENDIAN, syntax == IMPLICIT
    pydicom.dcmwrite(out, ds, little_endian=little, implicit_vr=implicit, enforce_file_format=True)
    return out.getvalue()


def image(rows: int, columns: int, bits: int = 16) -> Dataset:
    ds = Dataset()
    ds.Rows, ds.Columns, ds.SamplesPerPixel = rows, columns, 1
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = bits, bits, bits - 1
    ds.PixelRepresentation = 0
    ds.PhotometricInterpretation = "MONOCHROME2"
    return ds


@pytest.mark.parametrize("name", LOSSLESS)
def test_every_lossless_encoding_gives_the_same_pixel_bytes(shared_data: Path, name: str) -> None:
    expected = pydicom.dcmread(shared_data / "syntaxes/ct-explicit-le.dcm")
    stored = StoredFile.at(shared_data / f"syntaxes/ct-{name}.dcm")

    given = read(transcoded(stored))

    assert given.file_meta.TransferSyntaxUID == EXPLICIT
    assert given.PixelData == expected.PixelData
    assert given["PixelData"].VR == "OW"


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
@pytest.mark.parametrize("folder", ["syntaxes", "kinds", "charsets"])
def test_every_file_keeps_all_that_is_not_about_compression(shared_data: Path, folder: str) -> None:
    compared = 0
    for path in sorted((shared_data / folder).rglob("*.dcm")):
        name = str(path.relative_to(shared_data))
        whole = pydicom.dcmread(path, force=True)
        syntax = whole.file_meta.get("TransferSyntaxUID")
        if syntax is None or whole.preamble is None or "DirectoryRecordSequence" in whole:
            continue
        stored = StoredFile.at(path)
        if "video" in name:
            with pytest.raises(CannotTranscode):
                transcoded(stored)
            continue
        given = read(transcoded(stored))
        assert given.file_meta.TransferSyntaxUID == EXPLICIT, name
        assert set(given.keys()) - DESCRIPTION == set(whole.keys()) - DESCRIPTION, name
        for number in {1, stored.frames} if stored.frames else ():
            again = StoredFile(transcoded(stored))
            assert again.frames == stored.frames, name
            assert np.array_equal(
                decode(again.header, again.frame(number), EXPLICIT),
                decode(stored.header, stored.frame(number), stored.transfer_syntax),
                equal_nan=again.header.BitsAllocated in (32, 64),
            ), name
        compared += 1
    assert compared > 10


@pytest.mark.parametrize("name", ["ct-implicit-le", "ct-explicit-be", "ct-deflated"])
def test_the_whole_data_set_equals_the_same_one_stored_explicitly(
    shared_data: Path, name: str
) -> None:
    expected = pydicom.dcmread(shared_data / "syntaxes/ct-explicit-le.dcm")
    given = read(transcoded(StoredFile.at(shared_data / f"syntaxes/{name}.dcm")))
    different = [
        element.tag
        for element in given
        if element.VR != "UN" and (element.tag not in expected or element != expected[element.tag])
    ]
    assert different in ([], [0x00080005]), different


@pytest.mark.parametrize(
    ("name", "tool"),
    [
        ("ct-rle", "dcmdrle"),
        ("US1_RLE", "dcmdrle"),
        ("ct-jpeg-lossless-sv1", "dcmdjpeg"),
        ("ct-jpeg-extended-12bit", "dcmdjpeg"),
        ("ct-jpegls-near", "dcmdjpls"),
        ("MR1_JLSL", "dcmdjpls"),
        ("ct-deflated", "dcmconv"),
        ("ct-explicit-be", "dcmconv"),
    ],
)
def test_pixels_are_those_that_dcmtk_gives(
    shared_data: Path, tmp_path: Path, name: str, tool: str
) -> None:
    path, other = shared_data / f"syntaxes/{name}.dcm", tmp_path / "other.dcm"
    option = ["+te"] if tool == "dcmconv" else []
    subprocess.run([tool, *option, path, other], check=True)
    assert np.array_equal(
        read(transcoded(StoredFile.at(path))).pixel_array, pydicom.dcmread(other).pixel_array
    )


@pytest.mark.parametrize("name", ["ct-implicit-le", "ct-rle", "US1_J2KR", "SC_rgb_jpeg_dcmtk"])
def test_dcmtk_reads_what_is_given(shared_data: Path, tmp_path: Path, name: str) -> None:
    given = tmp_path / "given.dcm"
    given.write_bytes(transcoded(StoredFile.at(shared_data / f"syntaxes/{name}.dcm")))
    done = subprocess.run(["dcmdump", given], capture_output=True, text=True, check=True)
    assert "Little Endian Explicit" in done.stdout
    assert "E:" not in done.stderr


def test_colour_and_loss_are_described_as_they_are(shared_data: Path) -> None:
    given = read(transcoded(StoredFile.at(shared_data / "syntaxes/SC_rgb_jpeg_dcmtk.dcm")))
    assert given.PhotometricInterpretation == "RGB"
    assert given.PlanarConfiguration == 0
    assert given.LossyImageCompression == "01"
    assert given.LossyImageCompressionMethod == "ISO_10918_1"
    assert len(given.PixelData) == given.Rows * given.Columns * 3


def test_frames_of_single_bits_are_joined_without_a_gap(shared_data: Path) -> None:
    plain = pydicom.dcmread(shared_data / "syntaxes/liver_nonbyte_aligned.dcm")
    encoded = StoredFile.at(shared_data / "syntaxes/liver_nonbyte_aligned_rle.dcm")
    given = read(transcoded(encoded))
    assert np.array_equal(given.pixel_array, plain.pixel_array)


def test_an_odd_number_of_bytes_is_padded() -> None:
    ds = image(3, 3, 8)
    frame = struct.pack("<16I", 1, 64, *[0] * 14) + b"\x08abcdefghi"
    ds.PixelData = encapsulate([frame])
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True

    given = read(transcoded(StoredFile(part10(ds, RLE))))

    assert given.PixelData == b"abcdefghi\0"
    assert given["PixelData"].VR == "OB"


def test_offset_tables_go_with_the_fragments() -> None:
    ds = image(2, 2, 8)
    ds.NumberOfFrames = 2
    frame = struct.pack("<16I", 1, 64, *[0] * 14) + b"\x03abcd\0"
    ds.PixelData, ds.ExtendedOffsetTable, ds.ExtendedOffsetTableLengths = encapsulate_extended(
        [frame, frame]
    )
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True

    given = read(transcoded(StoredFile(part10(ds, RLE))))

    assert given.PixelData == b"abcdabcd"
    assert "ExtendedOffsetTable" not in given
    assert "ExtendedOffsetTableLengths" not in given


def nested() -> Dataset:
    ds = image(2, 2)
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.PixelData = struct.pack("<4H", 1, 2, 3, 0xFFFE)
    ds["PixelData"].VR = "OW"
    inner, innermost = Dataset(), Dataset()
    innermost.CodeMeaning = "Größe"
    innermost.add_new(0x00189087, "FD", 1000.5)
    inner.AnatomicRegionSequence = Sequence([innermost])
    inner.add_new(0x0040A730, "SQ", [])
    inner.FrameIncrementPointer = 0x00181063
    inner.RedPaletteColorLookupTableData = bytes(range(8))
    inner["RedPaletteColorLookupTableData"].VR = "OW"
    ds.SharedFunctionalGroupsSequence = Sequence([inner])
    ds.PixelPaddingValue = -2000 & 0xFFFF
    ds["PixelPaddingValue"].VR = "US"
    ds.private_block(0x0029, "ACME 1.0", create=True).add_new(1, "UN", b"\1\2\3\4")
    return ds


@pytest.mark.parametrize("syntax", [IMPLICIT, BIG_ENDIAN])
def test_values_at_any_depth_are_the_same(syntax: str) -> None:
    ds = nested()
    if syntax == BIG_ENDIAN:
        # pydicom writes words as they are given.
        ds.PixelData = struct.pack(">4H", 1, 2, 3, 0xFFFE)
        inner = ds.SharedFunctionalGroupsSequence[0]
        inner.RedPaletteColorLookupTableData = bytes([1, 0, 3, 2, 5, 4, 7, 6])

    given = read(transcoded(StoredFile(part10(ds, syntax))))

    expected = nested()
    expected.SOPClassUID, expected.SOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    if syntax == IMPLICIT:
        expected.private_block(0x0029, "ACME 1.0")
    assert given.to_json_dict() == expected.to_json_dict()


def test_values_that_break_the_rules_are_copied() -> None:
    ds = image(1, 1)
    ds.PixelData = b"\1\2"
    ds["PixelData"].VR = "OW"
    data = part10(ds, IMPLICIT)
    element = struct.pack("<HHI", 0x0010, 0x0010, 6) + b"\xff\xfe\x80^\xc3\x28"
    at = data.find(struct.pack("<HH", 0x0028, 0x0002))
    given = transcoded(StoredFile(data[:at] + element + data[at:]))
    assert b"PN\x06\x00\xff\xfe\x80^\xc3\x28" in given


def test_a_padding_value_of_signed_pixels_becomes_signed() -> None:
    ds = image(1, 1)
    ds.PixelRepresentation = 1
    ds.PixelPaddingValue = -2000
    ds["PixelPaddingValue"].VR = "SS"
    ds.PixelData = b"\1\2"
    ds["PixelData"].VR = "OW"
    given = read(transcoded(StoredFile(part10(ds, IMPLICIT))))
    assert given.PixelPaddingValue == -2000
    assert given["PixelPaddingValue"].VR == "SS"


def test_a_value_that_is_too_long_for_its_vr_becomes_unknown() -> None:
    ds = image(1, 1)
    ds.PixelData = b"\1\2"
    ds["PixelData"].VR = "OW"
    data = part10(ds, IMPLICIT)
    long = struct.pack("<HHI", 0x0018, 0x1020, 70000) + b"A" * 70000
    at = data.find(struct.pack("<HH", 0x0028, 0x0002))
    given = read(transcoded(StoredFile(data[:at] + long + data[at:])))
    assert given.get_item(0x00181020).VR == "UN"
    assert given.Rows == 1


def test_what_is_explicit_already_comes_byte_by_byte(shared_data: Path) -> None:
    path = shared_data / "syntaxes/ct-explicit-le.dcm"
    assert transcoded(StoredFile.at(path)) == path.read_bytes()


def test_elements_behind_the_pixel_data_are_kept() -> None:
    ds = image(1, 1)
    ds.PixelData = b"\1\2"
    ds["PixelData"].VR = "OW"
    ds.DataSetTrailingPadding = bytes(10)
    given = read(transcoded(StoredFile(part10(ds, IMPLICIT))))
    assert given.DataSetTrailingPadding == bytes(10)


@pytest.mark.parametrize("declared", ["3", "1000000000"])
def test_missing_frames_are_told_before_the_first_byte(shared_data: Path, declared: str) -> None:
    stored = StoredFile.at(shared_data / "syntaxes/OBXXXX1A_rle_2frame.dcm")
    stored.header.NumberOfFrames = declared
    with pytest.raises(CannotTranscode):
        in_syntax(Files(), stored, EXPLICIT)


def test_damage_is_told_before_the_first_byte(shared_data: Path) -> None:
    stored = StoredFile.at(shared_data / "syntaxes/ct-rle.dcm")
    stored.header.Rows = 513
    with pytest.raises(CannotTranscode):
        in_syntax(Files(), stored, EXPLICIT)


def test_a_file_that_ends_too_early_is_told() -> None:
    ds = image(100, 100)
    ds.PixelData = bytes(20000)
    ds["PixelData"].VR = "OW"
    stored = StoredFile(part10(ds, IMPLICIT))
    stored.data = stored.data[:-5000]
    with pytest.raises(CannotTranscode):
        transcoded(stored)


class Endless(Files):
    """A large implicit file that exists only while it is read."""

    def __init__(self, head: bytes, size: int) -> None:
        self.head, self.size = head, size

    def read(self, ref: StoredFile) -> Iterator[bytes]:
        yield self.head
        for _ in range(self.size // 65536):
            yield bytes(65536)


def test_memory_does_not_grow_with_the_pixel_data() -> None:
    size = 200 << 20
    ds = image(1, 1)
    ds.PixelData = b"\1\2"
    ds["PixelData"].VR = "OW"
    data = part10(ds, IMPLICIT)
    head = data[:-6] + struct.pack("<I", size)

    tracemalloc.start()
    given = sum(map(len, in_syntax(Endless(head, size), StoredFile(data), EXPLICIT)))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert given > size
    assert most < 16 << 20
