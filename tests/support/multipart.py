"""multipart/related as a client writes and reads it."""

from collections.abc import Iterable, Iterator
from email.parser import BytesParser
from email.policy import HTTP

import requests

__all__ = ["parts_of", "related"]

BOUNDARY = "a-boundary-of-the-tests"


def related(files: Iterable[bytes]) -> tuple[Iterator[bytes], str]:
    """A streamed body of DICOM files, and its Content-Type."""

    def body() -> Iterator[bytes]:
        for data in files:
            yield f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
            yield data
            yield b"\r\n"
        yield f"--{BOUNDARY}--\r\n".encode()

    return body(), f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'


def parts_of(answer: requests.Response) -> list[tuple[dict[str, str], bytes]]:
    """The parts of an answer: headers by lower-case name, and bytes."""
    content_type = answer.headers["Content-Type"]
    head = f"Content-Type: {content_type}\r\nMIME-Version: 1.0\r\n\r\n".encode()
    message = BytesParser(policy=HTTP.clone(max_line_length=None)).parsebytes(head)
    boundary = message.get_boundary()
    assert boundary is not None
    found = []
    for part in answer.content.split(b"--" + boundary.encode())[1:-1]:
        raw, _, data = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        lines = (line.split(":", 1) for line in raw.decode().split("\r\n"))
        found.append(({k.strip().lower(): v.strip() for k, v in lines}, data[:-2]))
    return found
