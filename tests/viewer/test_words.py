"""Dates, ages and numbers as people read them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from viewer import words

NOW = datetime(2026, 5, 12, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "written"),
    [("20191017", "17 Oct 2019"), ("", ""), ("2019", ""), ("20191399", ""), ("junk", "")],
)
def test_a_date_is_written_with_its_month_in_words(value: str, written: str) -> None:
    assert words.day(value).replace("\u00a0", " ") == written


@pytest.mark.parametrize(
    ("ago", "written"),
    [
        (timedelta(seconds=-5), "now"),
        (timedelta(seconds=59), "now"),
        (timedelta(minutes=5), "5 min"),
        (timedelta(hours=3, minutes=59), "3 h"),
        (timedelta(days=1), "1 day"),
        (timedelta(days=20), "20 days"),
    ],
)
def test_an_age_has_one_unit(ago: timedelta, written: str) -> None:
    assert words.age(NOW - ago, NOW).replace("\u00a0", " ") == written


def test_numbers_are_grouped() -> None:
    assert words.plural(1966, "image", "images") == "1,966\u00a0images"
    assert words.plural(1, "image", "images") == "1\u00a0image"


@pytest.mark.parametrize(
    ("known", "written"),
    [
        ((2, "AXIAL HEAD", "CT"), "Series 2, AXIAL HEAD"),
        ((2, "", "CT"), "Series 2, CT"),
        ((0, "", ""), "Series 0"),
        ((None, "", "CT"), "CT"),
        ((None, "", ""), "Series without a number"),
    ],
)
def test_a_series_is_named_by_what_is_known(
    known: tuple[int | None, str, str], written: str
) -> None:
    assert words.series_name(*known) == written


def test_a_moment_of_another_zone_is_written_in_utc() -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5)))
    assert words.exact(elsewhere) == words.exact(NOW.replace(tzinfo=None)) == words.exact(NOW)


def test_an_exact_time_names_its_zone() -> None:
    assert words.exact(NOW) == "12 May 2026, 14:30 UTC"


@pytest.mark.parametrize(
    ("span", "written"),
    [
        (timedelta(seconds=3), "3 s"),
        (timedelta(minutes=59), "59 min"),
        (timedelta(hours=47), "47 h"),
        (timedelta(days=3, hours=20), "3 days"),
        (timedelta(seconds=-1), "0 s"),
    ],
)
def test_a_duration_has_one_unit(span: timedelta, written: str) -> None:
    assert words.duration(span).replace("\u00a0", " ") == written


@pytest.mark.parametrize(("took", "written"), [(0, "1 ms"), (40, "40 ms"), (1250, "1.2 s")])
def test_what_takes_moments_is_told_in_moments(took: int, written: str) -> None:
    assert words.quick(took).replace("\u00a0", " ") == written
