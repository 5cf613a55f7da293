"""Writes ``deid/vectors``: inputs made here, and what the engine makes of them.

Run ``python -m tests.deid.make_vectors`` when a rule changed on purpose; ``test_vectors`` compares.
All data are invented, and no library chooses a byte of the inputs.
"""

import hashlib
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deid import Deidentifier, DeidError
from deid.dates import shift_of
from deid.deflate import Inflater
from deid.uids import map_uid
from tests.deid.build import (
    BASIC,
    BIG,
    CT,
    DEFLATED,
    IMPLICIT,
    LITTLE,
    MINIMUM,
    Element,
    Form,
    data_set,
    element,
    instance,
    part10,
)

FOLDER = Path(__file__).parents[2] / "deid" / "vectors"
INDEX = FOLDER / "vectors.json"
KEY = bytes(range(32))
OTHER_KEY = bytes(range(32, 64))
JPEG = "1.2.840.10008.1.2.4.50"
JPEG_LS = "1.2.840.10008.1.2.4.80"
JPEG_2000 = "1.2.840.10008.1.2.4.90"
GSPS = "1.2.840.10008.5.1.4.1.1.11.1"
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


@dataclass(frozen=True)
class Vector:
    """One input and what is asked for.

    Attributes:
        transfer_syntax: of a bare data set; None when the input is a Part 10 file.
        cleaned_pixels: the option of that name.
    """

    name: str
    about: str
    data: bytes
    key: bytes = KEY
    transfer_syntax: str | None = None
    cleaned_pixels: bool = False


@dataclass(frozen=True)
class Result:
    """What the engine made of a vector; ``data`` is None when it refused, with ``error``."""

    data: bytes | None
    review: tuple[str, ...] = ()
    error: str = ""


def process(vector: Vector) -> Result:
    """Run the engine."""
    out: list[bytes] = []
    try:
        engine = Deidentifier(
            vector.key,
            out.append,
            transfer_syntax=vector.transfer_syntax,
            cleaned_pixels=vector.cleaned_pixels,
        )
        engine.feed(vector.data)
        review = engine.finish().review
    except DeidError as error:
        return Result(None, error=type(error).__name__)
    return Result(b"".join(out), tuple(map(str, review)))


def comparable(data: bytes) -> bytes:
    """Inflate the data set of a deflated file, for which every library has its own bytes."""
    length = struct.unpack_from("<L", data, 140)[0] if data[132:138] == b"\2\0\0\0UL" else 0
    start = 144 + length
    if b"\2\0\x10\0UI" + struct.pack("<H", len(DEFLATED)) + DEFLATED.encode() not in data[:start]:
        return data
    inflater = Inflater(1 << 20, 100)
    return data[:start] + b"".join(map(bytes, inflater.inflate(data[start:])))


SCANNER: list[Element] = [
    (0x00080005, "CS", b"ISO_IR 100"),
    (0x00080008, "CS", b"ORIGINAL\\PRIMARY\\AXIAL"),
    (0x00080012, "DA", b"20200229"),
    (0x00080013, "TM", b"101112.130000"),
    (0x00080020, "DA", b"20200229"),
    (0x0008002A, "DT", b"20200229101112.13+0100"),
    (0x00080030, "TM", b"1011"),
    (0x00080050, "SH", b"ACC-12345"),
    (0x00080070, "LO", b"ACME Imaging"),
    (0x00080080, "LO", b"St. Zorblatt's"),
    (0x00080090, "PN", b"Wobble^Ada^^Dr."),
    (0x00081030, "LO", b"CT chest of Quxley, 5 mm"),
    (0x0008103E, "LO", b"AX LUNG 1.25 Wobble"),
    (0x00081090, "LO", b"Scanomat 64"),
    (0x00100030, "DA", b"19310704"),
    (0x00101010, "AS", b"093Y"),
    (0x00101030, "DS", b"81.5"),
    (0x00180015, "CS", b"CHEST"),
    (0x00180050, "DS", b"1.25"),
    (0x00180060, "DS", b"120"),
    (0x00181000, "LO", b"SN-998877"),
    (0x00181020, "LO", b"VB42"),
    (0x00185100, "CS", b"HFS"),
    (0x00200010, "SH", b"STUDY-9"),
    (0x00200011, "IS", b"3"),
    (0x00200013, "IS", b"17"),
    (0x00200032, "DS", b"-120.5\\-118.25\\40"),
    (0x00200037, "DS", b"1\\0\\0\\0\\1\\0"),
    (0x00200052, "UI", b"1.2.826.0.1.3680043.99.4"),
    (0x00204000, "LT", b"Seen by Dr. Wobble on 29.02.2020."),
]
PIXELS: list[Element] = [
    (0x00280002, "US", b"\1\0"),
    (0x00280004, "CS", b"MONOCHROME2"),
    (0x00280010, "US", b"\2\0"),
    (0x00280011, "US", b"\3\0"),
    (0x00280100, "US", b"\x10\0"),
    (0x00280101, "US", b"\x0c\0"),
    (0x00280102, "US", b"\x0b\0"),
    (0x00280103, "US", b"\0\0"),
    (0x00281052, "DS", b"-1024"),
    (0x00281053, "DS", b"1"),
    (0x7FE00010, "OW", bytes(range(12))),
]
REFERENCE: list[Element] = [
    (0x00081150, "UI", CT.encode()),
    (0x00081155, "UI", b"1.2.826.0.1.3680043.99.77"),
]


