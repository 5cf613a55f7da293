"""Where frames lie: against pydicom's own reading, and against headers that lie."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames

from store.cells import Cells
from store.codecs import unpack
from store.errors import NoSuchFrame
from store.frames import FrameIndex, encapsulated_index, index_frames, is_video, native_index
from tests.store.images import Kind, part10
from tests.store.stored_file import Element, StoredFile

JPEG = "1.2.840.10008.1.2.4.50"
RLE = "1.2.840.10008.1.2.5"
EXPLICIT = "1.2.840.10008.1.2.1"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
SOI = b"\xff\xd8\xff\xdb"


def no_peek(offset: int, length: int) -> bytes:
    raise AssertionError("nothing may be read")


def touching(lengths: list[int], base: int = 1000) -> list[tuple[int, int]]:
    """Fragments of these lengths, one item after the other."""
    found = []
    for length in lengths:
        found.append((base, length))
        base += length + 8
    return found


def image(rows: int, columns: int, bits: int, **more: object) -> Dataset:
    ds = Dataset()
    ds.Rows, ds.Columns, ds.BitsAllocated, ds.SamplesPerPixel = rows, columns, bits, 1
    for keyword, value in more.items():
        setattr(ds, keyword, value)
    return ds


@pytest.mark.parametrize(
    "name",
    [
        "syntaxes/emri_small_RLE.dcm",
        "syntaxes/emri_small_jpeg_2k_lossless.dcm",
        "syntaxes/OBXXXX1A_rle_2frame.dcm",
        "syntaxes/CT0012.fragmented_no_bot_jpeg_ls.81.dcm",
        "syntaxes/CT0012.fragmented_no_bot_jpeg_lossless.57.dcm",
        "syntaxes/liver_nonbyte_aligned_rle.dcm",
    ],
)
def test_compressed_frames_are_those_that_pydicom_finds(shared_data: Path, name: str) -> None:
    path = shared_data / name
    ds = pydicom.dcmread(path)
    declared = int(ds.get("NumberOfFrames", 1))
    stored = StoredFile.at(path)

    assert stored.frames == declared
    assert [stored.frame(n + 1) for n in range(declared)] == list(
        generate_frames(ds.PixelData, number_of_frames=declared)
    )


def test_one_bit_frames_that_end_inside_a_byte_begin_at_bit_0(shared_data: Path) -> None:
    path = shared_data / "syntaxes/liver_nonbyte_aligned.dcm"
    stored = StoredFile.at(path)
    expected = pydicom.dcmread(path).pixel_array

    assert stored.index().bits % 8 != 0
    for number, frame in enumerate(expected, start=1):
        bits = np.unpackbits(np.frombuffer(stored.frame(number), np.uint8), bitorder="little")
        assert np.array_equal(bits[: frame.size], frame.ravel())
        assert not bits[frame.size :].any()


def test_big_endian_frames_come_out_little_endian(shared_data: Path) -> None:
    little = StoredFile.at(shared_data / "syntaxes/ct-explicit-le.dcm")
    big = StoredFile.at(shared_data / "syntaxes/ct-explicit-be.dcm")

    assert big.transfer_syntax == BIG_ENDIAN
    assert big.frame(1) == little.frame(1)


@given(
    bits=st.integers(1, 60), frames=st.integers(1, 12), word=st.sampled_from([1, 2]), data=st.data()
)
def test_native_frames_of_any_size_are_cut_at_the_right_bit(
    bits: int, frames: int, word: int, data: st.DataObject
) -> None:
    size = -(-bits * frames // 16) * 2
    value = data.draw(st.binary(min_size=size, max_size=size))
    stored = value if word == 1 else np.frombuffer(value, "<u2").byteswap().tobytes()
    index = native_index(0, size, bits=bits, number_of_frames=frames, word=word)
    stream = "".join(f"{byte:08b}"[::-1] for byte in value)

    for number in range(1, frames + 1):
        ((offset, length),) = index.ranges(number)
        frame = index.frame_bytes(number, stored[offset : offset + length])
        expected = stream[(number - 1) * bits : number * bits]
        assert int.from_bytes(frame, "little") == int(expected[::-1], 2)
        assert len(frame) == (bits + 7) // 8


def test_declared_frames_that_the_file_does_not_hold_do_not_exist() -> None:
    ds = image(16, 16, 16, NumberOfFrames=1_000_000_000)
    index = index_frames(ds, Element(0x7FE00010, "OW", 500, 3 * 512 + 100), EXPLICIT, no_peek)

    assert index.frames == 3
    assert index.ranges(3) == ((500 + 1024, 512),)
    assert len(index.pack()) < 64
    for number in (-1, 0, 4, 1_000_000_000):
        with pytest.raises(NoSuchFrame):
            index.ranges(number)


@pytest.mark.parametrize(
    "name", ["a-billion-frames.dcm", "pixel-data-too-short.dcm", "pixel-length-4gb.dcm"]
)
def test_hostile_headers_give_only_frames_that_are_there(shared_data: Path, name: str) -> None:
    stored = StoredFile.at(shared_data / "bad" / name)
    index = stored.index()

    assert index.frames * index.bits <= 8 * len(stored.plain)
    with pytest.raises(NoSuchFrame):
        index.ranges(index.frames + 1)


def test_huge_rows_and_columns_over_few_bytes_give_no_frame() -> None:
    ds = image(65535, 65535, 65535)
    ds.SamplesPerPixel = 65535
    assert index_frames(ds, Element(0x7FE00010, "OW", 0, 256), EXPLICIT, no_peek).frames == 0


@pytest.mark.parametrize("missing", ["Rows", "Columns", "BitsAllocated"])
def test_a_header_without_a_shape_gives_no_frame(missing: str) -> None:
    ds = image(16, 16, 16)
    delattr(ds, missing)
    assert index_frames(ds, Element(0x7FE00010, "OW", 0, 512), EXPLICIT, no_peek).frames == 0


def test_half_the_chrominance_makes_two_thirds_of_a_frame() -> None:
    ds = image(10, 10, 8, SamplesPerPixel=3, PhotometricInterpretation="YBR_FULL_422")
    index = index_frames(ds, Element(0x7FE00010, "OB", 0, 200), EXPLICIT, no_peek)
    assert index.ranges(1) == ((0, 200),)


@pytest.mark.parametrize("photometric", ["YBR_FULL_422", "YBR_PARTIAL_422"])
@pytest.mark.parametrize("frames", [1, 3])
def test_chrominance_that_is_only_said_to_be_shared_is_not(photometric: str, frames: int) -> None:
    ds = image(10, 10, 8, SamplesPerPixel=3, PhotometricInterpretation=photometric)
    ds.NumberOfFrames = frames
    for size in (200, 300):
        element = Element(0x7FE00010, "OB", 0, size * frames)
        index = index_frames(ds, element, EXPLICIT, no_peek)
        assert [index.ranges(n + 1) for n in range(index.frames)] == [
            ((n * size, size),) for n in range(frames)
        ]


@pytest.mark.parametrize(("frames", "rows", "columns"), [(1, 3, 6), (3, 5, 10), (2, 1, 2)])
@pytest.mark.parametrize("shared", [True, False])
def test_both_forms_of_native_chrominance_have_the_same_pixels(
    frames: int, rows: int, columns: int, shared: bool
) -> None:
    kind = Kind("chrominance", (0, 0, 0), "YBR_FULL_422", frames=frames, rows=rows, columns=columns)
    values = kind.values()
    as_named = kind.layout(values)
    whole = values.tobytes() + b"\0" * (values.size % 2)
    ds = kind.data_set()
    ds.PixelData = as_named if shared else whole
    ds["PixelData"].VR = "OB"
    stored = StoredFile(part10(ds, EXPLICIT))
    cells = Cells.of(stored.header)
    assert stored.frames == frames
    for number in range(1, frames + 1):
        unpacked = unpack(cells, stored.frame(number), EXPLICIT)
        assert unpacked.photometric == "YBR_FULL"
        assert np.array_equal(unpacked.cells, values[number - 1])


def test_all_fragments_of_a_single_frame_belong_to_it() -> None:
    fragments = touching([10, 20, 30])
    index = encapsulated_index(
        fragments, transfer_syntax=JPEG, number_of_frames=1, offsets=(0,), peek=no_peek
    )
    assert index.ranges(1) == tuple(fragments)


def test_as_many_fragments_as_frames_are_one_each_whatever_the_table_says() -> None:
    fragments = touching([10, 20, 30])
    index = encapsulated_index(
        fragments, transfer_syntax=JPEG, number_of_frames=3, offsets=(0, 7, 9), peek=no_peek
    )
    assert [index.ranges(n) for n in (1, 2, 3)] == [(fragment,) for fragment in fragments]


def test_an_offset_table_groups_fragments() -> None:
    fragments = touching([10, 20, 30, 40])
    index = encapsulated_index(
        fragments, transfer_syntax=JPEG, number_of_frames=2, offsets=(0, 46), peek=no_peek
    )
    assert index.ranges(1) == tuple(fragments[:2])
    assert index.ranges(2) == tuple(fragments[2:])


def test_an_extended_offset_table_comes_before_a_basic_one() -> None:
    fragments = touching([10, 20, 30, 40])
    ds = image(16, 16, 8, NumberOfFrames=2)
    ds.ExtendedOffsetTable = struct.pack("<QQ", 0, 18)
    element = Element(0x7FE00010, "OB", 0, None, tuple(fragments), (0, 46))
    assert index_frames(ds, element, JPEG, no_peek).ranges(1) == (fragments[0],)


@pytest.mark.parametrize("table", [(), (0, 45), (4, 46), (46, 0), (0, 10**12)])
def test_without_a_usable_table_a_start_of_image_begins_a_frame(table: tuple[int, ...]) -> None:
    fragments = touching([10, 20, 30, 40])
    starts = {fragments[0][0], fragments[1][0]}

    def peek(offset: int, length: int) -> bytes:
        return (SOI if offset in starts else b"\x12\x34\x56\x78")[:length]

    index = encapsulated_index(
        fragments, transfer_syntax=JPEG, number_of_frames=2, offsets=table, peek=peek
    )
    assert index.ranges(1) == (fragments[0],)
    assert index.ranges(2) == tuple(fragments[1:])
    assert index.frames == 2


def test_fewer_fragments_than_frames_leave_the_last_frames_out() -> None:
    fragments = touching([10, 20])
    index = encapsulated_index(
        fragments, transfer_syntax=RLE, number_of_frames=1_000_000_000, peek=no_peek
    )
    assert index.frames == 2
    with pytest.raises(NoSuchFrame):
        index.ranges(3)


def test_no_fragment_is_no_frame() -> None:
    index = encapsulated_index((), transfer_syntax=JPEG, number_of_frames=1, peek=no_peek)
    assert index.frames == 0


@pytest.mark.parametrize("suffix", ["100", "100.1", "102", "104.1", "108"])
def test_a_video_has_no_frames(suffix: str) -> None:
    syntax = f"1.2.840.10008.1.2.4.{suffix}"
    index = encapsulated_index(
        touching([9000]), transfer_syntax=syntax, number_of_frames=100, peek=no_peek
    )
    assert is_video(syntax)
    assert index.frames == 0


def test_still_images_are_no_videos() -> None:
    assert not any(is_video(f"1.2.840.10008.1.2.{rest}") for rest in ("1", "5", "4.50", "4.90"))


def test_fragments_that_do_not_touch_are_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="follow"):
        encapsulated_index(
            [(0, 10), (30, 10)], transfer_syntax=RLE, number_of_frames=2, peek=no_peek
        )


@given(
    lengths=st.lists(st.integers(0, 5000), min_size=1, max_size=40),
    base=st.sampled_from([132, 1 << 40]),
    cut=st.data(),
)
def test_packing_keeps_every_range(lengths: list[int], base: int, cut: st.DataObject) -> None:
    fragments = touching(lengths, base)
    offsets = [offset - base for offset, _ in fragments]
    chosen = cut.draw(st.lists(st.sampled_from(offsets), unique=True))
    table = sorted({0, *chosen})
    index = encapsulated_index(
        fragments,
        transfer_syntax=RLE,
        number_of_frames=len(table),
        offsets=table,
        peek=no_peek,
    )
    again = FrameIndex.unpack(index.pack())

    assert again == index
    ranges = [again.ranges(n) for n in range(1, again.frames + 1)]
    assert [part for frame in ranges for part in frame] == fragments
    assert [frame[0][0] - base for frame in ranges] == table


def test_a_hundred_thousand_frames_pack_small_and_a_span_over_4_gb_holds() -> None:
    fragments = touching([60_000] * 100_000)
    index = encapsulated_index(
        fragments, transfer_syntax=RLE, number_of_frames=100_000, peek=no_peek
    )
    packed = index.pack()

    assert len(packed) < 900_000
    assert FrameIndex.unpack(packed).ranges(100_000) == (fragments[-1],)
