"""The promises: tests name rows that there are, and the page says what the tests say."""

from tests.promises import TESTS, promises, report, shown


def test_tests_name_rows_that_there_are() -> None:
    rows = {row for section in promises().values() for row in section}
    assert set(shown()) <= rows


def test_every_row_is_there() -> None:
    rows = [row for section in promises().values() for row in section]
    wanted = [f"F{number}" for number in range(1, 114)] + [f"N{number}" for number in range(1, 16)]
    assert rows == wanted


def test_the_page_is_up_to_date() -> None:
    page = (TESTS.parent / "docs" / "promises.md").read_text("utf-8")
    assert page == report(), "run `make promises`"
