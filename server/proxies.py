"""Believes proxies that are trusted, and nobody else, about whom a request comes from.

    caller ── proxy ── proxy ── this server      X-Forwarded-For: caller, proxy

Standard: RFC 7239 (Forwarded); X-Forwarded-For, -Proto, -Host and -Prefix as proxies write them.
Invariants: the hops are walked from the nearest one, and only what a trusted hop wrote counts; what
others wrote does not reach the application. A server below a path of a public address finds itself
there, whether the proxy passes that path on or takes it off.
Not here: links (`dicomweb.links`), which address is public (the setting `public_base`).
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from server.errors import ConfigError

__all__ = ["HANDED_ON", "BehindProxies", "Network", "networks"]

HANDED_ON = "readingroom.handed_on"
"""In the environment of a request: whether it says that it came by a proxy, believed or not."""

Network = IPv4Network | IPv6Network

FORWARDED: Final = "HTTP_FORWARDED"
FOR, PROTO, HOST, PREFIX = (
    f"HTTP_X_FORWARDED_{name}" for name in ("FOR", "PROTO", "HOST", "PREFIX")
)
_CLAIMS: Final = (FORWARDED, FOR, PROTO, HOST, PREFIX)
_PAIR: Final = re.compile(
    r"""[ \t]*([A-Za-z]+)=("(?:[^"\\]|\\.)*"|[^",;= \t]*)[ \t]*(;|,|\Z)""", re.ASCII
)
_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?\Z")
_PREFIX: Final = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+\Z")
_ADDRESS: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::[0-9]+)?\Z")


@dataclass(frozen=True)
class _Hop:
    """What one proxy says of who came to it."""

    address: str = ""
    proto: str = ""
    host: str = ""


class BehindProxies:
    """A WSGI application that sees callers through its proxies.

    Args:
        app: the application.
        trusted: where proxies are that are believed.
        prefix: the path of the public address, without a slash at its end.
    """

    def __init__(self, app: WSGIApplication, trusted: Sequence[Network], prefix: str = "") -> None:
        self._app = app
        self._trusted = trusted
        self._prefix = prefix

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        claims = {name: environ.pop(name) for name in _CLAIMS if name in environ}
        environ[HANDED_ON] = bool(claims)
        if claims and self._is_trusted(environ.get("REMOTE_ADDR", "")):
            seen = self._seen(environ["REMOTE_ADDR"], claims)
            if seen is None:
                return _contradiction(start_response)
            environ["REMOTE_ADDR"] = seen.address
            if seen.proto.lower() in ("http", "https"):
                environ["wsgi.url_scheme"] = seen.proto.lower()
            if _HOST.match(seen.host):
                environ["HTTP_HOST"] = seen.host
            prefix = claims.get(PREFIX, "").strip().rstrip("/")
            if _PREFIX.match(prefix):
                environ["SCRIPT_NAME"] = prefix
        if self._prefix:
            environ["SCRIPT_NAME"] = self._prefix
            path = environ.get("PATH_INFO", "")
            if f"{path}/".startswith(f"{self._prefix}/"):
                environ["PATH_INFO"] = path[len(self._prefix) :] or "/"
        return self._app(environ, start_response)

    def _seen(self, peer: str, claims: dict[str, str]) -> _Hop | None:
        """Who came to the outermost trusted proxy; None when the headers contradict each other."""
        # A proxy that writes one kind may pass the other on as its caller wrote it.
        has_old = FOR in claims or PROTO in claims or HOST in claims
        new = self._walk(peer, _forwarded(claims[FORWARDED])) if FORWARDED in claims else None
        old = self._walk(peer, _x_forwarded(claims)) if has_old else None
        if old and new and FOR in claims and old.address != new.address:
            return None
        return old or new or _Hop(peer)

    def _walk(self, peer: str, hops: Sequence[_Hop]) -> _Hop:
        """Go from the nearest hop outwards, as long as who says it is trusted."""
        address, proto, host = peer, "", ""
        for hop in reversed(hops):
            if not self._is_trusted(address):
                break
            proto, host = hop.proto or proto, hop.host or host
            if not hop.address:
                # Hidden, or nothing that could be one: nobody before it is known.
                break
            address = hop.address
        return _Hop(address, proto, host)

    def _is_trusted(self, address: str) -> bool:
        parsed = _parsed(address)
        return parsed is not None and any(parsed in network for network in self._trusted)


def networks(text: str) -> tuple[Network, ...]:
    """The addresses and networks of a setting, with commas between.

    Raises:
        ConfigError: one of them is neither.
    """
    try:
        return tuple(ip_network(one.strip()) for one in text.split(",") if one.strip())
    except ValueError:
        raise ConfigError(
            "The setting trusted_proxies holds addresses and networks, 10.0.0.0/8, and commas."
        ) from None


def _x_forwarded(claims: dict[str, str]) -> list[_Hop]:
    """Hops as X-Forwarded-* tell them; values are counted from the nearest one."""
    addresses, protos, hosts = (_listed(claims.get(name, "")) for name in (FOR, PROTO, HOST))
    count = max(len(addresses), 1)
    aligned = [_aligned(values, count) for values in (addresses, protos, hosts)]
    return [_Hop(_address(a), p, h) for a, p, h in zip(*aligned, strict=True)]


def _aligned(values: list[str], count: int) -> list[str]:
    """Many proxies write one value and not one for each hop: it is then the nearest one's."""
    return [""] * (count - len(values)) + values[-count:]


def _forwarded(text: str) -> list[_Hop]:
    """Hops as the Forwarded header tells them; none when it cannot be read."""
    hops, pairs, at = [], dict[str, str](), 0
    while at < len(text):
        found = _PAIR.match(text, at)
        if found is None:
            return []
        name, value, end = found.groups()
        if value.startswith('"'):
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        pairs[name.lower()] = value
        at = found.end()
        if end != ";":
            hops.append(
                _Hop(_address(pairs.get("for", "")), pairs.get("proto", ""), pairs.get("host", ""))
            )
            pairs = {}
    return hops


def _listed(text: str) -> list[str]:
    return [value.strip() for value in text.split(",")] if text.strip() else []


def _address(text: str) -> str:
    """An address without its port; nothing when it is none."""
    found = _ADDRESS.match(text)
    parsed = _parsed(found[1] or found[2] if found else text)
    return "" if parsed is None else str(parsed)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


def _contradiction(start_response: StartResponse) -> list[bytes]:
    said = {"error": "The headers of the proxies contradict each other."}
    headers = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
    start_response("400 Bad Request", headers)
    return [json.dumps(said).encode()]
