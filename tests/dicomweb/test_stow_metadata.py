"""Stores that bring metadata as JSON or XML, with their bulk data in parts of their own."""

import json
import pathlib
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.encaps import generate_frames
from werkzeug.test import TestResponse

from tests.dicomweb.conftest import Caller
from tests.dicomweb.metadata_store import (
    JSON,
    XML,
    Part,
    body,
    bulk_part,
    json_part,
    model,
    xml_part,
)
from tests.dicomweb.samples import SECRETS, STUDY, make_slice

REFERENCED, FAILED, OTHER = "00081199", "00081198", "0008119A"
TYPES = [(JSON, json_part), (XML, xml_part)]


def _items(response: TestResponse, tag: str) -> list[dict[str, Any]]:
    module: dict[str, Any] = json.loads(response.data)
    found: list[dict[str, Any]] = module.get(tag, {}).get("Value", [])
    return found


def _reasons(response: TestResponse, tag: str = FAILED) -> list[int]:
    return [item["00081197"]["Value"][0] for item in _items(response, tag)]


def _paths(response: TestResponse) -> list[str]:
    urls = [item["00081190"]["Value"][0] for item in _items(response, REFERENCED)]
    return [url.partition("/dicomweb")[2] for url in urls]


def _stored(caller: Caller, response: TestResponse) -> list[pydicom.Dataset]:
    assert response.status_code == 200, response.text + str(response.headers)
    accept = "application/dicom; transfer-syntax=*"
    files = [caller.get(path, Accept=accept).data for path in _paths(response)]
    return [pydicom.dcmread(BytesIO(file)) for file in files]


def _post(caller: Caller, *parts: Part, content_type: str = JSON, **kwargs: str) -> TestResponse:
    return caller.post(body(parts), content_type, **kwargs)


@pytest.mark.parametrize(("content_type", "part"), TYPES)
def test_instance_is_the_same_as_in_a_file(
    caller: Caller, content_type: str, part: Callable[[dict[str, Any]], Part]
) -> None:
    ds = make_slice(3)
    response = _post(caller, part(model(ds)), bulk_part(ds.PixelData), content_type=content_type)
    (stored,) = _stored(caller, response)

    other = Caller(caller.client)
    (path,) = other.stored([_file(ds)])
    assert _paths(response) == [path]
    assert stored.PixelData == ds.PixelData
    assert stored.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"


def _file(ds: pydicom.Dataset) -> bytes:
    out = BytesIO()
    ds.save_as(out, enforce_file_format=True)
    return out.getvalue()


@pytest.mark.parametrize(("content_type", "part"), TYPES)
def test_several_instances_in_the_order_of_their_metadata(
    caller: Caller, content_type: str, part: Callable[[dict[str, Any]], Part]
) -> None:
    slices = [make_slice(n) for n in (3, 1, 2)]
    metadata = [part(model(ds, f"bulk/{ds.InstanceNumber}")) for ds in slices]
    # The values come in another order.
    bulk = [bulk_part(ds.PixelData, f"bulk/{ds.InstanceNumber}") for ds in reversed(slices)]

    stored = _stored(caller, _post(caller, *metadata, *bulk, content_type=content_type))

    assert [ds.InstanceNumber for ds in stored] == [3, 1, 2]
    assert [ds.PixelData for ds in stored] == [ds.PixelData for ds in slices]


def test_several_instances_in_one_array(caller: Caller) -> None:
    slices = [make_slice(n) for n in (1, 2)]
    metadata = json_part(*[model(ds, f"b/{ds.InstanceNumber}") for ds in slices])
    bulk = [bulk_part(ds.PixelData, f"b/{ds.InstanceNumber}") for ds in slices]

    stored = _stored(caller, _post(caller, metadata, *bulk))

    assert [ds.PixelData for ds in stored] == [ds.PixelData for ds in slices]


