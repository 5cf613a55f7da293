"""Writes multipart/related bodies, and reads answers as strictly as RFC 2046 allows.

Standard: PS3.18 8.6.1.2 (multipart payloads), 8.7.1; RFC 2046 5.1, RFC 2387.
Invariants: a body that breaks the framing raises Fault, which says how.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import requests

from conformance.errors import Fault

__all__ = ["BOUNDARY", "Part", "is_multipart", "media_type", "parameters", "parts", "written"]

BOUNDARY = "conformance-suite-boundary"
_PARAMETER = re.compile(r';\s*([\w!#$%&\'*+.^`|~-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;\s]*)')


@dataclass(frozen=True)
class Part:
    """One part: its header fields, by lower-case name, as sent, and its bytes."""

    headers: dict[str, str]
    names: tuple[str, ...]
    data: bytes

    @property
    def media_type(self) -> str:
        """The media type, without parameters, in lower case."""
        return media_type(self.headers.get("content-type", ""))

    @property
    def transfer_syntax(self) -> str:
        """The transfer-syntax parameter; empty when there is none."""
        return parameters(self.headers.get("content-type", "")).get("transfer-syntax", "")


def written(
    bodies: Sequence[bytes],
    part_type: str = "application/dicom",
    *,
    boundary: str = BOUNDARY,
    before: bytes = b"",
    after: bytes = b"",
    headers: str = "Content-Type: {}",
) -> bytes:
    """Return a body of these parts."""
    head = f"--{boundary}\r\n{headers.format(part_type)}\r\n\r\n".encode()
    inside = b"".join(head + body + b"\r\n" for body in bodies)
    return before + inside + f"--{boundary}--\r\n".encode() + after


def media_type(header: str) -> str:
    """Return a media type without its parameters."""
    return header.partition(";")[0].strip().lower()


def parameters(header: str) -> dict[str, str]:
    """Return the parameters of a media type, unquoted, the first of each name."""
    found: dict[str, str] = {}
    for name, value in _PARAMETER.findall(header):
        found.setdefault(name.lower(), value.strip('"'))
    return found


def is_multipart(answer: requests.Response) -> bool:
    """Tell whether an answer says that it has parts."""
    return media_type(answer.headers.get("Content-Type", "")) == "multipart/related"


def parts(answer: requests.Response) -> list[Part]:
    """Return the parts of a successful multipart answer.

    Raises:
        Fault: it is no success, no multipart/related, or its framing is broken.
    """
    if answer.status_code not in (200, 206):
        raise Fault(f"status {answer.status_code}")
    header = answer.headers.get("Content-Type", "")
    if not is_multipart(answer):
        raise Fault(f"Content-Type {header or 'is missing'}, not multipart/related")
    boundary = parameters(header).get("boundary")
    if not boundary:
        raise Fault("the Content-Type has no boundary")
    line = b"\r\n--" + boundary.encode()
    preamble, *rest = (b"\r\n" + answer.content).split(line)
    if not rest:
        raise Fault("the boundary does not occur in the body")
    if not rest[-1].startswith(b"--"):
        raise Fault("there is no closing boundary")
    if preamble.strip():
        raise Fault("there is text before the first boundary")
    return [_part(each) for each in rest[:-1]]


def _part(text: bytes) -> Part:
    if not text.startswith(b"\r\n"):
        raise Fault("a boundary is not followed by a line break")
    head, blank, data = text[2:].partition(b"\r\n\r\n")
    if not blank:
        raise Fault("a part has no blank line after its header")
    headers, names = {}, []
    for line in head.decode("latin-1").split("\r\n"):
        name, colon, value = line.partition(":")
        if not colon:
            raise Fault(f"a part's header has a line without a colon: {line[:60]!r}")
        headers[name.strip().lower()] = value.strip()
        names.append(name)
    return Part(headers, tuple(names), data)
