"""Writes and reads the Native DICOM Model, into and from the DICOM JSON model.

Standard: PS3.19 A.1 (Native DICOM Model), PS3.18 F.1 (how XML and JSON correspond).
Invariants: reading is strict: what PS3.19 does not allow raises Fault.
"""

import xml.etree.ElementTree as ET
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from pydicom.datadict import keyword_for_tag

from conformance.errors import Fault

__all__ = ["read", "write"]

NAMESPACE: Final = "http://dicom.nema.org/PS3.19/models/NativeDICOM"
_PARTS = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
_NUMBERS = frozenset(["FL", "FD", "SL", "SS", "UL", "US", "SV", "UV"])
DataSet = dict[str, Any]


def write(data: DataSet) -> bytes:
    """Return the document of a data set."""
    root = f'<NativeDicomModel xmlns="{NAMESPACE}" xml:space="preserve">'
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{root}{_inside(data)}</NativeDicomModel>'.encode()
    )


def _inside(data: DataSet) -> str:
    text = ""
    for tag, attribute in data.items():
        keyword = keyword_for_tag(int(tag, 16))
        named = f" keyword={quoteattr(keyword)}" if keyword else ""
        text += f'<DicomAttribute tag="{tag}" vr="{attribute["vr"]}"{named}>'
        if "BulkDataURI" in attribute:
            text += f"<BulkData uri={quoteattr(attribute['BulkDataURI'])}/>"
        elif "InlineBinary" in attribute:
            text += f"<InlineBinary>{attribute['InlineBinary']}</InlineBinary>"
        for number, value in enumerate(attribute.get("Value", ()), 1):
            text += _written(attribute["vr"], number, value)
        text += "</DicomAttribute>"
    return text


def _written(vr: str, number: int, value: Any) -> str:  # noqa: ANN401 - any value of the model
    if vr == "SQ":
        return f'<Item number="{number}">{_inside(value)}</Item>'
    if vr != "PN":
        return f'<Value number="{number}">{"" if value is None else escape(str(value))}</Value>'
    text = ""
    for group, name in (value or {}).items():
        parts = zip(_PARTS, name.split("^"), strict=False)
        inner = "".join(f"<{part}>{escape(said)}</{part}>" for part, said in parts if said)
        text += f"<{group}>{inner}</{group}>"
    return f'<PersonName number="{number}">{text}</PersonName>'


def read(document: bytes) -> DataSet:
    """Return the data set of a document."""
    root = ET.fromstring(document)  # noqa: S314 - from the server that is tested
    if root.tag != f"{{{NAMESPACE}}}NativeDicomModel":
        raise Fault(f"the root element is {root.tag}")
    return _read(root)


def _read(parent: ET.Element) -> DataSet:
    data: DataSet = {}
    for element in parent:
        if _name(element) != "DicomAttribute":
            raise Fault(f"{_name(element)} where a DicomAttribute belongs")
        tag, vr = element.get("tag", ""), element.get("vr", "")
        if len(tag) != 8 or len(vr) != 2:
            raise Fault("a DicomAttribute lacks its tag or vr")
        data[tag] = _attribute(element, vr)
    return data


def _attribute(element: ET.Element, vr: str) -> DataSet:
    attribute: DataSet = {"vr": vr}
    values: list[Any] = []
    for child in element:
        kind = _name(child)
        if kind == "BulkData":
            attribute["BulkDataURI"] = child.get("uri") or child.get("uuid")
        elif kind == "InlineBinary":
            attribute["InlineBinary"] = (child.text or "").strip()
        elif kind in ("Value", "Item", "PersonName"):
            if child.get("number") != str(len(values) + 1):
                raise Fault(f"values of {element.get('tag')} are not numbered from 1")
            values.append(_value(child, kind, vr))
        else:
            raise Fault(f"{kind} inside a DicomAttribute")
    if values:
        attribute["Value"] = values
    return attribute


def _value(child: ET.Element, kind: str, vr: str) -> Any:  # noqa: ANN401 - any value of the model
    if kind == "Item":
        return _read(child)
    if kind == "PersonName":
        return {_name(group): _person(group) for group in child if _name(group) in _GROUPS} or None
    text = child.text or ""
    if not text:
        return None
    return float(text) if vr in _NUMBERS else text


def _person(group: ET.Element) -> str:
    said = {_name(part): part.text or "" for part in group}
    return "^".join(said.get(part, "") for part in _PARTS).rstrip("^")


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]
