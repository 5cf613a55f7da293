"""Another DICOMweb server, as this one uses it: finds, fetches and stores.

Standard: PS3.18 10.4 (WADO-RS), 10.5 (STOW-RS), 10.6 (QIDO-RS).
Invariants: what is sent and fetched is never held whole, and of what is, there is a bound; a search
ends, whatever the other server makes of it; a redirection is not followed, since the token is for
the address that was given; no error repeats what the other server said, which may quote what it has
stored, and nothing is logged, since addresses quote what is searched for.
Not here: what is sent and fetched when (`server.transfers`), where servers are kept
(`store.remotes`).
"""

import json
import logging
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from itertools import chain
from typing import Any, Final
from urllib.parse import quote, urlencode

import urllib3
from urllib3.exceptions import HTTPError

from dicomweb.errors import BrokenBody
from dicomweb.multipart import closing, read_parts, related
from server.errors import TransferError, TryLater
from store.remotes import Remote

__all__ = ["DicomwebClient", "Stored", "value_of"]

DICOM: Final = "application/dicom"
JSON: Final = "application/dicom+json"
PAGE: Final = 1000
PAGES: Final = 1000
JSON_BYTES: Final = 64 * 1024 * 1024
CHUNK_BYTES: Final = 256 * 1024
CONNECT_SECONDS: Final = 10.0
SILENT_SECONDS: Final = 300.0
_BUSY: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_SENTENCES: Final[Mapping[int, str]] = {
    401: "The other server does not accept the token.",
    403: "The other server does not allow it.",
    404: "The other server has no such study, or no DICOMweb at this address.",
    413: "The other server takes no instance that large.",
}

_NO_DICOMWEB: Final = "The other server does not answer as DICOMweb does."
# PS3.7 Annex C: a processing failure, for what fails without a reason.
_NO_REASON: Final = 0x0110

# urllib3 logs whole addresses when an answer's header is malformed.
logging.getLogger("urllib3").setLevel(logging.CRITICAL + 1)

Result = dict[str, Any]


@dataclass(frozen=True)
class Stored:
    """What another server says of a request to store.

    Attributes:
        stored: SOP Instance UIDs of what it has stored, empty where it names none.
        failed: those of what it has not stored, each with its reason, a DIMSE status.
    """

    stored: tuple[str, ...]
    failed: tuple[tuple[str, int], ...]


