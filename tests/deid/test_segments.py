"""Compressed frames lose their comments and application segments, and nothing else."""

import contextlib
import itertools
import shutil
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pydicom
import pydicom.data
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.encaps import encapsulate, generate_frames
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info
from pydicom.pixels.utils import iter_pixels

from deid import DeidError, Malformed, TransferSyntaxUnsupported
from deid.fragments import Fragments
from deid.segments import codestream_of
from tests.deid.build import Element, instance
from tests.deid.conftest import real_files
from tests.deid.engine import run
from tests.deid.frames import (
    APPLICATIONS,
    BOXES,
    COMMENT,
    END,
    HIGH_THROUGHPUT,
    JPEG,
    JPEG_2000,
    JPEG_LOSSLESS,
    JPEG_LS,
    JPEG_XL,
    PLANTED,
    RLE,
    box,
    codestream,
    commented,
    crowded,
    decoded,
    encapsulated,
    fragments_of,
    jp2,
    jpeg,
    jpeg_lossless,
    jpeg_ls,
    jpeg_xl,
    markers,
    open_ended,
    segment,
)

SOI, EOI = b"\xff\xd8", b"\xff\xd9"
SCAN = segment(0xDA, b"\1\1\0\0\x3f\0")

FRAMES = {
    "baseline": (JPEG, crowded(jpeg())),
    "grey": (JPEG, crowded(jpeg(colour=False))),
    "progressive": (JPEG, crowded(jpeg(progressive=True))),
    "restarts": (JPEG, crowded(jpeg(restart=1))),
    "lossless": (JPEG_LOSSLESS, crowded(jpeg_lossless())),
    # its decoder wants the end of the image right behind the last scan
    "jpeg-ls": (JPEG_LS, crowded(jpeg_ls(), to_end=False)),
    "jpeg-ls 8 bits": (JPEG_LS, crowded(jpeg_ls(np.uint8), to_end=False)),
    "jpeg 2000": (JPEG_2000, commented(codestream())),
    "jpeg 2000, last tile open": (JPEG_2000, open_ended(commented(codestream()))),
    "jp2": (JPEG_2000, jp2(commented(codestream()))),
    "jp2 to the end": (JPEG_2000, jp2(open_ended(commented(codestream())), to_end=True)),
    "jpeg xl": (JPEG_XL, jpeg_xl(boxed=True)),
}
EACH = pytest.mark.parametrize(("syntax", "frame"), FRAMES.values(), ids=FRAMES)
ENDING = [name for name in FRAMES if name != "jpeg xl"]


def passed(value: bytes, syntax: str, chunk: int = 1 << 16) -> tuple[bytes, int]:
    """Send a value through; return it, and how many parts of it were overwritten."""
    out: list[bytes] = []
    fragments = Fragments(out.append, 0, 1 << 20, codestream_of(syntax, out.append))
    view = memoryview(value)
    for start in range(0, len(value), chunk):
        assert not fragments.feed(view[start : start + chunk])
    assert fragments.done
    written = b"".join(out)
    assert len(written) == len(value)
    assert [written[at : at + size] for at, size in fragments.fragments] == fragments_of(written)
    return written, fragments.blanked


def stripped(frame: bytes, syntax: str) -> bytes:
    """Send one frame through."""
    (found,) = fragments_of(passed(encapsulated([frame]), syntax)[0])
    return found


def same(one: bytes, other: bytes, syntax: str) -> bool:
    return np.array_equal(decoded(one, syntax), decoded(other, syntax))


@EACH
def test_what_identifies_is_gone_and_the_picture_is_the_same(syntax: str, frame: bytes) -> None:
    assert frame.count(PLANTED) > 6

    value, blanked = passed(encapsulated([frame]), syntax)

    (found,) = fragments_of(value)
    assert PLANTED not in found
    assert b"Zebulon" not in found
    assert blanked > 6
    assert same(frame, found, syntax)
    assert passed(value, syntax) == (value, 0)


def test_only_contents_change() -> None:
    plain = codestream()
    assert stripped(plain, JPEG_2000) == plain
    plain = jpeg_ls()
    assert stripped(plain, JPEG_LS) == plain
    comment = SOI + COMMENT + SCAN + b"data" + EOI
    expected = SOI + COMMENT[:4] + bytes(len(COMMENT) - 4) + SCAN + b"data" + EOI
    assert stripped(comment, JPEG) == expected
    text = segment(0x64, b"\0\1" + PLANTED)
    plain = codestream()
    found = stripped(plain[:2] + text + plain[2:], JPEG_2000)
    assert found == plain[:2] + text[:4] + bytes(len(text) - 4) + plain[2:]


