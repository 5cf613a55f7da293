"""Reads values of a stored instance by keyword, from the metadata that were made at ingest.

Standard: PS3.18 Annex F (DICOM JSON model).
Invariants: no DICOM is parsed. What a header costs does not depend on how many frames it describes,
after the first look; those looked at last are kept, up to so many of them and so many bytes of
text. A header is never changed, so threads may share it.
Not here: making the metadata (`store.metadata`).
"""

import json
from base64 import b64decode
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from threading import Lock
from typing import Any, Final, Protocol, TypeVar, overload

from pydicom.datadict import tag_for_keyword

__all__ = ["Attributes", "Header", "Headers"]

# Text; what is parsed of it takes some ten times as much.
KEPT_BYTES: Final = 8 * 1024 * 1024
# Each is hundreds of objects, and the collector of garbage looks at all that are kept.
KEPT_HEADERS: Final = 128
_FRAMES: Final = "52009230"
_BEFORE_FRAMES: Final = f',"{_FRAMES}":{{"vr":"SQ","Value":['.encode()


class Attributes(Protocol):
    """Values of one data set or item: `Header` and a pydicom data set fit."""

    def get(self, keyword: str, default: object = ..., /) -> Any:  # noqa: ANN401 - any VR's value
        """The value, or the default."""

    def __contains__(self, keyword: Any, /) -> bool:  # noqa: ANN401 - as pydicom has it
        """Whether the attribute is there, perhaps empty."""

    def __getattr__(self, keyword: str, /) -> Any:  # noqa: ANN401 - any VR's value
        """The value of an attribute that is there."""


class Bulk(Protocol):
    """Gives a bulk value by its path, as it stands in a BulkDataURI."""

    def __call__(self, path: str, /) -> bytes:
        """The bytes, little-endian."""


class Header:
    """The attributes of one data set or item.

    Values are as pydicom gives them: one value alone, several as a list, binary ones as bytes, the
    items of a sequence as a list of headers; but a name is its alphabetic group.

    Args:
        attributes: in the DICOM JSON model.
        bulk: reads what is not in the metadata.
    """

    def __init__(self, attributes: dict[str, dict[str, Any]], bulk: Bulk) -> None:
        self._attributes = attributes
        self._bulk = bulk
        self._read: dict[str, Any] = {}

    def get(self, keyword: str, default: object = None, /) -> Any:  # noqa: ANN401 - any VR's value
        """The value; the default where there is no such attribute, None where it is empty."""
        try:
            return self._read[keyword]
        except KeyError:
            attribute = self._attributes.get(_tag(keyword))
            if attribute is None:
                return default
        value = self._read[keyword] = self._value(attribute)
        return value

    def __contains__(self, keyword: object) -> bool:
        return isinstance(keyword, str) and _tag(keyword) in self._attributes

    def __getattr__(self, keyword: str) -> Any:  # noqa: ANN401 - any VR's value
        if keyword not in self:
            raise AttributeError(keyword)
        return self.get(keyword)

    def vr(self, keyword: str) -> str:
        """The value representation; empty where there is no such attribute."""
        return str(self._attributes.get(_tag(keyword), {}).get("vr", ""))

    def _value(self, attribute: dict[str, Any]) -> Any:  # noqa: ANN401 - any VR's value
        if "InlineBinary" in attribute:
            return b64decode(attribute["InlineBinary"])
        if "BulkDataURI" in attribute:
            return self._bulk(attribute["BulkDataURI"].partition("/bulkdata/")[2])
        values = attribute.get("Value")
        vr = attribute["vr"]
        if isinstance(values, _FrameItems):
            return values
        if vr == "SQ":
            return [Header(item, self._bulk) for item in values or ()]
        if not values:
            return None
        if vr == "PN":
            values = [(name or {}).get("Alphabetic", "") for name in values]
        return values[0] if len(values) == 1 else values


