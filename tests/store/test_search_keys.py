"""Keys of searches: of other levels, in no column, fuzzy, empty, several, dates with times."""

from typing import Any

import pytest

from store import search_beyond
from store.access import NothingScope, OwnerScope, SeriesScope, UploadScope
from store.db import Database
from store.errors import NotSearchable, SearchTooBroad
from store.search import ALL, Level, Match, Query, search
from store.search_rules import Rules
from tests.store.rows import add_all, add_instance, add_series, add_study

OWNER = OwnerScope(7)
NAME, DATE, TIME, DESCRIPTION = 0x00100010, 0x00080020, 0x00080030, 0x00081030
KVP, MAKER, AGE = 0x00180060, 0x00081090, 0x00101010
REQUEST, STEP_ID = 0x00400275, 0x00400009


def found(
    database: Database,
    *keys: tuple[Any, ...],
    level: Level = "study",
    of: str = "00200010",
    **more: Any,  # noqa: ANN401
) -> list[object]:
    """The Study IDs, by which these tests know studies, oldest first."""
    query = Query(level, tuple(Match(*key) for key in keys), **more)
    page = search(database, OWNER, query)
    return [result[of].get("Value", [""])[0] for result in reversed(page.results)]


@pytest.fixture
def names(database: Database) -> Database:
    for number, name in enumerate(
        ["Miller^Anna Maria", "van der Mill^Jo", "Müller^Ann=山田^太郎", "Hamill^Mark", ""]
    ):
        add_all(database, study_id=str(number), patient_name=name)
    return database


@pytest.mark.parametrize(
    ("value", "studies"),
    [
        ("mill", "01"),
        ("Mill^J", "1"),
        ("ann mil", "0"),
        ("maria", "0"),
        ("aria", ""),
        ("太", "2"),
        ("der", "1"),
        ("Mark, Ham", "3"),
        ("*mill*", "01"),
        ("%", ""),
        ("", "01234"),
    ],
)
def test_a_fuzzy_name_is_found_by_the_beginnings_of_its_parts(
    names: Database, value: str, studies: str
) -> None:
    assert found(names, (NAME, value), rules=Rules(fuzzy=True)) == list(studies)


@pytest.mark.parametrize(
    ("value", "studies"),
    [
        ("*ill*", "013"),
        ("*ILL*", "013"),
        ("M*", "02"),
        ("Mill*", "0"),
        ("Mill??^Anna*", "0"),
        ("*Mark", "3"),
        ("*a_k*", ""),
        ("hamill^mark^^", "3"),
        ('*"ill*', ""),
        ("*ill* OR patient_name", ""),
    ],
)
def test_wild_cards_in_names(names: Database, value: str, studies: str) -> None:
    assert found(names, (NAME, value)) == list(studies)


def test_the_index_of_words_follows_changes(names: Database) -> None:
    with names.write() as connection:
        connection.exec_driver_sql("UPDATE study SET patient_name = 'Smith' WHERE study_id = '0'")
        connection.exec_driver_sql("DELETE FROM instance")
        connection.exec_driver_sql("DELETE FROM series WHERE study_id IN (SELECT id FROM study)")
        connection.exec_driver_sql("DELETE FROM study WHERE study_id = '3'")
    assert found(names, (NAME, "*ill*")) == ["1"]
    assert found(names, (NAME, "*mit*")) == ["0"]


def test_words_of_others_are_not_found(names: Database) -> None:
    add_study(names, owner=8, patient_name="Miller")
    assert len(found(names, (NAME, "*ill*"))) == 3
    assert search(names, OwnerScope(8), Query("study", (Match(NAME, "*ill*"),))).results
    assert not search(names, OwnerScope(6), Query("study", (Match(NAME, "*ill*"),))).results


def test_an_empty_value_matches_what_is_empty_if_that_is_asked_for(names: Database) -> None:
    add_series(names, add_study(names, study_id="5", patient_name="X"), series_number=1)
    for value in ("", '""'):
        assert found(names, (NAME, value), rules=Rules(empty=True)) == ["4"]
        assert found(names, (KVP, value), rules=Rules(empty=True)) == list("01234")
        assert len(found(names, (NAME, value))) == 6
        numbers: dict[str, Any] = {"level": "series", "of": "0020000E"}
        assert len(found(names, (0x00200011, value), rules=Rules(empty=True), **numbers)) == 5


def test_a_list_of_any_attribute_matches_any_of_it_if_that_is_asked_for(names: Database) -> None:
    several = Rules(multiple=True)
    for between in (",", "\\", "\\\\"):
        assert found(names, (0x00200010, between.join("13")), rules=several) == ["1", "3"]
    assert found(names, (NAME, "Mil*,Ham*"), rules=several) == ["0", "3"]
    assert found(names, (0x00200010, "1,3")) == []


