"""Finding cases: by words and by what they are, on both databases, and never what is not public."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from cases import schema
from cases.cases import Case, delete_case
from cases.finding import find_cases
from cases.maps import count_of, entries_of
from cases.publishing import publish
from cases.typed import words_in
from cases.wanted import Count, Found, Order, Wanted
from store.db import Database
from tests.cases.rows import NOW, OWNER, add_published, edit

OTHER = OWNER + 1


def put(database: Database, title: str, days: int = 0, owner: int = OWNER, **said: Any) -> Case:  # noqa: ANN401
    """A published case, published that many days later."""
    return add_published(database, owner, now=NOW + timedelta(days=days), title=title, **said)


def titles(database: Database, text: str = "", **wanted: Any) -> list[str]:  # noqa: ANN401
    return [one.title for one in find_cases(database, Wanted(text, **wanted)).cases]


def change(database: Database, case: Case, **columns: Any) -> None:  # noqa: ANN401
    with database.write() as connection:
        statement = update(schema.case).where(schema.case.c.id == case.id)
        connection.execute(statement.values(**columns))


@pytest.fixture
def three(database: Database) -> tuple[Case, Case, Case]:
    wrist: dict[str, Any] = {
        "modality": "MR",
        "body_part": "WRIST",
        "authors": ("Ines Ferreira", "Jonas Lindqvist"),
    }
    return (
        put(database, "Scapholunate tear", 1, tags=("ligament", "sports"), **wrist),
        put(
            database,
            "Ménière's disease",
            2,
            owner=OTHER,
            modality="CT",
            body_part="HEAD",
            history="Vertigo for two years. The ligaments are normal.",
            diagnosis="Endolymphatic hydrops.",
            closed=("diagnosis",),
            authors=("Tomasz Wilk",),
        ),
        put(
            database,
            "Fractures of the scaphoid",
            3,
            modality="CT",
            body_part="WRIST",
            findings="A waist fracture with 2 mm of displacement on T2-weighted images.",
            downloadable=True,
            authors=("Ines Ferreira",),
        ),
    )


WORDS: list[tuple[str, set[str]]] = [
    ("", {"Scapholunate tear", "Ménière's disease", "Fractures of the scaphoid"}),
    ("scapholunate", {"Scapholunate tear"}),
    ("SCAPHO", {"Scapholunate tear", "Fractures of the scaphoid"}),
    ("meniere", {"Ménière's disease"}),
    ("MÉNIÈRE'S", {"Ménière's disease"}),
    ("fracture", {"Fractures of the scaphoid"}),
    ("displacements", {"Fractures of the scaphoid"}),
    ("hydrops", {"Ménière's disease"}),
    ("sports", {"Scapholunate tear"}),
    ("lindqvist", {"Scapholunate tear"}),
    ("ferreira tear", {"Scapholunate tear"}),
    ("ligament", {"Scapholunate tear", "Ménière's disease"}),
    ("wrist CT", {"Fractures of the scaphoid"}),
    ("T2-weighted", {"Fractures of the scaphoid"}),
    ("tear hydrops", set()),
    ("zebedee", set()),
]
TYPED = (
    *(
        '"',
        "'",
        '"unclosed',
        "NOT",
        "* OR *",
        "a NEAR b",
        "title:x",
        "{x} : y",
        "^tear",
        "(",
        "-a",
    ),
    *(
        "a & !b",
        "a | b",
        "a <-> b",
        ":*",
        "tear:*",
        "\\",
        "'; DROP TABLE case_words; --",
        "%",
        "_",
    ),
    *(
        "\0",
        "tear\0tear",
        "\ud800",
        "𝔖𝔠𝔞",
        "\u202e",
        "٣",
        "x" * 10_000,
        "tear " * 2000,
        "a b " * 500,
    ),
)


@pytest.mark.usefixtures("three")
def test_a_case_is_found_by_words_of_its_title_text_tags_authors_and_kind(
    database: Database,
) -> None:
    assert [(text, set(titles(database, text))) for text, _ in WORDS] == WORDS


@pytest.mark.usefixtures("three")
def test_what_was_typed_is_never_syntax(database: Database) -> None:
    for text in TYPED:
        found = find_cases(database, Wanted(text, tags=(text,), authors=(text,), order="relevance"))
        assert found.total == 0, text[:20]
        assert find_cases(database, Wanted(text)).of_all == 3
        assert len(words_in(text)) <= 12


@pytest.mark.usefixtures("three")
def test_operators_are_words_like_others(database: Database) -> None:
    assert titles(database, "tear OR fracture") == []
    assert titles(database, '"of the" scaphoid') == ["Fractures of the scaphoid"]


FILTERS: list[tuple[Wanted, list[str]]] = [
    (Wanted(modalities=("CT",)), ["Fractures of the scaphoid", "Ménière's disease"]),
    (
        Wanted(modalities=("CT", "MR"), body_parts=("WRIST",)),
        ["Fractures of the scaphoid", "Scapholunate tear"],
    ),
    (Wanted(tags=("ligament",)), ["Scapholunate tear"]),
    (Wanted(tags=("ligament", "sports")), ["Scapholunate tear"]),
    (Wanted(tags=("lig",)), []),
    (Wanted(authors=("Ines Ferreira",)), ["Fractures of the scaphoid", "Scapholunate tear"]),
    (Wanted(authors=("Ines Ferreira", "Jonas Lindqvist")), ["Scapholunate tear"]),
    (Wanted(authors=("Ines",)), []),
    (Wanted(authors=("%",)), []),
    (Wanted(owner_id=OTHER), ["Ménière's disease"]),
    (Wanted(reveals=True), ["Ménière's disease"]),
    (Wanted(downloadable=True), ["Fractures of the scaphoid"]),
    (Wanted("scapho", modalities=("MR",)), ["Scapholunate tear"]),
]


@pytest.mark.promise("F109")
@pytest.mark.usefixtures("three")
def test_filters_narrow(database: Database) -> None:
    for wanted, titles_found in FILTERS:
        answer = find_cases(database, wanted)
        assert [one.title for one in answer.cases] == titles_found, wanted
        assert answer.total == len(titles_found)


@pytest.mark.usefixtures("three")
def test_counts_say_what_each_choice_would_leave_and_zero_stays(database: Database) -> None:
    found = find_cases(database, Wanted(modalities=("MR",)))
    # Of the modality itself, as if none were chosen: one more can be chosen.
    assert found.modalities == (Count("CT", 2), Count("MR", 1))
    assert found.body_parts == (Count("WRIST", 1), Count("HEAD", 0))
    assert (found.reveals, found.downloadable) == (0, 0)
    assert (found.total, found.of_all) == (1, 3)
    assert counts(find_cases(database, Wanted("vertigo"))) == {"CT": 1, "MR": 0}
    assert counts(find_cases(database, Wanted(owner_id=OWNER))) == {"CT": 1, "MR": 1}


def counts(found: Found) -> dict[str, int]:
    return {one.value: one.cases for one in found.modalities}


@pytest.mark.usefixtures("three")
def test_orders(database: Database) -> None:
    put(database, "About something else", 9, discussion="A scaphoid and a tear are named here.")
    orders: dict[Order, list[str]] = {
        "newest": ["About something else", "Fractures of the scaphoid"],
        # A word of a title counts for more than one of a text.
        "relevance": ["Fractures of the scaphoid", "About something else"],
        "title": ["About something else", "Fractures of the scaphoid"],
    }
    for order, found in orders.items():
        assert titles(database, "scaphoid", order=order) == found
    assert titles(database, order="title")[-1] == "Scapholunate tear"


def test_of_many_the_newest_are_put_in_order_of_fit_and_the_others_follow(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in (
        ("Old scaphoid", ""),
        ("A", "scaphoid"),
        ("Scaphoid", ""),
        ("B", "scaphoid"),
    ):
        put(database, name, findings=text or "Other words.")
    every = {"Old scaphoid", "Scaphoid", "A", "B"}
    assert set(titles(database, "scaphoid", order="relevance")[:2]) == {"Old scaphoid", "Scaphoid"}
    monkeypatch.setattr("cases.finding.MOST_RANKED", 2)
    found = titles(database, "scaphoid", order="relevance")
    assert found == ["Scaphoid", "B", "A", "Old scaphoid"]
    pages = [
        find_cases(database, Wanted("scaphoid", order="relevance"), limit=1, offset=at)
        for at in range(5)
    ]
    assert [one.title for page in pages for one in page.cases] == found
    assert {page.total for page in pages} == {len(every)}
    three = find_cases(database, Wanted("scaphoid", order="relevance"), limit=3, offset=1)
    assert [one.title for one in three.cases] == found[1:]


def test_pages_follow_each_other_and_end(database: Database) -> None:
    for number in range(7):
        put(database, f"Case {number}", number)
    pages = [find_cases(database, Wanted(), limit=3, offset=at) for at in (0, 3, 6, 9)]
    assert [one.title[-1] for page in pages for one in page.cases] == list("6543210")
    assert {page.total for page in pages} == {7}


@pytest.mark.parametrize(
    "columns",
    [{"private": True}, {"hidden_at": NOW}, {"version": None}],
    ids=["private", "hidden", "pending"],
)
def test_what_is_not_public_is_neither_found_nor_counted(
    database: Database, three: tuple[Case, Case, Case], columns: dict[str, Any]
) -> None:
    change(database, three[0], **columns)
    found = find_cases(database, Wanted())
    assert three[0].title not in [one.title for one in found.cases]
    assert (found.total, found.of_all, counts(found)) == (2, 2, {"CT": 2})
    for wanted in (Wanted("scapholunate"), Wanted(tags=("sports",)), Wanted("", ("MR",))):
        assert find_cases(database, wanted).cases == ()
    assert count_of(database, "cases") == 2
    assert three[0].code not in dict(entries_of(database, "cases", limit=9, offset=0))


def test_a_case_that_is_being_written_is_found_only_by_what_was_published(
    database: Database, three: tuple[Case, Case, Case]
) -> None:
    case = three[0]
    edit(database, case, title="Torn", findings="Zebedee sign.", tags=("quillfeather",))
    # The title applies at once (F16), all else when it is published (F17).
    assert titles(database, "torn") == ["Torn"]
    assert titles(database, "scapholunate") == []
    assert titles(database, "zebedee") == titles(database, "quillfeather") == []
    publish(database, OWNER, case.code, clock=lambda: NOW)
    assert titles(database, "zebedee quillfeather") == ["Torn"]
    assert titles(database, "sports") == []
    delete_case(database, OWNER, case.code)
    assert titles(database, "zebedee") == []


@pytest.mark.usefixtures("three")
def test_a_case_in_a_list_says_who_what_and_when(database: Database) -> None:
    [one] = find_cases(database, Wanted("meniere")).cases
    assert (one.modality, one.body_part, one.authors) == ("CT", "HEAD", ("Tomasz Wilk",))
    assert (one.images, one.has_picture, one.version, one.owner_id) == (2, True, 1, OTHER)
    assert one.published_at == NOW + timedelta(days=2)
