"""From every transfer syntax that is decoded to every one that is written: pixels and header."""

from __future__ import annotations

import io
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset

from store.cells import Cells
from store.codecs import unpack
from store.codestream import jpeg2000_header, jpeg_header
from store.compressors import NEAR
from store.encoders import LOSSLESS, LOSSY
from store.errors import CannotTranscode, StoreError
from store.pixels import decode
from store.transcode import frames_in_syntax, in_syntax
from tests.store.images import KINDS, Kind, palette, part10
from tests.store.stored_file import Files, StoredFile

EXPLICIT = "1.2.840.10008.1.2.1"
IMPLICIT = "1.2.840.10008.1.2"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
RLE = "1.2.840.10008.1.2.5"
UNCOMPRESSED = "1.2.840.10008.1.2.1.98"
FAMILY = "1.2.840.10008.1.2.4."
TARGETS = [EXPLICIT, DEFLATED, *sorted(LOSSLESS)]
SINGLE_BITS = {EXPLICIT, DEFLATED, RLE, UNCOMPRESSED, "1.2.840.10008.1.2.8.1"}

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def transcoded(stored: StoredFile, syntax: str) -> StoredFile:
    return StoredFile(b"".join(in_syntax(Files(), stored, syntax)))


def pixels(stored: StoredFile) -> list[np.ndarray]:
    return [
        decode(stored.header, stored.frame(number), stored.transfer_syntax)
        for number in range(1, stored.frames + 1)
    ]


def same(some: list[np.ndarray], others: list[np.ndarray]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(some, others, strict=True))


def grey(bits: int, *, signed: bool = False, allocated: int = 16) -> Kind:
    return Kind("grey", (0,), allocated=allocated, stored=bits, signed=signed)


COLOUR = Kind("colour", (0, 0, 0), "RGB")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_of_pixels_is_the_same_in_every_syntax_that_holds_it(kind: Kind) -> None:
    stored = StoredFile(kind.part10())
    expected = pixels(stored)
    held = set()
    for syntax in TARGETS:
        try:
            given = transcoded(stored, syntax)
        except CannotTranscode:
            continue
        held.add(syntax)
        assert given.transfer_syntax == syntax
        assert same(pixels(given), expected), syntax
    assert held >= {EXPLICIT, DEFLATED, UNCOMPRESSED}
    if kind.allocated == 1:
        assert held == SINGLE_BITS
    if kind.allocated in (8, 16) and not kind.signed and not kind.photometric.startswith("YBR"):
        assert held == set(TARGETS)


@pytest.mark.parametrize("kind", [grey(12), COLOUR], ids=["grey", "colour"])
def test_from_every_lossless_syntax_to_every_other(kind: Kind) -> None:
    native = StoredFile(kind.part10())
    expected = pixels(native)
    sources = [native, *(StoredFile(kind.part10(syntax)) for syntax in (IMPLICIT, BIG_ENDIAN))]
    sources += [transcoded(native, syntax) for syntax in TARGETS if syntax != EXPLICIT]
    for source in sources:
        for syntax in TARGETS:
            given = transcoded(source, syntax)
            assert same(pixels(given), expected), (source.transfer_syntax, syntax)


def small_files(folder: Path) -> Iterator[Path]:
    """One or two real files of each transfer syntax and photometric interpretation."""
    seen: dict[tuple[object, ...], int] = {}
    for path in sorted((folder / "syntaxes").iterdir()) + sorted((folder / "kinds").rglob("*.dcm")):
        if path.stat().st_size > 150_000:
            continue
        ds = pydicom.dcmread(path, stop_before_pixels=True, force=True)
        if ds.preamble is None or "Rows" not in ds or ds.Rows * ds.Columns > 100_000:
            continue
        kind = (
            ds.file_meta.TransferSyntaxUID,
            ds.get("PhotometricInterpretation"),
            ds.get("BitsStored"),
        )
        seen[kind] = seen.get(kind, 0) + 1
        if seen[kind] == 1 and ds.get("NumberOfFrames", 1) < 5:
            yield path


