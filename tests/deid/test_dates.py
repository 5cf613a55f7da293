"""Dates shift by whole days, intervals stay, and what does not parse goes."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deid.dates import MAX_SHIFT, are_times, shift_dates, shift_datetimes, shift_of
from deid.profile import default_profile
from tests.deid.build import CT, LITTLE, Element, instance
from tests.deid.engine import run

KEY = b"k" * 32


@given(st.binary(max_size=20), st.binary(min_size=1, max_size=20))
def test_the_shift_is_never_zero_and_depends_on_the_key(patient: bytes, key: bytes) -> None:
    days = shift_of(key, patient)
    assert 1 <= abs(days) <= MAX_SHIFT
    assert days == shift_of(key, patient)


@pytest.mark.promise("F5")
def test_shifts_spread_over_the_whole_range() -> None:
    shifts = {shift_of(KEY, str(n).encode()) for n in range(20_000)}
    assert min(shifts) < -3600
    assert max(shifts) > 3600
    assert 0 not in shifts


dates = st.dates(min_value=date(1850, 1, 1), max_value=date(2150, 1, 1))


@given(dates, dates, st.integers(-MAX_SHIFT, MAX_SHIFT))
@pytest.mark.promise("F5", "N15")
def test_intervals_stay(one: date, two: date, days: int) -> None:
    value = b"\\".join(d.strftime("%Y%m%d").encode() for d in (one, two))
    moved = shift_dates(value, days)
    assert moved is not None
    new = [date.fromisoformat(part.decode()) for part in moved.split(b"\\")]
    assert new[1] - new[0] == two - one
    assert (new[0] - one).days == days


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"20240228", b"20240301"),
        (b"2024.02.28", b"2024.03.01"),
        (b"20240228 ", b"20240301"),
        (b"20240228\\\\20240101", b"20240301\\\\20240103"),
        (b"", b""),
        (b"202402", None),
        (b"20240230", None),
        (b"2024-02-28", None),
        (b"2024.0228", None),
        (b"99991231", None),
        (b"20240228-20240301", None),
        (b"born 20240228", None),
    ],
)
def test_dates(value: bytes, expected: bytes | None) -> None:
    assert shift_dates(value, 2) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"20240228", b"20240301"),
        (b"20240228235959.999999+0100", b"20240301235959.999999+0100"),
        (b"2024022812", b"2024030112"),
        (b"2024", None),
        (b"202402", None),
        (b"20240228T12", None),
        (b"20240228123", None),
    ],
)
def test_datetimes(value: bytes, expected: bytes | None) -> None:
    assert shift_datetimes(value, 2) == expected


@pytest.mark.parametrize("value", [b"", b"12", b"1230", b"123059.123", b"12:30:59", b"12\\13 "])
def test_times(value: bytes) -> None:
    assert are_times(value)


@pytest.mark.parametrize("value", [b"noon", b"1", b"12 30", b"123059.1234567", b"Doe"])
def test_what_is_no_time(value: bytes) -> None:
    assert not are_times(value)


def shifted_by(output_date: str, original: str) -> int:
    return (date.fromisoformat(output_date) - date.fromisoformat(original)).days


def dated(patient: bytes | None, study: bytes, issuer: bytes = b"") -> bytes:
    extra: list[Element] = [
        (0x0020000D, "UI", study),
        (0x00080020, "DA", b"20200101"),
        (0x00080021, "DA", b"20200115"),
        (0x0008002A, "DT", b"20200116101112.5"),
        (0x00189074, "DT", b"20200117"),
        (0x0010002F, "DA", b"20200118"),
        (0x00400002, "DA", b"20200119"),
        (0x00100021, "LO", issuer),
        (0x00100020, "LO", patient or b""),
    ]
    return instance(extra, LITTLE, sop_class=CT)


def test_all_dates_of_a_patient_move_together() -> None:
    one, two = run(dated(b"P1", b"1.2.3")).ds, run(dated(b"P1", b"1.2.4")).ds
    days = shifted_by(one.StudyDate, "20200101")
    assert days == shifted_by(two.StudyDate, "20200101")
    assert days == shifted_by(one.SeriesDate, "20200115")
    assert days == shifted_by(one.AcquisitionDateTime[:8], "20200116")
    assert one.AcquisitionDateTime.endswith("101112.5")
    assert days == shifted_by(one.ScheduledProcedureStepStartDate, "20200119")


def test_issuer_patient_key_and_study_decide_the_shift() -> None:
    def days(data: bytes, key: bytes = KEY) -> int:
        return shifted_by(run(data, key=key).ds.StudyDate, "20200101")

    base = days(dated(b"P1", b"1.2.3"))
    assert base != days(dated(b"P2", b"1.2.3"))
    assert base != days(dated(b"P1", b"1.2.3", b"Clinic"))
    assert base != days(dated(b"P1", b"1.2.3"), b"x" * 32)
    assert days(dated(None, b"1.2.3")) != days(dated(None, b"1.2.4"))
    assert days(dated(None, b"1.2.3")) == days(dated(b"  ", b"1.2.3"))


def test_birth_date_is_emptied_and_bad_dates_go() -> None:
    ds = run(
        instance(
            [
                (0x00100030, "DA", b"19630417"),
                (0x00080020, "DA", b"Jan 1 20"),
                (0x00080022, "DA", b"2020"),
                (0x00189074, "DT", b"yesterday"),
                (0x00080201, "SH", b"+0545"),
            ]
        )
    ).ds
    assert ds.PatientBirthDate == ""
    assert ds.StudyDate == ""
    assert ds.AcquisitionDate == ""
    assert ds.FrameAcquisitionDateTime == "19000101"
    assert "TimezoneOffsetFromUTC" not in ds


def test_ages_have_a_limit() -> None:
    # Both tables list every age that there is; of one that a later edition adds the VR decides.
    known = default_profile()
    later = replace(known, rows={t: row for t, row in known.rows.items() if t != 0x00101010})

    def output(value: bytes) -> bytes:
        return run(instance([(0x00101010, "AS", value)]), profile=later).data

    assert b"090Y" in output(b"095Y")
    assert b"089Y" in output(b"089Y")
    assert b"old" not in output(b"old!")
