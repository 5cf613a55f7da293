"""Reports as text and as pages: what they say, and that nothing in them can do anything."""

from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.report_html import to_html
from store.reports import Reference, report_of, to_text

Attributes = dict[str, dict[str, Any]]


def code(meaning: str, value: str = "1") -> dict[str, Any]:
    item = {
        "00080100": {"vr": "SH", "Value": [value]},
        "00080104": {"vr": "LO", "Value": [meaning]},
    }
    return {"vr": "SQ", "Value": [item]}


def item(kind: str, name: str, **values: dict[str, Any]) -> Attributes:
    found = {"0040A040": {"vr": "CS", "Value": [kind]}, "0040A043": code(name)}
    return found | {tag.removeprefix("t"): value for tag, value in values.items()}


def text(name: str, said: str) -> Attributes:
    return item("TEXT", name, t0040A160={"vr": "UT", "Value": [said]})


def report(*items: Attributes, title: str = "Chest report", **values: dict[str, Any]) -> Attributes:
    found = item("CONTAINER", title)
    found["0040A730"] = {"vr": "SQ", "Value": list(items)}
    return found | {tag.removeprefix("t"): value for tag, value in values.items()}


def said(attributes: Attributes) -> str:
    return to_text(report_of(attributes)).decode()


class Page(HTMLParser):
    """Checks that tags are closed in order, and keeps what there is."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag not in ("meta",):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data


def page(attributes: Attributes, place: str | None = None) -> Page:
    found = Page()
    found.feed(to_html(report_of(attributes), lambda _: place).decode())
    found.close()
    assert found.open == []
    return found


def test_values_of_every_kind_are_written_for_people() -> None:
    measured = {
        "0040A30A": {"vr": "DS", "Value": [12.5]},
        "004008EA": code("millimeter", "mm"),
    }
    count = {"0040A30A": {"vr": "DS", "Value": [4]}, "004008EA": code("0", "{events}")}
    text_of = said(
        report(
            text("Finding", "Nothing"),
            item("CODE", "Modality", t0040A168=code("Computed tomography")),
            item("NUM", "Diameter", t0040A300={"vr": "SQ", "Value": [measured]}),
            item("NUM", "Events", t0040A300={"vr": "SQ", "Value": [count]}),
            item("DATE", "Day", t0040A121={"vr": "DA", "Value": ["20260512"]}),
            item("TIME", "Hour", t0040A122={"vr": "TM", "Value": ["1430"]}),
            item("DATETIME", "Then", t0040A120={"vr": "DT", "Value": ["20260512143000"]}),
            item("PNAME", "Reader", t0040A123={"vr": "PN", "Value": [{"Alphabetic": "A^B"}]}),
            item("UIDREF", "Event", t0040A124={"vr": "UI", "Value": ["2.25.1"]}),
            item(
                "SCOORD",
                "Outline",
                t00700023={"vr": "CS", "Value": ["POLYLINE"]},
                t00700022={"vr": "FL", "Value": [1.0, 2.0, 3.5, 4.0]},
            ),
            title="CT report",
        )
    )
    assert text_of.startswith("CT report\n=========\n")
    for line in (
        "Finding: Nothing",
        "Modality: Computed tomography",
        "Diameter: 12.5\N{NO-BREAK SPACE}mm",
        "Events: 4\N{NO-BREAK SPACE}events",
        "Day: 12 May 2026",
        "Hour: 14:30",
        "Then: 12 May 2026 14:30",
        "Reader: A B",
        "Event: 2.25.1",
        "Outline: Polyline: (1.0, 2.0) (3.5, 4.0)",
    ):
        assert line in text_of.splitlines()


def test_the_tree_is_seen_in_both_forms() -> None:
    inner = text("Size", "large") | {"0040A010": {"vr": "CS", "Value": ["INFERRED FROM"]}}
    section = item("CONTAINER", "Findings")
    leaf = text("Finding", "one\r\ntwo")
    leaf["0040A730"] = {"vr": "SQ", "Value": [inner]}
    section["0040A730"] = {"vr": "SQ", "Value": [leaf]}

    assert "\nFindings\n  Finding: one\n    two\n    Size (inferred from): large\n" in said(
        report(section)
    )
    found = page(report(section))
    assert found.tags.count("section") == 1
    assert found.tags.count("dl") == 3
    assert "inferred from" in found.text


def test_images_are_linked_when_their_place_is_known() -> None:
    evidence = {
        "0020000D": {"vr": "UI", "Value": ["1.1"]},
        "00081115": {
            "vr": "SQ",
            "Value": [
                {
                    "0020000E": {"vr": "UI", "Value": ["1.2"]},
                    "00081199": {
                        "vr": "SQ",
                        "Value": [{"00081155": {"vr": "UI", "Value": ["1.3"]}}],
                    },
                }
            ],
        },
    }
    image = item(
        "IMAGE",
        "Key image",
        t00081199={
            "vr": "SQ",
            "Value": [
                {
                    "00081155": {"vr": "UI", "Value": ["1.3"]},
                    "00081160": {"vr": "IS", "Value": [5]},
                }
            ],
        },
    )
    document = report(image, t0040A375={"vr": "SQ", "Value": [evidence]})

    (found,) = report_of(document).items
    assert found.references == (Reference("1.1", "1.2", "1.3", 5),)
    assert found.value == "Image, frame 5"
    assert page(document, "https://pacs.example/a?b&c").links == ["https://pacs.example/a?b&c"]
    assert page(document).links == []


def test_nothing_in_a_report_is_markup() -> None:
    evil = "</title></style><script>alert(1)</script><img src=x onerror=alert(1)>\"'&"
    document = report(
        text(evil, evil),
        item("CONTAINER", evil),
        title=evil,
        t00100010={"vr": "PN", "Value": [{"Alphabetic": evil}]},
    )
    found = page(document)
    assert not {"script", "img"} & set(found.tags)
    assert found.links == []
    assert found.text.count("<script>") == 6


def test_what_was_removed_has_no_name() -> None:
    lines = said(report(text("Removed", "Nothing"), title="Removed")).splitlines()
    assert lines[0] == "Report"
    assert "Text: Nothing" in lines


def test_depth_and_number_are_bounded() -> None:
    document = text("deepest", "unseen")
    for _ in range(200):
        outer = item("CONTAINER", "level")
        outer["0040A730"] = {"vr": "SQ", "Value": [document]}
        document = outer
    assert "unseen" not in said(document)
    assert "…" in said(document)
    page(document)


letters = st.text('aé<&"\\\n\x00\ud800{1', max_size=8)
json_values = st.none() | st.integers() | st.floats() | letters | st.just({"Alphabetic": "A^B"})
tags = st.sampled_from(
    (
        *("0040A040", "0040A043", "0040A160", "0040A300", "0040A30A", "00080104", "00081199"),
        *("00081155", "00081160", "00700022", "00700023", "0040A121", "00080020", "00100010"),
        "0040A730",
    )
)
odd_attributes: st.SearchStrategy[Attributes] = st.deferred(
    lambda: st.dictionaries(
        tags,
        st.fixed_dictionaries(
            {
                "vr": st.sampled_from(["CS", "DS", "UT"]),
                "Value": st.lists(json_values, max_size=3),
            }
        )
        | st.fixed_dictionaries(
            {"vr": st.just("SQ"), "Value": st.lists(odd_attributes, max_size=2)}
        ),
        max_size=5,
    )
)


@given(odd_attributes)
def test_whatever_a_report_holds_is_shown(attributes: Attributes) -> None:
    to_text(report_of(attributes))
    page(attributes)


@pytest.mark.parametrize("name", ["00080020", "00100010"])
def test_facts_stand_at_the_head(name: str) -> None:
    values: Attributes = {
        "00080020": {"vr": "DA", "Value": ["20260512"]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Pseudo^Nym"}]},
        "00280303": {"vr": "CS", "Value": ["MODIFIED"]},
    }
    text_of = said(report() | values)
    assert "Study date: 12 May 2026 (shifted)" in text_of
    assert "Patient: Pseudo Nym" in text_of
    assert name in values
