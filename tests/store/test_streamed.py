"""Reading a deflated file by the offsets of its data set inflated, however far back and forth."""

import random
from collections.abc import Callable
from itertools import pairwise

import pytest

from store.streamed import (
    BOOKMARK_BYTES,
    BOOKMARKS,
    DEFLATED,
    Bookmarks,
    data_set_reader,
    deflated,
)

META = bytes(140) + (20).to_bytes(4, "little") + b"twenty bytes of meta"


class File:
    """A deflated file, and how many bytes were read of it."""

    def __init__(self, data_set: bytes) -> None:
        self.inflated = META + data_set
        self.stored = META + b"".join(deflated([data_set]))
        self.read_bytes = 0

    def read(self, offset: int, length: int) -> bytes:
        self.read_bytes += min(length, max(0, len(self.stored) - offset))
        return self.stored[offset : offset + length]

    def reader(self, bookmarks: Bookmarks | None = None) -> Callable[[int, int], bytes]:
        return data_set_reader(self.read, DEFLATED, bookmarks)


@pytest.fixture(scope="module")
def file() -> File:
    some = random.Random(5)
    return File(b"".join(some.randbytes(1000) * 40 for _ in range(1200)))


@pytest.mark.parametrize("shared", [False, True])
def test_any_range_is_what_it_is_inflated(file: File, shared: bool) -> None:
    some, bookmarks = random.Random(6), Bookmarks()
    size = len(file.inflated)
    reader = file.reader(bookmarks)
    for turn in range(60):
        if shared and turn % 7 == 0:
            reader = file.reader(bookmarks)
        offset, length = some.randrange(size + 50), some.choice([1, 100, 70_000, 3_000_000])
        assert reader(offset, length) == file.inflated[offset : offset + length]


def test_small_steps_through_the_head(file: File) -> None:
    reader = file.reader()
    for offset in [0, 0, 4, 150, 163, 164, 165, 2, 164, 999]:
        assert reader(offset, 8) == file.inflated[offset : offset + 8]


def test_what_lies_behind_costs_no_more_than_what_lies_before(file: File) -> None:
    bookmarks = Bookmarks()
    step = 500_000
    file.read_bytes = 0
    places = range(0, len(file.inflated) - step, step)
    for offset in places:
        # A reader of its own for each, as each request has one.
        assert file.reader(bookmarks)(offset, step) == file.inflated[offset : offset + step]
    whole = len(file.stored)
    # Each begins at most a bookmark's distance before; without them it would be 50 times the file.
    assert file.read_bytes < whole * (2 * BOOKMARK_BYTES / step + 2)


def test_the_end_is_the_end(file: File) -> None:
    size = len(file.inflated)
    assert file.reader()(size - 3, 100) == file.inflated[-3:]
    assert file.reader()(size, 100) == b""
    assert file.reader()(size + 10, 100) == b""


def test_what_is_cut_short_ends_early(file: File) -> None:
    cut = file.stored[: len(file.stored) // 2]
    reader = data_set_reader(lambda offset, length: cut[offset : offset + length], DEFLATED)
    found = reader(0, len(file.inflated))
    assert 0 < len(found) < len(file.inflated)
    assert file.inflated.startswith(found)


def test_bookmarks_are_bounded_and_stay_in_order() -> None:
    large = File(bytes(BOOKMARK_BYTES) * (3 * BOOKMARKS))
    bookmarks = Bookmarks()
    reader = large.reader(bookmarks)
    for offset in range(0, len(large.inflated), BOOKMARK_BYTES):
        assert len(reader(offset, 10)) == 10 or offset + 10 > len(large.inflated)
    assert 0 < len(bookmarks._marks) <= BOOKMARKS
    assert all(before.at < after.at for before, after in pairwise(bookmarks._marks))
    last = len(large.inflated) - 5
    large.read_bytes = 0
    assert large.reader(bookmarks)(last, 5) == bytes(5)
