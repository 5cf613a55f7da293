"""Medians, paired ratios, targets, and the page they are published on."""

from pathlib import Path
from typing import cast

import pytest

from bench import report
from bench.figures import Result, run
from bench.work import ROWS, Context, Row, Target


def result(**changes: object) -> Result:
    values: dict[str, object] = {
        "key": "work",
        "title": "some work",
        "unit": "slices/s",
        "floor": "bare-http",
        "more_is_better": True,
        "targets": (Target(3, "orthanc"), Target(0.6, "bare-http")),
        "figures": {
            "readingroom": [100.0, 50.0, 120.0],
            "orthanc": [20.0, 10.0, 60.0],
            "bare-http": [200.0, 100.0, 240.0],
        },
    }
    return Result(**{**values, **changes})  # type: ignore[arg-type]


def test_ratio_is_the_median_of_the_rounds_own_ratios() -> None:
    assert result().ratio("orthanc") == 5
    assert result().ratio("bare-http") == 0.5


def test_ratio_of_times_is_in_favour_of_the_shorter() -> None:
    figures = {"readingroom": [2.0], "orthanc": [500.0]}

    assert result(more_is_better=False, figures=figures).ratio("orthanc") == 250


def test_targets_are_judged_by_ratio_or_by_bound() -> None:
    memory = result(figures={"readingroom": [290.0]}, targets=(Target(300), Target(280)))

    assert [result().is_met(target) for target in result().targets] == [True, False]
    assert [memory.is_met(target) for target in memory.targets] == [True, False]


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    alone = result(figures={"orthanc": [20.0]})

    assert alone.ratio("orthanc") is None
    assert alone.is_met(Target(3, "orthanc")) is None
    assert "≥ 3 × Orthanc: not measured" in report.table([alone])


def test_line_shows_medians_spread_ratios_and_verdicts() -> None:
    line = report.table([result()]).splitlines()[-1]

    assert line == (
        "| some work | slices/s | 100 (50.0–120) | 20.0 (10.0–60.0) "
        "| *bare receiver* 200 (100–240) | 5.00 | 0.50 "
        "| ≥ 3 × Orthanc: met<br>≥ 0.6 × bare receiver: **not met** |"
    )


def test_page_names_date_machine_and_versions() -> None:
    page = report.page(
        [result()],
        date="2024-03-05",
        rounds=3,
        machine={"processor": "some processor, 2 cores"},
        versions={"Orthanc": "1.10.1"},
    )

    assert "2024-03-05" in page
    assert "- processor: some processor, 2 cores\n- Orthanc: 1.10.1" in page
    assert "median of 3 rounds" in page


class Recorded(Row):
    """Notes who had a turn when."""

    key, title, unit = "recorded", "with {slices} slices", "1/s"
    columns = ("readingroom", "orthanc", "nginx")

    def __init__(self) -> None:
        self.turns: list[str] = []

    def measure(self, context: Context, column: str, turn: int) -> float:
        self.turns.append(f"{turn}{column[0]}")
        return turn + 1.0


class Small:
    """The part of a context that a run looks at."""

    def __init__(self, rounds: int) -> None:
        from bench.work import QUICK

        self.rounds, self.size = rounds, QUICK


def test_columns_take_turns_and_each_round_starts_with_the_next() -> None:
    row = Recorded()

    measured = run(row, cast("Context", Small(2)), None, lambda line: None)

    assert row.turns == ["0r", "0o", "0n", "1o", "1n", "1r"]
    assert measured.figures == {key: [1.0, 2.0] for key in row.columns}
    assert measured.title == "with 20 slices"


def test_columns_can_be_left_out() -> None:
    measured = run(Recorded(), cast("Context", Small(1)), {"nginx"}, lambda line: None)

    assert set(measured.figures) == {"nginx"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
def test_every_row_is_documented_and_consistent(row: Row) -> None:
    readme = (Path(report.__file__).parent / "README.md").read_text()

    assert f"`{row.key}`" in readme
    assert row.columns[0] == "readingroom"
    assert row.floor is None or row.floor in row.columns
    assert {target.column for target in row.targets} <= {*row.columns, None}
    assert all(report.title(column) for column in row.columns)
