"""Decoding: against pydicom's decoders, DCMTK's tools, and frames that were tampered with."""

from __future__ import annotations

import random
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels.utils import pixel_array

from store.cells import LARGEST_FRAME, Cells
from store.codecs import can_decode
from store.errors import CannotDecode
from store.pixels import decode
from tests.store.stored_file import StoredFile

EXPLICIT = "1.2.840.10008.1.2.1"
RLE = "1.2.840.10008.1.2.5"
DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"
JPEG = "1.2.840.10008.1.2.4.50"
JPEG2000 = "1.2.840.10008.1.2.4.90"
JPEG_XL = "1.2.840.10008.1.2.4.110"

LOSSLESS = (
    *("explicit-le", "implicit-le", "explicit-be", "deflated", "rle", "j2k-lossless"),
    *("htj2k-lossless-16bit", "jpeg-lossless-p14", "jpeg-lossless-sv1", "jpegls-lossless"),
)
BEYOND_PYDICOM = {
    "syntaxes/MR1_JPLY.dcm": "dcmdjpeg",
    "syntaxes/ct-jpeg-extended-12bit.dcm": "dcmdjpeg",
    "syntaxes/ct-jpeg-progressive-retired.dcm": "dcmdjpeg",
    "syntaxes/ct-jpeg-spectral-retired.dcm": "dcmdjpeg",
}
WITHOUT_PEER = "syntaxes/liver_nonbyte_aligned_rle.dcm"


def header(rows: int, columns: int, bits: int = 8, samples: int = 1) -> Dataset:
    ds = Dataset()
    ds.Rows, ds.Columns, ds.SamplesPerPixel = rows, columns, samples
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = bits, bits, bits - 1
    ds.PixelRepresentation = 0
    ds.PhotometricInterpretation = "RGB" if samples == 3 else "MONOCHROME2"
    if samples == 3:
        ds.PlanarConfiguration = 0
    return ds


def images(folder: Path, *names: str) -> list[Path]:
    found = [path for name in names for path in sorted((folder / name).rglob("*.dcm"))]
    assert found
    return found


@pytest.mark.parametrize("name", LOSSLESS)
def test_one_image_in_every_lossless_encoding_gives_the_same_pixels(
    shared_data: Path, name: str
) -> None:
    expected = pydicom.dcmread(shared_data / "syntaxes/ct-explicit-le.dcm").pixel_array
    stored = StoredFile.at(shared_data / f"syntaxes/ct-{name}.dcm")

    decoded = decode(stored.header, stored.frame(1), stored.transfer_syntax)

    assert decoded.dtype == expected.dtype
    assert np.array_equal(decoded, expected)


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
@pytest.mark.parametrize("folder", ["syntaxes", "kinds", "series"])
def test_every_image_is_decoded_as_pydicom_decodes_it(shared_data: Path, folder: str) -> None:
    compared = 0
    for path in images(shared_data, folder):
        name = str(path.relative_to(shared_data))
        whole = pydicom.dcmread(path, force=True)
        if "TransferSyntaxUID" not in whole.file_meta:
            continue  # not Part 10
        stored = StoredFile.at(path)
        if not stored.frames or name in BEYOND_PYDICOM or name == WITHOUT_PEER:
            continue
        for number in {1, stored.frames}:
            decoded = decode(stored.header, stored.frame(number), stored.transfer_syntax)
            expected = pixel_array(whole, index=number - 1)
            assert decoded.shape == expected.shape, name
            assert np.allclose(decoded, expected, rtol=0, atol=1 if decoded.ndim == 3 else 0), name
            compared += 1
    assert compared > 40


@pytest.mark.parametrize("name", BEYOND_PYDICOM)
def test_12_bit_lossy_images_are_decoded_as_dcmtk_decodes_them(
    shared_data: Path, tmp_path: Path, name: str
) -> None:
    other = tmp_path / "decoded.dcm"
    subprocess.run([BEYOND_PYDICOM[name], shared_data / name, other], check=True)
    stored = StoredFile.at(shared_data / name)

    decoded = decode(stored.header, stored.frame(1), stored.transfer_syntax)

    assert np.array_equal(decoded, pydicom.dcmread(other).pixel_array)


