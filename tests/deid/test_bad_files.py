"""Damaged and hostile input: a DeidError or a valid result, soon, in little memory."""

import struct
import time
import tracemalloc
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.datadict import tag_for_keyword

from deid import (
    Deidentifier,
    DeidError,
    Limits,
    Malformed,
    MissingIdentifier,
    NotDicom,
    SopClassUnsupported,
    TooLarge,
    TransferSyntaxUnsupported,
    Truncated,
)
from deid.profile import default_profile
from tests.conftest import find_shared_data
from tests.deid.build import (
    DEFLATED,
    IMPLICIT,
    LITTLE,
    MINIMUM,
    SYNTAXES,
    Element,
    Form,
    data_set,
    element,
    instance,
    part10,
)
from tests.deid.engine import run

SHARED = find_shared_data()
BAD = sorted((SHARED / "bad").iterdir()) if SHARED else []

EXPECTED = {
    "20-wrong-transfer-syntax.dcm": Malformed,
    "3gb-bulk-data-truncated.dcm": Truncated,
    "MR_truncated.dcm": Truncated,
    "deflate-bomb-200mb.dcm": TooLarge,
    "huge-element-length.dcm": TooLarge,
    "meta_missing_tsyntax.dcm": MissingIdentifier,
    "missing-study-uid.dcm": MissingIdentifier,
    "nested-sequences-5000.dcm": Malformed,
    "no_meta.dcm": NotDicom,
    "not-dicom-png.dcm": NotDicom,
    "not-dicom-text.dcm": NotDicom,
    "pixel-length-4gb.dcm": Truncated,
    "truncated-in-header.dcm": Truncated,
    "truncated-compressed-frame.dcm": Truncated,
    "unknown-transfer-syntax.dcm": TransferSyntaxUnsupported,
    "wrong-vr.dcm": Malformed,
    "zero-length.dcm": NotDicom,
}


def test_the_bad_files_are_here(shared_data: Path) -> None:
    assert len(list((shared_data / "bad").iterdir())) > 30


@pytest.mark.filterwarnings("ignore")  # what pydicom says of the values of these files
@pytest.mark.parametrize("path", BAD, ids=lambda p: p.name)
def test_a_bad_file(path: Path) -> None:
    data = path.read_bytes()
    began = time.process_time()
    if path.name in EXPECTED:
        with pytest.raises(EXPECTED[path.name]) as caught:
            run(data)
        assert "Patient" not in str(caught.value)
    elif (found := outcome(data)) in ("an image", "no image"):
        ds = run(data).ds
        assert ds.PatientName == "Anonymized^^"
        assert len(ds.SOPInstanceUID) <= 64
    else:
        assert isinstance(found, type)
        assert issubclass(found, DeidError)
    assert time.process_time() - began < 20


def outcome(data: bytes) -> object:
    """Run, and name the error; a cut in front of the image attributes leaves a whole data set."""
    try:
        output = run(data)
    except DeidError as error:
        return type(error)
    return "an image" if "Rows" in output.ds else "no image"


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_truncated_at_any_byte(syntax: str) -> None:
    image: list[Element] = [
        (0x00280010, "US", b"\x01\x00"),
        (0x00280011, "US", b"\x04\x00"),
        (0x00280100, "US", b"\x08\x00"),
        (0x00081115, "SQ", [[(0x0020000E, "UI", b"1.2.3")]]),
        (0x7FE00010, "OW", b"\1\2\3\4"),
    ]
    for undefined in (False, True):
        data = instance(image, syntax, undefined=undefined)
        assert run(data).result.streamed
        for cut in range(len(data)):
            assert outcome(data[:cut]) in (Truncated, NotDicom, MissingIdentifier, "no image")


