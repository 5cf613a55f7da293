"""Tells browsers which pages of other origins may use a root, and how.

Standard: Fetch (CORS protocol, Cross-Origin-Resource-Policy), PS3.18 8.4.
Invariants: what a stranger sees is published and may be read from anywhere; credentials are taken
from pages of listed origins only, as an Authorization header: a cookie is never accepted from
another origin (no Access-Control-Allow-Credentials).
Not here: who may see what (`store.access`), the routes (`dicomweb.blueprint`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from dicomweb.answers import Header

__all__ = ["Cors", "Request"]

EXPOSED: Final = ", ".join(
    (
        "Content-Type",
        "Content-Length",
        "Content-Range",
        "Content-Location",
        "ETag",
        "Warning",
        "Location",
        "Retry-After",
        "RateLimit",
        "RateLimit-Policy",
    )
)
STRANGERS_HEADERS: Final = "Accept, Content-Type, Range, If-None-Match, Cache-Control"
# Browsers keep a preflight's answer for two hours at most.
MAX_AGE_SECONDS: Final = 7200
ANYWHERE: Final = "*"


@dataclass(frozen=True, slots=True)
class Request:
    """What of a request the rules depend on.

    Attributes:
        method: of the request.
        origin: the Origin header.
        has_authorization, has_cookie: it comes with these headers.
    """

    method: str
    origin: str | None = None
    has_authorization: bool = False
    has_cookie: bool = False

    @property
    def reads(self) -> bool:
        """It changes nothing."""
        return self.method in ("GET", "HEAD", "OPTIONS")


class Cors:
    """The rules of a server.

    Args:
        origins: whose pages may send credentials, as `https://viewer.example`.
    """

    def __init__(self, origins: Iterable[str] = ()) -> None:
        self._origins = frozenset(origins)

    def of_answer(self, request: Request) -> list[Header]:
        """The headers of an answer, also of one that refuses."""
        is_strangers = not (request.has_authorization or request.has_cookie)
        # A page that isolates itself (COEP) shows pictures of another origin only if these say so.
        policy = "cross-origin" if is_strangers and request.reads else "same-site"
        headers = [("Cross-Origin-Resource-Policy", policy)]
        allowed = None
        if request.origin in self._origins:
            allowed = request.origin
        elif request.reads and not request.has_authorization:
            # A browser hands no page what came for a cookie: that would need another header.
            allowed = ANYWHERE
        if allowed is not None:
            headers.append(("Access-Control-Allow-Origin", allowed))
            headers.append(("Access-Control-Expose-Headers", EXPOSED))
        return headers

    def of_preflight(self, request: Request, methods: str) -> list[Header]:
        """What a browser is told that asks before it sends; nobody has to say who they are.

        Args:
            request: the browser's.
            methods: those of the resource, with commas between.
        """
        is_listed = request.origin in self._origins
        headers = STRANGERS_HEADERS
        return [
            ("Access-Control-Allow-Methods", methods if is_listed else "GET, HEAD"),
            ("Access-Control-Allow-Headers", f"Authorization, {headers}" if is_listed else headers),
            ("Access-Control-Max-Age", str(MAX_AGE_SECONDS)),
        ]
