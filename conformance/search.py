"""What all checks of searches share.

Standard: PS3.18 10.6 (Search).
Not here: the checks (`conformance.search_*`).
"""

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from conformance.errors import Fault, NotApplicable
from conformance.server import DICOM_JSON, Instance, Server

__all__ = ["column", "count", "expect_400", "is_warned", "known", "results", "uids", "warning"]


def results(server: Server, path: str) -> list[dict[str, Any]]:
    """Return the results of a search, none for 204."""
    return server.json(path)


def count(server: Server, path: str) -> int:
    """Return how many results a search has."""
    return len(results(server, path))


def uids(found: Iterable[dict[str, Any]], tag: str) -> list[str]:
    """Return the values of a UID attribute."""
    return [each[tag]["Value"][0] for each in found]


def column(found: Iterable[dict[str, Any]], tag: str) -> list[Any]:
    """Return an attribute's first values, with None where it is empty."""
    return [(each.get(tag, {}).get("Value") or [None])[0] for each in found]


def known(instance: Instance, tag: str, name: str) -> str:
    """Return a value that the server keeps, encoded for a URL.

    Raises:
        NotApplicable: it keeps none, so that nothing can be searched for.
    """
    value = instance.value(tag)
    if value in (None, ""):
        raise NotApplicable(f"the server keeps no {name} of what was stored")
    return quote(str(value), safe="")


def warning(server: Server, path: str) -> str:
    """Return the Warning header of a search."""
    answer = server.get(path, DICOM_JSON)
    if answer.status_code not in (200, 204):
        raise Fault(f"status {answer.status_code}")
    return str(answer.headers.get("Warning", ""))


def is_warned(server: Server, path: str) -> bool:
    """Tell whether a search is answered with a warning 299."""
    return warning(server, path).startswith("299 ")


def expect_400(server: Server, path: str) -> None:
    """Fail unless a request is answered with 400."""
    answer = server.get(path, DICOM_JSON)
    if answer.status_code != 400:
        raise Fault(f"status {answer.status_code}")
