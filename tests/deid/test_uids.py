"""UIDs map by key, one to one, and own ones are recognised."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deid import Malformed
from deid.uids import is_own, is_standard, map_uid

KEY, OTHER = b"a" * 32, b"b" * 32
uids = st.from_regex(r"[0-2](\.(0|[1-9][0-9]{0,8})){1,6}", fullmatch=True)


@given(uids)
def test_a_mapped_uid_is_valid_and_maps_to_itself(uid: str) -> None:
    mapped = map_uid(KEY, uid)
    assert mapped.startswith("2.25.")
    assert len(mapped) <= 44
    assert not mapped[5:].startswith("0")
    assert is_own(KEY, mapped)
    assert map_uid(KEY, mapped) == mapped


@given(uids)
def test_another_key_neither_recognises_nor_repeats(uid: str) -> None:
    mapped = map_uid(KEY, uid)
    assert not is_own(OTHER, mapped)
    assert map_uid(OTHER, uid) != mapped
    assert map_uid(OTHER, mapped) != mapped


@given(uids, uids)
def test_different_uids_stay_different(one: str, two: str) -> None:
    assert (map_uid(KEY, one) == map_uid(KEY, two)) is (one == two)


@pytest.mark.parametrize(
    "uid", ["2.25.", "2.25.0", "2.25.01", "2.25.1", "2.25.٣", "2.25." + "9" * 39, "2.25.1.2", "2.2"]
)
def test_what_merely_looks_like_an_own_uid_is_not_one(uid: str) -> None:
    assert not is_own(KEY, uid)


def test_one_changed_digit_is_not_own() -> None:
    mapped = map_uid(KEY, "1.2.3")
    changed = mapped[:-1] + str((int(mapped[-1]) + 1) % 10)
    assert not is_own(KEY, changed)


def test_an_empty_uid_cannot_be_mapped() -> None:
    with pytest.raises(Malformed):
        map_uid(KEY, "")


@pytest.mark.parametrize(
    ("uid", "expected"),
    [
        ("1.2.840.10008.1.2", True),
        ("1.2.840.10008", False),
        ("1.2.840.100081.1", False),
        ("1.2.840.10008.", False),
        ("1.2.840.10008.01", False),
        ("1.2.840.10008.<b>", False),
        ("1.2.840.10008." + "1." * 30 + "1", False),
    ],
)
def test_uids_of_the_standard(uid: str, expected: bool) -> None:
    assert is_standard(uid) is expected
