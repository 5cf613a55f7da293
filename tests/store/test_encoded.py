"""Files of pictures: one and several in one, the same bytes each time, colours described."""

import io
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageSequence
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from store.encoded import (
    MOST_PICTURES,
    MOST_PIXELS,
    MediaType,
    Picture,
    album,
    animation,
    encoded,
    evenly,
    in_srgb,
    srgb,
)
from store.icons import icon
from store.waveforms import waveform_picture

GREY = np.arange(256, dtype=np.uint8).reshape(16, 16)
COLOUR = np.stack((GREY, GREY[::-1], GREY.T), axis=-1)
TYPES: tuple[MediaType, ...] = ("image/jpeg", "image/png", "image/gif", "application/pdf")


@pytest.mark.parametrize("media_type", TYPES)
@pytest.mark.parametrize("picture", [GREY, COLOUR], ids=["grey", "colour"])
def test_a_picture_is_the_same_bytes_each_time(media_type: MediaType, picture: Picture) -> None:
    found = {encoded(picture, media_type, 90) for _ in range(2)}
    assert len(found) == 1
    (file,) = found
    if media_type == "application/pdf":
        assert file.startswith(b"%PDF-")
        assert b"Date" not in file
        return
    with Image.open(io.BytesIO(file)) as image:
        assert image.get_format_mimetype() == media_type
        assert np.abs(np.asarray(image.convert("L")).astype(int) - picture_grey(picture)).mean() < 9


def picture_grey(picture: Picture) -> NDArray[np.int64]:
    return np.asarray(Image.fromarray(picture).convert("L")).astype(np.int64)


def test_an_animation_shows_each_picture_for_its_time() -> None:
    levels = [0, 100, 200]
    file = animation((np.full((8, 8), n, np.uint8) for n in levels), 3, 120)
    with Image.open(io.BytesIO(file)) as image:
        assert sum(1 for _ in ImageSequence.Iterator(image)) == 3
        for number, level in enumerate(levels):
            image.seek(number)
            assert image.info["duration"] == 120
            assert image.convert("L").getpixel((4, 4)) == level


def test_many_large_pictures_are_made_smaller_and_fewer() -> None:
    side = 1024
    count = 2 * MOST_PIXELS // side**2
    file = animation((np.zeros((side, side), np.uint8) for _ in range(count)), count, 100)
    with Image.open(io.BytesIO(file)) as image:
        assert image.width * image.height * count <= MOST_PIXELS

    assert list(evenly(5)) == [0, 1, 2, 3, 4]
    chosen = list(evenly(10_000))
    assert (chosen[0], chosen[-1], len(chosen)) == (0, 9_999, MOST_PICTURES)
    assert all(a < b for a, b in pairwise(chosen))


def test_an_album_has_a_page_for_each_picture() -> None:
    file = album((picture for picture in (GREY, COLOUR, GREY)), 3)
    assert file.count(b"/Type /Page\n") == 3 or file.count(b"/Type /Page ") == 3
    assert file == album((picture for picture in (GREY, COLOUR, GREY)), 3)


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png"])
def test_a_profile_stands_in_the_file(media_type: MediaType) -> None:
    for picture in (GREY, COLOUR):
        with Image.open(io.BytesIO(encoded(picture, media_type, 90, srgb()))) as image:
            assert image.mode == "RGB"
            assert image.info["icc_profile"] == srgb()
    profile = ImageCms.ImageCmsProfile(io.BytesIO(srgb()))
    assert "sRGB" in ImageCms.getProfileDescription(profile)


def test_colours_of_a_profile_become_srgb() -> None:
    assert np.abs(in_srgb(COLOUR, srgb()).astype(int) - COLOUR).max() <= 1
    for damaged in (b"", b"no profile", srgb()[:200], bytes(1000)):
        assert (in_srgb(COLOUR, damaged) == COLOUR).all()
    assert in_srgb(GREY, srgb()) is GREY


def test_icons_are_of_the_size_that_is_asked_for() -> None:
    for side in (256, 64, 300):
        with Image.open(io.BytesIO(icon("SR", "image/png", side))) as image:
            assert image.size == (side, side)


def test_the_picture_of_a_waveform_has_a_row_for_each_channel() -> None:
    group = Dataset()
    group.NumberOfWaveformChannels, group.NumberOfWaveformSamples = 2, 1000
    group.SamplingFrequency, group.WaveformBitsAllocated = 500, 16
    group.WaveformSampleInterpretation = "SS"
    time = np.arange(1000)
    both = np.stack((np.sin(time / 20) * 1000, np.zeros(1000)), axis=1).astype("<i2")
    group.WaveformData = both.tobytes()
    ds = Dataset()
    ds.WaveformSequence = Sequence([group])

    dark = np.asarray((waveform_picture(ds) < 60).all(axis=-1))
    # The sine goes up and down in its row; what is flat stays in the middle of its own.
    assert dark[:96, 100:].any(axis=1).sum() > 50
    assert dark[97:, 100:].any(axis=1).sum() < 5