class _FrameItems(Sequence[Header]):
    """The Per-Frame Functional Groups, each parsed when it is asked for."""

    def __init__(self, text: str, start: int, bulk: Bulk) -> None:
        self._text = text
        self._start = start
        self._bulk = bulk

    @cached_property
    def _starts(self) -> list[int]:
        decode = json.JSONDecoder(strict=False).raw_decode
        at = self._start
        starts = [at]
        while True:
            _, at = decode(self._text, at)
            if self._text[at] != ",":
                return starts
            at += 1
            starts.append(at)

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, index: int) -> Header: ...
    @overload
    def __getitem__(self, index: slice) -> list[Header]: ...
    def __getitem__(self, index: int | slice) -> Header | list[Header]:
        if isinstance(index, slice):
            return [self._item(start) for start in self._starts[index]]
        return self._item(self._starts[index])

    def __iter__(self) -> Iterator[Header]:
        return map(self._item, self._starts)

    def _item(self, start: int) -> Header:
        attributes, _ = json.JSONDecoder(strict=False).raw_decode(self._text, start)
        return Header(attributes, self._bulk)


class Stored(Protocol):
    """What must be known of the instance: `store.retrieve.StoredInstance` fits."""

    @property
    def blob(self) -> str:
        """The key of its bytes, which never change."""


Ref = TypeVar("Ref", bound=Stored)


class Headers:
    """The headers that were looked at last.

    Args:
        kept_bytes: of metadata text, for all of them together.
    """

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self._kept_bytes = kept_bytes
        self._kept: OrderedDict[str, tuple[Header, int]] = OrderedDict()
        self._size = 0
        self._lock = Lock()

    def of(
        self,
        ref: Ref,
        metadata: Callable[[Sequence[Ref]], Iterator[bytes]],
        bulkdata: Callable[[Ref, str], Iterator[bytes]],
    ) -> Header:
        """Return the header of an instance.

        Args:
            ref: the instance.
            metadata: gives the JSON text of instances.
            bulkdata: gives a bulk value of an instance.
        """
        with self._lock:
            if ref.blob in self._kept:
                self._kept.move_to_end(ref.blob)
                return self._kept[ref.blob][0]
        # One that is gone since the caller looked describes nothing.
        text = next(metadata([ref]), b"{}")
        header, size = _parsed(text, lambda path: b"".join(bulkdata(ref, path)))
        if size <= self._kept_bytes:
            self._keep(ref.blob, header, size)
        return header

    def _keep(self, blob: str, header: Header, size: int) -> None:
        with self._lock:
            if blob not in self._kept:
                self._kept[blob] = header, size
                self._size += size
            while self._size > self._kept_bytes or len(self._kept) > KEPT_HEADERS:
                self._size -= self._kept.popitem(last=False)[1][1]


def _parsed(text: bytes, bulk: Bulk) -> tuple[Header, int]:
    """Return the header, and how many bytes of the text it holds on to."""
    # The mark at the start of a BulkDataURI is no JSON: hence not strict.
    front, found, _ = text.partition(_BEFORE_FRAMES)
    if found:
        try:
            attributes = json.loads(front + b"}", strict=False)
        except ValueError:  # the groups of an item, not of the instance
            return Header(json.loads(text, strict=False), bulk), len(text)
        if attributes.get("00280002", {}).get("Value") == [3]:
            return Header(attributes, bulk), len(front)  # colour has no groups that matter here
        whole = text.decode()
        start = len((front + found).decode())
        items = _FrameItems(whole, start, bulk)
        attributes[_FRAMES] = {"vr": "SQ", "Value": items}
        return Header(attributes, bulk), len(text)
    return Header(json.loads(text, strict=False), bulk), len(text)


_TAGS: dict[str, str] = {}


def _tag(keyword: str) -> str:
    try:
        return _TAGS[keyword]
    except KeyError:
        number = tag_for_keyword(keyword)
        tag = "" if number is None else f"{number:08X}"
        if tag:
            _TAGS[keyword] = tag
        return tag
