"""Reads instances that come as metadata, in JSON or XML, with their bulk data in other parts.

Standard: PS3.18 10.5.1 and 10.5.2 (metadata and bulk data), Annex F (JSON), PS3.19 A.1 (XML).
Invariants: nothing touches a disk; metadata, and values that an instance cannot be given yet, are
held in memory up to a bound for the whole request. The last value that an instance waits for, which
is its pixel data in most requests, passes through. What no metadata name is counted and left.
Not here: encoding attributes (`dicomweb.json_model`) and values (`dicomweb.stow_bulk`).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, Final
from urllib.parse import urljoin

from dicomweb.arriving import Arriving, Unusable, refused
from dicomweb.errors import BrokenBody, Outcome
from dicomweb.json_model import Malformed, Slot, bulk_data_uris, elements
from dicomweb.metadata_parts import METADATA_TYPES, read_metadata
from dicomweb.multipart import Part
from dicomweb.negotiation import parse_media_type
from dicomweb.stow_bulk import (
    HELD_BYTES,
    PIXEL_DATA,
    Allowance,
    Bulk,
    bulk_of,
    is_foreign,
    is_whole,
    joined,
    pictured,
    syntax_of,
    value,
)
from dicomweb.stow_report import Report
from dicomweb.syntaxes import EXPLICIT_LITTLE_ENDIAN
from store.errors import CannotDecode

__all__ = ["described"]

METADATA_BYTES: Final = 32 << 20
# As much as de-identification takes in front of the pixel data.
HEADER_BYTES: Final = 64 << 20
MAX_INSTANCES: Final = 100_000

_PIXELS: Final = f"{PIXEL_DATA:08X}"
_NO_MODEL: Final = Outcome(409, "Its metadata break the rules of the DICOM model.", 0xC000)
_MISSING: Final = Outcome(409, "Bulk data that its metadata name did not come.", 0xC000)
_TOO_LARGE: Final = Outcome(409, "Its header is larger than this server takes.")
_NO_PICTURE: Final = Outcome(409, "Its picture cannot be decoded.", 0xC000)


def described(
    parts: Iterable[Part], media_type: str, base: str, limit: int, report: Report
) -> Iterator[Arriving]:
    """Return the instances of a request, each to be read before the next.

    Args:
        parts: of the request.
        media_type: of a part that does not say what it is, when it is the first.
        base: the URL that relative URIs start from.
        limit: the most bytes that held values may make, though several instances share them.
        report: where parts that are of no use are counted.

    Raises:
        BrokenBody: metadata are not what they are said to be.
        BodyTooLarge: more would have to be held in memory than may be.
    """
    return _Assembly(base, limit, report).instances(iter(parts), media_type)


@dataclass(slots=True)
class _Waiting:
    """An instance, and the values it has and has not.

    Attributes:
        number: its place in the request.
        attributes: its metadata.
        top, inside: how often its attributes, and those in its sequences, name each BulkDataURI.
        locations: what these URIs mean.
        missing: the locations of which nothing, or not all, has come.
    """

    number: int
    attributes: dict[str, Any]
    top: Counter[str]
    inside: Counter[str]
    locations: dict[str, str]
    missing: set[str]

    @property
    def pixels(self) -> str | None:
        """The BulkDataURI of the pixel data."""
        uri = self.attributes.get(_PIXELS, {}).get("BulkDataURI")
        return uri if uri in self.locations else None

    def waits_for(self, location: str) -> bool:
        """Tell whether this is all that is missing, for one attribute that is in no sequence."""
        if self.missing != {location}:
            return False
        uris = self.top + self.inside
        named = [uri for uri in uris if self.locations[uri] == location]
        return len(named) == 1 and uris[named[0]] == 1 and named[0] in self.top


@dataclass(slots=True)
class _Held:
    """What has come at a location, how much that is, and how many instances wait with it."""

    bulks: list[Bulk] = field(default_factory=list)
    size: int = 0
    users: int = 0


class _Assembly:
    def __init__(self, base: str, limit: int, report: Report) -> None:
        self._base = base
        self._left = Allowance(limit)
        self._report = report
        self._count = 0
        self._metadata_left = METADATA_BYTES
        self._held: dict[str, _Held] = {}
        self._held_left = HELD_BYTES
        self._wanting: dict[str, dict[int, _Waiting]] = {}
        self._passed: set[str] = set()
        self._next: Part | None = None

    def instances(self, parts: Iterator[Part], default: str) -> Iterator[Arriving]:
        while (part := self._after(parts)) is not None:
            declared = parse_media_type(part.headers.get("content-type") or default)
            default = ""
            if declared is not None and declared.name in METADATA_TYPES:
                yield from self._described(part, declared.name)
            else:
                yield from self._given(part, parts)
        left = {one.number: one for wanting in self._wanting.values() for one in wanting.values()}
        for _, one in sorted(left.items()):
            if all(location in self._held for location in one.locations.values()):
                yield self._complete(one)
            else:
                yield Arriving(one.number, _incomplete(one), EXPLICIT_LITTLE_ENDIAN)

    def _after(self, parts: Iterator[Part]) -> Part | None:
        part, self._next = self._next, None
        return part or next(parts, None)

    def _described(self, part: Part, media_type: str) -> Iterator[Arriving]:
        """Take note of what metadata say; what they say wholly is ready."""
        text = joined(part.content, self._metadata_left)
        self._metadata_left -= len(text)
        data_sets = read_metadata(text, media_type)
        if self._count + len(data_sets) > MAX_INSTANCES:
            raise BrokenBody(f"The metadata are of more than {MAX_INSTANCES} instances.")
        # The last first, so that each can be let go of when it is done with.
        data_sets.reverse()
        while data_sets:
            attributes = data_sets.pop()
            number = self._count
            self._count += 1
            try:
                top, inside = bulk_data_uris(attributes)
            except Malformed:
                yield refused(number, _NO_MODEL)
                continue
            locations = {uri: self._resolved(uri) for uri in (*top, *inside)}
            one = _Waiting(number, attributes, top, inside, locations, set(locations.values()))
            if not one.missing:
                yield self._complete(one)
            for location in one.missing:
                self._wanting.setdefault(location, {})[number] = one

    def _given(self, part: Part, parts: Iterator[Part]) -> Iterator[Arriving]:
        """Hand a value on, or hold it; an instance that lacks no other one is ready."""
        location = self._resolved(part.headers.get("content-location", ""))
        wanting = self._wanting.get(location)
        if not wanting:
            self._report.unused += location not in self._passed
            return
        only = next(iter(wanting.values())) if len(wanting) == 1 else None
        bulk = bulk_of(part)
        if only is not None and location not in self._held and only.waits_for(location):
            del self._wanting[location]
            self._passed.add(location)
            yield self._complete(only, location, chain([bulk], self._same(parts, location)))
            self._let_go(only)
            return
        held = self._hold(location, bulk)
        if only is not None and not _is_whole(only, location, held):
            return
        del self._wanting[location]
        held.users = len(wanting)
        for one in wanting.values():
            one.missing.discard(location)
            if not one.missing:
                yield self._complete(one)
                self._let_go(one)

    def _hold(self, location: str, bulk: Bulk) -> _Held:
        content = joined(bulk.content, self._held_left)
        self._held_left -= len(content)
        held = self._held.setdefault(location, _Held())
        held.bulks.append(replace(bulk, length=len(content), content=[content]))
        held.size += len(content)
        return held

    def _let_go(self, one: _Waiting) -> None:
        for location in set(one.locations.values()):
            held = self._held.get(location)
            if held is not None:
                held.users -= 1
                if held.users <= 0:
                    self._held_left += held.size
                    del self._held[location]

    def _same(self, parts: Iterator[Part], location: str) -> Iterator[Bulk]:
        """Yield the parts that follow with the same location: they are frames."""
        while (part := self._after(parts)) is not None:
            if self._resolved(part.headers.get("content-location", "")) != location:
                self._next = part
                return
            yield bulk_of(part)

    def _complete(self, one: _Waiting, live: str = "", bulks: Iterable[Bulk] = ()) -> Arriving:
        """Return an instance of which everything is held, or is live."""
        sizes = {
            uri: self._held[location].size
            for uri, location in one.locations.items()
            if location in self._held
        }
        self._left.spend(sum(count * sizes.get(uri, 0) for uri, count in one.top.items()))
        inside = sum(count * sizes[uri] for uri, count in one.inside.items())
        if inside > HEADER_BYTES:
            return refused(one.number, _TOO_LARGE)
        self._left.spend(inside)
        sources: dict[str, Iterable[Bulk]] = {
            uri: bulks if location == live else self._held[location].bulks
            for uri, location in one.locations.items()
        }
        syntax = EXPLICIT_LITTLE_ENDIAN
        if one.pixels is not None:
            pixels = iter(sources[one.pixels])
            first = next(pixels)
            sources[one.pixels] = chain([first], pixels)
            syntax = syntax_of(first)
            if is_foreign(first):
                return Arriving(one.number, _drawn(one, sources, first, self._left), syntax)
        return Arriving(one.number, _encoded(one, one.attributes, sources), syntax)

    def _resolved(self, uri: str) -> str:
        try:
            return urljoin(self._base, uri.strip()) if uri else ""
        except ValueError:
            return uri


def _is_whole(one: _Waiting, location: str, held: _Held) -> bool:
    """Tell whether nothing more is to come: only frames are in several parts."""
    if one.pixels is None or one.locations[one.pixels] != location:
        return True
    return is_whole(one.attributes, held.bulks[0], len(held.bulks), held.size)


def _encoded(
    one: _Waiting, attributes: Mapping[str, Any], sources: Mapping[str, Iterable[Bulk]]
) -> Iterator[bytes]:
    try:
        inside = {
            uri: b"".join(chain.from_iterable(b.content for b in sources[uri]))
            for uri in one.inside
        }
        for piece in elements(attributes, inside):
            if isinstance(piece, Slot):
                yield from value(piece, attributes, iter(sources[piece.uri]))
            else:
                yield piece
    except Malformed:
        raise Unusable(_NO_MODEL) from None


def _drawn(
    one: _Waiting, sources: Mapping[str, Iterable[Bulk]], picture: Bulk, left: Allowance
) -> Iterator[bytes]:
    """An instance whose pixel data is made from a picture file."""
    try:
        attributes, pixels = pictured(one.attributes, picture)
    except CannotDecode:
        raise Unusable(_NO_PICTURE) from None
    left.spend(pixels.length or 0)
    sources = {**sources, one.pixels or "": [pixels]}
    yield from _encoded(one, attributes, sources)


def _incomplete(one: _Waiting) -> Iterator[bytes]:
    """What is there of an instance may be enough to tell which one it is."""
    with suppress(Malformed):
        for piece in elements(one.attributes, {}):
            if isinstance(piece, bytes):
                yield piece
    raise Unusable(_MISSING)