def test_a_range_of_dates_with_a_range_of_times_is_one_range(database: Database) -> None:
    moments = [("20200101", "0900"), ("20200101", "1300"), ("20200102", "0800")]
    moments += [("20200102", "1700"), ("20200103", "1200"), ("", "1200"), ("20200101", "")]
    for number, (date, time) in enumerate(moments):
        add_all(database, study_id=str(number), study_date=date, study_time=time)
    both = found(database, (DATE, "20200101-20200102"), (TIME, "1200-1659"))
    assert both == ["1", "2"]
    assert found(database, (DATE, "20200101-20200102"), (TIME, "1300")) == ["1"]
    assert found(database, (DATE, "20200102-"), (TIME, "1200-")) == ["3", "4"]
    assert found(database, (DATE, "-20200101"), (TIME, "-12")) == ["0", "6"]
    # Asked of a level below, it is said of the same columns.
    below = found(
        database, (DATE, "20200101-20200102"), (TIME, "1200-1659"), level="series", of="0020000D"
    )
    assert len(below) == 2


def test_dates_may_have_the_form_of_older_editions(database: Database) -> None:
    add_all(database, study_id="1", study_date="20200101", study_time="101500")
    assert found(database, (DATE, "2020.01.01")) == ["1"]
    assert found(database, (TIME, "10:15:00")) == ["1"]


@pytest.fixture
def levels(database: Database) -> Database:
    """Study 1 has a CT series of two instances and an SR, study 2 an MR series."""
    one = add_study(database, study_id="1")
    ct = add_series(database, one, modality="CT", series_description="THIN", series_number=1)
    add_instance(database, ct, {"00180060": {"vr": "DS", "Value": [120]}}, instance_number=1)
    maker = {"00081090": {"vr": "LO", "Value": ["Scan-O-Matic"]}}
    steps = [{"00400009": {"vr": "SH", "Value": ["STEP1"]}}, {"00400009": {"vr": "SH"}}]
    steps += [{"00400009": {"vr": "SH", "Value": ["STEP2"]}}]
    kvp = {"00180060": {"vr": "DS", "Value": [80.0]}}
    add_instance(database, ct, kvp, instance_number=2)
    sr = add_series(database, one, modality="SR", series_description="REPORT", series_number=2)
    add_instance(database, sr, maker | {"00400275": {"vr": "SQ", "Value": steps}})
    two = add_study(database, study_id="2")
    mr = add_series(database, two, modality="MR", series_description="THIN", series_number=1)
    metadata = {"00101010": {"vr": "AS", "Value": ["045Y"]}, "00180060": {"vr": "DS"}}
    metadata["00090010"] = {"vr": "LO", "Value": ["OTHER"]}
    metadata["00090011"] = {"vr": "LO", "Value": ["ACME 1.1"]}
    metadata["00091102"] = {"vr": "LO", "Value": ["private"]}
    metadata["00091002"] = {"vr": "LO", "Value": ["another"]}
    metadata["7FE00010"] = {"vr": "OW", "BulkDataURI": "x"}
    add_instance(database, mr, metadata)
    return database


@pytest.mark.parametrize(
    ("keys", "studies"),
    [
        ([(0x00080060, "CT")], "1"),
        ([(0x00080060, "CT"), (0x0008103E, "THIN")], "1"),
        ([(0x00080060, "SR"), (0x0008103E, "THIN")], ""),
        ([(0x0008103E, "thin*")], "12"),
        ([(0x00080061, "CT"), (0x00080061 + 1, "1.2.840.10008.5.1.4.1.1.2")], "1"),
        ([(0x00080061, "CT"), (0x0008103E, "REPORT")], "1"),
        ([(0x00080016, "1.2.840.10008.5.1.4.1.1.2")], "12"),
        ([(0x00200013, "2")], "1"),
        ([(0x00200013, "2"), (0x00080060, "SR")], ""),
        ([(KVP, "80")], "1"),
        ([(KVP, "100")], ""),
        ([(KVP, "80"), (0x00200013, "1")], ""),
        ([(MAKER, "*matic")], "1"),
        ([(AGE, "045Y")], "2"),
        ([(AGE, "")], "12"),
        ([(STEP_ID, "STEP2", (REQUEST,))], "1"),
        ([(STEP_ID, "STEP3", (REQUEST,))], ""),
        ([(STEP_ID, "", (REQUEST,))], "12"),
        ([(0x00091002, "another")], "2"),
        ([(0x00090010, "ACME 1.1"), (0x00091002, "private")], "2"),
        ([(0x00090010, "ACME 1.1"), (0x00091002, "another")], ""),
        ([(0x00090010, "OTHER")], "2"),
        ([(0x00080056, "ONLINE")], "12"),
        ([(0x00080056, "OFFLINE")], ""),
    ],
)
def test_studies_are_found_by_any_attribute_of_any_level(
    levels: Database, keys: list[tuple[Any, ...]], studies: str
) -> None:
    assert found(levels, *keys) == list(studies)


def test_series_and_instances_are_found_by_any_attribute(levels: Database) -> None:
    series: dict[str, Any] = {"level": "series"}
    instances: dict[str, Any] = {"level": "instance"}
    assert found(levels, (KVP, "80"), of="00080060", **series) == ["CT"]
    assert found(levels, (0x00200013, "2"), of="00080060", **series) == ["CT"]
    assert found(levels, (AGE, "045Y"), of="00080060", **series) == ["MR"]
    assert found(levels, (STEP_ID, "STEP1", (REQUEST,)), of="00080060", **series) == ["SR"]
    assert found(levels, (KVP, "80"), of="00200013", **instances) == [2]
    assert found(levels, (NAME, "*"), (KVP, "*"), of="00080016", **instances) != []


