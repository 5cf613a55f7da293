"""QIDO-RS: turns a query string into a search, and its results into an answer.

Standard: PS3.18 8.3.4 (query parameters), 10.6 (Search transaction), PS3.19 A.1 (XML).
Invariants: no results are a 204; the same results are the same bytes, so that ETags are strong.
Not here: the parameters (`dicomweb.qido_query`), keeping answers (`dicomweb.kept`), matching,
order and access (`store.search`).
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Any, Final

from dicomweb.answers import (
    DICOM_JSON,
    REVALIDATE,
    Answer,
    Asked,
    is_known_to,
    not_modified,
    validators,
)
from dicomweb.compression import GZIPPED, WORTH_BYTES, gzipped, takes_gzip
from dicomweb.errors import BadRequest, NotAcceptable
from dicomweb.kept import KeptAnswer, kept_or_made
from dicomweb.multipart import boundary_for, closing, opening, related
from dicomweb.native_xml import to_xml
from dicomweb.negotiation import Offer, ranked
from dicomweb.qido_query import Place, read_query
from store.access import Scope
from store.db import Database
from store.errors import NotSearchable
from store.search import Page, search
from store.search_results import Result

__all__ = ["Place", "answer_search"]

# A study is written for the roots that show it; who asks by many names gets it written each time.
ROOTS_KEPT: Final = 4
_XML: Final = "application/dicom+xml"
_VARY: Final = "Accept, Accept-Encoding"
_OFFERS: Final = (Offer(DICOM_JSON), Offer("application/json"), Offer(_XML, multipart=True))


def answer_search(database: Database, scope: Scope, place: Place, asked: Asked) -> Answer:
    """Answer a search.

    Raises:
        BadRequest: a parameter has a value that it cannot have.
        NotAcceptable: neither JSON nor XML is acceptable.
        SearchTooBroad: too much would have to be looked at.
    """
    offers = ranked(asked.accept, asked.accept_parameter, _OFFERS)
    if not offers:
        raise NotAcceptable(
            'Search results are given as application/dicom+json, and as multipart/related; type="'
            'application/dicom+xml".'
        )
    media_type = offers[0].media_type

    def make(number: int) -> KeptAnswer:
        return _make(database, scope, number, place, asked, media_type)

    depends_on = (place, tuple(asked.query), asked.root, media_type)
    answer = kept_or_made(database, scope, depends_on, make)
    headers = [("Warning", f"299 {asked.root}: {warning}") for warning in answer.warnings]
    if not answer.body:
        return Answer(204, [*headers, ("Vary", _VARY), ("Cache-Control", REVALIDATE)])
    is_gzip = takes_gzip(asked) and len(answer.body) >= WORTH_BYTES
    etag = answer.etag[:-1] + '.g"' if is_gzip else answer.etag
    if is_known_to(asked, etag):
        return not_modified(etag, REVALIDATE, _VARY)
    headers += [*validators(etag, REVALIDATE, _VARY), ("Content-Type", answer.content_type)]
    if not is_gzip:
        return Answer(200, headers, [answer.body])
    return Answer(200, [*headers, *GZIPPED], [b"".join(gzipped([answer.body]))])


def _make(
    database: Database, scope: Scope, number: int, place: Place, asked: Asked, media_type: str
) -> KeptAnswer:
    query, warnings = read_query(place, asked.query)
    try:
        page = search(database, scope, query, number)
    except NotSearchable as error:
        # Its sentence names the attribute, and nothing of the value.
        raise BadRequest(str(error)) from None
    warnings += _more(page)
    if media_type == _XML:
        results = [_with_links(result, place, asked.root) for result in page.results]
        content_type, body = _as_xml(results)
    else:
        content_type, body = media_type, _as_json(page.results, place, asked.root)
    return KeptAnswer(content_type, body, _etag(body), tuple(warnings))


def _more(page: Page) -> Iterator[str]:
    if page.remaining:
        number = f"{page.remaining}" if page.is_counted else f"at least {page.remaining}"
        yield f"There are {number} additional results that can be requested"


def _as_json(results: Sequence[Result], place: Place, root: str) -> bytes:
    if not results:
        return b""
    texts = ",".join(_text_of(result, place, root) for result in results)
    return f"[{texts}]".encode("utf-8", "replace")


def _text_of(result: Result, place: Place, root: str) -> str:
    """One result as JSON; a study that has not changed since is not written again."""
    text = result.kept.get((place, root))
    if text is None:
        linked = _with_links(result, place, root)
        text = json.dumps(linked, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        if len(result.kept) < ROOTS_KEPT:
            result.kept[place, root] = text
    return text


def _as_xml(results: Sequence[dict[str, Any]]) -> tuple[str, bytes]:
    """The results as parts of one body, and its Content-Type."""
    documents = [to_xml(result) for result in results]
    boundary = boundary_for(*map(_etag, documents))
    body = b"".join(_parts(boundary, results, documents))
    return related(_XML, boundary), body


def _parts(
    boundary: str, results: Iterable[dict[str, Any]], documents: Sequence[bytes]
) -> Iterator[bytes]:
    for number, (result, document) in enumerate(zip(results, documents, strict=True)):
        url = result["00081190"]["Value"][0]
        yield opening(boundary, _XML, url, len(document), first=number == 0)
        yield document
    if documents:
        yield closing(boundary)


def _etag(body: bytes) -> str:
    return f'"{blake2b(body, digest_size=16).hexdigest()}"'


def _with_links(result: Result, place: Place, root: str) -> dict[str, Any]:
    """Add RetrieveURL, and the UIDs that the path has said already, to a copy."""
    linked = dict(result)
    if place.study is not None:
        linked["0020000D"] = {"vr": "UI", "Value": [place.study]}
    url = f"{root}/studies/{linked['0020000D']['Value'][0]}"
    if place.level != "study":
        if place.series is not None:
            linked["0020000E"] = {"vr": "UI", "Value": [place.series]}
        url += f"/series/{linked['0020000E']['Value'][0]}"
    if place.level == "instance":
        url += f"/instances/{linked['00080018']['Value'][0]}"
    linked["00081190"] = {"vr": "UR", "Value": [url]}
    return dict(sorted(linked.items()))
