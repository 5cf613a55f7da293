"""TLS for associations, those of others and those that we open: what is spoken, and with whom.

Standard: PS3.15 Annex B.9 to B.12 (the BCP 195 profiles), that is RFC 8996 and RFC 9325; RFC 9325
6.1 (whoever connects compares the certificate with the host that was meant).
Invariants: nothing older than TLS 1.2, no key exchange without forward secrecy, no cipher without
authentication of what it carries; no compression and no renegotiation.
Not here: what flows over it (`dimse.transport`, `dimse.connection`), the settings (`server`).
"""

import select
import socket
import ssl
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dimse.errors import CannotReach, Unwanted

__all__ = ["acceptor_context", "requestor_context", "secured", "shake_hands", "wrapped"]

# TLS 1.3 has no others; this is for TLS 1.2.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"

# By OpenSSL's number of what is wrong with a certificate (X509_V_ERR_…).
_WRONG: Final[Mapping[int, str]] = {
    9: "The peer's certificate is not valid yet.",
    10: "The peer's certificate has expired.",
    62: "The peer's certificate is for another host.",
    64: "The peer's certificate is for another host.",
}


def acceptor_context(certificate: Path, key: Path, client_ca: Path | None) -> ssl.SSLContext:
    """What a listener speaks.

    Args:
        certificate: PEM, the chain that we show.
        key: PEM, its private key, without a password.
        client_ca: PEM, whose certificates peers have to show; None asks them for none.

    Raises:
        OSError, ValueError: a file is not what it should be.
    """
    context = _context(ssl.PROTOCOL_TLS_SERVER)
    # Without a password nobody would be asked for one at a terminal.
    context.load_cert_chain(certificate, key, password="")
    if client_ca is not None:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def requestor_context(authorities: Path | None, ours: tuple[Path, Path] | None) -> ssl.SSLContext:
    """What we speak with a peer that we call.

    Args:
        authorities: PEM, whose certificates peers have to show; None for those that the system
            trusts.
        ours: PEM, the chain that is shown to a peer that asks for one, and its key without a
            password.

    Raises:
        OSError, ValueError: a file is not what it should be.
    """
    context = _context(ssl.PROTOCOL_TLS_CLIENT)
    if authorities is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(authorities)
    if ours is not None:
        context.load_cert_chain(*ours, password="")
    return context


def _context(side: int) -> ssl.SSLContext:
    context = ssl.SSLContext(side)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    return context


def secured(
    plain: socket.socket, context: ssl.SSLContext, host: str, within: float
) -> ssl.SSLSocket:
    """The same connection to a peer, over which TLS is spoken; the plain socket is void.

    Args:
        plain: to the peer.
        context: what is spoken.
        host: whose certificate the peer has to show.
        within: seconds that the handshake may take, however the peer trickles.

    Raises:
        Unwanted: the peer does not show a certificate that is trusted.
        CannotReach: no agreement, or not in time.
    """
    try:
        made = context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
    except (OSError, ValueError):
        plain.close()
        raise CannotReach("TLS cannot be begun with the peer.") from None
    try:
        shake_hands(made, within)
    except ssl.SSLCertVerificationError as error:
        made.close()
        unknown = "No authority that is trusted here has signed the peer's certificate."
        raise Unwanted(_WRONG.get(error.verify_code, unknown)) from None
    except TimeoutError:
        made.close()
        raise CannotReach("The peer does not agree on TLS in time.") from None
    except OSError:
        made.close()
        raise CannotReach("The peer does not speak TLS, or none that is safe (BCP 195).") from None
    return made


def wrapped(plain: socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket:
    """The same connection, over which TLS is to be spoken; the plain socket is void."""
    return context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)


def shake_hands(connection: ssl.SSLSocket, within: float) -> None:
    """Agree on TLS; the connection does not block afterwards.

    Args:
        connection: with a peer that may be silent.
        within: seconds that all of it may take, however the peer trickles.

    Raises:
        OSError: no agreement, or not in time; nothing of the peer's is in its text.
    """
    end = time.monotonic() + within
    connection.setblocking(False)
    poll = select.poll()
    while True:
        try:
            connection.do_handshake()
        except ssl.SSLWantReadError:
            poll.register(connection, select.POLLIN)
        except ssl.SSLWantWriteError:
            poll.register(connection, select.POLLOUT)
        else:
            return
        if not poll.poll(max(0.0, end - time.monotonic()) * 1000):
            raise TimeoutError("the TLS handshake took too long")