def test_run_length_encoded_bits_are_those_of_the_same_segmentation_unencoded(
    shared_data: Path,
) -> None:
    encoded = StoredFile.at(shared_data / WITHOUT_PEER)
    plain = StoredFile.at(shared_data / "syntaxes/liver_nonbyte_aligned.dcm")

    for number in range(1, plain.frames + 1):
        expected = decode(plain.header, plain.frame(number), plain.transfer_syntax)
        assert np.array_equal(
            decode(encoded.header, encoded.frame(number), encoded.transfer_syntax), expected
        )


@pytest.mark.parametrize(("samples", "bits"), [(1, 8), (3, 8), (1, 16)])
def test_jpeg_xl_is_decoded(samples: int, bits: int) -> None:
    rng = np.random.default_rng(5)
    shape = (20, 30) if samples == 1 else (20, 30, 3)
    pixels = rng.integers(0, 1 << bits, shape).astype(f"u{bits // 8}")
    frame = bytes(imagecodecs.jpegxl_encode(pixels, lossless=True))
    assert np.array_equal(decode(header(20, 30, bits, samples), frame, JPEG_XL), pixels)


def test_a_deflated_frame_is_decoded() -> None:
    pixels = np.arange(600, dtype="u2").reshape(20, 30)
    deflater = zlib.compressobj(wbits=-15)
    frame = deflater.compress(pixels.tobytes()) + deflater.flush()
    assert np.array_equal(decode(header(20, 30, 16), frame, DEFLATED_FRAMES), pixels)


def test_bits_outside_of_the_stored_ones_are_dropped_and_the_sign_extended() -> None:
    ds = header(1, 4, 16)
    ds.BitsStored, ds.HighBit = 12, 11
    frame = struct.pack("<4H", 0xF001, 0x0FFF, 0x1800, 0x07FF)

    assert decode(ds, frame, EXPLICIT).tolist() == [[1, 0xFFF, 0x800, 0x7FF]]
    ds.PixelRepresentation = 1
    assert decode(ds, frame, EXPLICIT).tolist() == [[1, -1, -2048, 2047]]


def test_cells_that_are_not_at_the_low_end_are_moved_there() -> None:
    ds = header(1, 2, 16)
    ds.BitsStored, ds.HighBit = 12, 15
    assert decode(ds, struct.pack("<2H", 0x123F, 0xFFF0), EXPLICIT).tolist() == [[0x123, 0xFFF]]


def test_planes_become_pixels() -> None:
    ds = header(1, 2, 8, 3)
    ds.PlanarConfiguration = 1
    assert decode(ds, bytes([1, 2, 3, 4, 5, 6]), EXPLICIT).tolist() == [[[1, 3, 5], [2, 4, 6]]]


def test_shared_chrominance_becomes_rgb() -> None:
    ds = header(1, 2, 8, 3)
    ds.PhotometricInterpretation = "YBR_FULL_422"
    decoded = decode(ds, bytes([76, 150, 85, 255]), EXPLICIT)
    assert np.allclose(decoded, [[[254, 0, 0], [255, 74, 74]]], atol=1)


def test_partial_range_becomes_full_range() -> None:
    ds = header(1, 2, 8, 3)
    ds.PhotometricInterpretation = "YBR_PARTIAL_422"
    assert decode(ds, bytes([16, 235, 128, 128]), EXPLICIT).tolist() == [[[0] * 3, [255] * 3]]


@pytest.mark.parametrize("adobe", [True, False])
@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL_422"])
def test_the_markers_of_a_jpeg_decide_on_its_colour_before_the_header_does(
    photometric: str, adobe: bool
) -> None:
    pixels = np.full((16, 16, 3), [200, 30, 90], np.uint8)
    space = "RGB" if adobe else None
    frame = bytes(imagecodecs.jpeg8_encode(pixels, level=100, outcolorspace=space))
    ds = header(16, 16, 8, 3)
    ds.PhotometricInterpretation = photometric
    assert np.abs(decode(ds, frame, JPEG).astype(int) - pixels).max() <= 2


@pytest.mark.parametrize("syntax", [EXPLICIT, RLE, JPEG, JPEG2000, JPEG_XL, DEFLATED_FRAMES])
def test_a_size_that_the_frame_cannot_have_is_refused(syntax: str) -> None:
    with pytest.raises(CannotDecode):
        decode(header(30000, 30000), bytes(256), syntax)


def test_a_frame_that_nothing_could_hold_is_refused() -> None:
    assert LARGEST_FRAME < 30000 * 30000 * 2
    with pytest.raises(CannotDecode, match="large"):
        Cells.of(header(30000, 30000, 16))


