"""Pictures: against the grey levels of DCMTK and pydicom, and against what headers may claim."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut
from pydicom.sequence import Sequence

from store.cells import Pixels
from store.encoded import MediaType
from store.errors import CannotDecode
from store.icons import icon
from store.pixels import decode
from store.render import Window, render, thumbnail
from tests.store.stored_file import StoredFile

RAMP = np.arange(256, dtype=np.uint16).reshape(16, 16)


def grey(**attributes: object) -> Dataset:
    ds = Dataset()
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.PixelRepresentation = 0
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return ds


def item(**attributes: object) -> Sequence:
    inner = Dataset()
    for keyword, value in attributes.items():
        setattr(inner, keyword, value)
    return Sequence([inner])


def png(
    ds: Dataset,
    values: Pixels,
    *,
    number: int = 1,
    window: Window | None = None,
    viewport: tuple[int, int] | None = None,
) -> NDArray[np.uint8]:
    data = render(
        ds, values, number=number, media_type="image/png", window=window, viewport=viewport
    )
    return np.asarray(Image.open(io.BytesIO(data)))


@pytest.mark.parametrize(
    "name",
    [
        "syntaxes/ct-explicit-le.dcm",
        "syntaxes/ct-rle.dcm",
        "syntaxes/ct-jpeg-lossless-sv1.dcm",
        "syntaxes/ct-jpeg-extended-12bit.dcm",
        "kinds/grayscale/test16signed.dcm",
        "kinds/cr-dx-mg/mg-voi-lut.dcm",
    ],
)
def test_the_recommended_window_gives_the_grey_levels_of_dcmtk(
    shared_data: Path, tmp_path: Path, name: str
) -> None:
    stored = StoredFile.at(shared_data / name)
    other = tmp_path / "other.png"
    subprocess.run(["dcmj2pnm", "--write-png", "+Wi", "1", shared_data / name, other], check=True)
    expected = np.asarray(Image.open(other)).astype(int)

    levels = png(stored.header, decode(stored.header, stored.frame(1), stored.transfer_syntax))

    assert np.abs(levels - expected).max() <= 1


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_windows_follow_the_formulae_of_the_standard(function: str) -> None:
    ds = grey(RescaleSlope="2", RescaleIntercept="-100", VOILUTFunction=function)
    ds.WindowCenter, ds.WindowWidth, ds.BitsStored = "120", "300", 8
    expected = apply_voi_lut(apply_modality_lut(RAMP, ds), ds)
    # pydicom spreads over the values that rescaling can reach: 8 bits, twice, less 100.
    expected = (expected + 100) / 510 * 255

    assert np.abs(png(ds, RAMP) - expected).max() <= 0.51

    window = Window(120, 300, function.lower().replace("_", "-"))  # type: ignore[arg-type]
    del ds.WindowCenter, ds.WindowWidth
    assert np.abs(png(ds, RAMP, window=window) - expected).max() <= 0.51


def test_a_window_of_width_1_is_a_threshold() -> None:
    levels = png(grey(), RAMP, window=Window(100, 1))
    assert np.array_equal(levels, np.where(RAMP > 99.5, 255, 0))


@pytest.mark.parametrize("width", ["0", "-5", "0.5"])
def test_an_impossible_window_is_passed_over(width: str) -> None:
    ds = grey(WindowCenter="10", WindowWidth=width)
    assert np.array_equal(png(ds, RAMP), RAMP)


def test_the_first_of_several_windows_is_taken() -> None:
    ds = grey(WindowCenter=["100", "1"], WindowWidth=["50", "2"])
    assert np.array_equal(png(ds, RAMP), png(grey(), RAMP, window=Window(100, 50)))


def test_without_a_window_the_values_of_the_frame_are_spread() -> None:
    levels = png(grey(), (RAMP * 7 + 300).astype(np.uint16))
    assert np.abs(levels.astype(int) - RAMP).max() <= 1


def test_padding_takes_no_part_in_the_spread() -> None:
    values = RAMP.astype(np.int16)
    values[0] = -2000
    levels = png(grey(PixelPaddingValue=-2000, PixelRepresentation=1), values)
    assert not levels[0].any()
    assert levels[1, 0] == 0
    assert levels[-1, -1] == 255


def test_monochrome1_is_inverted() -> None:
    ds = grey(WindowCenter="128", WindowWidth="256")
    expected = 255 - png(ds, RAMP)
    ds.PhotometricInterpretation = "MONOCHROME1"
    assert np.array_equal(png(ds, RAMP), expected)


@pytest.mark.parametrize("data", [[0, 10, 20, 4095], b"\0\0\x0a\0\x14\0\xff\x0f"])
def test_tables_are_looked_up(data: object) -> None:
    values = np.array([[0, 5, 6, 7], [8, 9, 100, 6]], np.uint16)
    table = item(LUTDescriptor=[4, 5, 12], LUTData=data)
    expected = [[0, 0, 1, 1], [255, 255, 255, 1]]

    assert png(grey(VOILUTSequence=table), values).tolist() == expected
    ds = grey(ModalityLUTSequence=table)
    assert png(ds, values, window=Window(2047.5, 4095, "linear-exact")).tolist() == expected


def test_a_table_that_does_not_parse_is_passed_over() -> None:
    ds = grey(VOILUTSequence=item(LUTDescriptor=[4, 5], LUTData=[1, 2, 3, 4]))
    assert np.array_equal(png(ds, RAMP), RAMP)


def test_functional_groups_of_the_frame_come_before_shared_ones() -> None:
    def groups(centre: str) -> Dataset:
        group = Dataset()
        group.FrameVOILUTSequence = item(WindowCenter=centre, WindowWidth="10")
        return group

    ds = grey(SharedFunctionalGroupsSequence=Sequence([groups("50")]))
    shared = png(ds, RAMP, number=2)
    ds.PerFrameFunctionalGroupsSequence = Sequence([groups("100"), groups("200")])

    assert np.array_equal(shared, png(grey(), RAMP, window=Window(50, 10)))
    assert np.array_equal(png(ds, RAMP, number=2), png(grey(), RAMP, window=Window(200, 10)))


def test_rescaling_in_shared_functional_groups_is_applied() -> None:
    group = Dataset()
    group.PixelValueTransformationSequence = item(RescaleSlope="1", RescaleIntercept="-1000")
    ds = grey(SharedFunctionalGroupsSequence=Sequence([group]))
    plain = png(grey(), RAMP, window=Window(100, 50))
    assert np.array_equal(png(ds, RAMP, window=Window(-900, 50)), plain)


def test_floating_point_maps_are_shown_whatever_they_hold() -> None:
    values = np.linspace(-1, 1, 256, dtype=np.float32).reshape(16, 16)
    values[0, 0] = np.nan
    levels = png(grey(), values)
    assert levels[-1, -1] == 255
    assert levels[0, 1] == 0


def test_32_bit_values_are_spread_without_a_table() -> None:
    values = np.array([[0, 1 << 31], [1 << 30, (1 << 32) - 1]], np.uint32)
    levels = png(grey(WindowCenter="2147483648", WindowWidth="4294967296"), values)
    assert levels.tolist() == [[0, 128], [64, 255]]


def test_a_palette_gives_colour(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "kinds/us/examples_palette.dcm"
    stored = StoredFile.at(path)
    other = tmp_path / "other.png"
    subprocess.run(["dcmj2pnm", "--write-png", path, other], check=True)

    colours = png(stored.header, decode(stored.header, stored.frame(1), stored.transfer_syntax))

    assert np.abs(colours.astype(int) - np.asarray(Image.open(other))).max() <= 1


def test_a_palette_that_is_not_there_is_refused() -> None:
    with pytest.raises(CannotDecode):
        png(grey(PhotometricInterpretation="PALETTE COLOR"), RAMP)


def test_colour_of_more_than_8_bits_keeps_its_high_bits() -> None:
    ds = grey(PhotometricInterpretation="RGB", BitsStored=12)
    values = np.array([[[4095, 0, 2048]]], np.uint16)
    assert png(ds, values).tolist() == [[[255, 0, 128]]]


@pytest.mark.parametrize(
    ("attributes", "shape"),
    [
        ({}, (16, 16)),
        ({"PixelAspectRatio": ["2", "1"]}, (32, 16)),
        ({"PixelAspectRatio": ["1", "2"]}, (16, 32)),
        ({"PixelSpacing": ["0.9", "0.3"]}, (48, 16)),
        ({"PixelSpacing": ["0.3", "0.3"]}, (16, 16)),
        ({"ImagerPixelSpacing": ["0.3", "0.6"]}, (16, 32)),
        ({"PixelSpacing": ["0", "1"]}, (16, 16)),
        ({"PixelSpacing": ["1000000", "1"]}, (16, 16)),
    ],
)
def test_pixels_of_the_picture_are_square(
    attributes: dict[str, object], shape: tuple[int, int]
) -> None:
    assert png(grey(**attributes), RAMP).shape == shape


@pytest.mark.parametrize(
    ("viewport", "shape"),
    [((100, 100), (50, 100)), ((8, 100), (4, 8)), ((300, 20), (20, 40)), ((1, 1), (1, 1))],
)
def test_a_viewport_is_filled_without_stretching(
    viewport: tuple[int, int], shape: tuple[int, int]
) -> None:
    assert png(grey(), np.zeros((16, 32), np.uint8), viewport=viewport).shape == shape


def test_a_picture_is_never_larger_than_its_limit() -> None:
    strip = np.zeros((1, 64), np.uint8)
    assert png(grey(), strip, viewport=(10**9, 10**9)).shape == (128, 8192)


def test_large_frames_make_small_pictures_of_the_same_content() -> None:
    values = np.repeat(np.repeat(RAMP, 100, axis=0), 100, axis=1)
    small = png(grey(), values, viewport=(16, 16))
    assert np.abs(small.astype(int) - RAMP).max() <= 8


@pytest.mark.parametrize(
    ("media_type", "magic"), [("image/jpeg", b"\xff\xd8\xff"), ("image/png", b"\x89PNG")]
)
def test_media_types(media_type: MediaType, magic: bytes) -> None:
    assert render(grey(), RAMP, media_type=media_type).startswith(magic)
    assert icon("SR", media_type).startswith(magic)


def test_quality_decides_on_size() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64)).astype(np.uint8)
    sizes = [len(render(grey(), noise, quality=quality)) for quality in (1, 50, 100)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2] / 4


def test_thumbnails_fill_a_square(shared_data: Path) -> None:
    stored = StoredFile.at(shared_data / "syntaxes/ct-rle.dcm")
    values = decode(stored.header, stored.frame(1), stored.transfer_syntax)
    with Image.open(io.BytesIO(thumbnail(stored.header, values))) as picture:
        assert picture.size == (256, 256)
        assert picture.format == "JPEG"


def test_icons_show_a_word_and_nothing_but_letters() -> None:
    assert icon("SR") != icon("PR")
    assert icon("S<R>") == icon("SR")
    assert icon("Ä") == icon("")