def swapped(elements: list[Element]) -> list[Element]:
    """Turn binary values of two bytes for big endian."""
    return [
        (tag, vr, b"".join(value[i : i + 2][::-1] for i in range(0, len(value), 2)))
        if vr in ("US", "OW") and isinstance(value, bytes)
        else (tag, vr, value)
        for tag, vr, value in elements
    ]


def code(value: bytes, scheme: bytes, meaning: bytes) -> list[Element]:
    """A code sequence item."""
    return [(0x00080100, "SH", value), (0x00080102, "SH", scheme), (0x00080104, "LO", meaning)]


def plain() -> Iterator[Vector]:
    """The four syntaxes, lengths, nesting."""
    both = [*SCANNER, *PIXELS]
    yield Vector("implicit", "Implicit VR Little Endian.", instance(both, IMPLICIT))
    yield Vector("explicit", "Explicit VR Little Endian.", instance(both))
    yield Vector("other-key", "The same with another key.", instance(both), key=OTHER_KEY)
    yield Vector("big-endian", "Explicit VR Big Endian.", instance(swapped(both), BIG))
    yield Vector("deflated", "Deflated; to be compared inflated.", instance(both, DEFLATED))
    yield Vector(
        "bare",
        "A data set without preamble and file meta information, as DIMSE brings it.",
        data_set([*MINIMUM, *SCANNER, *PIXELS], Form(IMPLICIT)),
        transfer_syntax=IMPLICIT,
    )
    deep: list[Element] = [
        (0x00081140, "SQ", [REFERENCE, [], [*REFERENCE, (0x00080090, "PN", b"Wobble^Ada")]]),
        (
            0x00400275,
            "SQ",
            [
                [
                    (0x00321060, "LO", b"MR HEAD Quxley"),
                    (0x00400008, "SQ", [code(b"T-D1100", b"SRT", b"Head")]),
                    (0x00400009, "SH", b"SPS-1"),
                    (0x00081199, "SQ", [REFERENCE]),
                ]
            ],
        ),
    ]
    yield Vector("nested", "Sequences of stated length.", instance(deep))
    yield Vector("nested-open", "Undefined lengths.", instance(deep, undefined=True))


def hidden() -> Iterator[Vector]:
    """What is deleted, and sequences that hide in UN."""
    private: list[Element] = [
        (0x00090010, "LO", b"ACME 1.1"),
        (0x00091001, "LO", b"Quxley^Zebulon"),
        (0x00091002, "SQ", [[(0x00100010, "PN", b"Quxley^Zebulon")]]),
        (0x00080000, "UL", b"\x10\0\0\0"),
        (0x00081151, "LO", b"no such tag: Quxley"),
        (0x00081115, "SQ", [[(0x00290010, "LO", b"ACME"), (0x00291001, "UN", b"x"), *REFERENCE]]),
        (0x04000561, "SQ", [[(0x04000565, "CS", b"COERCE")]]),
        (0x50000010, "US", b"\1\0"),
        (0x60003000, "OW", b"\1\2"),
        (0x60010010, "US", b"\1\0"),
        (0xFFFCFFFC, "OB", b"Quxley"),
    ]
    yield Vector("deleted", "Private, unknown and retired groups.", instance(private))
    content = data_set([*REFERENCE, (0x00080090, "PN", b"Wobble^Ada")], Form(IMPLICIT))
    item = struct.pack("<HHL", 0xFFFE, 0xE000, len(content)) + content
    stated = element(0x00081140, "UN", item, Form(LITTLE))
    end = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
    undefined = struct.pack("<HH2sHL", 0x0008, 0x1199, b"UN", 0, 0xFFFFFFFF) + item + end
    text = element(0x00080081, "UN", b"Zorblatt Street 1", Form(LITTLE))
    first = [e for e in MINIMUM if e[0] < 0x00080060]
    rest = data_set([e for e in MINIMUM if e[0] >= 0x00080060 and e[0] > 0x00081199], Form(LITTLE))
    head = data_set([*first, (0x00080060, "CS", b"CT")], Form(LITTLE))
    body = head + text + stated + undefined + rest
    yield Vector("unknown-vr", "Known sequences and text as UN.", part10(body, LITTLE))


