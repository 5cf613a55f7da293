"""A straightforward table walker: pydicom, and Table E.1-1 applied tag by tag, at every depth.

What one writes in an afternoon: every row by its code, UIDs by a table, private groups deleted, and
nothing for what the table does not name. It is here to be compared with.
"""

import hashlib
import io
import warnings

import pydicom
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import UID

from tests.deid.planting.rows import document

_DUMMIES = {"DA": "19000101", "DT": "19000101", "TM": "000000", "PN": "Anonymous", "AS": "000Y"}
_NUMBERS = ("DS", "IS", "US", "FD", "FL")


def walk(data: bytes) -> bytes:
    """De-identify one file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = pydicom.dcmread(io.BytesIO(data))
        codes = {int(r["tag"], 16): r["basic"] for r in _rows()}
        _walk(ds, codes)
        _walk(ds.file_meta, codes)
        ds.PatientIdentityRemoved = "YES"
        ds.DeidentificationMethod = "PS3.15 Table E.1-1"
        buffer = io.BytesIO()
        ds.save_as(buffer, enforce_file_format=False)
    return buffer.getvalue()


def _rows() -> list[dict[str, str]]:
    exact = (r for r in document()["rows"] if "basic" in r and r.get("source") != "own")
    return [r for r in exact if len(r["tag"]) == 8 and "x" not in r["tag"] and r["tag"][0] != "O"]


def _walk(ds: Dataset, codes: dict[int, str]) -> None:
    for tag in list(ds.keys()):
        code = codes.get(int(tag), "")
        if tag.is_private or tag.group >> 8 in (0x50, 0x60):
            del ds[tag]
            continue
        if code.startswith("X"):
            del ds[tag]
            continue
        element = ds[tag]
        if element.VR == "SQ":
            for item in element.value or ():
                _walk(item, codes)
        elif code.startswith("Z"):
            element.clear()
        elif code.startswith("D"):
            element.value = _dummy(element)
        elif code.startswith("U"):
            _map_uids(element)


def _dummy(element: DataElement) -> object:
    if element.VR in _NUMBERS:
        return 0
    if element.VR in ("OB", "OW", "UN"):
        return b"\0\0"
    return _DUMMIES.get(element.VR, "ANON")


def _map_uids(element: DataElement) -> None:
    values = (
        element.value
        if isinstance(element.value, list | pydicom.multival.MultiValue)
        else [element.value]
    )
    element.value = [_mapped(str(value)) for value in values if value]


def _mapped(uid: str) -> UID:
    digest = hashlib.sha256(b"walker" + uid.encode()).digest()
    return UID(f"2.25.{int.from_bytes(digest[:16], 'big')}")
