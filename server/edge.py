"""What the settings say about the edge to the network, read and checked: proxies, origins, TLS.

Invariants: whatever is wrong is said at the start, in one sentence, and not at the first request.
Not here: what is done with it (`server.proxies`, `dicomweb.cors`, `server.jobs`).
"""

import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from server.config import Settings
from server.errors import ConfigError
from server.proxies import Network, networks

__all__ = ["Edge", "edge_of"]

_ORIGIN: Final = re.compile(r"https?://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?\Z")
_PREFIX: Final = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*\Z")


@dataclass(frozen=True)
class Edge:
    """What the settings say.

    Attributes:
        public_base: the public address, without a slash at its end; None when there is none.
        prefix: its path.
        trusted: where proxies are that are believed.
        origins: whose pages may send tokens.
        certificate, key: the files of HTTPS; None for HTTP.
    """

    public_base: str | None
    prefix: str
    trusted: tuple[Network, ...]
    origins: frozenset[str]
    certificate: Path | None
    key: Path | None

    @property
    def scheme(self) -> str:
        """Of the address at which the server itself listens."""
        return "http" if self.certificate is None else "https"

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach it by HTTPS, so that cookies need never go otherwise."""
        return (self.public_base or self.scheme).startswith("https")


def edge_of(settings: Settings) -> Edge:
    """Read the settings.

    Raises:
        ConfigError: one of them cannot be used.
    """
    certificate, key = _tls(settings)
    base = settings.public_base.rstrip("/") or None
    return Edge(
        public_base=base,
        prefix=_prefix(base),
        trusted=networks(settings.trusted_proxies),
        origins=_origins(settings.cors_origins),
        certificate=certificate,
        key=key,
    )


def _prefix(base: str | None) -> str:
    if base is None:
        return ""
    parts = urlsplit(base)
    fits = (
        parts.scheme in ("http", "https") and parts.netloc and not (parts.query or parts.fragment)
    )
    if not fits or not _PREFIX.match(parts.path):
        raise ConfigError(
            "The setting public_base is an address, https://HOST or https://HOST/PATH."
        )
    return parts.path


def _origins(text: str) -> frozenset[str]:
    origins = [one.strip().lower().rstrip("/") for one in text.split(",") if one.strip()]
    if not all(_ORIGIN.match(origin) for origin in origins):
        raise ConfigError("The setting cors_origins holds origins, https://HOST, and commas.")
    return frozenset(origins)


def _tls(settings: Settings) -> tuple[Path | None, Path | None]:
    if not settings.http_certificate and not settings.http_key:
        return None, None
    if not settings.http_certificate or not settings.http_key:
        raise ConfigError("HTTPS needs both settings, http_certificate and http_key.")
    certificate, key = Path(settings.http_certificate), Path(settings.http_key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # Without a password nobody would be asked for one at a terminal.
        context.load_cert_chain(certificate, key, password="")
    except (OSError, ssl.SSLError, ValueError):
        raise ConfigError(
            "The files of http_certificate and http_key are not a PEM certificate and its key."
        ) from None
    return certificate, key
