"""Reads a part of metadata, whichever of its two forms it has, into data sets.

Standard: PS3.18 F.2 (DICOM JSON model), PS3.19 A.1 (Native DICOM Model).
Invariants: numbers that JSON does not know, such as NaN, are refused; nesting without end is, too.
Not here: whether the data sets are any (`dicomweb.json_model`), how many and how large they may be
(`dicomweb.stow_metadata`).
"""

import json
from typing import Any, Final

from dicomweb.answers import DICOM_JSON, DICOM_XML
from dicomweb.errors import BrokenBody
from dicomweb.native_xml_reader import NotNativeXml, from_xml

__all__ = ["METADATA_TYPES", "read_metadata"]

METADATA_TYPES: Final = frozenset({DICOM_JSON, DICOM_XML})


def read_metadata(text: bytes, media_type: str) -> list[Any]:
    """Return what is said of each instance, which may be anything.

    Raises:
        BrokenBody: it is no JSON, so that nobody knows how many instances it is about.
    """
    return _of_json(text) if media_type == DICOM_JSON else _of_xml(text)


def _of_json(text: bytes) -> list[Any]:
    try:
        read = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise BrokenBody("The metadata are not JSON.") from None
    if isinstance(read, dict):
        return [read]
    if not isinstance(read, list):
        raise BrokenBody("The metadata are not an array of data sets.")
    return read


def _refuse(_: str) -> None:
    raise ValueError


def _of_xml(text: bytes) -> list[Any]:
    try:
        return [from_xml(text)]
    except NotNativeXml:
        # One document is one instance, so the others may be good.
        return [None]
