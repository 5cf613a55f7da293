"""Searches: matching, scope, paging, and what is returned."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from store.access import NothingScope
from store.errors import NotSearchable
from store.search import ALL, Level, Match, Query, search
from tests.store.conftest import Store
from tests.support.datasets import ct_slice, ct_stack

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")

Find = Callable[..., Sequence[dict[str, Any]]]
PATIENT_NAME, MODALITIES, STUDY_UID = 0x00100010, 0x00080061, 0x0020000D


@pytest.fixture
def find(store: Store) -> Find:
    store.put(*ct_stack(3), *ct_stack(2, series="1.2.826.0.1.3680043.8.498.1.3"))
    other = ct_slice(study="1.2.826.0.1.3680043.8.498.2", series="1.2.826.0.1.3680043.8.498.2.1")
    other.Modality, other.StudyDescription = "MR", "MR KNEE"
    store.put(other)

    def find(level: Level, *matches: tuple[int, str], **more: object) -> Sequence[dict[str, Any]]:
        query = Query(level, tuple(Match(*m) for m in matches), **more)  # type: ignore[arg-type]
        return search(store.database, store.scope, query).results

    return find


def values(results: Sequence[dict[str, Any]], tag: str) -> list[object]:
    return [result[tag]["Value"][0] for result in results]


def test_each_level_is_found(find: Find) -> None:
    assert [len(find(level)) for level in ("study", "series", "instance")] == [2, 3, 6]


def test_a_study_has_its_counts_and_modalities(find: Find) -> None:
    newest, oldest = find("study")
    assert newest["00080061"] == {"vr": "CS", "Value": ["MR"]}
    assert oldest["00201206"] == {"vr": "IS", "Value": [2]}
    assert oldest["00201208"] == {"vr": "IS", "Value": [5]}


def test_required_attributes_are_there_even_when_empty(find: Find) -> None:
    [study, _] = find("study")
    assert study["00080050"] == {"vr": "SH"}
    assert study["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": "Anonymized^^"}]}


def test_attributes_are_in_ascending_order(find: Find) -> None:
    for level in ("study", "series", "instance"):
        assert list(find(level)[0]) == sorted(find(level)[0])


@pytest.mark.parametrize(
    ("tag", "value", "found"),
    [
        (PATIENT_NAME, "*nonym*", 2),
        (PATIENT_NAME, "anonymized", 2),
        (PATIENT_NAME, "Anonymized^^", 2),
        (PATIENT_NAME, "Anonymi?ed*", 2),
        (PATIENT_NAME, "Anonym", 0),
        (PATIENT_NAME, "%", 0),
        (PATIENT_NAME, "", 2),
        (MODALITIES, "MR", 1),
        (MODALITIES, "MR,CT", 2),
        (MODALITIES, "US", 0),
        (0x00081030, "*knee*", 1),
        (0x00080020, "19000101-", 2),
        (0x00080020, "-19000101", 0),
        (0x00080030, "10-1015", 2),
        (0x00080030, "1016-", 0),
        (0x00100020, "0", 2),
        (0x00080062, "1.2.840.10008.5.1.4.1.1.2", 2),
    ],
)
def test_studies_match(find: Find, tag: int, value: str, found: int) -> None:
    assert len(find("study", (tag, value))) == found


def test_a_study_that_is_found_by_one_modality_lists_all(store: Store, find: Find) -> None:
    more = ct_slice(9, series="1.2.826.0.1.3680043.8.498.1.4")
    more.Modality = "PT"
    store.put(more)
    [study] = find("study", (MODALITIES, "PT"))
    assert study["00080061"] == {"vr": "CS", "Value": ["CT", "PT"]}


def test_several_studies_are_found_by_a_list_of_uids(find: Find) -> None:
    uids = [str(uid) for uid in values(find("study"), "0020000D")]
    for between in (",", "\\", "\\\\"):
        assert len(find("study", (STUDY_UID, between.join(uids)))) == 2


def test_series_and_instances_are_found_by_the_keys_above_them(find: Find) -> None:
    [_, uid] = values(find("study"), "0020000D")
    assert len(find("series", (STUDY_UID, str(uid)))) == 2
    assert len(find("instance", (STUDY_UID, str(uid)), (0x00200013, "2"))) == 2
    assert values(find("instance", (0x00080060, "MR")), "00280010") == [64]


def test_parents_are_left_out_below_a_parent(find: Find) -> None:
    assert "00100010" in find("series")[0]
    assert "00100010" not in find("series", with_parents=False)[0]


def test_pages_cover_everything_once_and_count_the_rest(store: Store, find: Find) -> None:
    seen: list[object] = []
    for offset in range(0, 8, 2):
        page = search(store.database, store.scope, Query("instance", limit=2, offset=offset))
        seen += values(page.results, "00080018")
        assert page.remaining == max(0, 4 - offset)
    assert len(seen) == len(set(seen)) == 6


def test_a_limit_of_nothing_counts_everything(store: Store, find: Find) -> None:
    page = search(store.database, store.scope, Query("instance", limit=0))
    assert (page.results, page.remaining) == ([], 6)


def test_outside_the_scope_nothing_is_found_or_counted(store: Store, find: Find) -> None:
    page = search(store.database, NothingScope(), Query("study", limit=1))
    assert (page.results, page.remaining) == ([], 0)


@pytest.mark.parametrize(
    ("level", "tag", "value"),
    [
        ("study", 0x00080020, "yesterday"),
        ("study", 0x00080020, "2024"),
        ("series", 0x00200011, "two"),
    ],
)
def test_what_cannot_be_searched_is_refused(find: Find, level: Level, tag: int, value: str) -> None:
    with pytest.raises(NotSearchable):
        find(level, (tag, value))


def test_body_part_is_returned_when_asked_for(find: Find) -> None:
    assert "00180015" not in find("series")[0]
    assert "00180015" in find("series", include=frozenset({0x00180015}))[0]
    assert "00180015" in find("series", include=ALL)[0]
