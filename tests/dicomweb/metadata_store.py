"""Bodies of stores that bring metadata and bulk data apart, as a client makes them."""

import json
from collections.abc import Iterable
from typing import Any

from pydicom.dataset import Dataset

from dicomweb.native_xml import to_xml

BOUNDARY = "b0undary"
JSON = f'multipart/related; type="application/dicom+json"; boundary={BOUNDARY}'
XML = f'multipart/related; type="application/dicom+xml"; boundary={BOUNDARY}'

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