@pytest.mark.parametrize(
    ("uri", "location"),
    [
        ("bulk/1", "http://localhost/dicomweb/bulk/1"),
        ("http://localhost/dicomweb/bulk/1", "x/../bulk/1"),
        ("/a/1", "http://localhost/a/1"),
        ("urn:uuid:0b4e", "urn:uuid:0b4e"),
        ("cid:part1@here", "cid:part1@here"),
        ("http://[", "http://["),
    ],
)
def test_locations_are_compared_resolved(caller: Caller, uri: str, location: str) -> None:
    ds = make_slice()
    response = _post(caller, json_part(model(ds, uri)), bulk_part(ds.PixelData, location))

    assert response.status_code == 200, response.text


def test_private_bulk_data_are_not_waited_for(caller: Caller) -> None:
    """Nothing private is kept, so a value that is never sent costs nothing."""
    ds = make_slice()
    of = model(ds)
    of["00091002"] = {"vr": "UN", "BulkDataURI": "never-sent"}
    item = {"00091010": {"vr": "LO", "Value": ["X"]}, "00091001": {"vr": "UN", "BulkDataURI": "b"}}
    of["00081140"] = {"vr": "SQ", "Value": [item]}

    (stored,) = _stored(caller, _post(caller, json_part(of), bulk_part(ds.PixelData)))

    assert stored.PixelData == ds.PixelData


def test_metadata_alone_make_an_instance(caller: Caller) -> None:
    report = make_slice()
    report.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.11"
    for keyword in ("Rows", "Columns", "PixelData"):
        delattr(report, keyword)
    whole = json.dumps([report.to_json_dict()]).encode()
    parts = body([({"Content-Type": "application/dicom+json"}, whole)])

    answers = [
        caller.post(parts, JSON),
        caller.post(parts, "multipart/related; boundary=b0undary"),
        caller.post(whole, "application/dicom+json"),
        caller.post(whole[1:-1], "application/dicom+json; charset=utf-8"),
        caller.post(xml_part(report.to_json_dict())[1], "application/dicom+xml"),
    ]

    assert [answer.status_code for answer in answers] == [200] * 5
    assert len(caller.get("/instances").get_json(force=True)) == 1


def test_inline_binary_and_values_in_sequences(caller: Caller) -> None:
    ds = make_slice()
    of = model(ds)
    of["00281201"] = {"vr": "OW", "InlineBinary": "AAEAAg=="}
    of["00281202"] = {"vr": "OW", "BulkDataURI": "lut"}
    of["00283000"] = {
        "vr": "SQ",
        "Value": [
            {
                "00283002": {"vr": "US", "Value": [4, 0, 8]},
                "00283006": {"vr": "OW", "BulkDataURI": "lut"},
            },
            {},
        ],
    }
    table = bytes(range(9))

    (stored,) = _stored(
        caller, _post(caller, json_part(of), bulk_part(ds.PixelData), bulk_part(table, "lut"))
    )

    assert stored.RedPaletteColorLookupTableData == b"\0\1\0\2"
    assert stored.GreenPaletteColorLookupTableData == table + b"\0"
    assert stored.ModalityLUTSequence[0].LUTData == table + b"\0"
    assert stored.PixelData == ds.PixelData


def test_native_frames_may_come_one_by_one(caller: Caller) -> None:
    ds = make_slice(frames=3)
    half = len(ds.PixelData) // 3
    frames = [bulk_part(ds.PixelData[at : at + half]) for at in range(0, 3 * half, half)]

    (stored,) = _stored(caller, _post(caller, json_part(model(ds)), *frames))

    assert stored.PixelData == ds.PixelData


@pytest.mark.parametrize("declared", [{}, {"Content_Length": "512"}, {"Content_Length": "junk"}])
@pytest.mark.parametrize("described", [True, False])
def test_length_of_a_value_is_told_by_its_part_or_its_metadata(
    caller: Caller, declared: dict[str, str], described: bool
) -> None:
    ds = make_slice()
    of = model(ds)
    if not described:
        del of["00280100"]
    part = bulk_part(ds.PixelData, **declared)

    (stored,) = _stored(caller, _post(caller, json_part(of), part))

    assert stored.PixelData == ds.PixelData


