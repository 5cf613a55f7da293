"""The data that servers are given is valid, seeded and of the promised size."""

import io
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset

from bench.data import FRAME_BYTES, Slice, ct_series, large_multiframe, many_studies, write_slices


def read(data: bytes) -> Dataset:
    return pydicom.dcmread(io.BytesIO(data))


@pytest.fixture(scope="module")
def made() -> Slice:
    return ct_series(1)[0]


def test_slice_has_512_kb_of_pixels_at_the_end(made: Slice) -> None:
    ds = read(made.data)

    assert FRAME_BYTES == 512 * 1024
    assert ds.pixel_array.shape == (512, 512)
    assert ds.PixelData == made.pixels


def test_slice_is_as_rich_as_a_scanner_makes_them(made: Slice) -> None:
    ds = read(made.data)
    elements = list(ds.iterall())

    assert 150 <= len(elements) <= 260
    assert sum(element.tag.is_private for element in elements) >= 20
    nested = ds.RequestAttributesSequence[0].ScheduledProtocolCodeSequence[0]
    assert nested.ProtocolContextSequence[0].CodeValue == "CONTRAST"


def test_every_value_is_valid_for_its_vr(made: Slice) -> None:
    pydicom.config.settings.reading_validation_mode = pydicom.config.RAISE
    try:
        ds = pydicom.dcmread(io.BytesIO(made.data))
        assert all(element.VR for element in ds.iterall())
    finally:
        pydicom.config.settings.reading_validation_mode = pydicom.config.WARN


def test_same_seed_gives_same_bytes() -> None:
    assert ct_series(2, side=32) == ct_series(2, side=32)


def test_studies_have_their_own_uids_and_two_series_each() -> None:
    slices = many_studies(3)

    assert len({made.instance for made in slices}) == len(slices) == 24
    assert len({made.study for made in slices}) == 3
    assert len({made.series for made in slices}) == 6


def test_large_instance_streams_to_a_valid_file_of_its_size() -> None:
    large = large_multiframe(3 << 20)
    data = b"".join(large.chunks())
    ds = read(data)

    assert len(data) == large.size
    assert ds.pixel_array.shape[0] == ds.NumberOfFrames == large.frames


def test_files_are_spread_over_the_folders(tmp_path: Path) -> None:
    slices = ct_series(8, side=16)

    folders = write_slices(slices, tmp_path)

    assert [len(list(folder.iterdir())) for folder in folders] == [2, 2, 2, 2]
    assert (folders[3] / "0007.dcm").read_bytes() == slices[7].data
