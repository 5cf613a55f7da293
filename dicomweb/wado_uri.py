"""WADO-URI: an instance or a picture of it, named by query parameters.

Standard: PS3.18 chapter 9.
"""

from dicomweb.answers import Answer, Asked
from dicomweb.errors import NotFound
from store.access import Scope
from store.retrieve import Archive

__all__ = ["answer_wado_uri"]


def answer_wado_uri(archive: Archive, scope: Scope, asked: Asked) -> Answer:
    """Give what the query parameters name."""
    raise NotFound("There is no such resource.")
