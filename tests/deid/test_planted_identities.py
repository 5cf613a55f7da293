"""Nothing of the planted identities comes out, and what need not go stays.

The corpus and its answer key: ``tests/deid/planting``. Targets: the section "What counts as proof"
of the profile's specification.
"""

from collections import Counter

import pytest

from tests.deid.planting.corpus import PARTS
from tests.deid.planting.key import Category, Tier
from tests.deid.planting.scores import Tally
from tests.deid.processed import tally

SAFE_WORDS = 0.9


def first(found: list[str], count: int = 20) -> str:
    """Show some of many; all of it is made up."""
    return "\n".join((f"{len(found)}:", *found[:count]))


@pytest.fixture(scope="module", params=PARTS)
def counted(request: pytest.FixtureRequest) -> Tally:
    return tally(request.param)


def test_every_plant_shows_in_the_planted_file(counted: Tally) -> None:
    assert not counted.not_planted, first(counted.not_planted)


def test_no_plant_is_visible_to_strangers(counted: Tally) -> None:
    leaks = [str(leak) for leak in counted.leaks]
    assert not leaks, first(leaks)


def test_nothing_else_stands_in_its_place(counted: Tally) -> None:
    assert not counted.faults, first(counted.faults)


def test_the_output_can_be_read(counted: Tally) -> None:
    assert not counted.unreadable


def test_safe_words_stay(counted: Tally) -> None:
    lost = Counter(word for _, word in counted.words_lost)
    assert counted.words_kept >= SAFE_WORDS, lost.most_common(40)


def total() -> Counter[Category]:
    return sum((tally(name).planted for name in PARTS), Counter[Category]())


def test_the_corpus_has_every_category() -> None:
    planted = total()
    assert set(planted) == set(Category)
    assert min(planted.values()) >= 5
    tiers = Counter[Tier]()
    for category, count in planted.items():
        tiers[category.tier] += count
    assert tiers[Tier.REQUIRED] > 100_000
    assert tiers[Tier.TEXT] > 20_000


def test_few_files_are_refused_and_documents_are_held() -> None:
    """A corpus whose files are refused proves nothing."""
    refused = [name for part in PARTS for name, _ in tally(part).refused]
    assert len(refused) < 60, refused
    held = {name for part in PARTS for name in tally(part).held}
    assert {name for name in held if name.startswith("document/")}