def test_real_files_are_the_same_in_every_syntax_that_holds_them(shared_data: Path) -> None:
    pairs = set()
    for path in small_files(shared_data):
        stored = StoredFile.at(path)
        if not stored.element or not stored.frames:
            continue
        expected = pixels(stored)
        for syntax in TARGETS:
            try:
                given = transcoded(stored, syntax)
            except CannotTranscode:
                continue
            again = pixels(given)
            floats = stored.header.BitsAllocated in (32, 64)
            for one, other in zip(again, expected, strict=True):
                assert np.array_equal(one, other, equal_nan=floats), (path.name, syntax)
            pairs.add((stored.transfer_syntax, syntax))
    assert {source for source, _ in pairs} >= {
        *(EXPLICIT, IMPLICIT, BIG_ENDIAN, RLE),
        *(f"{FAMILY}{number}" for number in (50, 80, 81, 90, 91)),
    }
    assert {target for _, target in pairs} == set(TARGETS)


OTHERS_DECODE = [RLE, *(f"{FAMILY}{number}" for number in (57, 70, 80, 90, 201, 202))]


@pytest.mark.parametrize("syntax", OTHERS_DECODE)
@pytest.mark.parametrize(
    "kind",
    [grey(12), grey(16, signed=True), grey(8, allocated=8), COLOUR, KINDS[-1]],
    ids=lambda kind: kind.name,
)
def test_pydicom_decodes_the_same(syntax: str, kind: Kind) -> None:
    native = StoredFile(kind.part10())
    expected = pydicom.dcmread(io.BytesIO(kind.part10())).pixel_array
    given = pydicom.dcmread(io.BytesIO(transcoded(native, syntax).data))
    assert given.file_meta.TransferSyntaxUID == syntax
    assert np.array_equal(given.pixel_array, expected)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", range(3, 17))
def test_another_decoder_of_high_throughput_gives_the_same(bits: int, signed: bool) -> None:
    kind = grey(bits, signed=signed, allocated=8 if bits <= 8 else 16)
    stored = StoredFile(kind.part10())
    given = transcoded(stored, f"{FAMILY}201")
    assert np.array_equal(imagecodecs.htj2k_decode(given.frame(1)), pixels(stored)[0])
    assert same(pixels(given), pixels(stored))
    lossy = transcoded(stored, f"{FAMILY}203").frame(1)
    ours = imagecodecs.jpeg2k_decode(lossy).astype(int)
    theirs = imagecodecs.htj2k_decode(lossy).astype(int)
    assert np.abs(ours - pixels(stored)[0]).max() <= max(4, 1 << bits >> 7)
    # The values are in the middle of their range, as that decoder does not stop at its ends.
    assert np.abs(ours - theirs).max() <= 1


@pytest.mark.parametrize(
    ("number", "tool", "bits"),
    [
        *[(number, "dcmdjpeg", bits) for number in (57, 70) for bits in (8, 12, 16)],
        *[(80, "dcmdjpls", bits) for bits in (8, 10, 12, 16)],
        (5, "dcmdrle", 12),
    ],
)
def test_dcmtk_decodes_the_same(tmp_path: Path, number: int, tool: str, bits: int) -> None:
    kind = grey(bits, allocated=8 if bits == 8 else 16)
    syntax = RLE if number == 5 else f"{FAMILY}{number}"
    path, other = tmp_path / "given.dcm", tmp_path / "other.dcm"
    path.write_bytes(transcoded(StoredFile(kind.part10()), syntax).data)
    subprocess.run([tool, path, other], check=True)
    expected = pydicom.dcmread(io.BytesIO(kind.part10()))
    assert np.array_equal(pydicom.dcmread(other).pixel_array, expected.pixel_array)


