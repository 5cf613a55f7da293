"""UIDs and dates of many files fit together after de-identification, and again after a round."""

from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from deid.uids import is_own
from tests.deid.build import BASIC, Element, instance
from tests.deid.engine import KEY, run
from tests.deid.test_real_files import read


def references(ds: Dataset) -> set[str]:
    """All instances that a data set refers to."""
    return {
        str(e.value) for e in ds.iterall() if e.keyword == "ReferencedSOPInstanceUID" and e.value
    }


def folder_of(shared_data: Path, *names: str) -> list[Path]:
    return sorted(p for name in names for p in (shared_data / name).rglob("*.dcm"))


@pytest.mark.parametrize(
    "names",
    [
        ("kinds/key-objects",),
        ("kinds/presentation-states",),
        ("series/ct-3slice-liver", "kinds/seg"),
        ("series/ct-breast-rt", "kinds/rt"),
    ],
)
def test_references_that_resolved_resolve(shared_data: Path, names: tuple[str, ...]) -> None:
    before, after = [], []
    for path in folder_of(shared_data, *names):
        if path.name == "rtstruct.dcm":
            continue  # no Part 10 file
        data = path.read_bytes()
        before.append(read(data))
        after.append(read(run(data).data))
    had = {str(ds.SOPInstanceUID) for ds in before}
    have = {str(ds.SOPInstanceUID) for ds in after}
    assert len(had) == len(have)
    resolved = 0
    for one, two in zip(before, after, strict=True):
        assert len(references(one) & had) == len(references(two) & have)
        resolved += len(references(two) & have)
    assert resolved


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
