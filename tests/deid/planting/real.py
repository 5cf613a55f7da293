"""Plants identities in real files: in rows, in their own texts, in the items of their sequences.

Invariants: what is not planted in keeps its bytes; the transfer syntax stays.

Not here: made files (``places``, ``texts``, ``classes`` …).
"""

import io
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path as FilePath

import pydicom
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from tests.deid.build import BIG, IMPLICIT, Element, padded
from tests.deid.planting.encode import Marks, header
from tests.deid.planting.key import After, Category, Path, Plant, Planted, Safe
from tests.deid.planting.people import PEOPLE, Person, Spelling, spellings
from tests.deid.planting.rows import Row, leaf, plant_rows, rows
from tests.deid.planting.texts import ROOM, plant_text, text_attributes, whole_file

_UIDS = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
# In each file a share of the rows, so that every row stands in many of them.
_SHARES = 5
_IN_ITEMS = 6
_SEQUENCES = 30
_DEPTH = 6
_TEXT_TAGS = dict(text_attributes())
_PRIVATE = 0x00730010


def in_real_files(paths: Iterable[FilePath]) -> Iterator[Planted]:
    """Yield the planted twin of each file that can be stored at all."""
    marks = Marks(20)
    for number, path in enumerate(paths):
        ds = _read(path)
        if ds is None:
            continue
        name = "real/" + "/".join(path.parts[-3:])
        tail = _take_fragments(ds, path)
        yield _Work(ds, tail, marks, PEOPLE[number % 4], number).plant(name)


def _read(path: FilePath) -> FileDataset | None:
    data = path.read_bytes()
    if data[128:132] != b"DICM":
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = pydicom.dcmread(io.BytesIO(data))
        if 0xFFFEE0DD in ds:
            del ds[0xFFFEE0DD]  # a stray delimiter, which is no element
        usable = all(ds.get(uid) for uid in _UIDS) and "TransferSyntaxUID" in ds.file_meta
    return ds if usable and ("Rows" not in ds or _has_pixels(ds)) else None


def _take_fragments(ds: FileDataset, path: FilePath) -> bytes:
    """Cut off compressed pixel data and what follows: pydicom would pad odd fragments."""
    raw = ds.get_item("PixelData") if "PixelData" in ds else None
    if not isinstance(raw, RawDataElement) or raw.length != 0xFFFFFFFF:
        return b""
    for tag in [tag for tag in list(ds.keys()) if int(tag) >= int(raw.tag)]:
        del ds[tag]
    return path.read_bytes()[raw.value_tell - 12 :]