@EACH
def test_the_engine_strips_and_offsets_stay_true(syntax: str, frame: bytes) -> None:
    frame += b"\0" * (len(frame) % 2)
    table = (0, len(frame) + 8, 2 * len(frame) + 16)
    value = encapsulated([frame] * 3, table)
    # of undefined length, which only a sequence has in this builder
    head: Element = (0x7FE00010, "OB", b"")
    data = instance([head], syntax)[:-4] + b"\xff\xff\xff\xff" + value

    output = run(data)

    assert PLANTED not in output.data
    (streamed,) = output.result.streamed
    assert streamed.basic_offsets == table
    for offset, (start, size) in zip(table, streamed.fragments, strict=True):
        assert start == streamed.fragments[0][0] + offset
        assert same(output.data[start : start + size], frame, syntax)
    assert run(output.data).data == output.data


@pytest.mark.parametrize("name", FRAMES)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_how_a_frame_is_cut_makes_no_difference(name: str, data: st.DataObject) -> None:
    syntax, frame = FRAMES[name]
    expected, _ = passed(encapsulated([frame]), syntax)
    (whole,) = fragments_of(expected)
    places = data.draw(st.lists(st.integers(0, len(frame)), max_size=12))
    # most of what can go wrong is at the beginning
    places += data.draw(st.lists(st.integers(0, min(len(frame), 900)), max_size=40))
    cuts = sorted({0, len(frame), *places})
    fragments = [frame[a:b] for a, b in itertools.pairwise(cuts)]
    chunk = data.draw(st.one_of(st.integers(1, 40), st.integers(41, 1 << 16)))

    value, _ = passed(encapsulated(fragments), syntax, chunk)

    assert b"".join(fragments_of(value)) == whole


@EACH
def test_one_byte_at_a_time(syntax: str, frame: bytes) -> None:
    whole = passed(encapsulated([frame, frame]), syntax)
    assert passed(encapsulated([frame, frame]), syntax, chunk=1) == whole
    single = encapsulated(bytes((b,)) for b in frame)
    assert b"".join(fragments_of(passed(single, syntax)[0])) == stripped(frame, syntax)


@pytest.mark.parametrize("name", ENDING)
@pytest.mark.parametrize("rest", [b"\0", b"\xff", PLANTED, bytes(5000) + PLANTED])
def test_what_stands_behind_an_image_becomes_zeros(name: str, rest: bytes) -> None:
    syntax, frame = FRAMES[name]
    value, _ = passed(encapsulated([frame + rest, frame + rest]), syntax)
    for found in fragments_of(value):
        assert found == stripped(frame, syntax) + bytes(len(rest))


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_of_several_fragments_then_another(name: str) -> None:
    syntax, frame = FRAMES[name]
    half = len(frame) // 2
    value, _ = passed(encapsulated([frame[:half], frame[half:], frame, b"", frame]), syntax)
    first, second, *others = fragments_of(value)
    whole = stripped(frame, syntax)
    assert [first + second, *others] == [whole, whole, b"", whole]


@pytest.mark.parametrize("name", ["baseline", "restarts", "jpeg-ls", "lossless"])
def test_an_image_without_an_end_is_followed_by_another(name: str) -> None:
    syntax, frame = FRAMES[name]
    cut = frame[: frame.index(b"\xff\xda") + 60]
    first, second = fragments_of(passed(encapsulated([cut, frame]), syntax)[0])
    assert PLANTED not in first + second
    assert second == stripped(frame, syntax)


def test_a_tile_that_is_cut_short_is_followed_by_another() -> None:
    for frame in (commented(codestream()), jp2(commented(codestream()), to_end=True)):
        cut = frame[: frame.rindex(b"\xff\x93") + 9]
        first, second = fragments_of(passed(encapsulated([cut, frame]), JPEG_2000)[0])
        assert PLANTED not in first + second
        assert second == stripped(frame, JPEG_2000)