def consistent() -> Iterator[Vector]:
    """UIDs, dates, text, codes."""
    own = process(Vector("", "", instance([*SCANNER, *PIXELS])))
    assert own.data is not None
    yield Vector("own", "The output of `explicit`: it must come out as it is.", own.data)
    series = map_uid(KEY, "1.2.3.4").encode()
    mixed: list[Element] = [
        (0x0020000D, "UI", map_uid(KEY, "1.2.3").encode()),
        (0x0020000E, "UI", series),
        (0x00080020, "DA", b"20100101"),
        (0x00200052, "UI", b"1.2.840.113619.2.5"),
        (0x00081140, "SQ", [[(0x00081155, "UI", series), (0x00081150, "UI", CT.encode())]]),
        (0x00080018, "UI", map_uid(OTHER_KEY, "1.2.3").encode()),
    ]
    yield Vector("own-study", "A new object in a study of our own: dates stay.", instance(mixed))
    moments: list[Element] = [
        (0x00080020, "DA", b"20000229"),
        (0x00080021, "DA", b"2000.02.29"),
        (0x00080022, "DA", b"00010101"),
        (0x00080023, "DA", b"20010229"),
        (0x0008002A, "DT", b"200002"),
        (0x00080031, "TM", b"120000.123456"),
        (0x00080032, "TM", b"noon"),
        (0x00101010, "AS", b"089Y"),
        (0x00181200, "DA", b"20200101\\20210101\\20220101"),
        (0x00181201, "TM", b"12\\1300\\140000"),
        (0x0018A002, "DT", b"19991231235959.999999-0500"),
        (0x00189074, "DT", b"20001301"),
    ]
    yield Vector("dates", "Dates, also wrong ones, times and ages.", instance(moments))
    no_patient: list[Element] = [(0x00100020, "LO", b""), (0x00080020, "DA", b"20000229")]
    yield Vector("dates-by-study", "Without a Patient ID.", instance(no_patient))
    issued: list[Element] = [(0x00100021, "LO", b"ZORBLATT"), (0x00080020, "DA", b"20000229")]
    yield Vector("dates-by-issuer", "With an issuer of the Patient ID.", instance(issued))
    words: list[Element] = [
        (0x00080005, "CS", b"ISO_IR 192"),
        (0x00081030, "LO", "CT Schädel für Quxley nach 12.03.2020".encode()),
        (0x0008103E, "LO", b"t2_tse_sag_p2 320 QX-771204"),
        (0x00081080, "LO", b"Pneumonia\\Zebulon coughs"),
        (0x00102180, "SH", b"Clown"),
        (0x00180010, "LO", b"Contrast 100 ml, call 555-0123"),
        (0x00181030, "LO", b"5.2 Thorax Routine / Z. Quxley"),
        (0x00321060, "LO", b"MRI knee left without contrast"),
        (0x00400254, "LO", b"see www.example.org/quxley"),
        (0x00380500, "LO", b"QUXLEY"),
    ]
    yield Vector("text", "Text of descriptors and of unlisted attributes.", instance(words))
    japanese: list[Element] = [
        (0x00080005, "CS", b"\\ISO 2022 IR 87"),
        (0x00100010, "PN", b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"),
        (0x00081030, "LO", b"CT \x1b$B;3ED\x1b(B HEAD"),
        (0x0008103E, "LO", b"\x1b$B6;It\x1b(B Yamada"),
    ]
    yield Vector("escapes", "Text with escapes.", instance(japanese))
    codes: list[Element] = [
        (0x00081032, "SQ", [code(b"T-D3000", b"SRT", b"Chest of Quxley")]),
        (
            0x00082218,
            "SQ",
            [code(b"51185008", b"SCT", b"Chest"), code(b"Q1", b"99ACME", b"Quxley")],
        ),
        (0x00082112, "SQ", [REFERENCE]),
        (0x0040A170, "SQ", [code(b"121320", b"DCM", b"Uncompressed predecessor")]),
    ]
    yield Vector("codes", "Codes of standard and of private schemes.", instance(codes))


def content() -> Iterator[Vector]:
    """Reports, presentation states, enhanced objects, pixels."""
    name = code(b"121008", b"DCM", b"Person Observer Name")
    finding = code(b"121071", b"DCM", b"Finding")
    image: list[Element] = [
        (0x0040A010, "CS", b"CONTAINS"),
        (0x0040A040, "CS", b"IMAGE"),
        (0x00081199, "SQ", [REFERENCE]),
    ]
    report: list[Element] = [
        (0x00080060, "CS", b"SR"),
        (0x0040A040, "CS", b"CONTAINER"),
        (0x0040A043, "SQ", [code(b"18748-4", b"LN", b"Diagnostic Imaging Report")]),
        (0x0040A050, "CS", b"SEPARATE"),
        (0x0040A491, "CS", b"COMPLETE"),
        (0x0040A493, "CS", b"UNVERIFIED"),
        (
            0x0040A730,
            "SQ",
            [
                [
                    (0x0040A010, "CS", b"HAS OBS CONTEXT"),
                    (0x0040A040, "CS", b"PNAME"),
                    (0x0040A043, "SQ", [name]),
                    (0x0040A123, "PN", b"Wobble^Ada"),
                ],
                [
                    (0x0040A010, "CS", b"CONTAINS"),
                    (0x0040A040, "CS", b"TEXT"),
                    (0x0040A043, "SQ", [finding]),
                    (0x0040A160, "UT", b"Nodule of 12 mm in the right lung of Mr Quxley."),
                ],
                image,
            ],
        ),
    ]
    yield Vector("report", "A structured report.", instance(report, sop_class=BASIC))
    layer: list[Element] = [
        (0x00080060, "CS", b"PR"),
        (
            0x00700001,
            "SQ",
            [
                [
                    (0x00700002, "CS", b"LAYER1"),
                    (
                        0x00700008,
                        "SQ",
                        [
                            [
                                (0x00700003, "CS", b"PIXEL"),
                                (0x00700006, "ST", b"lesion Quxley"),
                                (0x00700014, "FL", struct.pack("<2f", 10, 20)),
                                (0x00700015, "CS", b"N"),
                            ]
                        ],
                    ),
                ]
            ],
        ),
        (0x00700080, "CS", b"LABEL"),
        (0x00700081, "LO", b"for Dr. Wobble"),
        (0x00700082, "DA", b"20200229"),
        (0x00700083, "TM", b"1011"),
        (0x00700084, "PN", b"Wobble^Ada"),
    ]
    yield Vector("presentation", "A presentation state.", instance(layer, sop_class=GSPS))
    enhanced: list[Element] = [
        (0x00080070, "LO", b"ACME Imaging"),
        (0x00081090, "LO", b"Scanomat 64"),
        (0x00181000, "LO", b"SN-998877"),
        (0x00181020, "LO", b"VB42"),
        (0x52009229, "SQ", [[(0x00289110, "SQ", [[(0x00280030, "DS", b"0.5\\0.5")]])]]),
        *PIXELS,
    ]
    yield Vector(
        "type-1",
        "Rows that an object cannot be without.",
        instance(enhanced, sop_class=ENHANCED_CT),
    )
    form = Form(LITTLE)
    behind = element(0xFFFCFFFC, "OB", b"Quxley", form)
    body = data_set([*MINIMUM, *PIXELS], form) + behind
    yield Vector("behind-pixels", "Padding that holds a name.", part10(body, LITTLE))
    yield Vector(
        "held",
        "Reasons for review.",
        instance([(0x00280301, "CS", b"YES"), *PIXELS], sop_class=SECONDARY_CAPTURE),
    )
    yield Vector(
        "cleaned-pixels",
        "The same with the option that its pixels were cleaned.",
        instance([(0x00280301, "CS", b"YES"), *PIXELS], sop_class=SECONDARY_CAPTURE),
        cleaned_pixels=True,
    )


def segment(marker: int, content: bytes) -> bytes:
    """A marker segment of JPEG or JPEG 2000."""
    return struct.pack(">HH", marker, len(content) + 2) + content


def fragments(parts: list[bytes], syntax: str, table: tuple[int, ...] = ()) -> bytes:
    """A file with encapsulated pixel data."""
    value = struct.pack(f"<HHL{len(table)}L", 0xFFFE, 0xE000, 4 * len(table), *table)
    value += b"".join(struct.pack("<HHL", 0xFFFE, 0xE000, len(part)) + part for part in parts)
    value += struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
    header = data_set([*MINIMUM, *(e for e in PIXELS if e[0] < 0x7FE00010)], Form(LITTLE))
    pixels = struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF)
    return part10(header + pixels + value, syntax)


