"""Stores that bring metadata as JSON or XML, with their bulk data in parts of their own."""

import json
import pathlib
from collections.abc import Callable
from typing import Any

import pydicom
import pytest

from tests.dicomweb.conftest import Caller
from tests.dicomweb.metadata_store import (
    FAILED,
    JSON,
    OTHER,
    XML,
    Part,
    body,
    bulk_part,
    items_of,
    json_part,
    model,
    part_10,
    paths_of,
    post,
    reasons_of,
    stored_by,
    xml_part,
)
from tests.dicomweb.samples import SECRETS, STUDY, make_slice

TYPES = [(JSON, json_part), (XML, xml_part)]


@pytest.mark.parametrize(("content_type", "part"), TYPES)
def test_instance_is_the_same_as_in_a_file(
    caller: Caller, content_type: str, part: Callable[[dict[str, Any]], Part]
) -> None:
    ds = make_slice(3)
    response = post(caller, part(model(ds)), bulk_part(ds.PixelData), content_type=content_type)
    (stored,) = stored_by(caller, response)

    other = Caller(caller.client)
    (path,) = other.stored([part_10(ds)])
    assert paths_of(response) == [path]
    assert stored.PixelData == ds.PixelData
    assert stored.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"


@pytest.mark.parametrize(("content_type", "part"), TYPES)
def test_several_instances_in_the_order_of_their_metadata(
    caller: Caller, content_type: str, part: Callable[[dict[str, Any]], Part]
) -> None:
    slices = [make_slice(n) for n in (3, 1, 2)]
    metadata = [part(model(ds, f"bulk/{ds.InstanceNumber}")) for ds in slices]
    # The values come in another order.
    bulk = [bulk_part(ds.PixelData, f"bulk/{ds.InstanceNumber}") for ds in reversed(slices)]

    stored = stored_by(caller, post(caller, *metadata, *bulk, content_type=content_type))

    assert [ds.InstanceNumber for ds in stored] == [3, 1, 2]
    assert [ds.PixelData for ds in stored] == [ds.PixelData for ds in slices]


def test_several_instances_in_one_array(caller: Caller) -> None:
    slices = [make_slice(n) for n in (1, 2)]
    metadata = json_part(*[model(ds, f"b/{ds.InstanceNumber}") for ds in slices])
    bulk = [bulk_part(ds.PixelData, f"b/{ds.InstanceNumber}") for ds in slices]

    stored = stored_by(caller, post(caller, metadata, *bulk))

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
    response = post(caller, json_part(model(ds, uri)), bulk_part(ds.PixelData, location))

    assert response.status_code == 200, response.text


def test_private_bulk_data_are_not_waited_for(caller: Caller) -> None:
    """Nothing private is kept, so a value that is never sent costs nothing."""
    ds = make_slice()
    of = model(ds)
    of["00091002"] = {"vr": "UN", "BulkDataURI": "never-sent"}
    item = {"00091010": {"vr": "LO", "Value": ["X"]}, "00091001": {"vr": "UN", "BulkDataURI": "b"}}
    of["00081140"] = {"vr": "SQ", "Value": [item]}

    (stored,) = stored_by(caller, post(caller, json_part(of), bulk_part(ds.PixelData)))

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

    (stored,) = stored_by(
        caller, post(caller, json_part(of), bulk_part(ds.PixelData), bulk_part(table, "lut"))
    )

    assert stored.RedPaletteColorLookupTableData == b"\0\1\0\2"
    assert stored.GreenPaletteColorLookupTableData == table + b"\0"
    assert stored.ModalityLUTSequence[0].LUTData == table + b"\0"
    assert stored.PixelData == ds.PixelData


def test_document_is_encapsulated(caller: Caller) -> None:
    ds = make_slice()
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.104.1"
    for keyword in ("Rows", "Columns", "PixelData"):
        delattr(ds, keyword)
    of = model(ds, None)
    of["00420011"] = {"vr": "OB", "BulkDataURI": "doc"}
    of["00420012"] = {"vr": "LO", "Value": ["application/pdf"]}
    document = b"%PDF-1.4 " + bytes(range(256)) * 3 + b"x"

    (stored,) = stored_by(
        caller, post(caller, json_part(of), bulk_part(document, "doc", "application/pdf"))
    )

    assert stored.EncapsulatedDocument == document