@pytest.mark.parametrize("change", [-2, 2, -511, 100_000])
@pytest.mark.parametrize("declared", [True, False])
def test_value_of_another_length_than_it_should_be_is_refused(
    caller: Caller, change: int, declared: bool
) -> None:
    ds = make_slice()
    content = (ds.PixelData + bytes(100_000))[: 512 + change]
    headers = {"Content_Length": "512"} if declared else {}

    response = _post(caller, json_part(model(ds)), bulk_part(content, **headers))

    assert response.status_code == 409
    assert _reasons(response) == [0xC000]
    assert caller.get("/instances").status_code == 204


COMPRESSED = {
    "image/jpeg": "1.2.840.10008.1.2.4.50",
    "image/jls": "1.2.840.10008.1.2.4.80",
    "image/jp2": "1.2.840.10008.1.2.4.90",
    "image/jphc": "1.2.840.10008.1.2.4.201",
    "image/dicom-rle": "1.2.840.10008.1.2.5",
    "image/x-dicom-rle": "1.2.840.10008.1.2.5",
    "application/octet-stream": "1.2.840.10008.1.2.4.90",
}
"""Of each media type a syntax that there are files of."""


@pytest.fixture(scope="module")
def by_syntax(shared_data: pathlib.Path) -> dict[str, pydicom.Dataset]:
    found: dict[str, pydicom.Dataset] = {}
    for path in sorted((shared_data / "syntaxes").rglob("*")):
        if path.is_file() and path.stat().st_size < 2_000_000:
            ds = pydicom.dcmread(path, force=True)
            syntax = str(getattr(ds.file_meta, "TransferSyntaxUID", ""))
            has_uids = "SOPInstanceUID" in ds and "StudyInstanceUID" in ds
            if (
                "PixelData" in ds
                and has_uids
                and syntax.startswith(("1.2.840.10008.1.2.4", "1.2.840.10008.1.2.5"))
            ):
                found.setdefault(syntax, ds)
    return found


@pytest.mark.parametrize(("media_type", "syntax"), COMPRESSED.items())
def test_compressed_frames_are_taken_as_they_are(
    caller: Caller, by_syntax: dict[str, pydicom.Dataset], media_type: str, syntax: str
) -> None:
    ds = by_syntax[syntax]
    count = int(ds.get("NumberOfFrames", 1) or 1)
    frames = list(generate_frames(ds.PixelData, number_of_frames=count))
    kinds = [f"{media_type}; transfer-syntax={syntax}"]
    if media_type not in ("application/octet-stream",):
        kinds.append(media_type)
    for kind in kinds:
        parts = [bulk_part(frame, content_type=kind) for frame in frames]
        response = _post(caller, json_part(model(ds)), *parts)

        (stored,) = _stored(caller, response)

        assert stored.file_meta.TransferSyntaxUID == syntax
        # A comment in a codestream is blanked, so they are compared with those of a stored file.
        found = list(generate_frames(stored.PixelData, number_of_frames=count))
        assert [f.rstrip(b"\0") for f in found] == _frames_of_file(caller, ds, count)


def _frames_of_file(caller: Caller, ds: pydicom.Dataset, count: int) -> list[bytes]:
    other = pydicom.dcmread(BytesIO(_file(ds)))
    other.SOPInstanceUID += ".1"
    (path,) = caller.stored([_file(other)])
    file = caller.get(path, Accept="application/dicom; transfer-syntax=*").data
    stored = pydicom.dcmread(BytesIO(file))
    frames = generate_frames(stored.PixelData, number_of_frames=count)
    return [frame.rstrip(b"\0") for frame in frames]


