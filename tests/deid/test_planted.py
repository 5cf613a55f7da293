"""Identities planted in every row of both tables must not come out, wherever they stand."""

import struct
from collections.abc import Iterator

import pytest

from deid.dictionary import vr_of
from deid.encoding import BINARY
from deid.profile import Row, default_profile
from tests.deid.build import (
    BIG,
    CT,
    IMPLICIT,
    LITTLE,
    MINIMUM,
    SYNTAXES,
    Element,
    Form,
    data_set,
    instance,
    items,
)
from tests.deid.engine import Output, run

MARK = b"Zorblatt"
NUMBER = b"8471.9362"
NUMBER_INT = b"84719362"
BINARY_MARK = b"\x9dZorb\xfelat"
UID = b"1.2.826.0.1.9999.84719362"
DATE = b"19630417"
AGE = b"097Y"

ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"
UNKNOWN_CLASS = "1.2.840.10008.5.1.4.1.1.999"
UNLISTED = 0x00081115  # ReferencedSeriesSequence: in neither table

LITERALS = (0x00100010, 0x00100020, 0x00200010)
REFUSED = 0x00420011
MASKED = (0x50000022, 0x50020005, 0x60003000, 0x60004000, 0x60020022, 0x00111001, 0x00110010)


def planted(tag: int, vr: str) -> bytes:
    """A value of the VR that would be recognised in the output."""
    suffix = b" %08X" % tag
    values = {
        "AE": MARK,
        "AS": AGE,
        "CS": MARK.upper(),
        "DA": DATE,
        "DS": NUMBER,
        "DT": DATE + b"101112",
        "IS": NUMBER_INT,
        "PN": MARK + b"^Prudence",
        "TM": b"134711.221933",
        "UI": UID,
    }
    if vr in BINARY:
        return BINARY_MARK if vr not in ("US", "SS") else BINARY_MARK[:2]
    return values.get(vr, MARK + suffix)


def exact_rows() -> Iterator[Row]:
    for row in default_profile().rows.values():
        if row.tag >> 16 not in (0x0000, 0x0002, 0x0004) and row.tag != REFUSED:
            yield row


def every_row(*, as_unknown: bool = False) -> list[Element]:
    """One element for each row; sequences hold one item that names somebody."""
    elements: list[Element] = []
    for row in exact_rows():
        if row.tag in (0x0020000D, 0x0020000E, 0x00080018):
            continue
        vr = vr_of(row.tag)
        if vr == "SQ":
            content: list[list[Element]] = [inner(row)]
            if as_unknown:
                elements.append((row.tag, "UN", items(content, Form(IMPLICIT))))
            else:
                elements.append((row.tag, "SQ", content))
        else:
            elements.append((row.tag, "UN" if as_unknown else vr, planted(row.tag, vr)))
    elements += [(tag, "LO", planted(tag, "LO")) for tag in MASKED]
    return elements


def inner(row: Row) -> list[Element]:
    """What to plant in a sequence: rows where items are walked, anything where they must go."""
    if row.basic == "D" or row.basic.endswith("U*"):
        return [
            (0x0040A123, "PN", planted(0x0040A123, "PN")),
            (0x00081155, "UI", UID),
            (0x0040A121, "DA", DATE),
            (0x0040A160, "UT", MARK + b" CHEST"),
        ]
    return [(0x00080100, "SH", b"8471"), (0x00080104, "LO", MARK)]


def assert_nothing_left(output: Output, syntax: str) -> None:
    body = output.result.header + output.result.trailer
    for text in (MARK, MARK.upper(), b"Prudence", b"Quxley", b"QX-771204", NUMBER, NUMBER_INT):
        assert text not in body, (text, where(body, text))
        assert text not in output.data, text
    for mark in (BINARY_MARK, UID, DATE, AGE):
        assert mark not in body, (mark, where(body, mark))
    del syntax


def where(body: bytes, text: bytes) -> str:
    pos = body.index(text)
    return repr(body[max(0, pos - 40) : pos + 30])


@pytest.mark.parametrize("sop_class", [CT, ENHANCED_MR, UNKNOWN_CLASS])
@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.promise("F62", "F63", "F64", "F65", "F66", "F67", "F68")
def test_no_row_of_the_tables_leaks_at_top_level(
    syntax: str, undefined: bool, sop_class: str
) -> None:
    data = instance(every_row(), syntax, sop_class=sop_class, undefined=undefined)
    assert_nothing_left(run(data), syntax)


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.promise("F68")
def test_no_row_of_the_tables_leaks_in_items(syntax: str, undefined: bool) -> None:
    deep: list[Element] = [*every_row(), (UNLISTED, "SQ", [every_row(), every_row()])]
    data = instance([(UNLISTED, "SQ", [deep])], syntax, undefined=undefined)
    assert_nothing_left(run(data), syntax)


