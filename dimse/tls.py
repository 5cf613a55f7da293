"""TLS for associations: what is spoken, and with whom.

Standard: PS3.15 Annex B.9 to B.12 (the BCP 195 profiles), that is RFC 8996 and RFC 9325.
Invariants: nothing older than TLS 1.2, no key exchange without forward secrecy, no cipher without
authentication of what it carries; no compression and no renegotiation.
Not here: what flows over it (`dimse.transport`), the settings (`server`).
"""

import select
import socket
import ssl
import time
from pathlib import Path

__all__ = ["acceptor_context", "shake_hands", "wrapped"]

# TLS 1.3 has no others; this is for TLS 1.2.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"


def acceptor_context(certificate: Path, key: Path, client_ca: Path | None) -> ssl.SSLContext:
    """What a listener speaks.

    Args:
        certificate: PEM, the chain that we show.
        key: PEM, its private key, without a password.
        client_ca: PEM, whose certificates peers have to show; None asks them for none.

    Raises:
        OSError, ValueError: a file is not what it should be.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    # Without a password nobody would be asked for one at a terminal.
    context.load_cert_chain(certificate, key, password="")
    if client_ca is not None:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


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
