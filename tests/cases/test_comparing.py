"""What is said of the differences between two versions."""

import random
from dataclasses import replace
from itertools import pairwise

import pytest

from cases.comparing import MOST_EDITS, Change, changes_between, words_between
from cases.document import TEXT_CHARACTERS, Document, ShownSeries, ShownStudy, StartState
from cases.edits import kept_pairs
from tests.cases.test_document import FULL


def of_series(*uids: str) -> Document:
    """A document whose series have names."""
    return Document(
        studies=(ShownStudy("1", "", tuple(ShownSeries(uid, uid.upper()) for uid in uids)),)
    )


def test_nothing_is_said_of_what_stayed() -> None:
    assert changes_between(FULL, FULL) == []
    assert changes_between(Document(), Document()) == []


@pytest.mark.promise("N9")
@pytest.mark.parametrize(
    ("fields", "change"),
    [
        ({"findings": "new"}, Change("Findings", "f", "new")),
        ({"closed": ()}, Change("Kept closed", "diagnosis", "")),
        ({"tags": ("hand",)}, Change("Tags", "hand, trauma", "hand")),
        ({"authors": ("A", "B")}, Change("Authors", "Ines Ferreira", "A, B")),
        ({"licence": ""}, Change("Licence", "CC BY 4.0", "All rights reserved")),
        (
            {"downloadable": False},
            Change("Download", "Readers may download the files", "Not open to readers"),
        ),
        (
            {"start": StartState()},
            Change(
                "First view", "PD, image 10, window 400, 40, zoom 1.5", "The viewer's own choice"
            ),
        ),
    ],
)
def test_each_field_has_its_change(fields: dict[str, object], change: Change) -> None:
    assert changes_between(FULL, replace(FULL, **fields)) == [change]  # type: ignore[arg-type]


def test_series_are_told_by_their_names() -> None:
    old, new = of_series("a"), of_series("b")
    assert changes_between(old, new) == [
        Change("Series taken out", "A", ""),
        Change("Series added", "", "B"),
    ]
    named = Document(studies=(ShownStudy("1", "Wrist", (ShownSeries("a", "T1 coronal"),)),))
    assert changes_between(old, named) == [
        Change("Name of study", "A study", "Wrist"),
        Change("Name of series", "A", "T1 coronal"),
    ]
    assert changes_between(
        Document(), Document(studies=(ShownStudy("1", "", (ShownSeries("a"),)),))
    ) == [Change("Series added", "", "A series")]


def test_only_what_moved_is_said_to_have_moved() -> None:
    old, new = of_series("a", "b", "c"), of_series("b", "c", "a", "d")
    assert changes_between(old, new) == [
        Change("Series added", "", "D"),
        Change("Series order", "A: 1", "A: 3"),
    ]
    studies = tuple(ShownStudy(uid, uid) for uid in "xyz")
    assert changes_between(
        Document(studies=studies), Document(studies=(studies[2], *studies[:2]))
    ) == [Change("Study order", "z: 3", "z: 1")]


def test_words_that_changed_one_after_another_are_one_piece() -> None:
    assert words_between("The quick brown fox jumps.", "The slow red fox jumps over.") == [
        ("same", "The "),
        ("gone", "quick brown"),
        ("new", "slow red"),
        ("same", " fox jumps"),
        ("new", " over"),
        ("same", "."),
    ]
    assert words_between("It measures 4.1 mm.", "It measures 4.2 mm.") == [
        ("same", "It measures "),
        ("gone", "4.1"),
        ("new", "4.2"),
        ("same", " mm."),
    ]
    assert words_between("", "a b") == [("new", "a b")]
    assert words_between("a b", "") == [("gone", "a b")]
    assert words_between("", "") == []


def test_the_pieces_are_both_texts() -> None:
    rng = random.Random(6)
    for _ in range(300):
        old, new = (" ".join(rng.choices("abcd\n", k=rng.randrange(12))) for _ in range(2))
        pieces = words_between(old, new)
        assert "".join(text for kind, text in pieces if kind != "new") == old
        assert "".join(text for kind, text in pieces if kind != "gone") == new
        assert all(one[0] != two[0] for one, two in pairwise(pieces))


def test_as_much_as_possible_stays() -> None:
    rng = random.Random(6)
    for _ in range(300):
        old, new = (rng.choices("abc", k=rng.randrange(10)) for _ in range(2))
        pairs = kept_pairs(old, new, MOST_EDITS)
        assert all(old[x] == new[y] for x, y in pairs)
        assert pairs == sorted(set(pairs))
        assert len({x for x, _ in pairs}) == len({y for _, y in pairs}) == len(pairs)
        assert len(pairs) == longest(old, new)


def longest(old: list[str], new: list[str]) -> int:
    """The length of the longest common subsequence, by the table of the textbook."""
    table = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for x, one in enumerate(old):
        for y, two in enumerate(new):
            table[x + 1][y + 1] = (
                table[x][y] + 1 if one == two else max(table[x][y + 1], table[x + 1][y])
            )
    return table[-1][-1]


def test_texts_that_have_little_in_common_are_not_searched_for_it() -> None:
    # Without an end, this takes minutes, whoever asks for it.
    old = " ".join(str(number) for number in range(9000))
    new = " ".join(str(number) for number in range(9000, 0, -1))
    assert len(old) < TEXT_CHARACTERS
    assert [kind for kind, _ in words_between(f"same {old}", f"same {new}")] == [
        "same",
        "gone",
        "new",
    ]