class DicomwebClient:
    """Asks one server; use as a ``with`` block.

    Every method raises:
        TryLater: it could not be reached, was busy or broke off.
        TransferError: it refuses, or does not speak DICOMweb.
    """

    def __init__(self, remote: Remote) -> None:
        self._url = remote.url
        self._headers = {"Authorization": f"Bearer {remote.token}"} if remote.token else {}
        self._pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=SILENT_SECONDS), retries=False
        )

    def __enter__(self) -> "DicomwebClient":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.clear()

    def find(self, path: str, **query: str) -> Iterator[Result]:
        """The results of a search, page by page, each once.

        Args:
            path: of the resource, as `/studies`.
            query: its parameters; attributes by keyword.
        """
        offset = 0
        seen: set[tuple[object, ...]] = set()
        for _ in range(PAGES):
            page = self._page(path, {**query, "limit": str(PAGE), "offset": str(offset)})
            fresh = {name: one for one in page if (name := _name_of(one)) not in seen}
            seen |= fresh.keys()
            yield from fresh.values()
            offset += len(page)
            # Servers may give less than was asked for at a time, and not all know an offset; none
            # gives nothing new before the end.
            if not fresh:
                return
        raise TransferError("The other server gives more results than are taken.")

    def fetch(self, study: str, series: str) -> Iterator[Iterator[bytes]]:
        """The instances of a series, each in chunks, in the transfer syntax they are stored in."""
        accept = f'multipart/related; type="{DICOM}"; transfer-syntax=*'
        path = f"/studies/{quote(study)}/series/{quote(series)}"
        with self._asked("GET", path, {"Accept": accept}) as response:
            _check(response, 200)
            kind = Message()
            kind["Content-Type"] = response.headers.get("Content-Type", "")
            chunks = response.stream(CHUNK_BYTES)
            boundary = kind.get_param("boundary")
            if kind.get_content_type() != "multipart/related" or not isinstance(boundary, str):
                raise TransferError("The other server gave something else than instances.")
            with _telling():
                for part in read_parts(chunks, boundary):
                    yield _told(part.content)

    def store(self, instances: Iterable[Iterable[bytes]], sizes: Sequence[int]) -> Stored:
        """Store instances in one request.

        Args:
            instances: Part 10 files, each in chunks.
            sizes: the bytes of each, since not every server takes a body without a length.
        """
        boundary = uuid.uuid4().hex
        part, end = _opening(boundary), closing(boundary)
        headers = {
            "Content-Type": related(DICOM, boundary),
            "Content-Length": str(sum(sizes) + len(part) * len(sizes) + len(end)),
            "Accept": JSON,
        }
        body = chain(*(chain((part,), chunks) for chunks in instances), (end,))
        with self._asked("POST", "/studies", headers, body) as response:
            _check(response, 200, 202, 409)
            report = _json(response)
        stored = tuple(_uid_of(one) for one in _items(report, "00081199"))
        failed = tuple((_uid_of(one), _reason_of(one)) for one in _items(report, "00081198"))
        if response.status == 409 and not failed:
            raise TransferError("The other server stored none of the instances.")
        return Stored(stored, failed)

    def _page(self, path: str, query: Mapping[str, str]) -> list[Result]:
        with self._asked("GET", f"{path}?{urlencode(query)}", {"Accept": JSON}) as response:
            _check(response, 200, 204)
            found = _json(response) if response.status == 200 else []
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise TransferError(_NO_DICOMWEB)
        return found

    @contextmanager
    def _asked(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: Iterable[bytes] | None = None,
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        with _telling():
            response = self._pool.request(
                method,
                f"{self._url}{path}",
                headers={**self._headers, **headers},
                body=body,
                redirect=False,
                preload_content=False,
            )
            try:
                yield response
            finally:
                # Ends a connection on which the answer was not read to its end.
                response.close()


@contextmanager
def _telling() -> Iterator[None]:
    """Say in our own words what went wrong on the way."""
    try:
        yield
    except HTTPError:
        raise TryLater("The other server cannot be reached, or broke off.") from None
    except BrokenBody:
        raise TryLater("The other server broke off.") from None


def _told(chunks: Iterator[bytes]) -> Iterator[bytes]:
    with _telling():
        yield from chunks


def _check(response: urllib3.BaseHTTPResponse, *fine: int) -> None:
    if response.status in fine:
        return
    if response.status in _BUSY:
        raise TryLater(f"The other server answered {response.status}.")
    sentence = _SENTENCES.get(response.status, f"The other server answered {response.status}.")
    raise TransferError(sentence)


def _json(response: urllib3.BaseHTTPResponse) -> Any:  # noqa: ANN401 - any JSON
    text = bytearray()
    for chunk in response.stream(CHUNK_BYTES):
        text += chunk
        if len(text) > JSON_BYTES:
            raise TransferError("The other server says more than is taken.")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise TransferError(_NO_DICOMWEB) from None


def value_of(item: object, tag: str) -> object:
    """The first value of an attribute in a result; None where there is none."""
    element = item.get(tag) if isinstance(item, dict) else None
    values = element.get("Value") if isinstance(element, dict) else None
    return values[0] if isinstance(values, list) and values else None


def _name_of(result: Result) -> tuple[str, ...]:
    """The UIDs of a study, series or instance, which no other result of a search has."""
    return tuple(str(value_of(result, tag)) for tag in ("0020000D", "0020000E", "00080018"))


def _uid_of(item: object) -> str:
    uid = value_of(item, "00081155")
    return uid if isinstance(uid, str) else ""


def _reason_of(item: object) -> int:
    reason = value_of(item, "00081197")
    return reason if isinstance(reason, int) else _NO_REASON


def _items(report: object, tag: str) -> list[object]:
    element = report.get(tag) if isinstance(report, dict) else None
    items = element.get("Value") if isinstance(element, dict) else None
    return items if isinstance(items, list) else []


def _opening(boundary: str) -> bytes:
    return f"\r\n--{boundary}\r\nContent-Type: {DICOM}\r\n\r\n".encode()
