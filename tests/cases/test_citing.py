"""Citations: their exact form, and that nothing an author wrote breaks out of a field."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from cases.citing import address, bibtex, citation, csl_json, datacite, ris
from cases.document import Document
from cases.publishing import Published

DOCUMENT = Document(
    description="A **fall** on the [wrist](view:1/10).\n\n- 4.1 mm",
    diagnosis="Rupture of the ligament",
    closed=("diagnosis",),
    tags=("hand", "trauma"),
    authors=("Ines Ferreira", "Otto Kern"),
    licence="CC-BY-4.0",
)
WHEN = datetime(2026, 5, 12, 10, 42, tzinfo=UTC)
CASE = Published(3, "Wrist pain after a fall", "MR", "WRIST", DOCUMENT, "", WHEN)
PLACE = ("k7m2qx8z", "https://cases.example.org/", "Radiology, Northfield")
ADDRESS = "https://cases.example.org/cases/k7m2qx8z/versions/3"
NASTY = "100 % of {us} & $5_#~^\\ \u201cx\u201d"


def with_(title: str = CASE.title, **fields: Any) -> Published:  # noqa: ANN401
    return replace(CASE, title=title, document=replace(DOCUMENT, **fields))


def test_a_version_has_an_address_of_its_own() -> None:
    assert address("k7m2qx8z", 3, "https://cases.example.org") == ADDRESS


@pytest.mark.parametrize(
    ("case", "operator", "said"),
    [
        (
            CASE,
            "Radiology, Northfield",
            "Ines Ferreira, Otto Kern. Wrist pain after a fall (version 3). Radiology, "
            f"Northfield. 12 May 2026, {ADDRESS}",
        ),
        (
            with_("Why does it hurt?", authors=()),
            "",
            f"Why does it hurt? (version 3). Readingroom. 12 May 2026, {ADDRESS}",
        ),
    ],
)
def test_a_citation_is_one_sentence_after_another(
    case: Published, operator: str, said: str
) -> None:
    assert citation(case, *PLACE[:2], operator) == said


def test_days_are_those_of_utc_wherever_the_database_is() -> None:
    early = datetime(2026, 5, 13, 1, 0, tzinfo=timezone(timedelta(hours=2)))
    said = citation(replace(CASE, published_at=early), *PLACE)
    assert "12 May 2026" in said


@pytest.mark.promise("N9")
def test_bibtex() -> None:
    assert bibtex(CASE, *PLACE) == (
        "@misc{readingroom-k7m2qx8z-v3,\n"
        "  title = {{Wrist pain after a fall}},\n"
        "  author = {Ines Ferreira and Otto Kern},\n"
        "  howpublished = {Radiology, Northfield},\n"
        "  year = {2026},\n"
        "  month = {5},\n"
        "  version = {3},\n"
        "  note = {Version 3},\n"
        f"  url = {{{ADDRESS}}}\n"
        "}\n"
    )


def test_bibtex_keeps_every_letter_in_its_field() -> None:
    said = bibtex(with_(NASTY, authors=("Ann and Bob", "Cyd")), *PLACE)
    assert (
        r"title = {{100 \% of \{us\} \& \$5\_\#\textasciitilde{}\textasciicircum{}"
        r"\textbackslash{} “x”}}," in said
    )
    assert "author = {{Ann and Bob} and Cyd}," in said
    bare = re.sub(r"\\[{}]", "", said)
    assert bare.count("{") == bare.count("}")
    assert said.count("\n") == bibtex(CASE, *PLACE).count("\n")


@pytest.mark.promise("N9")
def test_ris() -> None:
    assert ris(CASE, *PLACE).split("\r\n") == [
        "TY  - ELEC",
        "TI  - Wrist pain after a fall",
        "AU  - Ines Ferreira",
        "AU  - Otto Kern",
        "PB  - Radiology, Northfield",
        "PY  - 2026",
        "DA  - 2026/05/12",
        "ET  - Version 3",
        "AB  - A fall on the wrist. - 4.1 mm",
        "KW  - Magnetic resonance",
        "KW  - Wrist",
        "KW  - hand",
        "KW  - trauma",
        f"UR  - {ADDRESS}",
        "ER  - ",
        "",
    ]


def test_no_text_begins_a_field_of_ris() -> None:
    said = ris(with_(description="One\nER  - \r\x0b\x85TY  - BOOK\u2028AU  - X"), *PLACE)
    assert "AB  - One ER - TY - BOOK AU - X\r\n" in said
    assert said.split("\r\n")[:-1] == said.splitlines()


@pytest.mark.promise("N9")
def test_csl_json() -> None:
    [item] = json.loads(csl_json(CASE, *PLACE))
    assert item == {
        "id": "readingroom-k7m2qx8z-v3",
        "type": "dataset",
        "title": "Wrist pain after a fall",
        "author": [{"literal": "Ines Ferreira"}, {"literal": "Otto Kern"}],
        "publisher": "Radiology, Northfield",
        "issued": {"date-parts": [[2026, 5, 12]]},
        "version": "3",
        "abstract": "A fall on the wrist. - 4.1 mm",
        "keyword": "Magnetic resonance, Wrist, hand, trauma",
        "URL": ADDRESS,
    }
    [bare] = json.loads(csl_json(with_(NASTY, authors=(), description=""), *PLACE))
    assert bare["title"] == NASTY
    assert {"author", "abstract"}.isdisjoint(bare)


@pytest.mark.promise("N9")
def test_datacite_has_all_that_a_doi_needs() -> None:
    said = datacite(CASE, *PLACE)
    assert said["creators"] == [
        {"name": "Ines Ferreira", "nameType": "Personal"},
        {"name": "Otto Kern", "nameType": "Personal"},
    ]
    assert said["titles"] == [{"title": "Wrist pain after a fall"}]
    assert said["publisher"] == {"name": "Radiology, Northfield"}
    assert (said["publicationYear"], said["version"], said["url"]) == (2026, "3", ADDRESS)
    assert said["types"]["resourceTypeGeneral"] == "Dataset"
    assert said["dates"] == [{"date": "2026-05-12", "dateType": "Issued"}]
    assert said["subjects"] == [
        {"subject": "Magnetic resonance"},
        {"subject": "hand"},
        {"subject": "trauma"},
        {
            "subject": "Wrist",
            "subjectScheme": "SNOMED CT",
            "schemeUri": "http://snomed.info/sct",
            "classificationCode": "74670003",
        },
    ]
    assert said["rightsList"][0]["rightsIdentifier"] == "CC-BY-4.0"
    assert said["descriptions"] == [
        {"description": "A fall on the wrist. - 4.1 mm", "descriptionType": "Abstract"}
    ]


def test_datacite_without_authors_names_the_operator_and_no_licence_reserves_all() -> None:
    said = datacite(with_(authors=(), licence="", description=""), *PLACE)
    assert said["creators"] == [{"name": "Radiology, Northfield", "nameType": "Organizational"}]
    assert said["rightsList"] == [{"rights": "All rights reserved"}]
    assert said["descriptions"] == []


def test_no_form_tells_what_is_closed() -> None:
    closed = with_(closed=("description", "diagnosis"), description="Scaphoid")
    forms = [form(closed, *PLACE) for form in (citation, bibtex, ris, csl_json)]
    forms.append(json.dumps(datacite(closed, *PLACE)))
    for said in forms:
        assert "Scaphoid" not in said
        assert "Rupture" not in said
