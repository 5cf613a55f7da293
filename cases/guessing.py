"""Guesses modality and body part of a case from what it is made of; its author corrects them.

Not here: the lists of both (`cases.vocabulary`).
"""

from collections import Counter
from collections.abc import Sequence

from cases.contents import OwnSeries
from cases.vocabulary import BODY_PARTS, MODALITIES

__all__ = ["guessed_body_part", "guessed_modality"]


def guessed_modality(shown: Sequence[OwnSeries]) -> str:
    """The modality of most images; empty when none is in the list."""
    images: Counter[str] = Counter()
    for one in shown:
        if one.modality in MODALITIES and one.has_picture:
            images[one.modality] += one.images
    return _first(images)


def guessed_body_part(shown: Sequence[OwnSeries]) -> str:
    """The body part that most images say; empty when none of them is in the list."""
    images: Counter[str] = Counter()
    for one in shown:
        # Machines write it with spaces of any kind, although the defined terms have none.
        said = "".join(one.body_part.upper().split())
        if said in BODY_PARTS:
            images[said] += one.images
    return _first(images)


def _first(images: Counter[str]) -> str:
    return images.most_common(1)[0][0] if images else ""
