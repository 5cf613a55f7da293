"""Every real file comes out clean, complete and readable, or is refused with a DeidError."""

import io
import warnings
from hashlib import sha256
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import FileDataset

from deid.profile import default_profile
from tests.deid.engine import KEY, Output, run
from tests.deid.planting.consistency import changed_values, marker_faults, measured, pixels_equal
from tests.deid.planting.reading import Reading
from tests.deid.processed import FILES, NO_INSTANCE, REFUSED, Processed, processed

ROWS = default_profile().rows


# Its Number of Frames is no number, and is emptied.
NO_NUMBER = "badVR.dcm"
# Cut short on purpose; a data set in another encoding than its syntax says.
DAMAGED = ("MR_truncated.dcm", "rtplan_truncated.dcm", "SC_rgb_jpeg.dcm")


def read(data: bytes) -> FileDataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = pydicom.dcmread(io.BytesIO(data))
        if 0xFFFEE0DD in ds:  # one file has a stray delimiter, which pydicom takes for an element
            del ds[0xFFFEE0DD]
        for _ in ds.iterall():  # decode it all
            pass
    return ds


def accepted(path: Path) -> tuple[Processed, Output]:
    """Run a file; those that cannot be stored are known by name or by what they lack."""
    one = processed(path)
    if one.output is None:
        known = REFUSED if path in FILES else DAMAGED
        assert one.error in NO_INSTANCE or path.name in known, one.error
        pytest.skip(f"refused: {one.error}")
    return one, one.output


def pydicoms() -> list[Path]:
    """All files that come with pydicom and are not among the others."""
    some = get_testdata_file("CT_small.dcm", download=False)
    assert isinstance(some, str)
    known = {sha256(path.read_bytes()).digest() for path in FILES}
    found = (path for path in sorted(Path(some).parent.rglob("*")) if path.is_file())
    wanted = (path for path in found if path.suffix in ("", ".dcm"))
    return [path for path in wanted if sha256(path.read_bytes()).digest() not in known]


@pytest.mark.parametrize("path", [*FILES, *pydicoms()], ids=lambda p: "/".join(p.parts[-3:]))
@pytest.mark.promise("F2", "F10", "F56")
def test_a_real_file(path: Path) -> None:
    one, output = accepted(path)
    before, after = read(one.data), read(output.data)

    assert_identity_is_gone(before, after, output)
    if path.name != NO_NUMBER:
        assert_measured_values_stay(Reading(one.data), Reading(output.data), output)
    assert_streamed_elements_are_where_they_are_said_to_be(after, output)
    assert_sending_again_changes_nothing(output)


def assert_identity_is_gone(before: FileDataset, after: FileDataset, output: Output) -> None:
    assert after.PatientName == "Anonymized^^"
    assert (after.PatientID, after.StudyID) == ("0", "1")
    assert after.PatientIdentityRemoved == "YES"
    assert after.LongitudinalTemporalInformationModified == "MODIFIED"
    options = {"GraphicAnnotationSequence": "113103", "ContentSequence": "113104"}
    applied = (code for keyword, code in options.items() if keyword in before)
    codes = [item.CodeValue for item in after.DeidentificationMethodCodeSequence]
    assert codes == sorted((*default_profile().codes, *applied))
    assert all(not int(e.tag) >> 16 & 1 for e in after.iterall())
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        assert before[keyword].value not in ("", after[keyword].value)
        assert getattr(output.result, _attribute(keyword)) == after[keyword].value
        assert before[keyword].value.encode() + b"\0" not in output.data
    assert after.SOPClassUID == before.SOPClassUID == output.result.sop_class_uid
    assert output.result.sent_study_instance_uid == before.StudyInstanceUID
    assert output.result.sent_sop_instance_uid == before.SOPInstanceUID
    for row in ROWS.values():
        if row.library in ("empty", "removed") and row.tag in after:
            value = after[row.tag].value
            assert not value or value == "Removed" or row.vr in ("SQ", "TM", "DA"), hex(row.tag)


def _attribute(keyword: str) -> str:
    return {
        "StudyInstanceUID": "study_instance_uid",
        "SeriesInstanceUID": "series_instance_uid",
        "SOPInstanceUID": "sop_instance_uid",
    }[keyword]


def assert_measured_values_stay(before: Reading, after: Reading, output: Output) -> None:
    """Geometry, acquisition, windowing, timing and pixels: equal, element by element."""
    changed = [[f"{part:08X}" for part in path] for path in changed_values(before, after)]
    assert not changed
    assert list(measured(before)) or (0x7FE00010,) not in before.values
    if any(streamed.length is None for streamed in output.result.streamed):
        pixels = before.values[0x7FE00010,], after.values[0x7FE00010,]
        assert len(pixels[0]) == len(pixels[1])  # test_segments compares what is in them
    else:
        assert pixels_equal(before, after)
    assert not list(marker_faults(before, after))


def assert_streamed_elements_are_where_they_are_said_to_be(
    after: FileDataset, output: Output
) -> None:
    deflated = output.result.transfer_syntax.endswith(".1.99")
    for streamed in output.result.streamed:
        value = after[streamed.tag].value
        if deflated:
            assert streamed.length == len(value)
        elif streamed.length is not None:
            end = streamed.offset + streamed.length
            assert output.data[streamed.offset : end] == value
        else:
            fragments = pydicom.encaps.generate_fragments(value)
            table = next(fragments) if value[:4] == b"\xfe\xff\x00\xe0" else b""
            found = [output.data[a : a + n] for a, n in streamed.fragments]
            assert found == list(fragments)
            assert len(table) == 4 * len(streamed.basic_offsets)
    if "PixelData" in after:
        assert 0x7FE00010 in [s.tag for s in output.result.streamed]


def assert_sending_again_changes_nothing(output: Output) -> None:
    again = run(output.data)
    assert again.result.header == output.result.header
    assert again.data == output.data
    assert run(output.data, key=KEY[::-1]).result.study_instance_uid != (
        output.result.study_instance_uid
    )


def test_documents_video_and_ultrasound_are_held(shared_data: Path) -> None:
    for kind in ("documents", "video", "us"):
        found = [processed(path) for path in FILES if path.parent == shared_data / "kinds" / kind]
        assert found, kind
        assert all(one.output is not None and one.output.result.review for one in found), kind


@pytest.mark.parametrize("path", FILES[:: max(1, len(FILES) // 60)], ids=lambda p: p.name)
def test_how_the_input_is_cut_makes_no_difference(path: Path) -> None:
    one, output = accepted(path)
    sizes = (7, 1000, 1 << 22) if len(one.data) < 200_000 else (10_007, 1 << 22)
    for chunk in sizes:
        again = run(one.data, chunk=chunk)
        assert again.data == output.data
        assert again.result == output.result


def test_one_byte_at_a_time(ct: bytes) -> None:
    assert run(ct, chunk=1).data == run(ct).data
