"""Plants rows in an instance of every SOP class, at top level and where PS3.3 has them.

The type of an attribute (1, 2, 3) decides what becomes of it, and differs from class to class.
"""

from collections import defaultdict
from collections.abc import Iterator
from itertools import cycle

from tests.deid.build import SYNTAXES, Element
from tests.deid.planting.encode import Draft, Marks, header, image, order_of
from tests.deid.planting.key import Planted
from tests.deid.planting.people import PEOPLE
from tests.deid.planting.rows import Row, document, plant_rows, rows

_SHARES = 5
_DOCUMENTS = "1.2.840.10008.5.1.4.1.1.104."


def in_classes() -> Iterator[Planted]:
    """Yield a file for each SOP class of the profile."""
    marks = Marks(6)
    syntaxes = cycle(SYNTAXES)
    people = cycle(PEOPLE[:4])
    for number, sop_class in enumerate(document()["sop_classes"]):
        if sop_class.startswith(_DOCUMENTS):
            continue
        syntax = next(syntaxes)
        draft = Draft(f"class/{sop_class}", marks, syntax, sop_class, number % 8 < 4)
        draft.add([*header(next(people)), *image(order_of(syntax))])
        below = rows_below(sop_class)
        top = [row for row in _rows_for(sop_class, number) if row.tag not in below]
        draft.add(*plant_rows(top, (), marks, form="at top level"))
        for parent, found in below.items():
            elements, plants = plant_rows(found, (parent, 0), marks, form="where PS3.3 has it")
            item: list[Element] = [e for e in elements if e[0] != parent]
            draft.add([(parent, "SQ", [item])], [p for p in plants if p.path[2] != parent])
        yield draft.finish()


def _rows_for(sop_class: str, number: int) -> Iterator[Row]:
    """Choose every row that PS3.3 knows in this class, and in turn a share of the others."""
    typed = {
        int(tag, 16) for module in _modules(sop_class) for table in module.values() for tag in table
    }
    for position, row in enumerate(rows()):
        if row.tag in typed or position % _SHARES == number % _SHARES:
            yield row


def _modules(sop_class: str) -> Iterator[dict[str, dict[str, str]]]:
    profile = document()
    for name in profile["iods"][profile["sop_classes"][sop_class]]:
        yield profile["modules"][name.removesuffix("?")]


def rows_below(sop_class: str) -> dict[int, list[Row]]:
    """Return the rows by the sequence that PS3.3 puts them in, of those that are walked."""
    by_tag = {row.tag: row for row in rows()}
    found: dict[int, dict[int, Row]] = defaultdict(dict)
    for module in _modules(sop_class):
        for parent, table in module.items():
            tag = int(parent, 16) if parent else 0
            if not tag or (tag in by_tag and not by_tag[tag].is_walked):
                continue
            inner = (by_tag[int(t, 16)] for t in table if int(t, 16) in by_tag)
            found[tag].update((row.tag, row) for row in inner)
    return {tag: list(inner.values()) for tag, inner in sorted(found.items())}
