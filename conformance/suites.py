"""The modules of checks, in the order in which they run."""

from types import ModuleType
from typing import Final

from conformance import (
    clients,
    folder,
    http,
    json_model,
    removing,
    rendered,
    retrieve_bulkdata,
    retrieve_frames,
    retrieve_instances,
    retrieve_metadata,
    search_keys,
    search_matching,
    search_parameters,
    search_resources,
    store_answers,
    store_metadata,
    store_requests,
    thumbnails,
    transcoding,
    uri,
)

__all__ = ["SUITES", "title"]

SUITES: Final[tuple[ModuleType, ...]] = (
    store_requests,
    store_answers,
    store_metadata,
    search_resources,
    search_keys,
    search_matching,
    search_parameters,
    json_model,
    retrieve_instances,
    retrieve_metadata,
    retrieve_frames,
    retrieve_bulkdata,
    transcoding,
    rendered,
    thumbnails,
    uri,
    http,
    clients,
    removing,
    folder,
)


def title(suite: str) -> str:
    """Return what a suite is about, as its module says."""
    for module in SUITES:
        if module.__name__.rpartition(".")[2] == suite:
            first = (module.__doc__ or suite).splitlines()[0]
            said = first.removeprefix("Checks of ").rstrip(".")
            return said[0].upper() + said[1:]
    return suite
