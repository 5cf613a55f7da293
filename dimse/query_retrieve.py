"""The services of Query/Retrieve put together, for a listener.

Standard: PS3.4 Annex C (Query/Retrieve Service Class).
Not here: the services (`dimse.query`, `dimse.fetching`); who may ask (`dimse.callers`).
"""

from typing import Final

from dimse import commands
from dimse.exchange import Services
from dimse.fetching import Destinations, GetService, MoveService
from dimse.models import MODELS
from dimse.query import QueryService
from store.retrieve import Archive

__all__ = ["QUERY_RETRIEVE_SOP_CLASSES", "query_retrieve"]

QUERY_RETRIEVE_SOP_CLASSES: Final = tuple(MODELS)


def query_retrieve(archive: Archive, *, ae_title: str, destinations: Destinations) -> Services:
    """Return the services that answer C-FIND, C-GET and C-MOVE.

    Args:
        archive: what is searched and sent.
        ae_title: our own.
        destinations: finds the peer that a C-MOVE names among the caller's own.
    """
    return {
        commands.C_FIND_RQ: QueryService(archive.database, ae_title),
        commands.C_GET_RQ: GetService(archive),
        commands.C_MOVE_RQ: MoveService(archive, ae_title, destinations),
    }
