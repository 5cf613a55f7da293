"""What the settings say about DIMSE, read and checked: processes, classes, TLS, whom we call.

Invariants: whatever is wrong is said at the start, in one sentence, and not at the first
association.
Not here: what is done with it (`server.listening`, `server.calling`), TLS itself
(`dimse.tls`).
"""

import re
import ssl
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from accounts.errors import InvalidValue
from accounts.reach import Reach
from accounts.titles import checked_title
from server.config import Address, Settings
from server.errors import ConfigError
from server.reach import reach_of

__all__ = ["DimseEdge", "TlsFiles", "dimse_edge_of", "private_sop_classes"]

_UID: Final = re.compile(r"(?=.{1,64}\Z)(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))+\Z")
# The root of the standard's own UIDs (PS3.5 section 9.2): whatever is stored of them is listed.
_STANDARD: Final = "1.2.840.10008."


@dataclass(frozen=True)
class TlsFiles:
    """Where TLS listens, and its files in PEM.

    Attributes:
        address: where to listen.
        certificate, key: our own.
        client_ca: who signs the certificates that peers have to show; None asks for none.
    """

    address: Address
    certificate: Path
    key: Path
    client_ca: Path | None


@dataclass(frozen=True)
class DimseEdge:
    """What the settings say.

    Attributes:
        processes: that listen.
        associations: that all of them take together.
        sop_classes: private ones that are stored.
        tls: None without TLS.
        peer_ca: who signs the certificates of peers that we connect to; None for the system's.
        reach: where accounts may have us connect to.
    """

    processes: int
    associations: int
    sop_classes: tuple[str, ...]
    tls: TlsFiles | None
    peer_ca: Path | None = None
    reach: Reach = field(default_factory=partial(Reach, public=True))


def dimse_edge_of(settings: Settings) -> DimseEdge:
    """Read the settings.

    Raises:
        ConfigError: one of them cannot be used.
    """
    for name in ("dimse_processes", "dimse_associations"):
        if getattr(settings, name) < 1:
            raise ConfigError(f"The setting {name} is at least 1.")
    try:
        checked_title(settings.ae_title)
    except InvalidValue as error:
        raise ConfigError(f"The setting ae_title: {error}") from None
    tls = _tls(settings)
    return DimseEdge(
        processes=settings.dimse_processes,
        associations=settings.dimse_associations,
        sop_classes=private_sop_classes(settings),
        tls=tls,
        peer_ca=_peer_ca(settings) or (tls.client_ca if tls else None),
        reach=reach_of(settings),
    )


def private_sop_classes(settings: Settings) -> tuple[str, ...]:
    """The private SOP classes that are taken.

    Raises:
        ConfigError: one of them is no UID, or is the standard's.
    """
    given = settings.private_sop_classes.split(",")
    uids = tuple(one.strip() for one in given if one.strip())
    if any(not _UID.match(uid) or uid.startswith(_STANDARD) for uid in uids):
        raise ConfigError("The setting private_sop_classes holds private UIDs, and commas.")
    return uids


def _tls(settings: Settings) -> TlsFiles | None:
    given = (settings.dimse_certificate, settings.dimse_key, settings.dimse_client_ca)
    if not settings.dimse_tls:
        if any(given):
            raise ConfigError("DIMSE over TLS needs the setting dimse_tls, where it listens.")
        return None
    if not settings.dimse_certificate or not settings.dimse_key:
        raise ConfigError("DIMSE over TLS needs both settings, dimse_certificate and dimse_key.")
    files = TlsFiles(
        Address.parse(settings.dimse_tls),
        Path(settings.dimse_certificate),
        Path(settings.dimse_key),
        Path(settings.dimse_client_ca) if settings.dimse_client_ca else None,
    )
    _check(files)
    return files


def _check(files: TlsFiles) -> None:
    # The same calls as in `dimse.tls`, which would bring all of DIMSE into the supervisor.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(files.certificate, files.key, password="")
    except (OSError, ValueError):
        raise ConfigError(
            "The files of dimse_certificate and dimse_key are not a PEM certificate and its key."
        ) from None
    if files.client_ca is not None:
        _check_authorities("dimse_client_ca", files.client_ca)


def _peer_ca(settings: Settings) -> Path | None:
    if not settings.dimse_peer_ca:
        return None
    file = Path(settings.dimse_peer_ca)
    _check_authorities("dimse_peer_ca", file)
    return file


def _check_authorities(name: str, file: Path) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
    except (OSError, ValueError):
        raise ConfigError(f"The file of {name} holds no PEM certificates.") from None
