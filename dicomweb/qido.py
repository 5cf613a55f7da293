"""QIDO-RS: turns a query string into a search, and its results into an answer.

Standard: PS3.18 8.3.4 (query parameters), 10.6 (Search transaction).
Invariants: what is not understood of a parameter's value is a 400 with a sentence that names the
parameter and never its value; parameters that are unknown are passed over, with a warning where
the results would otherwise look narrower than they are; no results are a 204.
Not here: matching, order and access (`store.search`).
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final

from pydicom.datadict import tag_for_keyword

from dicomweb.answers import DICOM_JSON, REVALIDATE, Answer, Asked, is_known_to, not_modified
from dicomweb.errors import BadRequest, NotAcceptable
from dicomweb.negotiation import Offer, ranked
from store.access import Scope
from store.db import Database
from store.errors import NotSearchable
from store.search import ALL, KEYS, NEVER_STORED, Level, Match, Query, search

__all__ = ["Place", "answer_search"]

MAX_RESULTS: Final = 10_000
MAX_NUMBER: Final = 2**31 - 1

_REQUEST_ATTRIBUTES: Final = 0x00400275
_STUDY_UID: Final = 0x0020000D
_SERIES_UID: Final = 0x0020000E
_BEYOND_COLUMNS: Final = {0x00080061: "CS", 0x00080062: "UI"}
_DEPTH: Final[dict[str, int]] = {"study": 0, "series": 1, "instance": 2}
# More digits than these no column holds, and no database takes.
_INTEGER: Final = re.compile(r'(?:[+-]?[0-9]{1,12}|\*|""|)\Z')
_CONTROL: Final = {chr(code) for code in range(32)} | {"\x7f"}
_OFFERS: Final = (Offer(DICOM_JSON), Offer("application/json"))


@dataclass(frozen=True, slots=True)
class Place:
    """Which of the search resources is asked: what is looked for, and below what."""

    level: Level
    study: str | None = None
    series: str | None = None


def answer_search(database: Database, scope: Scope, place: Place, asked: Asked) -> Answer:
    """Answer a search.

    Raises:
        BadRequest: a parameter has a value that it cannot have.
        NotAcceptable: neither JSON form is acceptable.
    """
    offers = ranked(asked.accept, asked.accept_parameter, _OFFERS)
    if not offers:
        raise NotAcceptable("Search results are given as application/dicom+json.")
    query, warnings = _query(place, asked.query)
    try:
        page = search(database, scope, query)
    except NotSearchable:
        raise BadRequest("A search value is not of the form that its attribute has.") from None
    if page.remaining:
        warnings.append(f"There are {page.remaining} additional results that can be requested")
    headers = [("Warning", f"299 {asked.root}: {warning}") for warning in warnings]
    headers.append(("Vary", "Accept"))
    if not page.results:
        return Answer(204, [*headers, ("Cache-Control", REVALIDATE)])
    for result in page.results:
        _add_links(result, place, asked.root)
    results = [dict(sorted(result.items())) for result in page.results]
    body = json.dumps(results, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    etag = f'"{blake2b(body, digest_size=16).hexdigest()}"'
    if is_known_to(asked, etag):
        return not_modified(etag, REVALIDATE)
    headers += [
        ("Content-Type", offers[0].media_type),
        ("ETag", etag),
        ("Cache-Control", REVALIDATE),
    ]
    return Answer(200, headers, [body])


def _query(place: Place, parameters: Iterable[tuple[str, str]]) -> tuple[Query, list[str]]:
    matches: dict[int, str] = {}
    include: set[int] = set()
    everything = False
    numbers = {"limit": MAX_RESULTS, "offset": 0}
    warnings = []
    for name, value in parameters:
        if name in numbers:
            numbers[name] = _number(name, value)
        elif name == "fuzzymatching":
            if _is_true(name, value):
                warnings.append(
                    "The fuzzymatching parameter is not supported. "
                    "Only literal matching has been performed."
                )
        elif name == "includefield":
            everything |= "all" in value.split(",")
            include.update(tag for word in value.split(",") if (tag := _tag(word)) is not None)
        elif (tag := _tag(name)) is not None:
            if not _is_key(tag, place.level):
                warnings.append(f"The attribute {tag:08X} is not supported as a matching key")
            else:
                matches[tag] = _value(matches, tag, value)
    found = [Match(tag, value) for tag, value in matches.items()]
    # Those of the path come on top: a key of the same name can only narrow them further.
    found += [Match(_STUDY_UID, place.study)] if place.study is not None else []
    found += [Match(_SERIES_UID, place.series)] if place.series is not None else []
    with_parents = place.study is None or (place.level == "instance" and place.series is None)
    query = Query(
        place.level,
        tuple(found),
        ALL if everything else frozenset(include),
        limit=min(numbers["limit"], MAX_RESULTS),
        offset=numbers["offset"],
        with_parents=with_parents,
    )
    return query, warnings


@lru_cache(maxsize=1024)
def _tag(name: str) -> int | None:
    """Return the attribute that a keyword or eight hexadecimal digits name.

    Of a dotted name, the last part: only within Request Attributes Sequence are there such keys.
    """
    sequence, dot, leaf = name.partition(".")
    if dot:
        tag = _tag(leaf)
        return tag if _tag(sequence) == _REQUEST_ATTRIBUTES and tag in NEVER_STORED else None
    if len(name) == 8 and name.isascii():
        try:
            return int(name, 16)
        except ValueError:
            pass
    return tag_for_keyword(name) if name else None


def _is_key(tag: int, level: Level) -> bool:
    if tag in _BEYOND_COLUMNS:
        return True
    if tag in NEVER_STORED:
        return level != "study"
    return tag in KEYS and _DEPTH[KEYS[tag].level] <= _DEPTH[level]


def _value(matches: dict[int, str], tag: int, value: str) -> str:
    if not _CONTROL.isdisjoint(value):
        raise BadRequest(f"The value of {tag:08X} holds a control character.")
    vr = KEYS[tag].vr if tag in KEYS else _BEYOND_COLUMNS.get(tag, "SH")
    if vr in ("IS", "US") and not _INTEGER.match(value):
        raise BadRequest(f"The value of {tag:08X} must be a whole number.")
    if tag not in matches or matches[tag] == value:
        return value
    if vr != "UI":
        raise BadRequest(f"The attribute {tag:08X} is given more than once.")
    return f"{matches[tag]},{value}"


def _number(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit()) or len(value) > 20:
        raise BadRequest(f"The parameter {name} must be a whole number, 0 or more.")
    return min(int(value), MAX_NUMBER)


def _is_true(name: str, value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise BadRequest(f"The parameter {name} must be true or false.")
    return value.lower() == "true"


def _add_links(result: dict[str, Any], place: Place, root: str) -> None:
    """Add RetrieveURL, and the UIDs that the path has said already."""
    if place.study is not None:
        result["0020000D"] = {"vr": "UI", "Value": [place.study]}
    url = f"{root}/studies/{result['0020000D']['Value'][0]}"
    if place.level != "study":
        if place.series is not None:
            result["0020000E"] = {"vr": "UI", "Value": [place.series]}
        url += f"/series/{result['0020000E']['Value'][0]}"
    if place.level == "instance":
        url += f"/instances/{result['00080018']['Value'][0]}"
    result["00081190"] = {"vr": "UR", "Value": [url]}
