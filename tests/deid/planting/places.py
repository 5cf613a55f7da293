"""Plants every row in every place that a row can have, in every native encoding.

Places: top level, items of listed and unlisted sequences, private sequences, UN, wrong VRs.
"""

from collections.abc import Callable, Iterator

from tests.deid.build import (
    BIG,
    CT,
    DEFLATED,
    IMPLICIT,
    LITTLE,
    SYNTAXES,
    Element,
    Form,
    items,
)
from tests.deid.planting.encode import Draft, Marks, header, image, order_of
from tests.deid.planting.key import Category, Path, Plant, Planted
from tests.deid.planting.people import PEOPLE
from tests.deid.planting.rows import Row, leaf, plant_rows, rows

REFERENCED_SERIES = 0x00081115  # unlisted
CONTENT = 0x0040A730  # listed, cleaned
REFERENCED_IMAGE = 0x00081140  # listed in Table E.1-1 as a reference
SHARED_GROUPS = 0x52009229
PRIVATE_SEQUENCE = 0x00291010


def in_places() -> Iterator[Planted]:
    """Yield the files."""
    marks = Marks(1)
    for syntax in SYNTAXES:
        for undefined in (False, True):
            yield _file(f"top/{syntax}/{undefined}", marks, syntax, undefined, _top)
            for sequence in (REFERENCED_SERIES, CONTENT, REFERENCED_IMAGE, SHARED_GROUPS):
                name = f"items-{sequence:08x}/{syntax}/{undefined}"
                yield _file(name, marks, syntax, undefined, _InItems(sequence))
    for syntax in (LITTLE, BIG):
        for undefined in (False, True):
            yield _file(f"un/{syntax}/{undefined}", marks, syntax, undefined, _in_unknown)
    for syntax in (LITTLE, BIG, DEFLATED):
        for written in ("UN", "OB", "UT", "LO", "SH", "UC"):
            yield _file(f"vr-{written}/{syntax}", marks, syntax, False, _WrongVr(written))
    for syntax in SYNTAXES:
        yield _file(f"private/{syntax}", marks, syntax, True, _private)
        yield _file(f"unknown/{syntax}", marks, syntax, False, _unknown)


Filler = Callable[[Draft], None]


def _file(name: str, marks: Marks, syntax: str, undefined: bool, fill: Filler) -> Planted:
    draft = Draft(f"place/{name}", marks, syntax, CT, undefined)
    draft.add([*header(PEOPLE[0]), *image(order_of(syntax))])
    fill(draft)
    return draft.finish()


def _top(draft: Draft) -> None:
    draft.add(*plant_rows(rows(), (), draft.marks, form="at top level"))


class _InItems:
    """Every row below a sequence, and two levels deep."""

    def __init__(self, sequence: int) -> None:
        self._sequence = sequence

    def __call__(self, draft: Draft) -> None:
        path: Path = (self._sequence, 0)
        below = (*path, REFERENCED_SERIES, 0)
        inner, in_inner = plant_rows(_leaves(), below, draft.marks, form="in nested items")
        outer, in_outer = plant_rows(_leaves(), path, draft.marks, form="in items")
        content: list[Element] = [*outer, (REFERENCED_SERIES, "SQ", [inner])]
        draft.add([(self._sequence, "SQ", [content])], [*in_outer, *in_inner])


def _leaves() -> list[Row]:
    return [row for row in rows() if row.tag >> 16 != 0x0004]


def _in_unknown(draft: Draft) -> None:
    """Rows whose VR is not stated, and sequences that hide in UN."""
    form = Form(IMPLICIT, draft.undefined)
    elements, plants = plant_rows(rows(), (), draft.marks, form="as UN")
    for tag, _, value in elements:
        content = items(value, form) if isinstance(value, list) else value
        draft.add([(tag, "UN", content)])
    draft.add([], plants)
    inner, planted = plant_rows(
        rows(), (REFERENCED_SERIES, 0), draft.marks, form="in a sequence in UN"
    )
    draft.add([(REFERENCED_SERIES, "UN", items([inner], form))], planted)


class _WrongVr:
    """Rows under a VR that is not theirs."""

    def __init__(self, written: str) -> None:
        self._written = written

    def __call__(self, draft: Draft) -> None:
        fitting = [r for r in rows() if r.vr not in ("SQ", "UI") and r.tag not in _LITERAL]
        found, plants = plant_rows(fitting, (), draft.marks, form=f"written as {self._written}")
        draft.add([(tag, self._written, value) for tag, _, value in found], plants)


_LITERAL = (0x00100010, 0x00100020, 0x00200010)


def _private(draft: Draft) -> None:
    """Private blocks: creators, all VRs, sequences of every kind, in items too."""
    marks, form = draft.marks, Form(draft.syntax, draft.undefined)
    for number, prefix in enumerate(((), (REFERENCED_SERIES, 0), (CONTENT, 0))):
        block = 0x00090010 + number
        elements: list[Element] = []
        for low, vr in enumerate(("LO", "PN", "UN", "OB", "UI", "SH", "CS", "UT", "AE", "ST")):
            element, plants = leaf(
                (block & 0xFF) << 8 | 0x00090000 | low, vr, prefix, marks, form=""
            )
            elements.append(element)
            draft.plants += [_private_plant(p, vr) for p in plants]
        creator, plants = leaf(block, "LO", prefix, marks, form="")
        elements.append(creator)
        draft.plants += [_private_plant(p, "creator") for p in plants]
        for tag, kind in ((PRIVATE_SEQUENCE, "SQ"), (PRIVATE_SEQUENCE + 1, "UN")):
            mark = marks.word()
            item: list[Element] = [(0x00100010, "PN", mark), (0x00290010, "LO", mark)]
            encoded = form if kind == "SQ" else Form(IMPLICIT, draft.undefined)
            elements.append((tag, kind, items([item, item], encoded)))
            path = (*prefix, tag)
            draft.plants.append(
                Plant(Category.PRIVATE, f"sequence as {kind}", path, mark, mark.lower())
            )
        if prefix:
            draft.add([(prefix[0], "SQ", [elements])])
        else:
            draft.add(elements)


def _private_plant(plant: Plant, what: str) -> Plant:
    found = plant.planted, plant.mark, plant.shown_by, plant.after
    return Plant(Category.PRIVATE, f"private {what}", plant.path, *found)


UNKNOWN = {
    0x00080FFE: "an unknown tag",
    0x00091001: "a private tag without creator",
    0x00040FF0: "an unknown tag in the directory group",
    0x00200FFE: "an unknown tag",
    0x00280FFE: "an unknown tag",
    0x50000022: "a curve",
    0x50020005: "a curve",
    0x501E0022: "a curve",
    0x7FE10010: "a private tag behind the pixels",
    0xFFFCFFFC: "trailing padding",
}


def _unknown(draft: Draft) -> None:
    for tag, what in UNKNOWN.items():
        for prefix in ((), (REFERENCED_SERIES, 0)):
            mark = draft.marks.word()
            element: Element = (tag, "LO" if tag < 0x7FE00000 else "OB", mark)
            form = f"{what} {'in items' if prefix else 'at top level'}"
            draft.plants.append(Plant(Category.PRIVATE, form, (*prefix, tag), mark, mark.lower()))
            if prefix:
                draft.add([(prefix[0], "SQ", [[*_item(draft), element]])])
            else:
                draft.add([element])


def _item(draft: Draft) -> list[Element]:
    """What already stands in the item of the unlisted sequence."""
    for tag, _, value in reversed(draft.elements):
        if tag == REFERENCED_SERIES and isinstance(value, list):
            return value[0]
    return []