@pytest.mark.parametrize(
    ("number", "tool", "kind"),
    [
        (50, "dcmdjpeg", grey(8, allocated=8)),
        (50, "dcmdjpeg", COLOUR),
        (51, "dcmdjpeg", grey(12)),
        (51, "dcmdjpeg", grey(8, allocated=8)),
        (81, "dcmdjpls", grey(12)),
        (81, "dcmdjpls", COLOUR),
    ],
)
def test_dcmtk_decodes_what_lost_something(
    tmp_path: Path, number: int, tool: str, kind: Kind
) -> None:
    given = transcoded(StoredFile(kind.part10()), f"{FAMILY}{number}")
    path, other = tmp_path / "given.dcm", tmp_path / "other.dcm"
    path.write_bytes(given.data)
    subprocess.run([tool, path, other], check=True)
    theirs = pydicom.dcmread(other).pixel_array.astype(int)
    assert np.abs(theirs - np.squeeze(pixels(given)).astype(int)).max() <= 2


def header(stored: StoredFile) -> FileDataset:
    return stored.header


@pytest.mark.parametrize(
    ("number", "photometric"),
    [
        *[(number, "RGB") for number in (57, 70, 80, 81, 110)],
        *[(number, "YBR_RCT") for number in (90, 201, 202)],
        *[(number, "YBR_ICT") for number in (91, 203)],
        (50, "YBR_FULL_422"),
        (112, "XYB"),
    ],
)
def test_colour_is_described_as_the_syntax_demands(number: int, photometric: str) -> None:
    by_plane = Kind("colour by plane", (0, 0, 0), "RGB", planar=1)
    stored = StoredFile(by_plane.part10())
    given = transcoded(stored, f"{FAMILY}{number}")
    assert header(given).PhotometricInterpretation == photometric
    assert header(given).PlanarConfiguration == 0
    assert header(given).SOPInstanceUID == header(stored).SOPInstanceUID
    # Photometric Interpretation, Planar Configuration, and what was lost.
    described = {0x00280004, 0x00280006, 0x00282110, 0x00282112, 0x00282114}
    for element in header(stored):
        assert element.tag in described or header(given)[element.tag] == element


def test_luminance_stays_luminance() -> None:
    stored = StoredFile(Kind("luminance", (0, 128, 128), "YBR_FULL", vr="OB").part10())
    for syntax in (RLE, *(f"{FAMILY}{number}" for number in (57, 80, 90, 201))):
        assert header(transcoded(stored, syntax)).PhotometricInterpretation == "YBR_FULL"
    assert header(transcoded(stored, f"{FAMILY}50")).PhotometricInterpretation == "YBR_FULL_422"


@pytest.mark.parametrize(
    ("number", "method", "most"),
    [
        (50, "ISO_10918_1", 40),
        (81, "ISO_14495_1", NEAR),
        (91, "ISO_15444_1", 12),
        (203, "ISO_15444_15", 12),
        (112, "ISO_18181_1", 60),
    ],
)
def test_what_is_lost_is_told_and_little(number: int, method: str, most: int) -> None:
    kind = Kind("grey", (0,), rows=90, columns=120)
    stored = StoredFile(kind.part10())
    given = transcoded(stored, f"{FAMILY}{number}")
    off = np.abs(pixels(given)[0].astype(int) - pixels(stored)[0].astype(int))
    assert 0 < off.max() <= most
    assert header(given).LossyImageCompression == "01"
    assert header(given).LossyImageCompressionMethod == method
    assert 0.5 < header(given).LossyImageCompressionRatio < 100


def test_losses_are_appended_to_those_of_before() -> None:
    lossy = {
        "LossyImageCompression": "01",
        "LossyImageCompressionMethod": "ISO_10918_1",
        "LossyImageCompressionRatio": 12,
    }
    kind = Kind("colour", (0, 0, 0), "RGB", extra=lossy)
    given = transcoded(StoredFile(kind.part10()), f"{FAMILY}91")
    assert list(header(given).LossyImageCompressionMethod) == ["ISO_10918_1", "ISO_15444_1"]
    first, second = header(given).LossyImageCompressionRatio
    assert first == 12
    assert second > 0.5
    # Where one ratio is missing nobody could tell whose another one is.
    del lossy["LossyImageCompressionRatio"]
    given = transcoded(StoredFile(kind.part10()), f"{FAMILY}91")
    assert "LossyImageCompressionRatio" not in header(given)