@pytest.mark.parametrize("syntax", [LITTLE, BIG])
def test_no_row_of_the_tables_leaks_from_un(syntax: str) -> None:
    data = instance(every_row(as_unknown=True), syntax)
    assert_nothing_left(run(data), syntax)


@pytest.mark.parametrize("syntax", [LITTLE, BIG])
@pytest.mark.parametrize("undefined", [False, True])
def test_no_row_leaks_from_a_sequence_in_un(syntax: str, undefined: bool) -> None:
    content = items([[*every_row()]], Form(IMPLICIT, undefined))
    data = instance([(UNLISTED, "UN", content)], syntax)
    output = run(data)
    assert_nothing_left(output, syntax)
    assert output.ds[UNLISTED].VR == "SQ"


def test_un_of_undefined_length_becomes_a_real_sequence() -> None:
    form = Form(LITTLE)
    content = items([[(0x0040A123, "PN", MARK), (0x00280010, "US", b"\x40\0")]], Form(IMPLICIT))
    head = struct.pack("<HH2sHL", 0x0008, 0x1115, b"UN", 0, 0xFFFFFFFF)
    element = head + content + struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
    before = data_set([e for e in MINIMUM if e[0] < UNLISTED], form)
    after = data_set([e for e in MINIMUM if e[0] > UNLISTED], form)
    output = run(before + element + after, transfer_syntax=LITTLE)
    assert MARK not in output.data
    item = output.ds[UNLISTED].value[0]
    assert item.Rows == 64
    assert item[0x0040A123].value == "Anonymized^^"


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("written", ["UN", "OB", "LO", "UT", "SH", "UC", "CS"])
def test_a_wrong_vr_does_not_save_a_value(syntax: str, written: str) -> None:
    if syntax == IMPLICIT:
        written = "LO"
    rows: list[Element] = [
        (row.tag, written, planted(row.tag, vr_of(row.tag)))
        for row in exact_rows()
        if vr_of(row.tag) not in ("SQ", "UI") and row.tag not in LITERALS
    ]
    assert_nothing_left(run(instance(rows, syntax)), syntax)


@pytest.mark.promise("F68")
def test_a_name_written_as_another_element_is_replaced() -> None:
    data = instance([(0x00280006, "PN", b"Zorblatt^P"), (0x00280011, "UI", UID)])
    output = run(data)
    assert b"Zorblatt" not in output.data
    assert UID not in output.data


@pytest.mark.parametrize("tag", [0x00090010, 0x00091001, 0x00291010, 0x7FE10010, 0x50000010])
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_private_and_unknown_elements_go_at_every_depth(syntax: str, tag: int) -> None:
    private: list[Element] = [(tag, "LO", MARK), (0x00080FFE, "LO", MARK)]
    data = instance([*private, (UNLISTED, "SQ", [private])], syntax)
    output = run(data)
    assert MARK not in output.result.header
    assert tag not in output.ds
    assert all(int(e.tag) >> 16 & 1 == 0 for e in output.ds.iterall())


def test_private_sequences_of_every_kind_go() -> None:
    inside: list[Element] = [(0x00100010, "PN", MARK), (0x00290010, "LO", MARK)]
    for undefined in (False, True):
        data = instance([(0x00291010, "SQ", [inside, inside])], undefined=undefined)
        assert MARK not in run(data).data
    unknown = items([inside], Form(IMPLICIT))
    assert MARK not in run(instance([(0x00291010, "UN", unknown)])).data


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_pixels_inside_of_items_go(syntax: str) -> None:
    picture: list[Element] = [(0x00280010, "US", b"\1\0"), (0x7FE00010, "OW", b"Quxley12")]
    output = run(instance([(UNLISTED, "SQ", [picture])], syntax))
    assert [int(e.tag) for e in output.ds[UNLISTED].value[0]] == [0x00280010]
    assert b"Quxley" not in output.result.header


@pytest.mark.promise("F60")
def test_preamble_and_file_meta_information_are_new() -> None:
    data = bytearray(instance([]))
    data[:128] = MARK * 16
    extra = b"\x02\0\x16\0AE\x08\0Zorblatt" + b"\x02\0\x00\x01UI\x0c\x001.2.999.4.5\0"
    data[132:132] = extra
    length = struct.unpack_from("<L", data, 132 + len(extra) + 8)[0]
    del data[132 + len(extra) : 132 + len(extra) + 12]
    assert length
    output = run(bytes(data))
    assert output.data[:128] == bytes(128)
    meta = output.ds.file_meta
    assert sorted(int(e.tag) & 0xFFFF for e in meta) == [0, 1, 2, 3, 0x10, 0x12, 0x13, 0x16]
    assert meta.ImplementationVersionName == "DICOMLIBRARY-100"
    assert meta.SourceApplicationEntityTitle == "DICOMLIBRARY"
    assert meta.MediaStorageSOPInstanceUID == output.ds.SOPInstanceUID


