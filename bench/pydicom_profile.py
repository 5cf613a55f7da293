"""The same rules on pydicom's objects: the plain way to de-identify, as a yardstick.

It decodes a file, edits the elements one by one with the decisions and values of ``deid``, and
encodes it again. What a header looks like is a CT's; pixel data, reports and documents are passed.
"""

from __future__ import annotations

import io
from functools import cache

import pydicom
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence

from deid import dates, values
from deid.codes import Code, clean_code
from deid.dictionary import vr_of
from deid.encoding import encoding_of
from deid.identity import Identity
from deid.meta import write_meta
from deid.profile import default_profile
from deid.rules import Action, Rules
from deid.text import Identifiers
from deid.uids import is_standard, map_uid

_CODE = ("CodeValue", "CodingSchemeDesignator", "CodingSchemeVersion", "CodeMeaning")
_TEXT = (Action.CLEAN, Action.TECHNICAL, Action.CODE)


def deidentify(data: bytes, key: bytes) -> Dataset:
    """Read, edit, write, and read what was written."""
    return pydicom.dcmread(io.BytesIO(rewritten(data, key)))


def rewritten(data: bytes, key: bytes) -> bytes:
    """Read, edit and write."""
    ds = pydicom.dcmread(io.BytesIO(data))
    _Edit(ds, key).edit(ds, 0)
    out = io.BytesIO()
    ds.save_as(out, enforce_file_format=True)
    return out.getvalue()


@cache
def _rules(sop_class_uid: str) -> Rules:
    profile = default_profile()
    return Rules(profile, profile.types_of(sop_class_uid), frozenset(values.METHOD_TAGS))


class _Edit:
    def __init__(self, ds: Dataset, key: bytes) -> None:
        identity = Identity()
        for element in ds.iterall():
            if element.VR != "SQ" and not element.tag.is_private:
                identity.collect(int(element.tag), element.VR, _bytes(element))
        self._key = key
        self._rules = _rules(ds.SOPClassUID)
        self._identifiers = Identifiers(identity.words(), identity.phrases())
        patient = str(ds.PatientID).encode()
        issuer = str(ds.get("IssuerOfPatientID", "")).encode()
        self._days = dates.shift_of(key, b"patient", patient, issuer)
        self._file(ds)

    def _file(self, ds: Dataset) -> None:
        syntax = ds.file_meta.TransferSyntaxUID
        new = map_uid(self._key, ds.SOPInstanceUID)
        head = write_meta(default_profile(), syntax, ds.SOPClassUID, new)
        ds.preamble = bytes(128)
        ds.file_meta = FileMetaDataset(pydicom.dcmread(io.BytesIO(head), force=True).file_meta)
        profile = default_profile()
        encoded = values.literals(profile, encoding_of(syntax), frozenset())
        for tag in encoded:
            if tag not in ds:
                ds[tag] = DataElement(tag, vr_of(tag), None)
        for tag in self._rules.required:
            if tag not in ds:
                ds[tag] = DataElement(tag, vr_of(tag), None)

    def edit(self, ds: Dataset, parent: int) -> None:
        place = self._rules.place_of(parent)
        for element in list(ds):
            action, fallback, _ = self._rules.decide(int(element.tag), place)
            if action is Action.DELETE:
                del ds[element.tag]
            elif action in (Action.WALK, Action.CONCEPT):
                for item in element.value:
                    self.edit(item, int(element.tag))
            elif action is Action.LITERAL:
                _literal(ds, element)
            elif action is Action.CODE_ITEM:
                element.value = Sequence([_no_code()])
            elif action is not Action.KEEP and action is not Action.CODED:
                self._value(ds, element, action, fallback)
        if "CodeMeaning" in ds:
            self._code(ds)

    def _value(self, ds: Dataset, element: DataElement, action: Action, fallback: Action) -> None:
        old = _bytes(element)
        new = self._new(old, element, action)
        if new is None or (not new and old.strip()):
            if fallback is Action.DELETE:
                del ds[element.tag]
                return
            new = values.DUMMIES[element.VR] if fallback is Action.DUMMY else b""
        if new != old or action in (Action.EMPTY, Action.DUMMY):
            parts = new.decode("latin-1").split("\\")
            element.value = parts if len(parts) > 1 else parts[0] or None

    def _new(self, old: bytes, element: DataElement, action: Action) -> bytes | None:
        if action is Action.EMPTY:
            return b""
        if action is Action.DUMMY:
            return values.DUMMIES[element.VR]
        if action is Action.UID:
            return b"\\".join(self._uid(uid) for uid in old.split(b"\\"))
        if action is Action.DATE:
            return dates.shift_dates(old, self._days)
        if action is Action.DATETIME:
            return dates.shift_datetimes(old, self._days)
        if action is Action.PERSON:
            return values.ANONYMIZED if old else old
        if action is Action.CODE:
            return self._identifiers.clean_code(old)
        if action in _TEXT:
            return self._identifiers.clean(old, technical=action is Action.TECHNICAL)
        return old

    def _uid(self, uid: bytes) -> bytes:
        text = uid.decode("latin-1")
        return uid if not text or is_standard(text) else map_uid(self._key, text).encode()

    def _code(self, ds: Dataset) -> None:
        sent = Code(*(_bytes(ds[word]) if word in ds else None for word in _CODE))
        cleaned = clean_code(sent, default_profile(), self._identifiers)
        for keyword, value in zip(_CODE, cleaned, strict=True):
            if value is not None:
                ds[keyword].value = value.decode("latin-1")


def _bytes(element: DataElement) -> bytes:
    if element.value is None or element.VR in ("OB", "OW", "UN", "US", "SS", "UL", "FD", "FL"):
        return b""
    found = element.value
    parts = found if isinstance(found, (list, pydicom.multival.MultiValue)) else [found]
    return "\\".join(str(getattr(p, "original_string", p)) for p in parts).encode("latin-1")


def _literal(ds: Dataset, element: DataElement) -> None:
    profile = default_profile()
    if element.tag == 0x00120064:
        element.value = Sequence(
            [_item(code, "DCM", values.MEANINGS[code]) for code in profile.codes]
        )
        return
    method = ["Readingroom", f"{profile.name} {profile.version}", profile.sha256]
    written = {0x00120062: "YES", 0x00120063: method, 0x00280303: "MODIFIED"}
    element.value = written.get(int(element.tag)) or profile.literals[int(element.tag)]


def _item(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def _no_code() -> Dataset:
    return _item("0", "99REMOVED", "Removed")