def test_frames_with_other_headers_follow_each_other() -> None:
    several = [FRAMES[name][1] for name in ("baseline", "grey", "progressive", "restarts")]
    several = [*several, several[0], several[0], several[1], several[1]]
    value, _ = passed(encapsulated(several), JPEG)
    assert fragments_of(value) == [stripped(frame, JPEG) for frame in several]
    # a header that the one before begins with
    short, long = codestream(), commented(codestream())
    long = (
        short[: short.index(b"\xff\x90")] + segment(0x64, PLANTED) + long[long.index(b"\xff\x90") :]
    )
    value, _ = passed(encapsulated([short, long, short, short, long]), JPEG_2000)
    assert PLANTED not in value


JFIF = segment(0xE0, b"JFIF\0\1\2\1\0\x48\0\x48\0\0")
ADOBE = segment(0xEE, b"Adobe\0d\0\0\0\0\1")
TRANSFORM = segment(0xE8, b"mrfx\2")


@pytest.mark.parametrize("known", [JFIF, ADOBE, TRANSFORM, segment(0xEE, b"Adobe\0d\0\0\0")])
def test_what_tells_colour_stays(known: bytes) -> None:
    frame = SOI + known + COMMENT + SCAN + EOI
    assert stripped(frame, JPEG)[: 2 + len(known)] == SOI + known


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (segment(0xE0, b"JFIF\0\1\2\1\0\x48\0\x48\1\2Quxley"), JFIF[4:16]),
        (segment(0xE0, b"JFIF"), b""),
        (segment(0xE0, b"JFXX\0\x10"), b""),
        (segment(0xEE, b"Adobe\0d\0\0\0\0\1Quxley"), ADOBE[4:]),
        (segment(0xEE, b"Adobe Quxley"), b""),
        (segment(0xE8, b"mrfx\2Quxley"), b"mrfx\2"),
        (segment(0xE1, JFIF[4:]), b""),
        (segment(0xFE, JFIF[4:]), b""),
    ],
)
def test_nothing_else_of_such_a_segment_stays(sent: bytes, kept: bytes) -> None:
    found = stripped(SOI + sent + SCAN + EOI, JPEG)
    assert found[2 : 2 + len(sent)] == sent[:4] + kept + bytes(len(sent) - 4 - len(kept))


def test_colour_is_decoded_as_before() -> None:
    frame = jpeg()
    for known in (JFIF, ADOBE, b"", segment(0xEE, b"Adobe\0d\0\0\0\0\0")):
        without = frame[:2] + known + COMMENT + frame[markers(frame)[1] :]
        assert same(stripped(without, JPEG), without, JPEG)


def test_bytes_between_segments_become_fill_bytes() -> None:
    frame = jpeg(colour=False)
    at = markers(frame)[5]
    frame = frame[:at] + b"\xff\0" + PLANTED + b"\xff\xff" + frame[at:]
    found = stripped(frame, JPEG)
    assert b"Quxley" not in found
    assert b"\xff" * (len(PLANTED) + 4) in found
    assert same(found, frame, JPEG)


