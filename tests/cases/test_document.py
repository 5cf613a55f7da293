"""What a document refuses, and that it comes back from JSON as it went."""

from typing import Any

import pytest

from cases.document import (
    AUTHORS,
    LINE_CHARACTERS,
    SERIES,
    TAG_CHARACTERS,
    TAGS,
    TEXT_CHARACTERS,
    Document,
    ShownSeries,
    ShownStudy,
    StartState,
)
from cases.errors import InvalidText

FULL = Document(
    description="Ärger & *Folgen*\n",
    history="h",
    findings="f",
    diagnosis="d",
    discussion="x",
    closed=("diagnosis",),
    tags=("hand", "trauma"),
    authors=("Ines Ferreira",),
    licence="CC-BY-4.0",
    downloadable=True,
    studies=(ShownStudy("1.2", "MR wrist", (ShownSeries("1.2.3", "PD"), ShownSeries("1.2.4"))),),
    start=StartState("1.2.3", 10, (40.0, 400.0), 1.5),
)


@pytest.mark.parametrize("document", [Document(), FULL])
def test_a_document_comes_back_from_json_as_it_went(document: Document) -> None:
    assert Document.from_json(document.to_json()) == document
    assert Document.from_json(document.to_json()).to_json() == document.to_json()


def test_it_names_the_series_that_it_shows_in_order() -> None:
    assert FULL.series_uids() == [("1.2", "1.2.3"), ("1.2", "1.2.4")]


def test_ends_of_lines_are_those_of_text_wherever_it_was_typed() -> None:
    assert Document(history="a\r\nb\rc\nd").history == "a\nb\nc\nd"


def test_closed_sections_are_kept_once_and_in_their_order() -> None:
    closed = Document(closed=("discussion", "diagnosis", "discussion")).closed
    assert closed == ("diagnosis", "discussion")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"findings": "x" * (TEXT_CHARACTERS + 1)}, "Findings: at most"),
        ({"history": "a\0b"}, "History: there is a character"),
        ({"history": "a\ud800b"}, "History: there is a character"),
        ({"closed": ("notes",)}, "no section named notes"),
        ({"tags": tuple(map(str, range(TAGS + 1)))}, "at most 20 tags"),
        ({"tags": ("a", "a")}, "named once"),
        ({"tags": ("x" * (TAG_CHARACTERS + 1),)}, "one line"),
        ({"tags": (" ",)}, "one line"),
        ({"tags": ("a\nb",)}, "one line"),
        ({"authors": tuple(map(str, range(AUTHORS + 1)))}, "at most 20 authors"),
        ({"authors": ("x" * (LINE_CHARACTERS + 1),)}, "one line"),
        ({"licence": "WTFPL"}, "licences"),
        ({"studies": (ShownStudy("1", "a\nb"),)}, "one line"),
        ({"studies": (ShownStudy("1", "", (ShownSeries("2", "x" * 201),)),)}, "one line"),
        ({"studies": tuple(ShownStudy(str(n)) for n in range(SERIES + 1))}, "at most 500 series"),
        (
            {"studies": (ShownStudy("1", "", tuple(ShownSeries(str(n)) for n in range(501))),)},
            "at most 500 series",
        ),
    ],
)
def test_what_is_too_long_or_not_one_of_those_there_are_is_refused(
    fields: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidText, match=says):
        Document(**fields)


@pytest.mark.parametrize(
    "state",
    [
        {"frame": 0},
        {"window": (float("nan"), 400.0)},
        {"window": (40.0, float("inf"))},
        {"window": (40.0, 0.0)},
        {"zoom": 0.0},
        {"zoom": float("nan")},
        {"zoom": 101.0},
    ],
)
def test_a_view_that_cannot_be_is_refused(state: dict[str, Any]) -> None:
    with pytest.raises(InvalidText):
        StartState("1.2.3", **state)
