"""Reads the Native DICOM Model into the DICOM JSON model.

Standard: PS3.19 A.1 (Native DICOM Model), PS3.18 Annex F (how JSON and XML correspond).
Invariants: what `dicomweb.native_xml` wrote is read as what it was made of; a document type, and so
an entity, is refused before it has any effect; depth and number of elements are bounded. Whether
the attributes are ones of DICOM is not looked at.
Not here: encoding what was read (`dicomweb.json_model`).
"""

from typing import Any, Final
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from dicomweb.native_xml import NAME_PARTS

__all__ = ["NotNativeXml", "from_xml"]

MAX_DEPTH: Final = 200
MAX_ELEMENTS: Final = 2_000_000
MAX_GAP: Final = 16

_INTEGERS: Final = frozenset(("SL", "SS", "SV", "UL", "US", "UV"))
_NUMBERS: Final = frozenset(("DS", "FD", "FL", "IS"))
_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")


class NotNativeXml(ValueError):
    """It is no document of the Native DICOM Model."""


def from_xml(document: bytes) -> dict[str, Any]:
    """Return the data set of one document.

    Raises:
        NotNativeXml: it is not well formed, or says something else than attributes and values.
    """
    root = _parsed(document)
    if root.tag != "NativeDicomModel":
        raise NotNativeXml
    try:
        return _attributes(root)
    except (ValueError, OverflowError):
        raise NotNativeXml from None


class _Guard:
    """Lets a tree grow as far as a data set may."""

    def __init__(self) -> None:
        self.builder = TreeBuilder()
        self._depth = 0
        self._count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._count += 1
        if self._depth > MAX_DEPTH or self._count > MAX_ELEMENTS:
            raise NotNativeXml
        self.builder.start(_local(name), attributes)

    def end(self, name: str) -> None:
        self._depth -= 1
        self.builder.end(_local(name))


def _refuse(*_: object) -> None:
    raise NotNativeXml


def _parsed(document: bytes) -> Element:
    guard, parser = _Guard(), expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = guard.start
    parser.EndElementHandler = guard.end
    parser.CharacterDataHandler = guard.builder.data
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    try:
        parser.Parse(document, True)
        return guard.builder.close()
    except (expat.ExpatError, LookupError, ValueError):
        raise NotNativeXml from None


def _local(name: str) -> str:
    return name.rpartition(" ")[2]


def _attributes(parent: Element) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for element in parent:
        tag = element.get("tag", "").upper()
        if element.tag != "DicomAttribute" or not tag or tag in found:
            raise NotNativeXml
        found[tag] = _attribute(element)
    return found


def _attribute(element: Element) -> dict[str, Any]:
    vr = element.get("vr", "")
    attribute: dict[str, Any] = {"vr": vr}
    bulk, inline = element.find("BulkData"), element.find("InlineBinary")
    if bulk is not None:
        attribute["BulkDataURI"] = bulk.get("uri") or bulk.get("uuid") or ""
    elif inline is not None:
        attribute["InlineBinary"] = "".join((inline.text or "").split())
    elif len(element):
        attribute["Value"] = _values(vr, element)
    return attribute


def _values(vr: str, element: Element) -> list[Any]:
    """Return the values at the places that their numbers say; what is left out is null."""
    numbered = {int(child.get("number", at)): child for at, child in enumerate(element, 1)}
    # More values than elements would be said by a number alone.
    last = max(numbered)
    if min(numbered) < 1 or last > len(element) + MAX_GAP or len(numbered) != len(element):
        raise NotNativeXml
    return [_value(vr, numbered[at]) if at in numbered else None for at in range(1, last + 1)]


def _value(vr: str, child: Element) -> Any:  # noqa: ANN401 - any value of the JSON model
    if vr == "SQ":
        return _attributes(child)
    if vr == "PN":
        groups = {group.tag: _name(group) for group in child}
        if not groups.keys() <= set(_GROUPS):
            raise NotNativeXml
        return {name: groups[name] for name in _GROUPS if groups.get(name)} or None
    text = child.text or ""
    if not text:
        return None
    if vr in _INTEGERS:
        return int(text)
    return _number(text) if vr in _NUMBERS else text


def _name(group: Element) -> str:
    parts = [""] * len(NAME_PARTS)
    for part in group:
        if part.tag not in NAME_PARTS:
            raise NotNativeXml
        parts[NAME_PARTS[part.tag]] = part.text or ""
    return "^".join(parts).rstrip("^")


def _number(text: str) -> float | int | str:
    digits = text.strip()
    if digits.lstrip("+-").isdigit():
        return int(digits)
    try:
        return float(digits)
    except ValueError:
        return text