def test_real_images_lose_little(shared_data: Path) -> None:
    for name, syntaxes in {
        "ct-jpeg-extended-12bit": (51, 91, 203, 112),
        "ct-j2k-lossless": (91, 203),
    }.items():
        stored = StoredFile.at(shared_data / f"syntaxes/{name}.dcm")
        before = pixels(stored)[0].astype(float)
        for number in syntaxes:
            if f"{FAMILY}{number}" == stored.transfer_syntax:
                continue
            try:
                given = transcoded(stored, f"{FAMILY}{number}")
            except CannotTranscode:
                assert stored.header.BitsStored != 12
                continue
            error = np.sqrt(((pixels(given)[0] - before) ** 2).mean())
            assert error < 0.005 * (before.max() - before.min()), (name, number)


NOT_HELD = [
    (50, grey(12)),
    (50, grey(8)),
    (50, grey(8, signed=True, allocated=8)),
    (50, Kind("palette", (77,), "PALETTE COLOR", extra=palette(77))),
    (51, grey(12, signed=True)),
    (51, grey(10)),
    (51, grey(16)),
    (51, COLOUR),
    (81, grey(16, signed=True)),
    (110, grey(12, signed=True)),
    (112, grey(12, signed=True)),
    (110, Kind("luminance", (0, 128, 128), "YBR_FULL", vr="OB")),
    (91, grey(12).__class__("upper bits", (0,), allocated=16, stored=12, high=15)),
    (111, COLOUR),
    *[(n, Kind("bits", (0,), allocated=1, vr="OB")) for n in (50, 57, 80, 90, 91, 201, 110)],
    *[(n, Kind("wide", (0,), allocated=32)) for n in (50, 57, 80, 90, 201, 203, 110)],
]


@pytest.mark.parametrize(("number", "kind"), NOT_HELD)
def test_what_a_syntax_cannot_hold_is_told_before_the_first_byte(number: int, kind: Kind) -> None:
    stored = StoredFile(kind.part10())
    with pytest.raises(CannotTranscode):
        in_syntax(Files(), stored, f"{FAMILY}{number}")
    with pytest.raises(StoreError):
        frames_in_syntax(Files(), stored, f"{FAMILY}{number}")(1)


@pytest.mark.parametrize(
    "syntax",
    [BIG_ENDIAN, f"{FAMILY}100", f"{FAMILY}102", f"{FAMILY}58", f"{FAMILY}92", "1.2.3"],
)
def test_other_syntaxes_are_not_written(syntax: str) -> None:
    stored = StoredFile(COLOUR.part10())
    with pytest.raises(CannotTranscode):
        in_syntax(Files(), stored, syntax)
    with pytest.raises(CannotTranscode):
        frames_in_syntax(Files(), stored, syntax)(1)


@pytest.mark.parametrize("name", ["parametric-map", "video"])
def test_real_numbers_and_videos_are_not_compressed(shared_data: Path, name: str) -> None:
    paths = sorted((shared_data / "kinds" / name).rglob("*.dcm"))
    for path in paths:
        stored = StoredFile.at(path)
        if name == "video" or stored.header.BitsAllocated in (32, 64):
            for syntax in (RLE, UNCOMPRESSED, f"{FAMILY}90"):
                with pytest.raises(CannotTranscode):
                    in_syntax(Files(), stored, syntax)
    assert paths


def test_what_is_no_image_is_given_in_any_syntax(shared_data: Path) -> None:
    path = next(iter(sorted((shared_data / "kinds/sr").rglob("*.dcm"))))
    before = pydicom.dcmread(path)
    for syntax in (DEFLATED, f"{FAMILY}90"):
        given = pydicom.dcmread(
            io.BytesIO(b"".join(in_syntax(Files(), StoredFile.at(path), syntax)))
        )
        assert given.file_meta.TransferSyntaxUID == syntax
        assert given == before