def test_a_codestream_that_is_larger_than_the_header_says_is_refused_before_decoding() -> None:
    small = bytes(imagecodecs.jpeg2k_encode(np.zeros((64, 64), np.uint8), level=0))
    at = small.find(b"\xff\x4f\xff\x51")
    huge = small[: at + 8] + struct.pack(">II", 1 << 30, 1 << 30) + small[at + 16 :]
    with pytest.raises(CannotDecode, match="contradicts"):
        decode(header(64, 64), huge, JPEG2000)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [("Rows", 0), ("SamplesPerPixel", 4), ("BitsAllocated", 12), ("BitsStored", 17)],
)
def test_impossible_headers_are_refused(keyword: str, value: int) -> None:
    ds = header(4, 4, 16)
    setattr(ds, keyword, value)
    with pytest.raises(CannotDecode):
        decode(ds, bytes(1000), EXPLICIT)


def test_no_header_no_image() -> None:
    with pytest.raises(CannotDecode):
        decode(Dataset(), bytes(1000), EXPLICIT)


def test_a_syntax_without_a_codec_is_refused() -> None:
    video = "1.2.840.10008.1.2.4.102"
    assert not can_decode(video)
    with pytest.raises(CannotDecode, match="codec"):
        decode(header(4, 4), bytes(16), video)


@pytest.mark.parametrize(
    "name",
    [
        *("ct-jpeg-baseline-8bit", "SC_rgb_jpeg_dcmtk", "ct-jpeg-extended-12bit"),
        *("ct-jpeg-lossless-sv1", "MR_small_jpeg_ls_lossless", "MR_small_jp2klossless"),
        *("ct-htj2k-lossless-16bit", "MR_small_RLE"),
    ],
)
def test_tampered_frames_are_decoded_or_refused(shared_data: Path, name: str) -> None:
    stored = StoredFile.at(shared_data / f"syntaxes/{name}.dcm")
    intact = stored.frame(1)
    refused = 0
    for seed in range(60):
        rng = random.Random(seed)
        frame = bytearray(intact[: rng.randrange(1, len(intact))] if seed % 4 == 0 else intact)
        for _ in range(rng.choice((1, 2, 5, 20))):
            frame[rng.randrange(min(len(frame), 400))] = rng.choice((0, 255, 127, 128))
        try:
            decoded = decode(stored.header, bytes(frame), stored.transfer_syntax)
        except CannotDecode:
            refused += 1
        else:
            assert decoded.shape[:2] == (stored.header.Rows, stored.header.Columns)
    assert refused


@pytest.mark.timeout(20)
def test_a_jpeg_ls_frame_that_ends_early_is_refused_at_once(shared_data: Path) -> None:
    stored = StoredFile.at(shared_data / "syntaxes/MR_small_jpeg_ls_lossless.dcm")
    intact = stored.frame(1)
    for length in range(0, len(intact) - 97, 97):
        with pytest.raises(CannotDecode):
            decode(stored.header, intact[:length], stored.transfer_syntax)


DECODE_BAD = """
import sys, warnings
from pathlib import Path
warnings.simplefilter("ignore")
from store.errors import CannotDecode, NoSuchFrame
from store.pixels import decode
from tests.store.stored_file import StoredFile

for path in sorted(Path(sys.argv[1]).iterdir()):
    if path.name == "deflate-bomb-200mb.dcm":
        continue  # this reader, unlike the store, would inflate it whole
    try:
        stored = StoredFile.at(path)
    except Exception:
        continue  # not even a header: this never reaches the store
    if stored.element is None:
        continue
    try:
        decode(stored.header, stored.frame(1), stored.transfer_syntax)
        print(path.name, "decoded")
    except (CannotDecode, NoSuchFrame) as error:
        print(path.name, type(error).__name__)
status = Path("/proc/self/status").read_text()
print(int(status.partition("VmHWM:")[2].split()[0]) // 1024)
"""


def test_bad_files_neither_crash_the_process_nor_eat_its_memory(shared_data: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DECODE_BAD, str(shared_data / "bad")],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    *results, megabytes = done.stdout.split("\n")[:-1]
    outcome = dict(line.split(" ") for line in results)

    assert outcome["a-billion-frames.dcm"] == "decoded"
    assert outcome["pixel-data-too-short.dcm"] == "NoSuchFrame"
    assert outcome["unknown-transfer-syntax.dcm"] == "CannotDecode"
    assert outcome["JPEG2000-embedded-sequence-delimiter.dcm"] == "CannotDecode"
    assert int(megabytes) < 300
