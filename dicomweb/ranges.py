"""Gives a part of a single-part body to who asks for one.

Standard: RFC 9110 14 (range requests), 13.1.5 (If-Range).
Invariants: a Range that cannot be read, is of another unit or names several parts is passed over,
and the whole is given; a part that is not there is a 416 that says how long the whole is.
Not here: bodies in parts (`dicomweb.parts`), which have no ranges.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from dicomweb.answers import Answer, Asked, Header, error_answer, primed
from dicomweb.errors import Outcome

__all__ = ["answer_range"]

_ONE_RANGE: Final = re.compile(
    r"bytes[ \t]*=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*\Z", re.IGNORECASE
)
_NOT_THERE: Final = Outcome(416, "The range begins behind the end.")


def answer_range(
    asked: Asked,
    headers: Sequence[Header],
    etag: str,
    length: int,
    read: Callable[[int, int], Iterator[bytes]],
) -> Answer:
    """Give a body, or the part of it that is asked for.

    Args:
        asked: the request.
        headers: of the whole, without its length.
        etag: its strong ETag.
        length: its bytes.
        read: gives the bytes from an offset to another.
    """
    span = _span(asked, etag, length)
    if span is None:
        start, end, status = 0, length, 200
        given = [*headers, ("Accept-Ranges", "bytes")]
    else:
        start, end = span
        if start >= end:
            return error_answer(_NOT_THERE, headers=[("Content-Range", f"bytes */{length}")])
        status = 206
        content_range = f"bytes {start}-{end - 1}/{length}"
        given = [*headers, ("Accept-Ranges", "bytes"), ("Content-Range", content_range)]
    given.append(("Content-Length", str(end - start)))
    return Answer(status, given, [] if asked.is_head else primed(read(start, end)))


def _span(asked: Asked, etag: str, length: int) -> tuple[int, int] | None:
    """Return where the part begins and ends, empty if it is not there; None for the whole."""
    if asked.range is None or asked.if_range not in (None, etag):
        return None
    match = _ONE_RANGE.match(asked.range.strip())
    if match is None:
        return None
    first, last = match.groups()
    if not first:
        # The last bytes, however many: `-0` asks for none, which is not there.
        return (max(0, length - int(last)), length) if last else None
    if last and int(last) < int(first):
        return None
    return int(first), min(int(last) + 1, length) if last else length