def test_frames_that_come_between_others_are_held(caller: Caller) -> None:
    """Values of which several instances are made at once, and frames of two types."""
    one, two = make_slice(1, frames=2), make_slice(2, frames=2)
    metadata = json_part(model(one, "1"), model(two, "2"))
    for of in (one, two):
        of.PixelData = bytes(range(1, 65))
    kind = "image/jls"
    shared = json_part(model(one, "1"), model(two, "1"))
    frame = b"\xff\xd8" + bytes(range(50)) + b"\xff\xd9"

    good = _post(caller, metadata, *[bulk_part(frame, n, kind) for n in ("1", "1", "2", "2")])
    odd = _post(caller, metadata, bulk_part(frame, "1", kind), bulk_part(frame, "1", "image/jp2"))
    few = _post(caller, shared, bulk_part(frame, "1", kind))

    assert good.status_code == 200, good.text
    assert odd.status_code == few.status_code == 409
    assert _reasons(odd) == _reasons(few) == [0xC000, 0xC000]


def test_jpeg_without_a_syntax_is_what_it_says_itself(caller: Caller) -> None:
    ds = _colour(64)
    out = BytesIO()
    Image.fromarray(np.arange(64 * 64, dtype="u1").reshape(64, 64)).save(out, "JPEG")
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"

    (stored,) = _stored(
        caller,
        _post(caller, json_part(model(ds)), bulk_part(out.getvalue(), content_type="image/jpeg")),
    )

    assert stored.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.50"


def _colour(size: int) -> pydicom.Dataset:
    ds = make_slice()
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    ds.Rows = ds.Columns = size
    ds.BitsAllocated = ds.BitsStored = 8
    ds.HighBit = 7
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 3, "RGB"
    ds.PlanarConfiguration = 0
    return ds


def test_video_is_taken_as_it_is(caller: Caller) -> None:
    ds = _colour(16)
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.77.1.1.1"
    ds.NumberOfFrames = 25
    video = b"\0\0\1\xb3" + bytes(range(256)) * 10_000

    (stored,) = _stored(
        caller, _post(caller, json_part(model(ds)), bulk_part(video, content_type="video/mpeg"))
    )

    assert stored.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.101"
    fragments = pydicom.encaps.generate_fragments(stored.PixelData)
    next(fragments)
    assert b"".join(fragments) == video


@pytest.mark.parametrize("mode", ["L", "RGB", "P", "RGBA", "I;16", "1", "LA"])
def test_png_becomes_native_pixels(caller: Caller, mode: str) -> None:
    cells = np.arange(20 * 30).reshape(20, 30)
    if mode == "I;16":
        image = Image.fromarray((cells * 100).astype("u2"))
    else:
        image = Image.fromarray((cells % 251).astype("u1")).convert(mode)
    out = BytesIO()
    image.save(out, "PNG")
    of = model(_colour(1))
    for tag in ("00280002", "00280004", "00280010", "00280011", "00280100", "00280006"):
        of.pop(tag, None)

    (stored,) = _stored(
        caller,
        _post(caller, json_part(of), bulk_part(out.getvalue(), content_type="image/png")),
    )

    assert (stored.Rows, stored.Columns) == (20, 30)
    is_grey = mode in ("L", "I;16", "1")
    assert stored.SamplesPerPixel == (1 if is_grey else 3)
    assert stored.BitsStored == (16 if mode == "I;16" else 8)
    expected = np.asarray(image if mode == "I;16" else image.convert("L" if is_grey else "RGB"))
    assert (stored.pixel_array == expected).all()


def test_gif_becomes_frames(caller: Caller) -> None:
    frames = [Image.new("RGB", (8, 8), (90 * n, 40, 200)) for n in range(3)]
    out = BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])

    (stored,) = _stored(
        caller,
        _post(
            caller,
            json_part(model(_colour(8))),
            bulk_part(out.getvalue(), content_type="image/gif"),
        ),
    )

    assert stored.NumberOfFrames == 3
    assert stored.pixel_array.shape == (3, 8, 8, 3)


