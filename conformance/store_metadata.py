"""Checks of Store: metadata in JSON or XML, with bulk data in parts of their own.

Standard: PS3.18 10.5.1, 10.5.2 (Table 10.5.2-1), 10.5.4, Annex F, PS3.19 A.1.
"""

import json
from base64 import b64encode
from typing import Any

import requests
from pydicom.dataset import FileDataset

from conformance.errors import Fault
from conformance.multipart import BOUNDARY, parts
from conformance.sample import grey16, one_slice
from conformance.sample_compressed import MEDIA_TYPES, NAMES, compressed, frame_of
from conformance.sample_objects import WAVEFORM, waveform
from conformance.server import Server, items_of, place_of
from conformance.storing import accepted, expect_refused, expect_stored
from conformance.suite import check
from conformance.xml_model import write

KINDS = [("json",), ("xml",)]
OCTETS = "application/octet-stream"
PIXELS = "7FE00010"
Bulk = list[tuple[str, str, bytes]]


def body_of(kind: str, metadata: list[dict[str, Any]], bulk: Bulk) -> bytes:
    """Return a multipart body: metadata, then bulk data (location, media type, bytes)."""
    if kind == "json":
        documents = [json.dumps(metadata).encode()]
    else:
        documents = [write(each) for each in metadata]
    line = f"--{BOUNDARY}\r\n"
    text = b""
    for document in documents:
        head = f"{line}Content-Type: application/dicom+{kind}\r\n\r\n"
        text += head.encode() + document + b"\r\n"
    for location, media_type, data in bulk:
        head = f"{line}Content-Type: {media_type}\r\nContent-Location: {location}\r\n\r\n"
        text += head.encode() + data + b"\r\n"
    return text + f"--{BOUNDARY}--\r\n".encode()


def type_of(kind: str) -> str:
    """Return the Content-Type of such a body."""
    return f'multipart/related; type="application/dicom+{kind}"; boundary={BOUNDARY}'


def metadata_of(ds: FileDataset, location: str = "bulk/1") -> dict[str, Any]:
    """Return a data set in the JSON model, in which what is large is somewhere else."""
    found: dict[str, Any] = ds.to_json_dict(
        bulk_data_threshold=500, bulk_data_element_handler=lambda _: location
    )
    return found


def send(
    server: Server, kind: str, metadata: list[dict[str, Any]], bulk: Bulk
) -> requests.Response:
    """Store such a body."""
    return server.post(body_of(kind, metadata, bulk), type_of(kind))


def send_slice(server: Server, kind: str, location: str = "bulk/1") -> requests.Response:
    """Store one slice."""
    ds = one_slice()
    return send(server, kind, [metadata_of(ds, location)], [(location, OCTETS, ds.PixelData)])


def frame(server: Server, answer: requests.Response, accept: str) -> bytes:
    """Return the first frame of the instance that an answer names."""
    path = "/studies/{}/series/{}/instances/{}".format(*place_of(items_of(answer)[0]))
    return parts(server.get(f"{path}/frames/1", accept))[0].data


@check("10.5.4", rows=KINDS)
def taken(server: Server, kind: str) -> None:
    """Metadata in {0} with bulk data are not refused as an unsupported type"""
    answer = server.post(body_of(kind, [metadata_of(one_slice())], []), type_of(kind))
    if answer.status_code == 415:
        raise Fault("status 415")


@check("10.5.2", rows=KINDS)
def stored(server: Server, kind: str) -> None:
    """An instance given as metadata in {0} and bulk data is stored"""
    expect_stored(server, send_slice(server, kind))


@check("10.5.2", rows=KINDS)
def pixels(server: Server, kind: str) -> None:
    """Pixel data given beside metadata in {0} are those of the instance"""
    answer = send_slice(server, kind)
    accept = f'multipart/related; type="{OCTETS}"'
    if frame(server, answer, accept) != grey16(1):
        raise Fault("other bytes")


@check("10.5.2", rows=KINDS)
def values(server: Server, kind: str) -> None:
    """Values of metadata in {0} are kept: numbers, texts, sequences"""
    answer = send_slice(server, kind)
    path = "/studies/{}/series/{}/instances/{}/metadata".format(*place_of(items_of(answer)[0]))
    [kept] = server.json(path)
    for tag, value in (("00280010", 32), ("00280004", "MONOCHROME2"), ("00200013", 1)):
        if str(kept.get(tag, {}).get("Value", [None])[0]) != str(value):
            raise Fault(f"{tag} is another")


@check("10.5.2", rows=[(f"{kind} {place[:8]}", kind, place) for kind in ("json", "xml")
                       for place in ("bulk/1", "http://example.org/bulk/1", "/instances/1/bulkdata",
                        "urn:uuid:1b4e28ba-2fa1-11d2-883f-0016d3cca427")])  # fmt: skip