def test_pages_of_what_no_column_tells(levels: Database) -> None:
    for number in range(6):
        add_all(levels, {"00180060": {"vr": "DS", "Value": [120]}}, study_id=f"more{number}")
    whole = found(levels, (KVP, "120"))
    query = Query("study", (Match(KVP, "120"),), limit=2, offset=2)
    page = search(levels, OWNER, query)
    assert len(whole) == 7
    assert [result["00200010"]["Value"][0] for result in page.results] == whole[-3:-5:-1]
    assert page.remaining == 3


def test_a_search_that_would_look_at_too_much_is_refused(
    levels: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_beyond, "MOST", 2)
    monkeypatch.setattr("store.search.MOST", 2)
    with pytest.raises(SearchTooBroad):
        found(levels, (KVP, "80"))
    assert found(levels, (KVP, "80"), (0x00200010, "2")) == []


def test_attributes_are_returned_from_stored_metadata_at_their_level(levels: Database) -> None:
    newest = search(levels, OWNER, Query("study", include=frozenset({AGE, KVP}))).results[0]
    assert newest["00101010"] == {"vr": "AS", "Value": ["045Y"]}
    assert "00180060" not in newest
    [series] = search(
        levels,
        OWNER,
        Query("series", (Match(0x00080060, "SR"),), frozenset({MAKER, (REQUEST, STEP_ID), KVP})),
    ).results
    assert series["00081090"]["Value"] == ["Scan-O-Matic"]
    assert [item.get("00400009", {}).get("Value") for item in series["00400275"]["Value"]] == [
        ["STEP1"],
        None,
        ["STEP2"],
    ]
    assert "00180060" not in series


def test_everything_is_returned_but_bulk_values(levels: Database) -> None:
    query = Query("instance", (Match(0x00080060, "MR"),), include=ALL)
    [result] = search(levels, OWNER, query).results
    assert result["00091102"]["Value"] == ["private"]
    assert result["00101010"]["Value"] == ["045Y"]
    assert "7FE00010" not in result
    [study] = search(levels, OWNER, Query("study", (Match(0x00200010, "2"),), include=ALL)).results
    assert "00101010" in study
    assert "00091102" not in study


def test_an_attribute_that_is_searched_by_is_returned(levels: Database) -> None:
    [result] = search(levels, OWNER, Query("instance", (Match(KVP, "80"),))).results
    assert result["00180060"]["Value"] == [80.0]


def test_series_and_instances_have_what_is_counted_of_their_study(levels: Database) -> None:
    for level in ("series", "instance"):
        first = search(levels, OWNER, Query(level)).results[-1]
        assert first["00080061"]["Value"] == ["CT", "SR"]
        assert first["00201206"]["Value"] == [2]


def test_other_scopes_find_by_every_key_what_is_theirs(levels: Database) -> None:
    with levels.read() as connection:
        ids = connection.exec_driver_sql("SELECT id FROM series WHERE modality = 'SR'").scalars()
        scope = SeriesScope(frozenset(ids), None)
    keys = [(0x00080061, "SR"), (0x00080060, "SR"), (MAKER, "*"), (DATE, "*"), (DESCRIPTION, "*")]
    keys += [(STEP_ID, "STEP1", (REQUEST,))]  # type: ignore[list-item]
    for key in keys:
        for level in ("study", "series", "instance"):
            page = search(levels, scope, Query(level, (Match(*key),)))
            assert len(page.results) == 1, (key, level)
            assert page.results[0]["00080061"]["Value"] == ["SR"]
    for key in [(0x00080061, "CT"), (KVP, "80"), (0x0008103E, "THIN"), (0x00200013, "2")]:
        assert not search(levels, scope, Query("study", (Match(*key),))).results
    for nobody in (NothingScope(), UploadScope(1, 7), OwnerScope(8)):
        assert not search(levels, nobody, Query("study", (Match(0x00080061, "CT"),))).results
        assert not search(levels, nobody, Query("series", (Match(KVP, "80"),))).results


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        (DATE, "20201399"),
        (DATE, "-"),
        (TIME, "2501"),
        (0x00101030, "heavy"),
        (0x00081140, "x"),
        (0x7FE00010, "x"),
        (NAME, " ".join("abcdefghij" * 11)),
    ],
)
def test_values_that_cannot_be_are_refused(database: Database, tag: int, value: str) -> None:
    with pytest.raises(NotSearchable):
        found(database, (tag, value), rules=Rules(fuzzy=True))


def test_a_thousand_uids_are_no_harm(levels: Database) -> None:
    uids = "\\".join(f"2.25.999{number}" for number in range(1500))
    assert found(levels, (0x0020000D, uids)) == []
    with pytest.raises(NotSearchable):
        found(levels, (0x00080061, uids))