def test_pixel_data_longer_than_what_arrives_is_truncated(ct: bytes) -> None:
    with pytest.raises(Truncated):
        run(ct[: len(ct) // 2])


@pytest.mark.parametrize("keyword", ["SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"])
@pytest.mark.parametrize("value", [b"", b"  ", None])
def test_a_missing_identifier_is_named(keyword: str, value: bytes | None) -> None:
    tag = tag_for_keyword(keyword)
    assert tag is not None
    base = [e for e in MINIMUM if e[0] != tag]
    extra: list[Element] = [] if value is None else [(tag, "UI", value)]
    with pytest.raises(MissingIdentifier) as caught:
        run(instance(extra, base=base))
    assert caught.value.keyword == keyword


@pytest.mark.parametrize(
    "uid", ["1.2.3.4", "../../etc", "1.2.840.10008", "1.2.840.10008.5.x", "1.2.840.10008.5.1 2"]
)
def test_a_sop_class_that_is_not_the_standards_is_refused(uid: str) -> None:
    with pytest.raises(SopClassUnsupported) as caught:
        run(instance([], sop_class=uid))
    assert uid not in str(caught.value)


def test_a_private_sop_class_that_the_operator_knows_is_taken_and_stays() -> None:
    private = "1.2.826.0.1.3680043.10.9"
    output = run(instance([], sop_class=private), profile=default_profile().taking([private]))
    ds = dcmread(BytesIO(output.data))
    assert ds.SOPClassUID == ds.file_meta.MediaStorageSOPClassUID == private
    with pytest.raises(SopClassUnsupported):
        run(instance([], sop_class=private + ".1"), profile=default_profile().taking([private]))


@pytest.mark.parametrize(
    "syntax", ["", "1.2.3", "1.2.840.10008.1.2.4.94", "1.2.840.10008.1.2.4.", "1.2.840.10008.1.2.9"]
)
def test_an_unknown_transfer_syntax_is_refused(syntax: str) -> None:
    with pytest.raises(DeidError):
        run(part10(data_set(MINIMUM, Form(LITTLE)), syntax))
    with pytest.raises(TransferSyntaxUnsupported):
        run(data_set(MINIMUM, Form(LITTLE)), transfer_syntax=syntax)


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("depth", [128, 129, 5000])
def test_nesting_has_a_limit_and_no_recursion_error(
    syntax: str, undefined: bool, depth: int
) -> None:
    form = Form(syntax, undefined)
    content = b""
    for _ in range(depth):
        content = wrapped(content, form)
    form_minimum = data_set([e for e in MINIMUM if e[0] < 0x00081115], form)
    rest = data_set([e for e in MINIMUM if e[0] > 0x00081115], form)
    data = part10(form_minimum + content + rest, syntax)
    if depth <= 128:
        assert run(data).result.header
    else:
        with pytest.raises(Malformed):
            run(data)


def wrapped(content: bytes, form: Form) -> bytes:
    """Put encoded elements into the only item of a sequence."""
    order, length = form.order, 0xFFFFFFFF if form.undefined else len(content)
    item = struct.pack(order + "HHL", 0xFFFE, 0xE000, length) + content
    if form.undefined:
        item += struct.pack(order + "HHL", 0xFFFE, 0xE00D, 0)
        item += struct.pack(order + "HHL", 0xFFFE, 0xE0DD, 0)
    vr = b"SQ\0\0" if form.explicit else b""
    outer = 0xFFFFFFFF if form.undefined else len(item)
    return struct.pack(order + "HH", 0x0008, 0x1115) + vr + struct.pack(order + "L", outer) + item


def test_an_undefined_length_that_never_ends_costs_linear_time() -> None:
    head = data_set([e for e in MINIMUM if e[0] < 0x00081115], Form(LITTLE))
    bomb = head + b"\x08\0\x15\x11SQ\0\0\xff\xff\xff\xff"
    bomb += b"\xfe\xff\x00\xe0\x10\0\0\0" + element(0x00280010, "LO", b"12345678", Form(LITTLE))
    bomb += (b"\xfe\xff\x00\xe0\0\0\0\0") * 400_000
    began = time.process_time()
    with pytest.raises(Truncated):
        run(bomb, transfer_syntax=LITTLE, chunk=4096)
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    "text",
    [b"1", b"1.", b"1.1", b"1 ", b".", b"a", b"\xff", b"head ", b"w/", b"\\", b"5mm ", b"x^"],
)
def test_long_text_costs_linear_time(text: bytes) -> None:
    value = text * (300_000 // len(text)) + b"....."
    name: Element = (0x00080090, "PN", value[:60_000])
    # unlisted text, a description, report text, dates, numbers, UIDs
    listed = ((0x00080120, "UR"), (0x0018937B, "UT"), (0x0040A160, "UT"))
    extra: list[Element] = [(tag, vr, value) for tag, vr in listed]
    short = value[:60_000]
    extra += [(0x00080020, "DA", short), (0x00180050, "DS", short), (0x00080032, "TM", short)]
    began = time.process_time()
    outcome(instance([name, *extra, (0x00200052, "UI", short)]))
    assert time.process_time() - began < 10


def test_a_large_private_element_is_not_buffered() -> None:
    body = data_set(
        [*MINIMUM, (0x00291010, "OB", bytes(60_000_000)), (0x00321060, "LO", b"HEAD")],
        Form(LITTLE),
    )
    tracemalloc.start()
    output = run(body, transfer_syntax=LITTLE)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert output.result.size < 3000
    assert peak < 2_000_000


def test_pixel_data_streams_in_bounded_memory() -> None:
    body = data_set([*MINIMUM, (0x7FE00010, "OW", bytes(60_000_000))], Form(LITTLE))
    size = 0

    def count(data: bytes) -> None:
        nonlocal size
        size += len(data)

    tracemalloc.start()
    engine = Deidentifier(b"k" * 32, count, transfer_syntax=LITTLE)
    view = memoryview(body)
    for start in range(0, len(body), 1 << 16):
        engine.feed(view[start : start + (1 << 16)])
    engine.finish()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size > 60_000_000
    assert peak < 2_000_000


def test_limits_are_kept() -> None:
    large = instance([(0x00280A00, "UT", b"x" * 5000)])
    with pytest.raises(TooLarge):
        run(large, limits=Limits(header=4000))
    zeros = instance([(0x7FE00010, "OW", bytes(30_000_000))], DEFLATED)
    assert run(zeros).result.streamed[0].length == 30_000_000
    with pytest.raises(TooLarge):
        run(zeros, limits=Limits(inflated_free=1 << 20))


def test_an_element_twice_is_refused() -> None:
    body = data_set([*MINIMUM, (0x0020000D, "UI", b"1.2.3")], Form(LITTLE))
    with pytest.raises(Malformed):
        run(body, transfer_syntax=LITTLE)


def test_elements_behind_the_pixels_are_cleaned_and_may_not_go_back() -> None:
    form = Form(LITTLE)
    body = data_set([*MINIMUM, (0x7FE00010, "OW", b"1234")], form)
    padding = element(0xFFFCFFFC, "OB", b"Quxley", form)
    private = element(0x7FE11010, "LO", b"Quxley", form)
    output = run(body + private + padding, transfer_syntax=LITTLE)
    assert b"Quxley" not in output.data
    assert output.data.endswith(b"1234")
    with pytest.raises(Malformed):
        run(body + element(0x00100010, "PN", b"Late^Comer", form), transfer_syntax=LITTLE)


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("zeros", [1, 2, 7, 8, 100, 100_000])
def test_zeros_behind_the_data_set_are_ignored(syntax: str, zeros: int) -> None:
    pixels: list[Element] = [(0x7FE00010, "OW", b"1234")]
    for extra in ([], pixels):
        data = instance(extra, syntax)
        if syntax == DEFLATED and zeros > 60:
            continue
        assert run(data + bytes(zeros)).data == run(data).data
        if zeros > 60:
            with pytest.raises(DeidError):
                run(data + bytes(zeros) + b"Zorblatt" * 20)


def test_implicit_data_sets_work_without_part_10() -> None:
    output = run(data_set(MINIMUM, Form(IMPLICIT)), transfer_syntax=IMPLICIT)
    assert output.ds.PatientID == "0"
    assert output.result.transfer_syntax == IMPLICIT


def test_open_items_in_un_cost_linear_time() -> None:
    # every level is open, so that a walk that skips a level before it looks inside pays each twice
    depth, count = 60, 20_000
    opened = b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + b"\x08\0\x15\x11\xff\xff\xff\xff"
    item = b"\xfe\xff\x00\xe0\x0c\0\0\0" + b"\x28\0\x10\0\x04\0\0\0\1\0\0\0"
    ends = b"\xfe\xff\xdd\xe0\0\0\0\0" + b"\xfe\xff\x0d\xe0\0\0\0\0"
    value = opened * depth + item * count + ends * depth
    began = time.process_time()
    output = run(instance([(0x00081115, "UN", value)]))
    assert time.process_time() - began < 10
    found = output.ds[0x00081115]
    for _ in range(depth):
        found = found.value[0][0x00081115]
    assert len(found.value) == count