def test_what_is_missing_or_not_used_is_told(caller: Caller) -> None:
    slices = [make_slice(n) for n in (1, 2, 3)]
    metadata = json_part(*[model(ds, f"b/{ds.InstanceNumber}") for ds in slices])
    parts = [bulk_part(slices[n].PixelData, f"b/{n + 1}") for n in (0, 2)]

    response = post(caller, metadata, *parts, bulk_part(b"x", "nobody"), bulk_part(b"x", ""))

    assert response.status_code == 202
    numbers = [caller.get(f"{p}/metadata").get_json(force=True)[0] for p in paths_of(response)]
    assert [n["00200013"]["Value"] for n in numbers] == [[1], [3]]
    # It is known which one it is that was not stored.
    assert reasons_of(response) == [0xC000]
    second = caller.stored([part_10(slices[1])])[0]
    assert second.endswith(items_of(response, FAILED)[0]["00081155"]["Value"][0])
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
    {"00281201": {"vr": "OW", "InlineBinary": "AAEA!Ag=="}},
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

    response = post(
        caller,
        json_part(bad, model(good, "1")),  # type: ignore[arg-type]
        bulk_part(good.PixelData, "1"),
        bulk_part(good.PixelData, "2"),
    )

    assert response.status_code == 202
    assert len(paths_of(response)) == 1
    assert [*reasons_of(response), *reasons_of(response, OTHER)] == [0xC000]


@pytest.mark.parametrize("keyword", ["SOPClassUID", "SOPInstanceUID", "StudyInstanceUID"])
def test_metadata_without_a_uid_are_refused(caller: Caller, keyword: str) -> None:
    ds = make_slice()
    of = model(ds)
    del of[f"{pydicom.datadict.tag_for_keyword(keyword):08X}"]

    response = post(caller, json_part(of), bulk_part(ds.PixelData))

    assert response.status_code == 409
    assert reasons_of(response, OTHER) == [0xA900]


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

    response = post(caller, bad, xml_part(model(ds)), bulk_part(ds.PixelData), content_type=XML)

    assert response.status_code == 202
    assert reasons_of(response, OTHER) == [0xC000]
    assert len(paths_of(response)) == 1


@pytest.mark.parametrize("metadata", [b"[]", b"[\n]"])
def test_no_metadata_are_no_instance(caller: Caller, metadata: bytes) -> None:
    assert caller.post(metadata, "application/dicom+json").status_code == 400
    assert post(caller, bulk_part(b"x")).status_code == 400


def test_what_must_be_held_is_bounded(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    ds = make_slice()
    of = model(ds) | {"00281201": {"vr": "OW", "BulkDataURI": "lut"}}
    monkeypatch.setattr("dicomweb.stow_metadata.HELD_BYTES", 400)
    parts = [bulk_part(ds.PixelData), bulk_part(b"x", "lut")]

    refused = post(caller, json_part(of), *parts)
    # In this order, the pixels need not be held.
    passed = post(caller, json_part(of), *reversed(parts))

    assert refused.status_code == 413
    assert passed.status_code == 200
    monkeypatch.setattr("dicomweb.stow_metadata.METADATA_BYTES", 400)
    assert post(caller, json_part(of), *parts).status_code == 413


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

    assert post(caller, json_part(*many), *parts).status_code == 413
    refused = post(caller, json_part(often), *parts)

    assert refused.status_code == 409
    assert reasons_of(refused, OTHER) == [0x0110]
    assert caller.get("/instances").status_code == 204


def test_study_of_the_url_is_compared(caller: Caller) -> None:
    ds = make_slice()
    parts = body([json_part(model(ds)), bulk_part(ds.PixelData)])

    assert caller.post(parts, JSON, f"/studies/{STUDY}").status_code == 200
    other = caller.post(parts, JSON, "/studies/1.2.3")
    assert other.status_code == 409
    assert reasons_of(other) == [0xA901]


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
        post(caller, json_part(good), bulk_part(ds.PixelData)),
        post(caller, xml_part(good), bulk_part(ds.PixelData), content_type=XML),
        post(caller, json_part(bad, lost), bulk_part(b"SECRETNAME", location)),
        post(caller, ({"Content-Type": "application/dicom+xml"}, DOCTYPE), content_type=XML),
        post(caller, ({"Content-Type": "application/dicom+json"}, b'{"SECRETNAME')),
        post(caller, json_part(good), bulk_part(b"SECRETNAME", content_type="image/png")),
        post(caller, json_part(good), bulk_part(b"SECRETNAME" * 99)),
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