def test_a_deflated_file_is_even_and_read_by_others(tmp_path: Path) -> None:
    for kind in (grey(12), COLOUR):
        data = transcoded(StoredFile(kind.part10(IMPLICIT)), DEFLATED).data
        assert len(data) % 2 == 0
        path, other = tmp_path / "given.dcm", tmp_path / "other.dcm"
        path.write_bytes(data)
        subprocess.run(["dcmconv", "+te", path, other], check=True)
        expected = pydicom.dcmread(io.BytesIO(kind.part10()))
        assert pydicom.dcmread(other).PixelData == expected.PixelData


def test_frames_stand_in_one_even_fragment_each_behind_an_empty_table() -> None:
    stored = StoredFile(Kind("grey frames", (0,)).part10())
    for syntax in LOSSLESS | LOSSY - {f"{FAMILY}50"}:
        try:
            given = transcoded(stored, syntax)
        except CannotTranscode:
            continue
        assert given.element is not None
        assert given.element.length is None
        assert given.element.basic_offsets == ()
        assert len(given.element.fragments) == stored.frames
        assert all(size % 2 == 0 for _, size in given.element.fragments)
        whole = pydicom.dcmread(io.BytesIO(given.data))
        assert whole["PixelData"].VR == "OB"
        assert int(whole.NumberOfFrames) == stored.frames


def test_jpeg_inside_of_jpeg_xl_comes_out_as_the_same_bytes(shared_data: Path) -> None:
    for name in ("SC_rgb_jpeg_dcmtk", "ct-jpeg-baseline-8bit"):
        stored = StoredFile.at(shared_data / f"syntaxes/{name}.dcm")
        inside = transcoded(stored, f"{FAMILY}111")
        assert len(inside.data) < len(stored.data)
        assert header(inside).LossyImageCompression == "01"
        out = transcoded(inside, f"{FAMILY}50")
        assert out.frame(1).rstrip(b"\0") == stored.frame(1).rstrip(b"\0")
        off = np.abs(pixels(inside)[0].astype(int) - pixels(stored)[0].astype(int))
        assert off.max() <= 8
        assert frames_in_syntax(Files(), stored, f"{FAMILY}111")(1) == inside.frame(1)


def test_the_progressive_syntax_can_be_read_from_its_beginning() -> None:
    kind = Kind("wide grey", (0,), allocated=16, stored=12, rows=300, columns=900)
    frame = transcoded(StoredFile(kind.part10()), f"{FAMILY}202").frame(1)
    coding = frame.index(b"\xff\x52")
    order, decompositions = frame[coding + 5], frame[coding + 9]
    assert order == 2  # RPCL
    assert 900 >> decompositions <= 64
    assert 0 < frame.index(b"\xff\x55") < frame.index(b"\xff\x90")  # TLM


def test_the_extended_syntax_is_what_it_says() -> None:
    for kind, precision in ((grey(8, allocated=8), 8), (grey(12), 12)):
        frame = transcoded(StoredFile(kind.part10()), f"{FAMILY}51").frame(1)
        found = jpeg_header(frame)
        assert found is not None
        assert found.precision == precision
        assert b"\xff\xc1" in frame
        assert b"\xff\xc0" not in frame[:400]


def test_codestreams_state_bits_stored() -> None:
    for bits in (2, 7, 9, 12, 15):
        stored = StoredFile(grey(bits, allocated=8 if bits < 9 else 16).part10())
        for number in (57, 80, 90, 201):
            frame = transcoded(stored, f"{FAMILY}{number}").frame(1)
            read = jpeg2000_header if number in (90, 201) else jpeg_header
            found = read(frame)
            assert found is not None
            assert found.precision == bits


