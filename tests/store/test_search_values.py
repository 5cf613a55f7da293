"""Matching on the JSON model: as SQL matches where both apply, and what only it can."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Connection, Integer, MetaData, Table, Text, create_engine, select

from store.errors import NotSearchable
from store.matching import condition
from store.search_rules import Rules
from store.search_values import found_at, value_test

NAMES = ("Alphabetic", "Ideographic", "Phonetic")
TABLE = Table("one", MetaData(), Column("text", Text), Column("number", Integer))
LETTERS = st.text("abAB*?^= ,%_1", max_size=6)
RULES = st.builds(Rules, st.booleans(), st.booleans(), st.booleans())


def json_of(vr: str, value: str | int | None) -> dict[str, Any]:
    if value in ("", None):
        return {"vr": vr}
    if vr == "PN":
        groups = zip(NAMES, str(value).split("="), strict=False)
        return {"vr": vr, "Value": [{name: group for name, group in groups if group}]}
    return {"vr": vr, "Value": [value]}


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        TABLE.create(connection)
        yield connection
    engine.dispose()


def sql_matches(
    connection: Connection, vr: str, stored: str | int | None, value: str, rules: Rules
) -> bool:
    column = TABLE.c.number if isinstance(stored, int) or stored is None else TABLE.c.text
    connection.execute(TABLE.delete())
    connection.execute(TABLE.insert(), {column.name: stored})
    found = select(TABLE).where(condition(column, vr, value, "X", rules))
    return connection.execute(found).first() is not None


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["LO", "SH", "CS", "UI", "PN"]), LETTERS, LETTERS, RULES)
@example("PN", "", "1,=", Rules(fuzzy=True, multiple=True))
def test_texts_match_as_columns_do(
    connection: Connection, vr: str, stored: str, value: str, rules: Rules
) -> None:
    # Names are stored without empty groups at their end, and values without spaces around them.
    stored = stored.strip().rstrip("=") if vr == "PN" else stored.strip()
    if vr == "PN":
        stored = "=".join(group.strip() for group in stored.split("=")[:3]).rstrip("=")
    expected = sql_matches(connection, vr, stored, value, rules)
    assert value_test(vr, value, "X", rules)(json_of(vr, stored)) == expected


DATES = st.sampled_from(["", "20200101", "20200131", "20200201", "19991231"])
TIMES = st.sampled_from(["", "10", "1015", "101559", "101559.5", "1016", "235959"])
ENDS = st.sampled_from(["{0}", "{0}-", "-{0}", "{0}-{1}"])


@settings(max_examples=200, deadline=None)
@given(st.data(), st.sampled_from(["DA", "TM"]), ENDS)
def test_dates_and_times_match_as_columns_do(
    connection: Connection, data: st.DataObject, vr: str, form: str
) -> None:
    some = DATES if vr == "DA" else TIMES
    value = form.format(data.draw(some.filter(bool)), data.draw(some.filter(bool)))
    stored = data.draw(some)
    expected = sql_matches(connection, vr, stored, value, Rules())
    assert value_test(vr, value, "X")(json_of(vr, stored)) == expected


@given(st.none() | st.integers(-9, 9), st.integers(-9, 9).map(str), RULES)
def test_numbers_match_as_columns_do(
    connection: Connection, stored: int | None, value: str, rules: Rules
) -> None:
    expected = sql_matches(connection, "IS", stored, value, rules)
    assert value_test("IS", value, "X", rules)(json_of("IS", stored)) == expected


@pytest.mark.parametrize(
    ("vr", "stored", "value", "matches"),
    [
        ("DS", [1.5, 2], "2.0", True),
        ("DS", [1.5, 2], "3", False),
        ("FD", [120.0], "120", True),
        ("AT", ["00280010"], "(0028,0010)", True),
        ("AS", ["045Y"], "045Y", True),
        ("AS", ["045Y"], "045M", False),
        ("CS", ["ORIGINAL", "PRIMARY", "AXIAL"], "PRIMARY", True),
        ("CS", ["ORIGINAL", None], "PRIMARY,ORIGINAL", True),
        ("LO", ["a" * 64], "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", False),
        ("LO", ["aXbXc"], "a*b*c", True),
        ("LO", ["abc"], "ab*bc", False),
        ("DT", ["20200615123000"], "20200615", True),
        ("DT", ["20200615123000"], "202006", True),
        ("DT", ["20200615123000"], "20200616-", False),
        ("DT", ["20200615123000"], "2019-2020", True),
        ("DT", ["20200615123000+0200"], "20200615103000-20200615103000+0000", True),
        ("DT", ["20200615123000-0500"], "20200615173000", True),
        ("DT", ["20200615123000"], "-20200615123000.000000", True),
        ("DT", ["nonsense"], "2020-", False),
        ("DA", ["2020.06.15"], "20200601-20200630", True),
        ("DA", ["20200615"], "2020.06.15", True),
        ("TM", ["10:15:00"], "1015", True),
        ("", ["PRIVATE"], "PRIV*", True),
    ],
)
def test_other_values(vr: str, stored: list[Any], value: str, matches: bool) -> None:
    assert value_test(vr, value, "X")({"vr": vr, "Value": stored}) is matches


@pytest.mark.parametrize("value", ["", '""', "*"])
def test_what_is_empty_or_not_there_matches_an_empty_key_only(value: str) -> None:
    assert value_test("LO", value, "X")(None)
    assert not value_test("LO", "x", "X")(None)
    assert not value_test("LO", "x", "X")({"vr": "LO"})
    empty = Rules(empty=True)
    assert value_test("LO", value, "X", empty)(None)
    assert value_test("LO", value, "X", empty)({"vr": "LO", "Value": ["x"]}) is (value == "*")


@pytest.mark.parametrize(
    ("vr", "value"),
    [
        ("SQ", "x"),
        ("OB", "x"),
        ("DA", "20201399"),
        ("DA", "-"),
        ("TM", "2515"),
        ("DT", "20201399"),
        ("DT", "now"),
        ("US", "x"),
        ("DS", "x"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_its_attributes_name(vr: str, value: str) -> None:
    with pytest.raises(NotSearchable, match=r"Keyword is .*\.\Z") as caught:
        value_test(vr, value, "Keyword")
    assert value not in str(caught.value).replace("a date", "")


def test_a_list_of_values_has_a_limit_and_one_of_uids_has_none() -> None:
    values = ",".join(map(str, range(101)))
    with pytest.raises(NotSearchable, match="Keyword is searched by at most 100 values at once"):
        value_test("CS", values, "Keyword")
    assert value_test("UI", values, "Keyword")({"vr": "UI", "Value": ["100"]})


def test_a_path_finds_the_attribute_in_every_item() -> None:
    items = [{"00080100": {"vr": "SH", "Value": ["A"]}}, {}, None]
    found = list(found_at({"00081032": {"vr": "SQ", "Value": items}}, ("00081032", "00080100")))
    assert found == [items[0]["00080100"], None, None]  # type: ignore[index]
    assert list(found_at({}, ("00081032", "00080100"))) == [None]
