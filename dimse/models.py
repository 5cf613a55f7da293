"""The information models of Query/Retrieve: their SOP classes and levels.

Standard: PS3.4 C.3 (information models), C.6 (SOP classes), PS3.6 Annex A.
Not here: what is found and fetched in them (`dimse.query`, `dimse.fetching`).
"""

from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["FIND", "GET", "MODELS", "MOVE", "UNIQUE_KEYS", "Level", "Model"]

Level = Literal["PATIENT", "STUDY", "SERIES", "IMAGE"]
_PATIENT_ROOT: Final[tuple[Level, ...]] = ("PATIENT", "STUDY", "SERIES", "IMAGE")

UNIQUE_KEYS: Final[dict[Level, int]] = {
    "PATIENT": 0x00100020,
    "STUDY": 0x0020000D,
    "SERIES": 0x0020000E,
    "IMAGE": 0x00080018,
}
"""The attribute that names what there is at each level."""


@dataclass(frozen=True)
class Model:
    """An information model, and what is done in it.

    Attributes:
        levels: from the top.
        finds: whether it is searched; otherwise instances are fetched.
    """

    levels: tuple[Level, ...]
    finds: bool

    def above(self, level: Level) -> tuple[Level, ...]:
        """The levels above one."""
        return self.levels[: self.levels.index(level)]


def _models(operation: int) -> dict[str, Model]:
    levels = (_PATIENT_ROOT, _PATIENT_ROOT[1:], _PATIENT_ROOT[:2])
    return {
        f"1.2.840.10008.5.1.4.1.2.{root}.{operation}": Model(of_root, finds=operation == 1)
        for root, of_root in enumerate(levels, 1)
    }


FIND: Final = _models(1)
MOVE: Final = _models(2)
GET: Final = _models(3)
MODELS: Final = {**FIND, **MOVE, **GET}
"""By SOP class: Patient Root, Study Root, and the retired Patient/Study Only."""