def compressed() -> Iterator[Vector]:
    """Codestreams: they need not hold a picture to show what becomes of their segments."""
    comment = segment(0xFFFE, b"Quxley^Zebulon")
    scan = segment(0xFFDA, b"\1\1\0\0\x3f\0")
    image = b"\xff\xd8" + segment(0xFFE0, b"JFIF\0\1\2\1\0\x48\0\x48\0\0") + comment
    image += segment(0xFFE1, b"Exif\0\0Quxley") + segment(0xFFEE, b"Adobe\0d\0\0\0\0\1Quxley")
    image += segment(0xFFDB, bytes(65)) + segment(0xFFC0, b"\x08\0\2\0\3\1\1\x11\0")
    image += b"Quxley" + scan + b"\x12\xff\0\x34\xff\xd0\x56" + comment + scan + b"\x78\xff\xd9"
    frames = [image + b"\0" * (len(image) % 2), image + b"Quxley" + b"\0" * (len(image) % 2)]
    yield Vector(
        "jpeg",
        "Application segments and comments, at the end bytes behind the image.",
        fragments(frames, JPEG, (0, len(frames[0]) + 8)),
    )
    cut = [image[:25], image[25:26], image[26:41], image[41:] + b"\0" * (len(image) % 2)]
    yield Vector("jpeg-cut", "One frame, cut inside of segments.", fragments(cut, JPEG))
    near = b"\xff\xd8" + segment(0xFFE8, b"mrfx\1") + segment(0xFFE8, b"SPIFF\0Quxley")
    near += segment(0xFFF7, b"\x08\0\2\0\3\1\1\x11\0") + segment(0xFFF8, b"\1" + bytes(10))
    near += segment(0xFFDA, b"\1\1\0\0\0\0") + b"\x12\xff\x7f\xff\x55" + b"\xff\xd9"
    near += b"\0" * (len(near) % 2)
    yield Vector("jpeg-ls", "With a colour transform.", fragments([near], JPEG_LS))
    text = segment(0xFF64, b"\0\1Quxley")
    tile = struct.pack(">HHHLBB", 0xFF90, 10, 0, 14 + len(text) + 4, 0, 1)
    stream = b"\xff\x4f" + segment(0xFF51, bytes(38)) + text + segment(0xFF52, bytes(10))
    stream += segment(0xFF5C, bytes(5)) + tile + text + b"\xff\x93" + b"\x80\x81\x82\x83"
    stream += b"\xff\xd9"
    yield Vector("jpeg-2000", "Comments.", fragments([stream + b"\0"], JPEG_2000))
    boxes = b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0\0\0\x14ftypjp2 \0\0\0\0jp2 "
    boxes += b"\0\0\0\x0exml Quxley" + struct.pack(">L4s", 8 + len(stream), b"jp2c") + stream
    yield Vector("jp2", "Boxes.", fragments([boxes + b"uuidQuxley"], JPEG_2000))


