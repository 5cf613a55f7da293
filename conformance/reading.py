"""What all checks of Retrieve share.

Standard: PS3.18 10.4 (Retrieve), 8.7 (media types).
Not here: the checks (`conformance.retrieve_*`, `conformance.transcoding` …).
"""

from typing import Final

import requests

from conformance.errors import Fault
from conformance.multipart import Part, media_type, parts
from conformance.server import Server

__all__ = [
    "DICOM",
    "EXPLICIT",
    "JSON",
    "OCTETS",
    "XML",
    "content_type",
    "expect_status",
    "frame_parts",
    "octets",
    "only_part",
]

JSON: Final = "application/dicom+json"
XML: Final = 'multipart/related; type="application/dicom+xml"'
DICOM: Final = 'multipart/related; type="application/dicom"'
OCTETS: Final = 'multipart/related; type="application/octet-stream"'
EXPLICIT: Final = "1.2.840.10008.1.2.1"


def expect_status(answer: requests.Response, *statuses: int) -> None:
    """Fail unless an answer has one of these statuses."""
    if answer.status_code not in statuses:
        raise Fault(f"status {answer.status_code}, not {' or '.join(map(str, statuses))}")


def content_type(answer: requests.Response) -> str:
    """Return the media type of an answer, without its parameters."""
    return media_type(answer.headers.get("Content-Type", ""))


def only_part(answer: requests.Response) -> Part:
    """Return the part of an answer that has one."""
    found = parts(answer)
    if len(found) != 1:
        raise Fault(f"{len(found)} parts, not one")
    return found[0]


def frame_parts(server: Server, path: str, frames: str, accept: str = OCTETS) -> list[Part]:
    """Return the parts of an answer about frames of an instance."""
    return parts(server.get(f"{path}/frames/{frames}", accept))


def octets(server: Server, path: str) -> bytes:
    """Return the first frame, not compressed."""
    return only_part(server.get(f"{path}/frames/1", OCTETS)).data
