"""The whole corpus: every planted file, in a fixed order.

Invariants: the same files and the same version of this package give the same bytes.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path as FilePath

from tests.deid.planting.charsets import in_charsets
from tests.deid.planting.classes import in_classes
from tests.deid.planting.containers import hidden, in_containers
from tests.deid.planting.contents import in_contents
from tests.deid.planting.frames import in_frames, in_pixels
from tests.deid.planting.key import Planted
from tests.deid.planting.places import in_places
from tests.deid.planting.real import in_real_files
from tests.deid.planting.safe import safe_texts
from tests.deid.planting.texts import in_texts

PARTS = (
    *("places", "classes", "containers", "hidden", "texts", "charsets", "contents"),
    *("frames", "pixels", "safe", "real"),
)


def part(name: str, files: Iterable[FilePath], folder: FilePath | None) -> Iterator[Planted]:
    """Yield one part; ``files`` are the real ones, ``folder`` is where they lie."""
    match name:
        case "frames":
            return in_frames(folder)
        case "real":
            return in_real_files(files)
        case _:
            made = {
                "places": in_places,
                "classes": in_classes,
                "containers": in_containers,
                "hidden": hidden,
                "texts": in_texts,
                "charsets": in_charsets,
                "contents": in_contents,
                "pixels": in_pixels,
                "safe": safe_texts,
            }
            return made[name]()


def corpus(files: Iterable[FilePath], folder: FilePath | None) -> Iterator[Planted]:
    """Yield all parts."""
    real = tuple(files)
    return chain.from_iterable(part(name, real, folder) for name in PARTS)