@pytest.mark.parametrize("picture", [b"", b"\x89PNG\r\n\x1a\n", b"junk" * 100])
def test_picture_that_is_none_is_refused(caller: Caller, picture: bytes) -> None:
    response = _post(
        caller, json_part(model(_colour(8))), bulk_part(picture, content_type="image/png")
    )

    assert response.status_code == 409
    assert _reasons(response, OTHER) == [0xC000]


def test_document_is_encapsulated(caller: Caller) -> None:
    ds = make_slice()
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.104.1"
    for keyword in ("Rows", "Columns", "PixelData"):
        delattr(ds, keyword)
    of = model(ds, None)
    of["00420011"] = {"vr": "OB", "BulkDataURI": "doc"}
    of["00420012"] = {"vr": "LO", "Value": ["application/pdf"]}
    document = b"%PDF-1.4 " + bytes(range(256)) * 3 + b"x"

    (stored,) = _stored(
        caller, _post(caller, json_part(of), bulk_part(document, "doc", "application/pdf"))
    )

    assert stored.EncapsulatedDocument == document


def test_what_is_missing_or_not_used_is_told(caller: Caller) -> None:
    slices = [make_slice(n) for n in (1, 2, 3)]
    metadata = json_part(*[model(ds, f"b/{ds.InstanceNumber}") for ds in slices])
    parts = [bulk_part(slices[n].PixelData, f"b/{n + 1}") for n in (0, 2)]

    response = _post(caller, metadata, *parts, bulk_part(b"x", "nobody"), bulk_part(b"x", ""))

    assert response.status_code == 202
    numbers = [caller.get(f"{p}/metadata").get_json(force=True)[0] for p in _paths(response)]
    assert [n["00200013"]["Value"] for n in numbers] == [[1], [3]]
    # It is known which one it is that was not stored.
    assert _reasons(response) == [0xC000]
    second = caller.stored([_file(slices[1])])[0]
    assert second.endswith(_items(response, FAILED)[0]["00081155"]["Value"][0])
    warnings = response.headers.getlist("Warning")
    assert "1 of 3 instances were not stored" in warnings[0]
    assert "2 parts with bulk data were not used" in warnings[1]


BAD_MODELS: list[Any] = [
    None,
    7,
    "text",
    [],
    {"00100010": []},
    {"PatientName": {"vr": "PN"}},
    {"00100010": {"Value": [1]}},
    {"00100010": {"vr": "XX"}},
    {"00100010": {"vr": ["PN"]}},
    {"00100010": {"vr": "PN", "Value": "x"}},
    {"00100010": {"vr": "PN", "Value": [{"Alphabetic": 5}]}},
    {"00100010": {"vr": "PN", "Value": [["x"]]}},
    {"00280010": {"vr": "US", "Value": [70_000]}},
    {"00280010": {"vr": "US", "Value": [1.5]}},
    {"00280010": {"vr": "US", "Value": [True]}},
    {"00280010": {"vr": "US", "Value": ["x"]}},
    {"00280010": {"vr": "UL", "Value": [10**400]}},
    {"00181130": {"vr": "DS", "Value": [{}]}},
    {"00181130": {"vr": "FD", "Value": ["1e999"]}},
    {"00280009": {"vr": "AT", "Value": ["zz"]}},
    {"7FE00010": {"vr": "OW", "Value": [1]}},
    {"7FE00010": {"vr": "OW", "InlineBinary": 5}},
    {"7FE00010": {"vr": "OW", "InlineBinary": "A"}},
    {"7FE00010": {"vr": "OW", "BulkDataURI": None}},
    {"00081140": {"vr": "SQ", "BulkDataURI": "x"}},
    {"00081140": {"vr": "SQ", "Value": [5]}},
    {"00081140": {"vr": "SQ", "Value": [{"FFFEE000": {"vr": "SQ"}}]}},
    {"00080060": {"vr": "CS", "Value": ["\ud800"]}},
    {"00080060": {"vr": "CS", "Value": ["x" * 70_000]}},
    {"0008103e": {"vr": "LO"}, "0008103E": {"vr": "LO"}},
]


