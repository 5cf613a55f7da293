"""Takes what answers depend on out of a WSGI environment.

Standard: PEP 3333, PS3.18 8.3 (query parameters).
Not here: the routes (`dicomweb.blueprint`, `dicomweb.direct`), how bodies are read
(`dicomweb.body`).
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_to_bytes

from werkzeug.wrappers import Request

from dicomweb.answers import Asked, Header
from dicomweb.body import Body
from dicomweb.errors import BadRequest
from dicomweb.links import root_url
from dicomweb.stow_parts import Upload
from store.access import Caller

__all__ = ["asked_of", "caller_of", "parting", "upload_of"]


def asked_of(environ: Mapping[str, Any], public_base: str | None, path: str) -> Asked:
    """What is asked.

    Args:
        environ: of the request.
        public_base: the configured address of this server.
        path: of the root, with its values.

    Raises:
        BadRequest: the Host header is no host, or the query is no text.
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
    return Caller(
        environ.get("HTTP_AUTHORIZATION"),
        root,
        environ.get("REMOTE_ADDR") or "",
        environ.get("HTTP_USER_AGENT", ""),
    )


def upload_of(environ: Mapping[str, Any], limit: int, study: str | None) -> Upload:
    """What is sent.

    Args:
        environ: of the request.
        limit: the most bytes that it may bring.
        study: that the path names.
    """
    body = Body(
        environ["wsgi.input"],
        environ.get("CONTENT_LENGTH"),
        chunked=_is_without_length(environ),
        limit=limit,
    )
    return Upload(environ.get("CONTENT_TYPE"), environ.get("HTTP_CONTENT_ENCODING"), body, study)


def parting(environ: Mapping[str, Any]) -> list[Header]:
    """Headers of a refusal that tell a client still sending not to use its connection again.

    A refusal leaves the rest of a body unread, and the server in front then closes the connection
    without always saying so: the client's next request on it would fail.
    """
    length = environ.get("CONTENT_LENGTH")
    has_body = length not in (None, "", "0") or _has_chunks(environ)
    return [("Connection", "close")] if has_body else []


def _is_without_length(environ: Mapping[str, Any]) -> bool:
    """Tell whether the body comes without a length, and the server in front shows its end."""
    # In HTTP/2, frames end a body; nothing says beforehand whether there are any.
    framed = environ.get("SERVER_PROTOCOL", "").startswith("HTTP/2")
    without = _has_chunks(environ) or (framed and not environ.get("CONTENT_LENGTH"))
    return without and bool(environ.get("wsgi.input_terminated"))


def _has_chunks(environ: Mapping[str, Any]) -> bool:
    return bool(environ.get("HTTP_TRANSFER_ENCODING", "").lower().endswith("chunked"))


@lru_cache(maxsize=256)
def _parameters(query: str) -> tuple[tuple[str, str], ...]:
    # A WSGI string is of bytes. Those that are no text would stay as they were written, and be
    # looked for like that.
    try:
        unquote_to_bytes(query.encode("latin-1")).decode()
    except UnicodeError:
        raise BadRequest("The query parameters are not written in UTF-8.") from None
    return tuple(Request({"QUERY_STRING": query}).args.items(multi=True))
