"""What is said to have happened to each element is what happened, at every depth."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from deid.encoding import EXPLICIT_LITTLE, encoding_of
from deid.errors import DeidError
from deid.explain import Line, explain
from deid.profile import default_profile
from deid.shown import LONGEST, charsets_of, shown
from tests.deid.build import BIG, LITTLE, SYNTAXES, Element, instance
from tests.deid.conftest import real_files
from tests.deid.engine import KEY, run
from tests.deid.frames import JPEG_2000, codestream, commented
from tests.support.datasets import ct_slice, encoded

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")


SEGMENTS = "segments and comments"


def lines_of(data: bytes) -> dict[str, Line]:
    lines = explain(data, KEY).lines
    found = {line.path: line for line in lines}
    assert len(found) == len(lines)
    return found


def paths(ds: Dataset, above: str = "") -> Iterator[str]:
    for tag in sorted(ds.keys()):
        if tag.group == 0xFFFE:  # a stray delimiter
            continue
        element = ds[tag]
        here = f"{above}({element.tag.group:04X},{element.tag.element:04X})"
        yield here
        if element.VR == "SQ":
            for number, item in enumerate(element.value or (), 1):
                yield from paths(item, f"{here}[{number}].")


def said(line: Line) -> tuple[str, str, str, str | None, str | None]:
    return line.rule, line.source, line.action, line.before, line.after


def test_each_action_is_told_with_its_row_and_values() -> None:
    lines = lines_of(encoded(ct_slice()))
    written = run(encoded(ct_slice())).ds
    library = "DICOM Library: "
    expected = {
        "(0010,0010)": (
            *("3", f"{library}value, E.1-1: Z", "literal"),
            *("Zebedee^Quillfeather", "Anonymized^^"),
        ),
        "(0010,1040)": (
            *("4", f"{library}empty, E.1-1: X", "emptied"),
            *("Ruritania Street 77", ""),
        ),
        "(0010,1010)": ("5", "E.1-1: X", "removed", "052Y", None),
        "(0008,0020)": ("5", "E.1-1: Z", "shifted", "20240229", written.StudyDate),
        "(0009,1010)": ("2", "private", "removed", "Zebedee Quillfeather", None),
        "(0008,1030)": (
            *("6", "E.1-1: X", "cleaned"),
            *("CT HEAD WITHOUT CONTRAST Quillfeather", "CT HEAD WITHOUT CONTRAST"),
        ),
        "(0008,9124)[1].(0008,1155)": (
            *("5", "E.1-1: U", "mapped", "1.2.9.77"),
            written.DerivationImageSequence[0].ReferencedSOPInstanceUID,
        ),
        "(0008,9124)": ("5", "VR SQ", "searched", "1 item", "1 item"),
        "(0008,9124)[1].(0400,0561)": ("2", "deleted everywhere", "removed", "1 item", None),
        "(0008,9124)[1].(0400,0561)[1].(0010,0020)": (
            *("2", "with its sequence", "removed", "ZQX-99417-PATIENT", None),
        ),
        "(0012,0062)": ("9", "written anew", "added", None, "YES"),
        "(0028,0010)": ("5", "VR US", "kept", "64", "64"),
        "(7FE0,0010)": ("5", "VR OW", "kept", "8192 bytes", "8192 bytes"),
        "(0002,0016)": ("3", "written anew", "added", None, "DICOMLIBRARY"),
        "(0002,0010)": ("9", "written anew", "kept", EXPLICIT_LITTLE, EXPLICIT_LITTLE),
        "preamble": ("9", "written anew", "emptied", "128 bytes", ""),
    }
    assert {path: said(lines[path]) for path in expected} == expected
    assert lines["(0010,0010)"].keyword == "PatientName"


def test_the_lines_add_up_to_the_receipt() -> None:
    explanation = explain(encoded(ct_slice()), KEY)
    happened = Counter(
        line.action
        for line in explanation.lines
        if line.path.startswith("(") and not line.path.startswith("(0002,")
        if line.action not in ("kept", "searched", "added")
        if line.source != "with its sequence"
    )
    assert dict(happened) == dict(explanation.receipt.actions)


def test_every_element_of_every_real_file_has_a_line() -> None:
    looked_at = 0
    # The slices of a series say the same.
    series = [path for path in real_files() if "series" in path.parts]
    for path in sorted({*real_files()} - {*series}) + series[::30]:
        data = path.read_bytes()
        try:
            lines = explain(data, KEY).lines
        except DeidError:
            continue
        told = {line.path for line in lines}
        assert set(paths(pydicom.dcmread(io.BytesIO(data)))) <= told, path.name
        assert all(line.action and line.source and line.rule for line in lines), path.name
        assert [line for line in lines if not is_harmless(line)] == [], path.name
        looked_at += 1
    assert looked_at > 8


def is_harmless(line: Line) -> bool:
    """Whether a line can be printed: no control characters, not too long."""
    values = [value for value in (line.before, line.after) if value is not None]
    return all(value.isprintable() and len(value) < LONGEST + 30 for value in values)


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("undefined", [False, True])
def test_every_encoding_is_explained_the_same(syntax: str, undefined: bool) -> None:
    inner: list[Element] = [(0x00100010, "PN", b"DOE^JANE"), (0x00081155, "UI", b"1.2.3")]
    extra: list[Element] = [
        (0x00100020, "LO", b"4711"),
        (0x00081140, "SQ", [inner, inner]),
        (0x00280010, "US", b"\0\5" if syntax == BIG else b"\5\0"),
    ]
    data = instance([*extra, (0x7FE00010, "OW", bytes(50))], syntax, undefined=undefined)
    lines = lines_of(data)
    assert lines["(0010,0020)"].before == "4711"
    assert lines["(0008,1140)[2].(0010,0010)"].before == "DOE^JANE"
    assert lines["(0008,1140)[2].(0008,1155)"].action == "mapped"
    assert lines["(0028,0010)"].before == "5"
    assert lines["(7FE0,0010)"].before == "50 bytes"


def test_a_sequence_that_hides_in_unknown_is_opened() -> None:
    name = b"\x10\0\x10\0\x08\0\0\0DOE^JANE"
    item = b"\xfe\xff\0\xe0" + len(name).to_bytes(4, "little") + name
    lines = lines_of(instance([(0x00081140, "UN", item)], LITTLE))
    assert lines["(0008,1140)"].vr == "UN"
    assert lines["(0008,1140)[1].(0010,0010)"].before == "DOE^JANE"
    assert lines["(0008,1140)[1].(0010,0010)"].after == "Anonymized^^"


def test_segments_taken_out_of_frames_are_told() -> None:
    plain, planted = codestream(), commented(codestream())
    for frame, expected in ((plain, ("5", "VR OW", "kept")), (planted, ("8", SEGMENTS, "cleaned"))):
        ds = ct_slice()
        ds.file_meta.TransferSyntaxUID = UID(JPEG_2000)
        ds.PixelData = encapsulate([frame, frame])
        ds["PixelData"].is_undefined_length = True
        line = lines_of(encoded(ds))["(7FE0,0010)"]
        assert said(line)[:3] == expected
        assert line.before == f"{2 * (len(frame) + len(frame) % 2)} bytes in 2 fragments"


def test_content_that_says_who_somebody_is_is_told_as_such() -> None:
    code: list[Element] = [
        *((0x00080100, "SH", b"121008"), (0x00080102, "SH", b"DCM"), (0x00080104, "LO", b"Name")),
    ]
    assert b"121008" in default_profile().identifying
    item: list[Element] = [
        (0x0040A040, "CS", b"TEXT"),
        (0x0040A043, "SQ", [code]),
        (0x0040A160, "UT", b"Jane Doe"),
    ]
    sr = "1.2.840.10008.5.1.4.1.1.88.11"
    lines = lines_of(instance([(0x0040A730, "SQ", [item])], LITTLE, sop_class=sr))
    line = lines["(0040,A730)[1].(0040,A160)"]
    assert (line.rule, line.action, line.before) == ("7", "replaced", "Jane Doe")


def test_an_operators_row_is_named() -> None:
    profile = default_profile().changed({}, {0x0008103E: "remove"})
    lines = explain(encoded(ct_slice()), KEY, profile).lines
    [line] = [line for line in lines if line.path == "(0008,103E)"]
    assert said(line)[1:3] == ("operator: remove, E.1-1: X", "removed")


def test_what_cannot_be_deidentified_is_not_explained() -> None:
    with pytest.raises(DeidError):
        explain(encoded(ct_slice())[:-10], KEY)


@pytest.mark.parametrize(
    ("value", "vr", "text"),
    [
        (b"DOE^JANE ", "PN", "DOE^JANE"),
        (b"a\x1b[31mb\r\n", "LO", "a\\x1b[31mb\\x0d\\x0a"),
        (b"x" * 200, "UT", "x" * 47 + "… (200 bytes)"),
        (b"\5\0\6\0", "US", "5\\6"),
        (b"\xff\xff", "SS", "-1"),
        (b"\0\0\x80\x3f", "FL", "1"),
        (bytes(40), "UL", "0\\0\\0\\0\\0\\0\\0\\0\\… (10 values)"),
        (b"\x10\0\x20\0", "AT", "(0010,0020)"),
        (b"abc", "US", "3 bytes"),
        (b"", "US", ""),
        (b"", "OB", ""),
        (b"\1\2", "OB", "2 bytes"),
        (b"PHILIPS ", "UN", "PHILIPS"),
        (b"\xff\xfe", "UN", "2 bytes"),
    ],
)
def test_values_are_shown_short_and_harmless(value: bytes, vr: str, text: str) -> None:
    assert shown(value, vr, encoding_of(LITTLE), charsets_of(b"")) == text


def test_big_endian_numbers_are_read_as_such() -> None:
    assert shown(b"\0\5", "US", encoding_of(BIG), charsets_of(b"")) == "5"


def test_names_are_shown_in_their_character_set(shared_data: Path) -> None:
    data = (shared_data / "charsets/chrH32.dcm").read_bytes()
    line = lines_of(data)["(0010,0010)"]
    assert str(pydicom.dcmread(io.BytesIO(data)).PatientName) == line.before


@pytest.mark.parametrize("value", [b"NOSUCH", b"ISO 2022 IR 87\\\\", b"\xff"])
def test_a_strange_character_set_is_no_error(value: bytes) -> None:
    assert shown(b"DOE \xe4", "PN", encoding_of(LITTLE), charsets_of(value))
