"""The published pages say what the tests find."""

from pathlib import Path

import pytest

from deid.profile_page import page
from tests.conftest import find_shared_data
from tests.deid.compare import PAGE, own_cells
from tests.deid.planting.key import Category
from tests.deid.processed import own_column

PROFILE = Path(PAGE).with_name("profile.md")


def test_the_page_of_the_profile_is_current() -> None:
    assert PROFILE.read_text("utf-8") == page(), "run make profile-page"


def test_the_page_of_the_profile_has_every_row() -> None:
    lines = [line for line in page().splitlines() if line.startswith(("| (", "| 5", "| 6", "| O"))]
    assert len(lines) == 691
    assert all(line.split(" | ")[5].strip() for line in lines)


def test_our_column_of_the_comparison_is_what_the_tests_get(shared_data: Path) -> None:
    assert shared_data == find_shared_data()
    published = own_cells(PAGE.read_text("utf-8"))
    assert published == own_column().cells(), "run make compare-deid"


@pytest.mark.parametrize("category", Category, ids=lambda category: category.name)
def test_the_published_column_has_no_leaks(category: Category) -> None:
    assert own_cells(PAGE.read_text("utf-8"))[category.value] == "0"
