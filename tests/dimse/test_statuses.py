"""Every error that can come through the door has a status of its own."""

import errno

import pytest

from deid.errors import DeidError, NotDicom, Truncated
from dimse import query_statuses, statuses
from dimse.statuses import BY_ERROR, Status, status_of
from store.errors import StoreBusy, StoreError, StoreFull


def family(root: type[Exception]) -> list[type[Exception]]:
    """A class and everything derived from it."""
    return [root, *(each for child in root.__subclasses__() for each in family(child))]


@pytest.mark.parametrize("error", [*family(DeidError), *family(StoreError)])
def test_every_error_of_deid_and_store_has_a_row(error: type[Exception]) -> None:
    assert error.__name__ in BY_ERROR


def test_every_row_names_an_error_that_exists() -> None:
    names = {error.__name__ for error in [*family(DeidError), *family(StoreError)]}
    assert set(BY_ERROR) - names == {"MemoryError"}


@pytest.mark.parametrize(
    "status",
    [
        *BY_ERROR.values(),
        *(s for s in vars(statuses).values() if isinstance(s, Status)),
        *(s for s in vars(query_statuses).values() if isinstance(s, Status)),
    ],
)
def test_comments_fit_the_error_comment(status: Status) -> None:
    assert len(status.comment) <= 64
    assert status.comment.isascii()
    assert "\\" not in status.comment


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StoreFull("full"), 0xA700),
        (StoreBusy("busy"), 0xA700),
        (OSError(errno.ENOSPC, "no space"), 0xA700),
        (MemoryError(), 0xA700),
        (NotDicom("no"), 0xC000),
        (Truncated("no"), 0xC000),
        (OSError(errno.EIO, "broken"), 0x0110),
        (KeyError("anything"), 0x0110),
    ],
)
def test_errors_are_answered_with_their_class_of_status(error: Exception, code: int) -> None:
    assert status_of(error).code == code


def test_an_error_derived_later_is_answered_like_its_parent() -> None:
    class Newer(Truncated):
        pass

    try:
        assert status_of(Newer("x")) == BY_ERROR["Truncated"]
    finally:
        del Newer
