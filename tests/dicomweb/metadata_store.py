"""Bodies of stores that bring metadata and bulk data apart, as a client makes them."""

import json
from collections.abc import Iterable
from io import BytesIO
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from werkzeug.test import TestResponse

from dicomweb.native_xml import to_xml
from tests.dicomweb.conftest import Caller

BOUNDARY = "b0undary"
JSON = f'multipart/related; type="application/dicom+json"; boundary={BOUNDARY}'
XML = f'multipart/related; type="application/dicom+xml"; boundary={BOUNDARY}'

REFERENCED, FAILED, OTHER = "00081199", "00081198", "0008119A"

Part = tuple[dict[str, str], bytes]


def model(ds: Dataset, uri: str | None = "bulk/1") -> dict[str, Any]:
    """The JSON model of a data set, its pixel data at a URI."""
    found: dict[str, Any] = ds.to_json_dict(1 << 30, lambda _: uri or "")
    found.pop("7FE00010", None)
    if uri is not None:
        found["7FE00010"] = {"vr": "OW", "BulkDataURI": uri}
    return found


def body(parts: Iterable[Part]) -> bytes:
    """The multipart body."""
    out = bytearray()
    for headers, content in parts:
        out += f"--{BOUNDARY}\r\n".encode()
        out += "".join(f"{name}: {text}\r\n" for name, text in headers.items()).encode()
        out += b"\r\n" + content + b"\r\n"
    return bytes(out) + f"--{BOUNDARY}--\r\n".encode()


def json_part(*models: dict[str, Any]) -> Part:
    """A part with metadata."""
    return {"Content-Type": "application/dicom+json"}, json.dumps(models).encode()


def xml_part(of: dict[str, Any]) -> Part:
    """A part with the metadata of one instance."""
    return {"Content-Type": "application/dicom+xml"}, to_xml(of)


def bulk_part(
    content: bytes,
    location: str = "bulk/1",
    content_type: str = "application/octet-stream",
    **headers: str,
) -> Part:
    """A part with a value."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return {"Content-Type": content_type, "Content-Location": location, **named}, content


def items_of(response: TestResponse, tag: str) -> list[dict[str, Any]]:
    """The items of a sequence of an answer."""
    module: dict[str, Any] = json.loads(response.data)
    found: list[dict[str, Any]] = module.get(tag, {}).get("Value", [])
    return found


def reasons_of(response: TestResponse, tag: str = FAILED) -> list[int]:
    """The failure reasons of an answer."""
    return [item["00081197"]["Value"][0] for item in items_of(response, tag)]


def paths_of(response: TestResponse) -> list[str]:
    """Where the stored instances are, below the root."""
    urls = [item["00081190"]["Value"][0] for item in items_of(response, REFERENCED)]
    return [url.partition("/dicomweb")[2] for url in urls]


def stored_by(caller: Caller, response: TestResponse) -> list[pydicom.Dataset]:
    """What was stored."""
    assert response.status_code == 200, response.text + str(response.headers)
    accept = "application/dicom; transfer-syntax=*"
    files = [caller.get(path, Accept=accept).data for path in paths_of(response)]
    return [pydicom.dcmread(BytesIO(file)) for file in files]


def post(caller: Caller, *parts: Part, content_type: str = JSON, **kwargs: str) -> TestResponse:
    """Store a body of these parts."""
    return caller.post(body(parts), content_type, **kwargs)


def part_10(ds: pydicom.Dataset) -> bytes:
    """The Part 10 file."""
    out = BytesIO()
    ds.save_as(out, enforce_file_format=True)
    return out.getvalue()
