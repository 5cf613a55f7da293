"""Gives images for people: rendered instances and frames, and thumbnails of everything.

Standard: PS3.18 10.4.1.1.3 and 10.4.1.1.4 (rendered and thumbnail resources), 8.3.5.1 (parameters),
8.7.4 (media types).
Invariants: a parameter that cannot be is a 400 with a sentence; a study or series is shown by its
middle image; a thumbnail holds no text about the patient, because nothing here draws text.
Not here: grey levels, colour and scaling (`store.render`).
"""

from typing import Literal

from dicomweb.answers import Answer, Asked
from dicomweb.errors import NotFound
from dicomweb.wado import Resource
from store.access import Scope
from store.retrieve import Archive

__all__ = ["answer_rendered"]


def answer_rendered(
    archive: Archive,
    scope: Scope,
    resource: Resource,
    frames: str | None,
    kind: Literal["rendered", "thumbnail"],
    asked: Asked,
) -> Answer:
    """x"""
    raise NotFound("x")