@pytest.mark.parametrize("bad", BAD_MODELS, ids=range(len(BAD_MODELS)))
def test_metadata_that_are_none_cost_one_instance(caller: Caller, bad: object) -> None:
    good = make_slice(1)
    if isinstance(bad, dict):
        bad = {**model(make_slice(2), "2"), **bad}

    response = _post(
        caller,
        json_part(bad, model(good, "1")),  # type: ignore[arg-type]
        bulk_part(good.PixelData, "1"),
        bulk_part(good.PixelData, "2"),
    )

    assert response.status_code == 202
    assert len(_paths(response)) == 1
    assert [*_reasons(response), *_reasons(response, OTHER)] == [0xC000]


@pytest.mark.parametrize("keyword", ["SOPClassUID", "SOPInstanceUID", "StudyInstanceUID"])
def test_metadata_without_a_uid_are_refused(caller: Caller, keyword: str) -> None:
    ds = make_slice()
    of = model(ds)
    del of[f"{pydicom.datadict.tag_for_keyword(keyword):08X}"]

    response = _post(caller, json_part(of), bulk_part(ds.PixelData))

    assert response.status_code == 409
    assert _reasons(response, OTHER) == [0xA900]


@pytest.mark.parametrize(
    "text", [b"", b"{", b"5", b'"x"', b"[NaN]", b"\xff\xfe\x00", b"[" * 100_000, b"[1e5"]
)
def test_metadata_that_are_no_json_are_refused(caller: Caller, text: bytes) -> None:
    for content_type, sent in (
        (JSON, body([({"Content-Type": "application/dicom+json"}, text)])),
        ("application/dicom+json", text),
    ):
        response = caller.post(sent, content_type)
        assert response.status_code == 400
        assert response.get_json()["error"].endswith(".")


DOCTYPE = b'<!DOCTYPE x [<!ENTITY a "SECRETNAME">]><NativeDicomModel>&a;</NativeDicomModel>'


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<",
        b"<x/>",
        b"<NativeDicomModel><x/></NativeDicomModel>",
        DOCTYPE,
        b"<NativeDicomModel>" + b"<DicomAttribute>" * 10_000,
        b'<NativeDicomModel><DicomAttribute tag="00280010" vr="US"><Value number="1">x</Value>'
        b"</DicomAttribute></NativeDicomModel>",
        b'<NativeDicomModel><DicomAttribute tag="00280010" vr="US"><Value number="99999999">1'
        b"</Value></DicomAttribute></NativeDicomModel>",
    ],
)
def test_metadata_that_are_no_xml_cost_one_instance(caller: Caller, text: bytes) -> None:
    ds = make_slice()
    bad = {"Content-Type": "application/dicom+xml"}, text

    response = _post(caller, bad, xml_part(model(ds)), bulk_part(ds.PixelData), content_type=XML)

    assert response.status_code == 202
    assert _reasons(response, OTHER) == [0xC000]
    assert len(_paths(response)) == 1


@pytest.mark.parametrize("metadata", [b"[]", b"[\n]"])
def test_no_metadata_are_no_instance(caller: Caller, metadata: bytes) -> None:
    assert caller.post(metadata, "application/dicom+json").status_code == 400
    assert _post(caller, bulk_part(b"x")).status_code == 400


