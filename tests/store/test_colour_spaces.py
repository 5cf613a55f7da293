"""Colours in the spaces in which pictures are given."""

import numpy as np
import pytest

from store.colour_spaces import SPACES, in_space, profile_named

COLOURS = np.array([[[255, 0, 0], [128, 128, 128], [255, 255, 255]]], np.uint8)


@pytest.mark.parametrize(
    ("space", "red", "grey"),
    [
        ("srgb", (255, 0, 0), 128),
        ("adobergb", (219, 0, 0), 127),
        ("rommrgb", (179, 70, 26), 109),
        ("displayp3", (234, 51, 35), 128),
    ],
)
def test_a_colour_has_other_numbers_in_each_space(
    space: str, red: tuple[int, int, int], grey: int
) -> None:
    found = in_space(COLOURS, space).astype(int)
    assert np.abs(found[0] - [red, (grey,) * 3, (255,) * 3]).max() <= 1
    assert np.abs(in_space(COLOURS[..., 1], space).astype(int)[0, 1].max() - grey) <= 1


def test_profiles_say_how_long_they_are() -> None:
    for space in SPACES:
        profile = profile_named(space)
        assert int.from_bytes(profile[:4], "big") == len(profile)
        assert profile[36:40] == b"acsp"
