"""SOP Class Extended Negotiation of queries and retrievals: which options we agree to.

Standard: PS3.4 C.5.1.1 and C.5.2.1, C.5.3.1 (Service-class-application-information), PS3.7 D.3.3.5.
Invariants: what is agreed was proposed; of SOP classes that have no options nothing is answered.
Not here: what the options mean (`dimse.query`).
"""

from collections.abc import Mapping
from typing import Final

from dimse.models import MODELS

__all__ = ["COMBINED", "FUZZY", "RELATIONAL", "agreed", "has"]

# Bytes of the information of C-FIND; of C-MOVE and C-GET there is the first only.
RELATIONAL: Final = 0
COMBINED: Final = 1
FUZZY: Final = 2

_FIND: Final = bytes((1, 1, 1))
_RETRIEVE: Final = bytes((1,))


def agreed(proposed: Mapping[str, bytes]) -> dict[str, bytes]:
    """Answer the proposals, by SOP class."""
    answers = {}
    for uid, information in proposed.items():
        model = MODELS.get(uid)
        if model is not None and information:
            ours = (_FIND if model.finds else _RETRIEVE).ljust(len(information), b"\0")
            answers[uid] = bytes(a & b & 1 for a, b in zip(information, ours, strict=False))
    return answers


def has(information: bytes, option: int) -> bool:
    """Tell whether an option was agreed to."""
    return len(information) > option and information[option] == 1
