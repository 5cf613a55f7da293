"""What a request asks and what it is answered, as plain values that know no web framework.

Standard: PS3.18 8.4 and 8.5 (headers and status codes), RFC 9110 8.8 and 13.1 (validators).
Invariants: a body is either a list of its pieces or an iterator that ends early, without its
closing delimiter, when something goes wrong under way; no text of an error is ever logged.
Not here: taking a request apart (`dicomweb.wsgi`) and sending an answer (`dicomweb.blueprint`).
"""

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from dicomweb.errors import UNEXPECTED, Outcome, outcome_of, sentence_of
from store.access import LentScope, OwnerScope, Scope
from store.errors import TooManyRequests

__all__ = [
    "DICOM_JSON",
    "DICOM_XML",
    "IMMUTABLE",
    "REVALIDATE",
    "SHARED",
    "Answer",
    "Asked",
    "Header",
    "answer_to_error",
    "cache_control",
    "error_answer",
    "is_known_to",
    "log_unexpected",
    "not_modified",
    "primed",
    "streamed",
    "validators",
]

DICOM_JSON: Final = "application/dicom+json"
DICOM_XML: Final = "application/dicom+xml"
IMMUTABLE: Final = "private, max-age=31536000, immutable"
REVALIDATE: Final = "private, no-cache"
SHARED: Final = "public, no-cache"
SMALL_BYTES: Final = 1024 * 1024

_log = logging.getLogger("readingroom.dicomweb")

Header = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Asked:
    """The parts of a request that a resource may depend on.

    Attributes:
        root: URL of the DICOMweb root as the caller sees it, without a slash at its end.
        accept: the header.
        if_none_match: the header.
        query: the parameters, decoded, in order.
        range, if_range, accept_encoding: the headers.
        is_head: only the headers of the answer are wanted; a body may be left empty then if its
            Content-Length is among them.
    """

    root: str
    accept: str | None = None
    if_none_match: str | None = None
    query: Sequence[tuple[str, str]] = ()
    range: str | None = None
    if_range: str | None = None
    accept_encoding: str | None = None
    is_head: bool = False

    @property
    def accept_parameter(self) -> str | None:
        """The `accept` query parameter."""
        return self.parameter("accept")

    def parameter(self, name: str) -> str | None:
        """The first value of a query parameter."""
        return next((value for key, value in self.query if key == name), None)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response."""

    status: int
    headers: list[Header] = field(default_factory=list)
    body: list[bytes] | Iterator[bytes] = field(default_factory=list)


def error_answer(outcome: Outcome, sentence: str = "", headers: Iterable[Header] = ()) -> Answer:
    """Return the one JSON body that every refusal of this edge has."""
    text = json.dumps({"error": sentence or outcome.sentence}, ensure_ascii=False)
    fixed = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
    if outcome.status == 401:
        fixed.append(("WWW-Authenticate", "Bearer"))
    if outcome.status == 503:
        fixed.append(("Retry-After", "5"))
    return Answer(outcome.status, [*fixed, *headers], [text.encode()])


def answer_to_error(error: Exception, headers: Iterable[Header] = ()) -> Answer:
    """Return what a caller is told of what went wrong."""
    outcome = outcome_of(error)
    if outcome is UNEXPECTED:
        log_unexpected(error)
    if isinstance(error, TooManyRequests):
        headers = [*headers, ("Retry-After", str(error.retry_after))]
    return error_answer(outcome, sentence_of(error, outcome), headers)


def is_known_to(asked: Asked, etag: str) -> bool:
    """Tell whether the caller has the representation with this ETag already (RFC 9110 13.1.2)."""
    if asked.if_none_match is None:
        return False
    known = (tag.strip().removeprefix("W/") for tag in asked.if_none_match.split(","))
    return any(tag in (etag, "*") for tag in known)


def not_modified(etag: str, cache: str, vary: str = "Accept") -> Answer:
    """Return the answer to a caller who has it already."""
    return Answer(304, validators(etag, cache, vary))


def cache_control(scope: Scope, *, immutable: bool) -> str:
    """Return how long what the scope shows may be kept.

    Owners keep to themselves, for good, what can never change. What others may see can be taken
    from them at any time, so they ask each time whether what they have may still be shown; what
    everybody may see, a cache may keep for all of them.

    Args:
        scope: who is answered.
        immutable: what is behind this URL can never be another thing.
    """
    if scope.owner_id is None and not isinstance(scope, LentScope):
        return SHARED
    return IMMUTABLE if immutable and isinstance(scope, OwnerScope) else REVALIDATE


def validators(etag: str, cache: str, vary: str = "Accept") -> list[Header]:
    """Return the headers by which a cache keeps an answer apart from others and up to date."""
    # A browser's cache outlives a session, and another person may sign in.
    who = ", Authorization, Cookie" if cache == IMMUTABLE else ""
    return [("ETag", etag), ("Cache-Control", cache), ("Vary", vary + who)]


def primed(pieces: Iterator[bytes]) -> list[bytes] | Iterator[bytes]:
    """Make the first pieces now, so that an error is an answer; a small body altogether."""
    ready: list[bytes] = []
    size = 0
    for piece in pieces:
        ready.append(piece)
        size += len(piece)
        if size >= SMALL_BYTES:
            return streamed(b"".join(ready), pieces)
    return ready


def streamed(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    """Give the pieces of a body whose status is sent already.

    An error can then only be shown by ending early. It must not reach the server in front, which
    would log its text.
    """
    try:
        yield first
        yield from rest
    except Exception as error:
        log_unexpected(error)


def log_unexpected(error: BaseException) -> None:
    """Log where and what kind, never the text: it may quote what was being worked on."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    name = "?" if trace is None else trace.tb_frame.f_globals.get("__name__", "?")
    line = 0 if trace is None else trace.tb_lineno
    _log.error("unexpected %s at %s:%d", type(error).__qualname__, name, line)