def refused() -> Iterator[Vector]:
    """What is refused, with the class of the error."""
    good = instance([*SCANNER, *PIXELS])
    yield Vector("no-dicom", "Text.", b"Quxley^Zebulon" * 20)
    yield Vector("truncated", "Pixel data that end too soon.", good[:-3])
    yield Vector(
        "truncated-header", "It ends in front of a value.", good[: good.index(b"Scanomat")]
    )
    twice = data_set(MINIMUM, Form(LITTLE)) + element(0x0020000E, "UI", b"1.2.3", Form(LITTLE))
    yield Vector("twice", "An element twice.", part10(twice, LITTLE))
    no_study = [e for e in MINIMUM if e[0] != 0x0020000D]
    yield Vector("no-study", "Without a study.", instance([], base=no_study))
    yield Vector("private-class", "A private SOP class.", instance([], sop_class="1.2.3.4"))
    yield Vector(
        "unknown-syntax",
        "A private transfer syntax.",
        part10(data_set(MINIMUM, Form(LITTLE)), "1.2.3"),
    )
    nested = data_set([(0x00081155, "UI", b"1.2")], Form(LITTLE))
    for _ in range(130):
        item = struct.pack("<HHL", 0xFFFE, 0xE000, len(nested)) + nested
        nested = struct.pack("<HH2sHL", 0x0008, 0x1115, b"SQ", 0, len(item)) + item
    low = [e for e in MINIMUM if e[0] < 0x00081115]
    high = [e for e in MINIMUM if e[0] > 0x00081115]
    deep = data_set(low, Form(LITTLE)) + nested + data_set(high, Form(LITTLE))
    yield Vector("too-deep", "130 sequences inside each other.", part10(deep, LITTLE))
    yield Vector("no-jpeg", "A frame that is no JPEG image.", fragments([b"Quxley"], JPEG))
    cut = b"\xff\xd8" + segment(0xFFE1, bytes(100))[:50]
    yield Vector("cut-jpeg", "A frame that ends in a segment.", fragments([cut], JPEG))


