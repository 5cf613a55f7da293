"""What the bench of searches asks for finds, at each size, as many studies as it says."""

import pytest

from bench.index_queries import QUERIES
from bench.index_report import TITLES, Figures, Table, report
from bench.index_rows import SERIES, STUDY, made

SIZES = (1_000, 10_000)


def _column(table: tuple[str, ...], place: int, name: str, size: int) -> list[str]:
    at = table.index(name)
    return [row[at] for batch in made(1, size) for row in batch[place]]


@pytest.mark.parametrize("size", SIZES)
def test_as_many_have_what_is_rare(size: int) -> None:
    for name, word in (("patient_name", "Quixot"), ("study_description", "ZEBRA")):
        having = [word in text for text in _column(STUDY, 0, name, size)]
        assert sum(having) == 100
        # One in each hundredth of them: they are no neighbours.
        step = size // 100
        assert all(sum(having[at : at + step]) == 1 for at in range(0, size, step))
    keys = zip(*(_column(SERIES, 1, name, size) for name in ("study_id", "modality")), strict=True)
    assert len({study for study, modality in keys if modality == "OPT"}) == 20


@pytest.mark.parametrize("size", SIZES)
def test_days_and_patients_are_as_many_as_said(size: int) -> None:
    days = QUERIES["StudyDate, days of 300"].parameters(size).partition("=")[2]
    first, last = days.split("-")
    dates = _column(STUDY, 0, "study_date", size)
    assert 240 < sum(first <= date <= last for date in dates) < 360
    prefix = QUERIES["PatientID, the oldest tenth"].parameters(size).split("*")[1]
    numbers = _column(STUDY, 0, "patient_id", size)
    assert [number.startswith(prefix) for number in numbers] == [
        number < size // 10 for number in range(1, size + 1)
    ]


def test_a_page_is_compared_with_one_that_is_as_full(capsys: pytest.CaptureFixture[str]) -> None:
    def figures(judged: float, results: int) -> Figures:
        return Figures(judged, 0.1, None, judged, 0.1, results)

    table: Table = {
        ("StudyDate, five years", 0): {1: figures(4.0, 101), 2: figures(6.1, 101)},
        ("StudyDate, a week", 0): {1: figures(1.0, 2), 2: figures(5.0, 101)},
        ("PatientID, one", 0): {1: figures(1.0, 1), 2: figures(1.4, 1)},
        ("all", 0): {1: figures(16.0, 101), 2: figures(21.0, 101)},
    }
    assert report(next(iter(TITLES)), table) == 2
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines()[4:]]
    told = {row[0]: (row[4:8], row[-1]) for row in rows}
    assert told["| StudyDate, five years"] == (["101 / 101", "1.52", "", "1.52"], "missed |")
    like = ["2 / 101", "1.25", "StudyDate, five years", "5.00"]
    assert told["| StudyDate, a week"] == (like, "met |")
    assert told["| PatientID, one"][1] == "met |"
    assert told["| all"][1] == "missed |"


def test_what_is_compared_is_asked_for_itself() -> None:
    for condition in QUERIES.values():
        assert not condition.like or not QUERIES[condition.like].like
