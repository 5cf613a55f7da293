"""Plants names, dates, numbers and addresses in every attribute that holds text.

Attributes: all of PS3.6 with a text VR that no row of the tables names, and all rows whose text
may be cleaned. Each has many spellings; safe words stand around the identity and must stay.
"""

from collections.abc import Iterator
from functools import cache
from itertools import cycle

from pydicom._dicom_dict import DicomDictionary

from tests.deid.build import SYNTAXES, Element
from tests.deid.planting.encode import Draft, Marks, header, image, order_of
from tests.deid.planting.key import After, Category, Path, Plant, Planted, Safe
from tests.deid.planting.people import PEOPLE, Person, Spelling, spellings
from tests.deid.planting.rows import rows

# What a text VR can hold; the names of people are cut to what fits, as scanners do.
ROOM = {"SH": 16, "LO": 64, "ST": 1024, "LT": 10240, "UC": 10240, "UT": 10240}
# Codes and character sets are not free text; what stands in groups 0 and 2 is deleted.
_NO_TEXT = (0x00080100, 0x00080101, 0x00080102, 0x00080103, 0x00080104, 0x00080119, 0x00120063)
CONTEXT = (
    *(("CHEST", ""), ("", "SUPINE"), ("lateral", "view"), ("MR", "sagittal"), ("", "5 mm")),
    *(("PA", "thorax"), ("liver", "arterial"), ("KNEE", "left"), ("", "FLAIR"), ("T2", "")),
)
REFERENCED_SERIES = 0x00081115
FILES_FOR_EACH = 8


@cache
def text_attributes() -> tuple[tuple[int, str], ...]:
    """Return tag and VR of every attribute that holds text which may stay when it is clean."""
    listed = {row.tag for row in rows()}
    unlisted = [
        (tag, entry[0])
        for tag, entry in DicomDictionary.items()
        if entry[0] in ROOM and tag not in listed and tag not in _NO_TEXT and tag >> 16 > 4
    ]
    cleaned = [
        (row.tag, row.vr)
        for row in rows()
        if "descriptors" in row.options and row.vr in ROOM and not row.library
    ]
    return tuple(sorted(unlisted + cleaned))


def in_texts() -> Iterator[Planted]:
    """Yield files whose every text attribute holds something, in all encodings in turn."""
    marks = Marks(3)
    syntaxes = cycle(SYNTAXES)
    for who in PEOPLE:
        forms = cycle(spellings(who))
        context = cycle(CONTEXT)
        for number in range(FILES_FOR_EACH):
            syntax = next(syntaxes)
            draft = Draft(f"text/{who.family}/{number}", marks, syntax)
            draft.add([*header(who), *image(order_of(syntax))])
            nested: list[Element] = []
            for position, (tag, vr) in enumerate(text_attributes()):
                below = (position + number) % 3 == 0 and tag != REFERENCED_SERIES
                path: Path = (REFERENCED_SERIES, 0, tag) if below else (tag,)
                spelling = _fitting(forms, vr)
                element, plant, safe = plant_text(path, vr, spelling, next(context))
                (nested if below else draft.elements).append(element)
                draft.plants.append(plant)
                draft.safe += safe
            draft.add([(REFERENCED_SERIES, "SQ", [nested])])
            draft.plants += whole_file(who)
            yield draft.finish()


def _fitting(forms: Iterator[Spelling], vr: str) -> Spelling:
    return next(s for s in forms if len(s.text) <= ROOM[vr] and ("\n" not in s.text or _long(vr)))


def _long(vr: str) -> bool:
    return vr in ("ST", "LT", "UT")


def plant_text(
    path: Path, vr: str, spelling: Spelling, context: tuple[str, str] = ("", "")
) -> tuple[Element, Plant, list[Safe]]:
    """Write a spelling into an attribute, with safe words around it where there is room."""
    before, after = context
    text = " ".join(filter(None, (before, spelling.text, after)))
    safe = []
    if len(text) > ROOM[vr]:
        text = spelling.text
    else:
        words = tuple(w.encode() for part in context for w in part.lower().split() if w.isalnum())
        kept = tuple(w for w in words if not w.isdigit())
        safe = [Safe(path, kept)] if kept else []
    planted = text.encode()
    plant = Plant(
        *(spelling.category, f"{spelling.form} in {vr}", path, planted),
        shown_by=spelling.shown_by,
        after=After.CLEANED,
    )
    return (path[-1], vr, planted), plant, safe


def whole_file(who: Person) -> list[Plant]:
    """Return plants for what the header says itself: it must stand nowhere in the file."""
    return [
        Plant(Category.ROWS, "header, anywhere in the file", (), n.encode(), b"", ((n.encode(),),))
        for n in who.identifiers
        if n not in ("brain", "axial", "contrast")
    ]