def locations(server: Server, _: str, kind: str, place: str) -> None:
    """Bulk data beside {1} are found by their Content-Location, whatever its form: {2}"""
    expect_stored(server, send_slice(server, kind, place))


@check("10.5.1", rows=KINDS)
def several(server: Server, kind: str) -> None:
    """Two instances in {0} share a request, each with its own bulk data"""
    first, second = one_slice(number=1), one_slice(number=2)
    metadata = [metadata_of(first, "bulk/1"), metadata_of(second, "bulk/2")]
    bulk = [("bulk/2", OCTETS, second.PixelData), ("bulk/1", OCTETS, first.PixelData)]
    answer = send(server, kind, metadata, bulk)
    expect_stored(server, answer, 2)
    for item, number in zip(items_of(answer), (1, 2), strict=True):
        path = "/studies/{}/series/{}/instances/{}".format(*place_of(item))
        accept = f'multipart/related; type="{OCTETS}"'
        if parts(server.get(f"{path}/frames/1", accept))[0].data != grey16(number):
            raise Fault("an instance has other pixels")


@check("F.2.7", rows=KINDS)
def inline(server: Server, kind: str) -> None:
    """Pixel data may be inline in metadata in {0}"""
    ds = one_slice()
    metadata = metadata_of(ds)
    metadata[PIXELS] = {"vr": "OW", "InlineBinary": b64encode(ds.PixelData).decode()}
    answer = send(server, kind, [metadata], [])
    expect_stored(server, answer)
    if frame(server, answer, f'multipart/related; type="{OCTETS}"') != grey16(1):
        raise Fault("other bytes")


@check("F.2.6", rows=KINDS)
def in_sequences(server: Server, kind: str) -> None:
    """Bulk data of an item of a sequence come with metadata in {0}"""
    [ds] = waveform()
    answer = send(server, kind, [metadata_of(ds, "wave")], [("wave", OCTETS, WAVEFORM)])
    expect_stored(server, answer)


@check("10.5.3.1", rows=KINDS)
def missing_bulk(server: Server, kind: str) -> None:
    """An instance in {0} whose bulk data are missing is refused"""
    answer = send(server, kind, [metadata_of(one_slice())], [])
    expect_refused(answer, 400, 409)


@check("10.5.3.1", rows=KINDS)
def broken(server: Server, kind: str) -> None:
    """A part that is no {0} is refused"""
    line = f"--{BOUNDARY}\r\nContent-Type: application/dicom+{kind}\r\n\r\n"
    body = f"{line}[{{<broken\r\n--{BOUNDARY}--\r\n".encode()
    expect_refused(server.post(body, type_of(kind)), 400, 409)


@check("10.5.3.1", rows=KINDS)
def without_uid(server: Server, kind: str) -> None:
    """Metadata in {0} without a SOP Instance UID are refused"""
    metadata = metadata_of(one_slice())
    del metadata["00080018"]
    answer = send(server, kind, [metadata], [("bulk/1", OCTETS, grey16(1))])
    expect_refused(answer, 400, 409)


@check("10.5.3.1", rows=KINDS)
def empty(server: Server, kind: str) -> None:
    """A request in {0} without an instance is refused"""
    body = body_of("json", [], []) if kind == "json" else f"--{BOUNDARY}--\r\n".encode()
    expect_refused(server.post(body, type_of(kind)), 400, 409)


@check("10.5.2", "conditional",
       rows=[(f"{kind} {name}", kind, name) for kind in ("json", "xml")
             for name in ("jpeg-baseline", "jpeg-2000", "jpeg-2000-lossy", "jpeg-ls")])  # fmt: skip
def compressed_bulk(server: Server, _: str, kind: str, name: str) -> None:
    """A compressed frame beside {1} is kept as it was sent: {2}"""
    [ds] = compressed(name)
    # The sample holds one frame already, encapsulated.
    metadata = metadata_of(ds)
    metadata[PIXELS] = {"vr": "OB", "BulkDataURI": "bulk/1"}
    metadata["00083002"] = {"vr": "UI", "Value": [NAMES[name]]}
    media_type, sent = MEDIA_TYPES[name], frame_of(name)
    part = f"{media_type}; transfer-syntax={NAMES[name]}"
    answer = server.post(body_of(kind, [metadata], [("bulk/1", part, sent)]), type_of(kind))
    accepted(answer, f"{media_type} beside {kind}")
    expect_stored(server, answer)
    accept = f'multipart/related; type="{media_type}"; transfer-syntax={NAMES[name]}'
    if frame(server, answer, accept).rstrip(b"\0") != sent.rstrip(b"\0"):
        raise Fault("other bytes")