TILE = b"\xff\x90\0\x0a\0\0\0\0\0\x0e\0\1\xff\x93"
MAIN = b"\xff\x4f" + segment(0x51, bytes(38))
BROKEN: list[tuple[str, Sequence[bytes]]] = [
    (JPEG, [b"\xff"]),
    (JPEG, [b"no image"]),
    (JPEG, [MAIN + TILE + EOI]),
    (JPEG, [SOI]),
    (JPEG, [EOI]),
    (JPEG, [SOI + b"\xff\xfe\0\1"]),
    (JPEG, [SOI + b"\xff\xe1\0\0" + PLANTED]),
    (JPEG, [SOI + b"\xff\xe1\1\0" + PLANTED]),
    (JPEG, [SOI + COMMENT + SCAN[:-1]]),
    (JPEG, [SOI + SCAN + b"data" + COMMENT[:-1]]),
    (JPEG, [SOI + segment(0xF0, b"x") + SCAN]),
    (JPEG, [SOI + SCAN + b"data\xff\x02" + PLANTED]),
    (JPEG, [SOI + segment(0xDD, PLANTED) + SCAN]),
    (JPEG, [SOI + SCAN + segment(0xDC, PLANTED)]),
    (JPEG, [SOI + b"\xff\xe1\1\0" + PLANTED, SOI + COMMENT + SCAN]),
    (JPEG, [SOI + SCAN + EOI, b"something"]),
    (JPEG_LS, [SOI + segment(0xF9, b"x") + SCAN]),
    (JPEG_2000, [SOI + SCAN + EOI]),
    (JPEG_2000, [b"\xff"]),
    (JPEG_2000, [b"\xff\x4f"]),
    (JPEG_2000, [MAIN]),
    (JPEG_2000, [MAIN + EOI]),
    (JPEG_2000, [MAIN + segment(0x99, PLANTED) + TILE + EOI]),
    (JPEG_2000, [MAIN + b"\xff\x64\0\1" + TILE + EOI]),
    (JPEG_2000, [MAIN + TILE[:-2]]),
    (JPEG_2000, [MAIN + TILE[:-2] + segment(0x64, PLANTED) + TILE[-2:] + EOI]),
    (JPEG_2000, [MAIN + b"\xff\x90\0\x0b" + TILE[4:] + EOI]),
    (JPEG_2000, [MAIN + TILE + PLANTED]),
    (JPEG_2000, [MAIN + TILE + EOI, PLANTED]),
    (JPEG_2000, [box(b"ftyp", b"jp2 ")]),
    (JPEG_2000, [box(b"jP  ", b"\r\n\x87\n")]),
    (JPEG_2000, [box(b"jP  ", b"\r\n\x87\n") + b"\0\0\0\7xml "]),
    (JPEG_2000, [box(b"jP  ", b"\r\n\x87\n") + b"\0\0\0\1xml " + bytes(7) + b"\1"]),
    (JPEG_2000, [box(b"jP  ", b"\r\n\x87\n") + b"\0\0\0\0ihdr"]),
    (JPEG_2000, [box(b"jP  ", b"\r\n\x87\n") + b"\0\0\0\x20\1\2\3\4"]),
    (JPEG_2000, [box(b"jP  ", b"\r\n\x87\n") + box(b"jp2c", PLANTED)]),
    (JPEG_2000, [box(b"jP  ", b"\r\n\x87\n") + box(b"jp2c", MAIN) + TILE + EOI]),
    (JPEG_XL, [SOI + SCAN + EOI]),
    (JPEG_XL, [box(b"ftyp", b"jxl ")]),
    (JPEG_XL, [box(b"JXL ", b"\r\n\x87\n") + box(b"xml ", PLANTED)]),
]


@pytest.mark.parametrize(("syntax", "fragments"), BROKEN)
def test_what_cannot_be_looked_at_is_refused(syntax: str, fragments: Sequence[bytes]) -> None:
    for chunk in (1, 1 << 16):
        with pytest.raises(Malformed) as caught:
            passed(encapsulated(fragments), syntax, chunk)
        message = str(caught.value)
        assert message.endswith(".")
        assert "Quxley" not in message


@given(st.sampled_from([JPEG, JPEG_LS, JPEG_2000, JPEG_XL]), st.lists(st.binary()), st.data())
def test_any_bytes_pass_at_their_length_or_are_refused(
    syntax: str, fragments: list[bytes], data: st.DataObject
) -> None:
    starts = {JPEG: SOI, JPEG_LS: SOI, JPEG_2000: b"\xff\x4f", JPEG_XL: box(b"JXL ", b"")}
    value = encapsulated([starts[syntax], *fragments])
    outcomes: list[object] = []
    for chunk in (1 << 16, data.draw(st.integers(1, 20))):
        try:
            outcomes.append(passed(value, syntax, chunk))
        except Malformed as error:
            outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]


@given(st.sampled_from(sorted(FRAMES)), st.integers(0, 3000), st.binary(min_size=1, max_size=3))
def test_a_damaged_frame_passes_clean_or_is_refused(name: str, at: int, damage: bytes) -> None:
    syntax, frame = FRAMES[name]
    at %= len(frame)
    frame = frame[:at] + damage + frame[at + len(damage) :]
    try:
        value, _ = passed(encapsulated([frame]), syntax)
    except Malformed:
        return
    # Comments that a damaged length makes entropy-coded data of are out of reach.
    assert passed(value, syntax) == (value, 0)


