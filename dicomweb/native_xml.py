"""Writes the Native DICOM Model, the XML that stands beside the DICOM JSON model.

Standard: PS3.19 A.1 (Native DICOM Model), PS3.18 Annex F (how JSON and XML correspond).
Invariants: what the JSON model holds comes out: attributes in ascending order, values numbered from
1, an empty attribute without children. Characters that XML 1.0 cannot hold become U+FFFD.
Not here: making the JSON model (`store.metadata`), reading XML (`dicomweb.native_xml_reader`).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from pydicom.datadict import keyword_for_tag

__all__ = ["NAMESPACE", "NAME_PARTS", "to_xml"]

NAMESPACE: Final = "http://dicom.nema.org/PS3.19/models/NativeDICOM"

_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NO_CHARACTERS: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
NAME_PARTS: Final = {
    "FamilyName": 0,
    "GivenName": 1,
    "MiddleName": 2,
    "NamePrefix": 3,
    "NameSuffix": 4,
}


def to_xml(attributes: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Return the document of one data set.

    Args:
        attributes: the data set in the DICOM JSON model; each BulkDataURI is written as it is.
    """
    body = "".join(_attributes(attributes))
    return f'{_DECLARATION}<NativeDicomModel xmlns="{NAMESPACE}">{body}</NativeDicomModel>'.encode()


def _attributes(attributes: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for tag, attribute in sorted(attributes.items()):
        keyword = keyword_for_tag(int(tag, 16))
        named = f" keyword={quoteattr(keyword)}" if keyword else ""
        yield f'<DicomAttribute tag="{tag}" vr="{attribute["vr"]}"{named}>'
        if "BulkDataURI" in attribute:
            yield f"<BulkData uri={quoteattr(_text(attribute['BulkDataURI']))}/>"
        elif "InlineBinary" in attribute:
            yield f"<InlineBinary>{attribute['InlineBinary']}</InlineBinary>"
        else:
            for number, value in enumerate(attribute.get("Value", ()), 1):
                yield _value(attribute["vr"], number, value)
        yield "</DicomAttribute>"


def _value(vr: str, number: int, value: Any) -> str:  # noqa: ANN401 - any value of the JSON model
    if vr == "SQ":
        return f'<Item number="{number}">{"".join(_attributes(value or {}))}</Item>'
    if vr == "PN":
        groups = "".join(
            f"<{name}>{_name(group)}</{name}>" for name, group in (value or {}).items()
        )
        return f'<PersonName number="{number}">{groups}</PersonName>'
    text = "" if value is None else _content(str(value))
    return f'<Value number="{number}">{text}</Value>'


def _name(group: str) -> str:
    parts = group.split("^")
    return "".join(
        f"<{name}>{_content(parts[at])}</{name}>"
        for name, at in NAME_PARTS.items()
        if at < len(parts) and parts[at]
    )


def _content(value: str) -> str:
    # A reader makes a line feed of every carriage return that is not written like this.
    return escape(_text(value), {"\r": "&#13;"})


def _text(value: str) -> str:
    return _NO_CHARACTERS.sub("\ufffd", value)
