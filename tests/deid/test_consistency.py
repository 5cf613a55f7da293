"""UIDs and dates of many files fit together after de-identification, and again after a round."""

from deid import Deidentifier
from deid.uids import is_own
from tests.conftest import find_shared_data
from tests.deid.build import BASIC, Element, instance
from tests.deid.engine import KEY, run
from tests.deid.processed import real_column


def test_uids_map_one_to_one() -> None:
    noted = real_column().ledger
    assert len(noted.uids) > 30
    assert not noted.split
    assert not noted.merged
    assert not noted.kept


def test_references_resolve_or_point_outside() -> None:
    noted = real_column().ledger
    assert not noted.broken
    assert noted.resolved > 700 or find_shared_data() is None
    assert len(noted.references) > noted.resolved


def test_intervals_between_dates_stay() -> None:
    noted = real_column().ledger
    assert len(noted.shifts) > 5
    assert not noted.torn
    moved = [days for shifts in noted.shifts.values() for days in shifts]
    assert len(set(moved)) > len(moved) / 2
    assert all(0 < abs(days) <= 3650 for days in moved)


def test_a_report_stored_back_joins_its_study_and_is_not_shifted() -> None:
    first = run(instance([(0x00080020, "DA", b"20200101")])).ds
    report: list[Element] = [
        (0x0020000D, "UI", first.StudyInstanceUID.encode()),
        (0x0020000E, "UI", b"1.2.3.4"),
        (0x00080018, "UI", b"1.2.3.5"),
        (0x00080020, "DA", first.StudyDate.encode()),
        (0x00100020, "LO", b"0"),
        (0x00081115, "SQ", [[(0x00081155, "UI", first.SOPInstanceUID.encode())]]),
    ]
    ds = run(instance(report, sop_class=BASIC)).ds
    assert ds.StudyInstanceUID == first.StudyInstanceUID
    assert ds.StudyDate == first.StudyDate
    assert ds.ReferencedSeriesSequence[0].ReferencedSOPInstanceUID == first.SOPInstanceUID
    assert is_own(KEY, ds.SeriesInstanceUID)


def test_owners_are_unlinkable() -> None:
    data = instance([(0x00080020, "DA", b"20200101")])
    one, two = run(data).ds, run(data, key=b"z" * 32).ds
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "StudyDate"):
        assert one[keyword].value != two[keyword].value


def test_long_values_are_passed_on_from_a_buffer_that_is_used_again() -> None:
    data = instance([(0x7FE00010, "OW", bytes(range(256)) * 40)])
    out, passed = bytearray(), 0

    def pass_on(piece: memoryview) -> None:
        nonlocal passed
        passed += len(piece)
        out.extend(piece)

    engine = Deidentifier(KEY, out.extend, pass_on=pass_on)
    buffer = bytearray(1000)
    for start in range(0, len(data), len(buffer)):
        size = len(data[start : start + len(buffer)])
        buffer[:size] = data[start : start + size]
        engine.feed(memoryview(buffer)[:size])
    engine.finish()
    assert out == run(data).data
    assert passed == 256 * 40
