"""Takes what answers depend on out of a WSGI environment.

Standard: PEP 3333, PS3.18 8.3 (query parameters).
Not here: the routes (`dicomweb.blueprint`, `dicomweb.direct`), bodies (`dicomweb.body`).
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from werkzeug.wrappers import Request

from dicomweb.answers import Asked
from dicomweb.links import root_url
from store.access import Caller

__all__ = ["asked_of", "caller_of"]


def asked_of(environ: Mapping[str, Any], public_base: str | None, path: str) -> Asked:
    """What is asked.

    Args:
        environ: of the request.
        public_base: the configured address of this server.
        path: of the root, with its values.

    Raises:
        BadRequest: the Host header is no host.
    """
    url = root_url(
        public_base,
        environ["wsgi.url_scheme"],
        environ.get("HTTP_HOST", ""),
        environ.get("SCRIPT_NAME", ""),
        path,
    )
    query = environ.get("QUERY_STRING")
    return Asked(
        url,
        environ.get("HTTP_ACCEPT"),
        environ.get("HTTP_IF_NONE_MATCH"),
        _parameters(query) if query else (),
        environ.get("HTTP_RANGE"),
        environ.get("HTTP_IF_RANGE"),
        environ.get("HTTP_ACCEPT_ENCODING"),
        environ["REQUEST_METHOD"] == "HEAD",
    )


def caller_of(environ: Mapping[str, Any], root: Mapping[str, str]) -> Caller:
    """Who asks, and the values of the root's path."""
    return Caller(environ.get("HTTP_AUTHORIZATION"), root, environ.get("REMOTE_ADDR") or "")


@lru_cache(maxsize=256)
def _parameters(query: str) -> tuple[tuple[str, str], ...]:
    return tuple(Request({"QUERY_STRING": query}).args.items(multi=True))