def _has_pixels(ds: Dataset) -> bool:
    return any(name in ds for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData"))


@dataclass
class _Work:
    ds: FileDataset
    tail: bytes
    marks: Marks
    who: Person
    number: int
    plants: list[Plant] = field(default_factory=list)
    safe: list[Safe] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.syntax = str(self.ds.file_meta.TransferSyntaxUID)
        self.forms = cycle(spellings(self.who)[self.number % 20 :])
        self.left = _SEQUENCES

    def plant(self, name: str) -> Planted:
        """Plant, and encode."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._uids()
            self._texts(self.ds, ())
            self._items(self.ds, ())
            self._rows()
            self._put(self.ds, _identity(self.who))
            self._private(self.ds, ())
            self.plants += whole_file(self.who)
            self.ds.preamble = b"Patient " + self.who.pn.encode().ljust(120, b"\0")
            buffer = io.BytesIO()
            self.ds.save_as(buffer, enforce_file_format=False)
        present = self._still_there()
        return Planted(name, buffer.getvalue() + self.tail, tuple(present), tuple(self.safe))

    def _uids(self) -> None:
        for keyword in _UIDS[1:]:
            uid = str(self.ds[keyword].value).encode()
            tag = int(self.ds[keyword].tag)
            plant = Plant(
                *(Category.ROWS, keyword, (tag,), uid), shown_by=((uid,),), after=After.NEW_UID
            )
            self.plants.append(plant)

    def _texts(self, ds: Dataset, path: Path) -> None:
        """Write into the texts that the file has."""
        for tag in [t for t in list(ds.keys()) if int(t) in _TEXT_TAGS]:
            element = ds.get_item(tag)
            value = element.value if isinstance(element, RawDataElement) else None
            vr = _TEXT_TAGS[int(tag)]
            if not isinstance(value, bytes) or element.VR not in (vr, None):
                continue
            spelling = self._spelling(vr, len(value) + 1)
            if spelling is None:
                continue
            text = value.rstrip(b" \0") + b" " + spelling.text.encode()
            _, plant, _ = plant_text((*path, int(tag)), vr, spelling)
            self.plants.append(
                Plant(
                    *(plant.category, plant.form, plant.path, text),
                    shown_by=plant.shown_by,
                    after=After.CLEANED,
                )
            )
            self._put(ds, [(int(tag), vr, text)])

    def _spelling(self, vr: str, taken: int) -> Spelling | None:
        fitting = (s for _, s in zip(range(99), self.forms, strict=False))
        return next((s for s in fitting if len(s.text) + taken <= ROOM[vr]), None)

    def _items(self, ds: Dataset, path: Path) -> None:
        """Plant in the first item of every sequence that the file has."""
        if len(path) > 2 * _DEPTH:
            return
        for tag in list(ds.keys()):
            if not self._is_sequence(ds, int(tag)) or self.left <= 0:
                continue
            items = ds[tag].value or ()
            for item in list(items)[:1]:
                self.left -= 1
                here = (*path, int(tag), 0)
                self._texts(item, here)
                self._items(item, here)
                start = self.number + self.left * _IN_ITEMS
                chosen = [r for r in _some(start, _IN_ITEMS) if r.tag not in item]
                elements, plants = plant_rows(chosen, here, self.marks, form="in real items")
                self._put(item, elements)
                self.plants += plants
                self._private(item, here)

    def _is_sequence(self, ds: Dataset, tag: int) -> bool:
        element = ds.get_item(tag)
        if isinstance(element, DataElement):
            return element.VR == "SQ"
        if tag >> 16 & 1 or element.VR == "UN":
            return False
        return ds[tag].VR == "SQ"

    def _rows(self) -> None:
        share = [r for i, r in enumerate(rows()) if i % _SHARES == self.number % _SHARES]
        chosen = [r for r in share if r.tag not in self.ds or r.vr != "SQ"]
        kept = {plant.path[0] for plant in self.plants if plant.path}
        chosen = [r for r in chosen if r.tag not in kept and r.tag >> 16 != 0x0004]
        elements, plants = plant_rows(chosen, (), self.marks, form="in a real file")
        self._put(self.ds, elements)
        self.plants += plants

    def _private(self, ds: Dataset, path: Path) -> None:
        found: list[Element] = []
        for low, vr in ((0x0010, "LO"), (0x1001, "PN"), (0x1002, "OB"), (0x1003, "UN")):
            tag = _PRIVATE - 0x10 + low
            element, plants = leaf(tag, vr, path, self.marks, form="private")
            found.append(element)
            self.plants += [
                Plant(Category.PRIVATE, f"private {vr}", p.path, p.planted, p.mark) for p in plants
            ]
        self._put(ds, found)

    def _put(self, ds: Dataset, elements: Iterable[Element]) -> None:
        """Set elements as encoded, below existing charsets and byte orders."""
        implicit, little = self.syntax == IMPLICIT, self.syntax != BIG
        for tag, vr, value in elements:
            if isinstance(value, bytes):
                raw = padded(value, vr)
                ds[tag] = RawDataElement(Tag(tag), vr, len(raw), raw, 0, implicit, little)
                continue
            items = []
            for content in value:
                item = Dataset()
                self._put(item, content)
                items.append(item)
            ds[tag] = DataElement(Tag(tag), "SQ", Sequence(items))

    def _still_there(self) -> Iterator[Plant]:
        """Leave out what the header overwrote."""
        overwritten = {e[0] for e in _identity(self.who)}
        for plant in self.plants:
            if not (len(plant.path) == 1 and plant.path[0] in overwritten):
                yield plant


def _identity(who: Person) -> list[Element]:
    """What a header says of the patient; modality and numbers stay what they are."""
    return [e for e in header(who) if e[0] not in (0x00080060, 0x00200011, 0x00200013)]


def _some(start: int, count: int) -> list[Row]:
    found = rows()
    return [found[(start + i) % len(found)] for i in range(count)]