@pytest.mark.parametrize(
    "syntax",
    [RLE, *(f"1.2.840.10008.1.2.{end}" for end in ("1.98", "8.1", "4.100", "4.102.1", "4.108"))],
)
def test_syntaxes_without_comments_pass_unread(syntax: str) -> None:
    assert codestream_of(syntax, bytearray().extend) is None
    value = encapsulated([b"anything", SOI + COMMENT])
    assert passed(value, syntax) == (value, 0)


@pytest.mark.parametrize("number", ["49", "67", "71", "82", "99", "109", "113", "200", "", "1.1"])
def test_a_syntax_that_nobody_can_read_is_refused(number: str) -> None:
    with pytest.raises(TransferSyntaxUnsupported):
        codestream_of(f"1.2.840.10008.1.2.4.{number}", bytearray().extend)


def test_bare_jpeg_xl_passes() -> None:
    frame = jpeg_xl(boxed=False)
    value = encapsulated([frame, frame[:50], frame[50:]])
    assert passed(value, JPEG_XL) == (value, 0)
    # frames of both kinds
    boxed = jpeg_xl(boxed=True)
    found = fragments_of(passed(encapsulated([frame, boxed]), JPEG_XL)[0])
    assert found == [frame, stripped(boxed, JPEG_XL)]


def test_no_pixel_data_at_all_passes() -> None:
    for syntax in (JPEG, JPEG_2000, JPEG_XL):
        assert passed(encapsulated([]), syntax) == (encapsulated([]), 0)
        assert passed(encapsulated([b"", b""]), syntax) == (encapsulated([b"", b""]), 0)


