"""Sending over TLS: what we speak, whom we trust, and what is said of whom we do not."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dimse import connection
from dimse.errors import CannotReach, Unwanted
from dimse.negotiating import Proposal
from dimse.requestor import Destination, Limits, open_association
from dimse.tls import acceptor_context, requestor_context, secured
from tests.dimse.certificates import Authority, Pair
from tests.dimse.peers import PLAIN, Acceptor, Shelf
from tests.dimse.test_sending import CT, QUICK, running, sent
from tests.dimse.test_tls import Keys, keys
from tests.support.datasets import ct_slice, ct_stack

__all__ = ["keys"]

pytestmark = pytest.mark.integration


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path / "store")
    yield shelf
    shelf.database.dispose()


def spoken(keys: Keys, ours: Pair | None = None) -> ssl.SSLContext:
    """What we speak with peers of the authority."""
    pair = None if ours is None else (ours.certificate, ours.key)
    return requestor_context(keys.authority.certificate, pair)


def storescp_options(keys: Keys, pair: Pair) -> list[object]:
    return ["+tls", pair.key, pair.certificate, "+cf", keys.authority.certificate]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_storescp_over_tls_gets_what_is_sent(
    shelf: Shelf, keys: Keys, tmp_path: Path, host: str
) -> None:
    refs = shelf.put(*ct_stack(5, size=256))
    folder = tmp_path / "received"
    folder.mkdir()
    # It asks for our certificate and checks it, as DCMTK does unless told otherwise.
    options = storescp_options(keys, keys.server)
    with running(tmp_path, "storescp", *options, "-od", folder) as port:
        to = Destination("STORESCP", host, port, tls=spoken(keys, keys.client))
        assert sent(shelf, refs, to) == (5, 0, 0)
    assert len(list(folder.iterdir())) == 5


def test_a_storescp_whose_certificate_nobody_vouches_for_gets_nothing(
    shelf: Shelf, keys: Keys, tmp_path: Path
) -> None:
    refs = shelf.put(ct_slice())
    folder = tmp_path / "received"
    folder.mkdir()
    options = storescp_options(keys, keys.stranger)
    with running(tmp_path, "storescp", *options, "-od", folder) as port:
        to = Destination("STORESCP", "127.0.0.1", port, tls=spoken(keys, keys.client))
        with pytest.raises(Unwanted, match="No authority that is trusted here has signed"):
            sent(shelf, refs, to)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("ours", [False, True])
def test_a_storescp_that_does_not_take_our_certificate_is_told(
    shelf: Shelf, keys: Keys, tmp_path: Path, ours: bool
) -> None:
    refs = shelf.put(ct_slice())
    options = storescp_options(keys, keys.server)
    with running(tmp_path, "storescp", *options) as port:
        tls = spoken(keys, keys.stranger if ours else None)
        to = Destination("STORESCP", "127.0.0.1", port, tls=tls)
        with pytest.raises(CannotReach, match="over TLS; it may ask for a certificate"):
            sent(shelf, refs, to)


def test_a_peer_without_tls_is_told(shelf: Shelf, keys: Keys, tmp_path: Path) -> None:
    refs = shelf.put(ct_slice())
    with running(tmp_path, "storescp") as port:
        to = Destination("STORESCP", "127.0.0.1", port, tls=spoken(keys))
        with pytest.raises(CannotReach, match="TLS"):
            sent(shelf, refs, to)


def test_the_certificate_is_compared_with_the_host_that_was_meant(
    shelf: Shelf, keys: Keys, tmp_path: Path
) -> None:
    refs = shelf.put(ct_slice())
    with running(tmp_path, "storescp", *storescp_options(keys, keys.server)) as port:
        # The certificate is for localhost and 127.0.0.1.
        to = Destination("STORESCP", "127.0.0.2", port, tls=spoken(keys, keys.client))
        with pytest.raises(Unwanted, match="for another host"):
            sent(shelf, refs, to)


@pytest.mark.parametrize(
    ("days", "said"), [((-3, -1), "has expired"), ((1, 3), "is not valid yet")]
)
def test_a_certificate_out_of_its_time_is_told(
    tmp_path: Path, days: tuple[int, int], said: str
) -> None:
    authority = Authority(tmp_path, "authority")
    pair = authority.pair("server", days=days)
    with tls_peer(acceptor_context(pair.certificate, pair.key, None)) as port:
        tls = requestor_context(authority.certificate, None)
        with pytest.raises(Unwanted, match=said):
            opened(Destination("PEER", "127.0.0.1", port, tls=tls))


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_what_is_spoken_is_what_bcp_195_allows(keys: Keys) -> None:
    """A peer of each kind, which would take us as we are if we let it."""
    for change, is_taken in (
        (lambda theirs: None, True),
        (_old, False),
        (lambda theirs: theirs.set_ciphers("AES128-GCM-SHA256"), False),
        (lambda theirs: theirs.set_ciphers("ECDHE-RSA-AES256-SHA"), False),
        (lambda theirs: theirs.set_ciphers("ECDHE-RSA-CHACHA20-POLY1305"), True),
    ):
        theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        theirs.load_cert_chain(keys.server.certificate, keys.server.key)
        theirs.maximum_version = ssl.TLSVersion.TLSv1_2
        change(theirs)
        with tls_peer(theirs) as port:
            to = Destination("PEER", "127.0.0.1", port, tls=spoken(keys))
            if is_taken:
                assert opened(to)
            else:
                with pytest.raises(CannotReach, match="or none that is safe"):
                    opened(to)


def _old(theirs: ssl.SSLContext) -> None:
    theirs.minimum_version = theirs.maximum_version = ssl.TLSVersion.TLSv1_1
    theirs.set_ciphers("ALL:@SECLEVEL=0")


def test_a_peer_that_is_silent_in_the_handshake_is_given_up(keys: Keys) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        to = Destination("PEER", "127.0.0.1", listening.getsockname()[1], tls=spoken(keys))
        with pytest.raises(CannotReach, match="in time"):
            opened(to, Limits(connect=0.3))


def test_a_slow_peer_over_tls_gets_all_of_it(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stops in the middle of a record, whose rest goes out when it reads again."""
    monkeypatch.setattr(connection, "LOOK_EVERY_SECONDS", 0.05)
    data = bytes(range(256)) * 64 * 1024
    received = bytearray()
    looked = threading.Semaphore(0)

    def slowly(accepted: ssl.SSLSocket) -> None:
        # Some, then nothing until it has been waited for a while, and so on.
        for pause in (3, 3, 0):
            while len(received) < len(data) and (piece := accepted.recv(64 * 1024)):
                received.extend(piece)
                if pause and len(received) > len(data) // 4 * (3 - pause + 1):
                    break
            for _ in range(pause):
                assert looked.acquire(timeout=20)

    theirs = acceptor_context(keys.server.certificate, keys.server.key, None)
    with tls_peer(theirs, slowly) as port:
        plain = socket.create_connection(("127.0.0.1", port))
        over = secured(plain, spoken(keys), "127.0.0.1", 5.0)
        ours = connection.Connection(over, Limits(stall=20.0), looked.release)
        ours.send(data)
        ours.close()
    assert received == data


def opened(to: Destination, limits: Limits = QUICK) -> bool:
    """Open an association and end it."""
    with open_association(
        to, [Proposal(CT[0], PLAIN)], calling_ae_title="READINGROOM", limits=limits
    ) as assoc:
        return assoc.is_open


def accepting(accepted: ssl.SSLSocket) -> None:
    """Accept an association and its release."""
    peer = Acceptor(accepted)
    peer.accept()
    peer.serve()


@contextlib.contextmanager
def tls_peer(
    theirs: ssl.SSLContext, serve: Callable[[ssl.SSLSocket], None] = accepting
) -> Iterator[int]:
    """A peer that serves one connection over TLS, if that is agreed on; its port."""
    failures: list[BaseException] = []

    def run() -> None:
        accepted, _ = listening.accept()
        accepted.settimeout(20)
        try:
            with theirs.wrap_socket(accepted, server_side=True) as over:
                serve(over)
        except OSError:
            # It says no, or we do.
            accepted.close()
        except AssertionError as error:
            failures.append(error)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        thread = threading.Thread(target=run)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(30)
    assert (thread.is_alive(), failures) == (False, [])