def vectors() -> list[Vector]:
    """Return all of them; their names are unique."""
    found = [
        replace(vector, name=f"{group.__name__}-{vector.name}" if group is refused else vector.name)
        for group in (plain, hidden, consistent, content, compressed, refused)
        for vector in group()
    ]
    assert len({vector.name for vector in found}) == len(found)
    return found


def describe(vector: Vector, result: Result) -> dict[str, Any]:
    """Return the entry of a vector in the index."""
    entry: dict[str, Any] = {
        "name": vector.name,
        "about": vector.about,
        "key": vector.key.hex(),
        "transfer_syntax": vector.transfer_syntax,
        "cleaned_pixels": vector.cleaned_pixels,
        "input": f"{vector.name}.in",
    }
    if result.data is None:
        return entry | {"error": result.error}
    compared = comparable(result.data)
    return entry | {
        "expected": f"{vector.name}.out",
        "inflated": compared != result.data,
        "sha256": hashlib.sha256(compared).hexdigest(),
        "review": list(result.review),
    }


def primitives() -> dict[str, Any]:
    """Return what UIDs and patients become, without a data set around them."""
    uids = ("1.2.3", "1.2.826.0.1.3680043.99.1", "2.25.1", map_uid(KEY, "1.2.3"), "no UID at all")
    patients = (("QX-771204", ""), ("QX-771204", "ZORBLATT"), ("0", ""))
    studies = ("1.2.826.0.1.3680043.99.1", "1.2.3")
    return {
        "uids": [
            {"key": key.hex(), "uid": uid, "mapped": map_uid(key, uid)}
            for key in (KEY, OTHER_KEY)
            for uid in uids
        ],
        "shifts": [
            {
                "key": key.hex(),
                "patient_id": patient,
                "issuer": issuer,
                "days": shift_of(key, b"patient", patient.encode(), issuer.encode()),
            }
            for key in (KEY, OTHER_KEY)
            for patient, issuer in patients
        ]
        + [
            {"key": KEY.hex(), "study": uid, "days": shift_of(KEY, b"study", uid.encode())}
            for uid in studies
        ],
    }


def main() -> None:
    """Write inputs, expected outputs and the index."""
    for path in (*FOLDER.glob("*.in"), *FOLDER.glob("*.out")):
        path.unlink()
    entries = []
    for vector in vectors():
        result = process(vector)
        entries.append(describe(vector, result))
        (FOLDER / f"{vector.name}.in").write_bytes(vector.data)
        if result.data is not None:
            (FOLDER / f"{vector.name}.out").write_bytes(comparable(result.data))
    index = {"version": 1, **primitives(), "vectors": entries}
    INDEX.write_text(json.dumps(index, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