def calls_for(value: bytes, syntax: str, chunk: int) -> int:
    """How many calls it takes, in Python and into C."""
    count = 0

    def note(_: object, event: str, __: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        passed(value, syntax, chunk)
    finally:
        sys.setprofile(before)
    return count


SLOW: dict[str, tuple[str, Callable[[int], list[bytes]]]] = {
    "comments": (JPEG, lambda n: [SOI + segment(0xFE, b"x") * n + SCAN + EOI]),
    "markers": (JPEG, lambda n: [SOI + SCAN + b"\xff\x01" * n + EOI]),
    "one byte in a fragment": (JPEG, lambda n: [SOI, *[b"\xff"] * n, SCAN + EOI]),
    "held fragments": (JPEG_2000, lambda n: [b"\xff\x4f"] + [b"", b""] * n + [MAIN[2:] + TILE]),
    "tiles": (JPEG_2000, lambda n: [MAIN + TILE * n + EOI]),
    "boxes": (JPEG_XL, lambda n: [box(b"JXL ", b"") + box(b"xml ", b"x") * n + box(b"jxlc", b"")]),
}


@pytest.mark.parametrize("name", SLOW)
def test_the_number_of_steps_is_linear(name: str) -> None:
    syntax, make = SLOW[name]
    few = calls_for(encapsulated(make(500)), syntax, 1 << 16)
    many = calls_for(encapsulated(make(4000)), syntax, 1 << 16)
    assert many < 12 * few


def test_entropy_coded_data_takes_a_few_steps_for_each_chunk() -> None:
    data = SOI + SCAN + b"\xff\0some entropy-coded data" * 100_000 + EOI
    assert calls_for(encapsulated([data]), JPEG, 1 << 16) < 30 * len(data) / (1 << 16) + 200
    tile = TILE[:6] + (len(data) + len(TILE)).to_bytes(4, "big") + TILE[10:]
    value = encapsulated([MAIN + tile + data + EOI])
    assert calls_for(value, JPEG_2000, 1 << 16) < 30 * len(data) / (1 << 16) + 200


def test_large_segments_and_frames_need_no_memory() -> None:
    def discard(_: bytes) -> None:
        pass

    frames = {
        JPEG: [SOI, *[segment(0xE2, bytes(65_000))] * 100, SCAN, *[b"\xff\0data" * 10_000] * 100],
        JPEG_2000: [MAIN, *[segment(0x64, bytes(65_000))] * 100, TILE, EOI],
        JPEG_XL: [box(b"JXL ", b""), b"\0\x60\0\0xml ", *[bytes(60_000)] * 100],
    }
    for syntax, parts in frames.items():
        codestream = codestream_of(syntax, discard)
        assert codestream is not None
        tracemalloc.start()
        codestream.fragment(b"", sum(map(len, parts)))
        for part in parts:
            codestream.feed(part)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 500_000


def compressed_files() -> list[Path]:
    """Real files, and those that come with pydicom, whose pixels come in fragments."""
    bundled = Path(pydicom.data.__file__).parent / "test_files"
    found = []
    for path in [*real_files(), *sorted(bundled.glob("*.dcm"))]:
        with contextlib.suppress(InvalidDicomError):
            syntax = read_file_meta_info(path).get("TransferSyntaxUID")
            if syntax and syntax.is_encapsulated and path.name != "UN_sequence.dcm":  # no pixels
                found.append(path)
    return found


def outcome(frame: bytes, syntax: str) -> object:
    try:
        return decoded(frame, syntax).tolist()
    except Exception as error:
        return type(error)


@pytest.mark.filterwarnings("ignore")  # what pydicom says of the values of real files
@pytest.mark.parametrize("path", compressed_files(), ids=lambda p: "/".join(p.parts[-3:]))
def test_real_frames_are_not_refused_and_decode_to_the_same(path: Path) -> None:
    ds = pydicom.dcmread(path)
    syntax = str(ds.file_meta.TransferSyntaxUID)
    value = bytes(ds.PixelData)
    whole = value if value.endswith(END) else value + END

    written, _ = passed(whole, syntax)

    assert passed(whole, syntax, 4099) == passed(whole, syntax)
    assert passed(written, syntax) == (written, 0)
    if codestream_of(syntax, bytearray().extend) is None:
        assert written == whole
        return
    count = int(ds.get("NumberOfFrames") or 1)
    before = generate_frames(whole, number_of_frames=count)
    after = generate_frames(written, number_of_frames=count)
    for number, (one, other) in enumerate(zip(before, after, strict=True)):
        assert len(one) == len(other)
        # decoding is what takes the time
        if one != other or number == 0:
            assert outcome(one, syntax) == outcome(other, syntax)
    ds.PixelData = written[: len(value)]
    assert pixels(ds) == pixels(pydicom.dcmread(path))


def pixels(ds: pydicom.FileDataset) -> object:
    """The first frame, from pydicom's decoders, or that they can not."""
    ds["PixelData"].is_undefined_length = True
    try:
        return next(iter_pixels(ds, raw=True, indices=[0])).tolist()
    except (RuntimeError, NotImplementedError, ValueError, AttributeError, DeidError):
        return None


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["baseline", "grey", "lossless", "restarts"])
def test_dcmtk_decodes_to_the_same(name: str, tmp_path: Path) -> None:
    if shutil.which("dcmdjpeg") is None:
        pytest.skip("DCMTK is not installed")
    syntax, frame = FRAMES[name]
    found = []
    for number, candidate in enumerate((frame, stripped(frame, syntax))):
        ds = image(candidate, syntax)
        sent, read = tmp_path / f"{number}.dcm", tmp_path / f"{number}-decoded.dcm"
        ds.save_as(sent, enforce_file_format=True)
        subprocess.run(["dcmdjpeg", sent, read], check=True)
        found.append(pydicom.dcmread(read).PixelData)
    assert found[0] == found[1]


def image(frame: bytes, syntax: str) -> pydicom.FileDataset:
    """An image that tools accept."""
    shape = decoded(frame, syntax)
    ds = pydicom.FileDataset("", {}, preamble=bytes(128))
    ds.file_meta = pydicom.dataset.FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    ds.SOPClassUID = pydicom.uid.SecondaryCaptureImageStorage
    ds.SOPInstanceUID = "1.2.3"
    ds.Rows, ds.Columns = shape.shape[:2]
    ds.SamplesPerPixel = 3 if shape.ndim == 3 else 1
    ds.PhotometricInterpretation = "YBR_FULL_422" if shape.ndim == 3 else "MONOCHROME2"
    if shape.ndim == 3:
        ds.PlanarConfiguration = 0
    ds.BitsAllocated = ds.BitsStored = 8 * shape.itemsize
    ds.HighBit, ds.PixelRepresentation = ds.BitsStored - 1, 0
    ds.PixelData = encapsulate([frame])
    ds["PixelData"].is_undefined_length = True
    return ds


def test_planted_frames_do_carry_what_must_go() -> None:
    assert APPLICATIONS.count(PLANTED) == 16
    assert BOXES.count(PLANTED) == 54
    assert HIGH_THROUGHPUT.endswith("201")