@pytest.mark.parametrize(
    "syntax", [EXPLICIT, RLE, *(f"{FAMILY}{n}" for n in (50, 70, 80, 90, 201))]
)
def test_single_frames_are_those_of_the_whole_instance(syntax: str) -> None:
    native = StoredFile(Kind("grey frames", (0,)).part10())
    for stored in (native, transcoded(native, f"{FAMILY}90"), transcoded(native, RLE)):
        frame = frames_in_syntax(Files(), stored, syntax)
        whole = transcoded(stored, syntax)
        for number in range(1, stored.frames + 1):
            assert frame(number) == whole.frame(number)


def test_single_bits_begin_at_a_byte_whatever_they_were_stored_in() -> None:
    native = StoredFile(Kind("bits", (0,), allocated=1, vr="OB").part10())
    compressed = transcoded(native, RLE)
    frame = frames_in_syntax(Files(), compressed, EXPLICIT)
    for number in range(1, native.frames + 1):
        assert frame(number) == native.frame(number)


class Counting(Files):
    """Knows which frames were asked for."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def frame(self, ref: StoredFile, number: int) -> bytes:
        self.asked.append(number)
        return super().frame(ref, number)


def test_one_frame_at_a_time_is_in_memory() -> None:
    kind = Kind("grey frames", (0,), frames=20)
    stored = StoredFile(kind.part10())
    source = Counting()
    chunks = in_syntax(source, stored, f"{FAMILY}90")
    assert source.asked == [1]
    fragments = 0
    for chunk in chunks:
        if chunk.startswith(struct.pack("<HH", 0xFFFE, 0xE000)) and len(chunk) > 8:
            fragments += 1
            assert len(source.asked) == fragments
    assert fragments == 20


@pytest.mark.parametrize("named_right", [True, False])
def test_lossless_jpeg_with_tables_for_each_component_is_decoded(named_right: bool) -> None:
    """The encoder's own names of the tables are wrong, which is why it is not asked for them."""
    values = np.full((40, 50, 3), 128, "u1")
    values[..., :2] = np.random.default_rng(1).integers(0, 256, (40, 50, 2))
    frame = bytearray(
        imagecodecs.jpeg8_encode(
            values, lossless=True, predictor=1, colorspace="YCBCR", outcolorspace="YCBCR"
        )
    )
    scan = frame.index(b"\xff\xda")
    if named_right:
        frame[scan + 8] = frame[scan + 10] = 0x10
    cells = Cells(40, 50, 3, 8, 8, 7, False, False, False, "YBR_FULL")
    decoded = unpack(cells, bytes(frame), f"{FAMILY}70").cells
    assert np.array_equal(decoded, values) == named_right


@pytest.mark.parametrize("number", [57, 70])
def test_luminance_in_lossless_jpeg_needs_one_table(number: int) -> None:
    kind = Kind("luminance", (0, 128, 128), "YBR_FULL", vr="OB")
    frame = transcoded(StoredFile(kind.part10()), f"{FAMILY}{number}").frame(1)
    assert frame.count(b"\xff\xc4") == 1
    assert b"JFIF" not in frame
    assert b"Adobe" not in frame


def test_a_later_frame_of_more_bits_ends_the_file() -> None:
    kind = Kind("twelve bits", (0,), allocated=16, stored=12)
    data = bytearray(kind.part10())
    data[-2:] = b"\xff\xff"
    chunks = in_syntax(Files(), StoredFile(bytes(data)), f"{FAMILY}90")
    with pytest.raises(CannotTranscode):
        list(chunks)


def test_a_name_of_the_new_syntax_stands_in_the_meta_information() -> None:
    ds = pydicom.dcmread(io.BytesIO(part10(COLOUR.data_set(), EXPLICIT)))
    assert ds.file_meta.TransferSyntaxUID == EXPLICIT
    given = transcoded(StoredFile(COLOUR.part10()), RLE)
    group = struct.unpack_from("<I", given.data, 140)[0]
    assert given.data[144 + group : 148 + group] == b"\x08\x00\x05\x00"
