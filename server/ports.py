"""Ports: which are free, which are ours, and who answers there.

Not here: who listens (`server.jobs`).
"""

import socket
import ssl
import time
import urllib.error
import urllib.request
from dataclasses import replace

from server.config import Address
from server.errors import CommandFailed

__all__ = ["answers", "bound", "free", "listens", "named", "reachable"]

READY_SECONDS = 120


def bound(address: Address) -> socket.socket:
    """A socket on the address, on which nobody listens yet; of any free port if that is 0.

    Raises:
        CommandFailed: the address is taken, or not one of this machine.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    fresh = socket.socket(family)
    fresh.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        fresh.bind((address.host, address.port))
    except OSError:
        fresh.close()
        raise CommandFailed(f"Nothing can listen on {address}: it is taken or not ours.") from None
    return fresh


def free(address: Address) -> Address:
    """The address with a port that nobody listens on yet; names the port if it was 0.

    Raises:
        CommandFailed: the address is taken, or not one of this machine.
    """
    with bound(address) as probe:
        return named(address, probe)


def named(address: Address, taken: socket.socket) -> Address:
    """The address with the port that a socket was given."""
    return replace(address, port=taken.getsockname()[1])


def reachable(address: Address) -> Address:
    """Where a server that listens there can be asked from this machine."""
    anywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
    return replace(address, host=anywhere.get(address.host, address.host))


def listens(address: Address) -> bool:
    """Whether somebody listens there in time."""
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        try:
            socket.create_connection((address.host, address.port), timeout=2).close()
        except OSError:
            time.sleep(0.05)
        else:
            return True
    return False


def answers(url: str) -> bool:
    """Whether a page is answered in time."""
    end = time.monotonic() + READY_SECONDS
    # The certificate is for the name by which others reach the server, not for this address.
    unchecked = ssl._create_unverified_context()  # noqa: S323 - our own process
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=2, context=unchecked) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    return False