def test_what_must_be_held_is_bounded(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    ds = make_slice()
    of = model(ds) | {"00281201": {"vr": "OW", "BulkDataURI": "lut"}}
    monkeypatch.setattr("dicomweb.stow_metadata.HELD_BYTES", 400)
    parts = [bulk_part(ds.PixelData), bulk_part(b"x", "lut")]

    refused = _post(caller, json_part(of), *parts)
    # In this order, the pixels need not be held.
    passed = _post(caller, json_part(of), *reversed(parts))

    assert refused.status_code == 413
    assert passed.status_code == 200
    monkeypatch.setattr("dicomweb.stow_metadata.METADATA_BYTES", 400)
    assert _post(caller, json_part(of), *parts).status_code == 413


def test_shared_values_do_not_multiply_without_end(caller: Caller) -> None:
    """A value of 100 KB that sixty instances name, or one of them seven hundred times."""
    ds = make_slice()
    value = bytes(100_000)
    of = model(ds)
    named = {"vr": "OW", "BulkDataURI": "lut"}
    many = [
        of | {"00281201": named, "00080018": {"vr": "UI", "Value": [f"1.2.{n}"]}} for n in range(60)
    ]
    items = [{"00283006": named} for _ in range(700)]
    often = of | {"00283000": {"vr": "SQ", "Value": items}}
    parts = bulk_part(value, "lut"), bulk_part(ds.PixelData)

    assert _post(caller, json_part(*many), *parts).status_code == 413
    refused = _post(caller, json_part(often), *parts)

    assert refused.status_code == 409
    assert _reasons(refused, OTHER) == [0x0110]
    assert caller.get("/instances").status_code == 204


def test_pictures_do_not_grow_without_end(caller: Caller) -> None:
    out = BytesIO()
    Image.new("L", (3000, 3000)).save(out, "PNG")
    picture = out.getvalue()
    assert len(picture) < 20_000

    response = _post(
        caller, json_part(model(_colour(8))), bulk_part(picture, content_type="image/png")
    )

    assert response.status_code == 413


def test_study_of_the_url_is_compared(caller: Caller) -> None:
    ds = make_slice()
    parts = body([json_part(model(ds)), bulk_part(ds.PixelData)])

    assert caller.post(parts, JSON, f"/studies/{STUDY}").status_code == 200
    other = caller.post(parts, JSON, "/studies/1.2.3")
    assert other.status_code == 409
    assert _reasons(other) == [0xA901]


def test_unclosed_body_stores_nothing(caller: Caller) -> None:
    ds = make_slice()
    whole = body([json_part(model(ds)), bulk_part(ds.PixelData)])

    for cut in (len(whole) - 6, len(whole) - 100, 60):
        assert caller.post(whole[:cut], JSON).status_code == 400
    assert caller.get("/instances").status_code == 204


def test_nothing_of_the_sender_is_told_or_kept(caller: Caller, tmp_path: pathlib.Path) -> None:
    ds = make_slice()
    ds.PatientComments = "SECRETNAME"
    good = model(ds)
    bad = model(ds) | {"00280010": {"vr": "US", "Value": ["SECRETNAME"]}}
    lost = model(ds, "SECRETID")
    location = f"http://SECRETNAME/{STUDY}"
    answers = [
        _post(caller, json_part(good), bulk_part(ds.PixelData)),
        _post(caller, xml_part(good), bulk_part(ds.PixelData), content_type=XML),
        _post(caller, json_part(bad, lost), bulk_part(b"SECRETNAME", location)),
        _post(caller, ({"Content-Type": "application/dicom+xml"}, DOCTYPE), content_type=XML),
        _post(caller, ({"Content-Type": "application/dicom+json"}, b'{"SECRETNAME')),
        _post(caller, json_part(good), bulk_part(b"SECRETNAME", content_type="image/png")),
        _post(caller, json_part(good), bulk_part(b"SECRETNAME" * 99)),
    ]

    assert [a.status_code for a in answers] == [200, 200, 409, 409, 400, 409, 409]
    for answer in answers:
        for secret in SECRETS:
            assert secret not in answer.data + str(answer.headers).encode()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 1
    for path in files:
        kept = path.read_bytes()
        for secret in SECRETS:
            assert secret not in kept, path.name