def test_command_and_meta_elements_inside_the_data_set_go() -> None:
    extra: list[Element] = [
        (0x00000010, "LO", MARK),
        (0x00020016, "AE", MARK),
        (0x00020100, "UI", UID),
    ]
    body = data_set([*extra, *MINIMUM], Form(LITTLE))
    output = run(body, transfer_syntax=LITTLE)
    assert MARK not in output.data
    assert UID not in output.data


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        (b"ISO_IR 100", "Zürblatt^Änne".encode("latin-1")),
        (b"ISO_IR 192", "Zürblatt^Änne".encode()),
        (b"ISO_IR 192", "山田^太郎".encode()),
        (b"GB18030", "王小东^明".encode("gb18030")),
        (b"\\ISO 2022 IR 87", b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"),
    ],
)
def test_names_in_other_character_sets_go_from_names_and_text(charset: bytes, name: bytes) -> None:
    family = name.split(b"^")[0].split(b"=")[-1]
    data = instance(
        [
            (0x00080005, "CS", charset),
            (0x00100010, "PN", name),
            (0x00081030, "LO", b"CHEST " + family),
            (0x00084000, "LT", family),
            (0x00181022, "LO", b"x " + family + b" y"),
            (UNLISTED, "SQ", [[(0x0040A123, "PN", name), (0x00280A00, "LO", family)]]),
        ]
    )
    output = run(data)
    assert name not in output.data
    assert family not in output.data
    assert b"CHEST" in output.data


def test_names_and_numbers_of_the_header_go_from_unlisted_text() -> None:
    spellings = [b"QUXLEY", b"quxley, zebulon", b"Zebulon_Quxley.dcm", b"id QX-771204", b"x/Quxley"]
    spellings += [b"CT4QuxleyZ", b"scanQX-771204b", b"ZEBULONQUXLEY"]
    for spelling in spellings:
        output = run(instance([(0x00189004, "CS", b"RESEARCH"), (0x00181250, "SH", spelling)]))
        assert spelling not in output.data
        left = output.ds[0x00181250].value.lower()
        assert all(part not in left for part in ("quxley", "zebulon", "771204", "qx"))
        assert output.ds[0x00189004].value == "RESEARCH"


def test_a_name_deep_inside_counts_as_an_identifier_too() -> None:
    inside: list[Element] = [(0x00080090, "PN", b"Wobblethorpe^Ada")]
    data = instance([(UNLISTED, "SQ", [inside]), (0x00181250, "SH", b"wobblethorpe coil")])
    assert b"obblethorpe" not in run(data).data


def test_a_uid_of_the_header_does_not_stay_in_text() -> None:
    data = instance([(0x00181250, "SH", b"see 1.2.826.0.1.3680043.99.1")])
    assert b"3680043.99" not in run(data).data


@pytest.mark.parametrize("patient_id", [b"100", b"ABDOMEN", b"PRIMARY", b"REMOVED", b"100.25"])
def test_an_id_like_a_defined_term_breaks_nothing(patient_id: bytes) -> None:
    extra: list[Element] = [
        (0x00080005, "CS", b"ISO_IR 100"),
        (0x00080008, "CS", b"ORIGINAL\\PRIMARY\\AXIAL"),
        (0x00180015, "CS", b"ABDOMEN"),
        (0x00180050, "DS", b"100.25"),
        (0x00180010, "LO", b"Wobble"),
        (0x00100020, "LO", patient_id),
    ]
    ds = run(instance(extra)).ds
    assert ds.SpecificCharacterSet == "ISO_IR 100"
    assert ds.ImageType == ["ORIGINAL", "PRIMARY", "AXIAL"]
    assert ds.BodyPartExamined == "ABDOMEN"
    assert str(ds.SliceThickness) == "100.25"
    assert ds.PatientID == "0"


def test_a_name_behind_encapsulated_pixels_in_an_item_counts_too() -> None:
    pixels = b"\xfe\xff\x00\xe0\0\0\0\0" + b"\xfe\xff\xdd\xe0\0\0\0\0"
    icon = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + pixels
    name = b"\x08\x00\x90\x00PN\x0e\0Wobblethorpe^A"
    later = b"\xfe\xff\x00\xe0" + struct.pack("<L", len(name)) + name
    item = b"\xfe\xff\x00\xe0" + struct.pack("<L", len(icon)) + icon + later
    sequence = b"\x08\x00\x15\x11SQ\0\0" + struct.pack("<L", len(item)) + item
    form = Form(LITTLE)
    before = data_set([e for e in MINIMUM if e[0] < UNLISTED], form)
    text: list[Element] = [(0x00181250, "SH", b"wobblethorpe")]
    after = data_set([e for e in MINIMUM if e[0] > UNLISTED] + text, form)
    output = run(before + sequence + after, transfer_syntax=LITTLE)
    assert b"obblethorpe" not in output.data
    assert len(output.ds[UNLISTED].value) == 2
