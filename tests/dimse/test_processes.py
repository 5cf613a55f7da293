"""Several processes listen on one port, alone or beside the web server, and end together."""

import os
import signal
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests
from pynetdicom import AE

from dimse import StorageListener
from server.config import Address, Settings, load
from server.dimse_edge import DimseEdge, TlsFiles, dimse_edge_of
from server.errors import ConfigError
from tests.dimse import raw_peer
from tests.dimse.certificates import Authority
from tests.dimse.conftest import OWNER
from tests.dimse.raw_peer import RawPeer
from tests.dimse.receiver import Receiver
from tests.dimse.serving import Serving
from tests.dimse.test_broken_connections import VERIFICATION, eventually, stored_one
from tests.dimse.test_listener import tool

pytestmark = pytest.mark.integration


def refusal(port: int) -> tuple[int, bytes]:
    """What is answered to a further association."""
    with RawPeer(port) as peer:
        peer.send(raw_peer.associate(VERIFICATION))
        kind, value = peer.pdu()
        return kind, value[1:]


def open_up_to(port: int, count: int, peers: list[RawPeer]) -> bool:
    """Open associations until there are so many; whether there are now."""
    peer = RawPeer(port)
    peer.send(raw_peer.associate(VERIFICATION))
    if peer.pdu()[0] == 0x02:
        peers.append(peer)
    else:
        peer.socket.close()
    return len(peers) == count


def close(peers: list[RawPeer]) -> None:
    """End them without a word."""
    while peers:
        peers.pop().socket.close()


def test_the_listener_alone_in_two_processes_on_a_free_port(tmp_path: Path) -> None:
    limits = {"READINGROOM_DIMSE_PROCESSES": "2", "READINGROOM_DIMSE_ASSOCIATIONS": "40"}
    with Serving(tmp_path, "--no-http", settings=limits) as command:
        port = command.port
        peers: list[RawPeer] = []

        def held() -> list[int]:
            return [command.connections(pid) for pid in command.listeners()]

        try:
            # One may have begun to listen before the other.
            while not min(held()):
                if open_up_to(port, 30, peers):
                    close(peers)
            assert len(held()) == 2
            assert eventually(lambda: open_up_to(port, 40, peers))
            assert sum(held()) == 40
            # The limit is one of both processes together: local-limit-exceeded, for now.
            assert refusal(port) == (0x03, b"\x02\x03\x02")
            peers.pop().socket.close()
            assert eventually(lambda: refusal(port)[0] == 0x02)
        finally:
            close(peers)
        assert "Sign in" not in command.output()
        assert command.stop() == 0
        # What multiprocessing keeps for its semaphores ends a moment after us.
        assert eventually(lambda: command.processes() == [])
    with pytest.raises(ConnectionRefusedError):
        RawPeer(port)


def test_a_listener_that_dies_ends_the_command(tmp_path: Path) -> None:
    with Serving(tmp_path, "--no-http", settings={"READINGROOM_DIMSE_PROCESSES": "2"}) as command:
        assert command.port
        assert eventually(lambda: len(command.listeners()) == 2)
        os.kill(command.listeners()[0], signal.SIGKILL)
        assert command.process.wait(60) == 1
        assert "the dimse " in command.output()
        assert eventually(lambda: command.processes() == [])


def test_the_web_alone_does_not_listen_for_dimse(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        # Taken by somebody else: nothing of it is wanted.
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with Serving(tmp_path, "--no-dimse", settings={"READINGROOM_DIMSE": address}) as command:
            base = command.says(r"Pages +(http\S+)\n")
            assert requests.get(f"{base}healthz", timeout=10).status_code == 200
            assert "DIMSE" not in command.output()
            assert command.stop() == 0


def test_tls_beside_the_plain_port_in_both_processes(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    server, client = authority.pair("server"), authority.pair("client")
    settings = {
        "READINGROOM_DIMSE_TLS": "127.0.0.1:0",
        "READINGROOM_DIMSE_CERTIFICATE": str(server.certificate),
        "READINGROOM_DIMSE_KEY": str(server.key),
        "READINGROOM_DIMSE_CLIENT_CA": str(authority.certificate),
    }
    with Serving(tmp_path / "served", "--no-http", settings=settings) as command:
        port = command.says(r"DIMSE/TLS +\S+ at 127\.0\.0\.1:(\d+)\n")
        tls = ["+tls", client.key, client.certificate, "+cf", authority.certificate]
        for _ in range(4):
            tool("echoscu", *tls, "localhost", port)
        tool("echoscu", "127.0.0.1", command.port)
        assert command.stop() == 0


def test_nothing_to_serve_and_a_taken_port_are_said_at_once(tmp_path: Path) -> None:
    with Serving(tmp_path, "--no-http", "--no-dimse") as command:
        assert command.process.wait(60) == 1
        assert "nothing to serve" in command.output()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with Serving(tmp_path, "--no-http", "--dimse", address) as command:
            assert command.process.wait(60) == 1
            assert f"Nothing can listen on {address}" in command.output()


def test_two_listeners_share_a_bound_socket(receiver: Receiver) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        first, second = (
            StorageListener(receiver, lambda ae_title, host: OWNER, bound=bound.dup())
            for _ in range(2)
        )
        with pytest.raises(ConnectionRefusedError):
            RawPeer(port)
        assert first.start() == second.start() == port
    stored_one(port)
    first.stop()
    # Whoever stops takes nothing from the other.
    for _ in range(3):
        stored_one(port)
    second.stop()
    assert len(receiver.stored) == 4
    with pytest.raises(ConnectionRefusedError):
        RawPeer(port)


def test_who_has_fewer_associations_accepts_the_next(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So long that no busy machine gets in between.
    monkeypatch.setattr("dimse.accepting.TURN_SECONDS", 0.5)
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        listeners = [
            StorageListener(receiver, lambda ae_title, host: OWNER, bound=bound.dup())
            for _ in range(2)
        ]
        (port,) = {listener.start() for listener in listeners}
    with ExitStack() as peers:
        for _ in range(4):
            peer = peers.enter_context(RawPeer(port))
            peer.send(raw_peer.associate())
            assert peer.pdu()[0] == 0x02
        open_at = [len(server.associations) for one in listeners for server in one._servers]
    for listener in listeners:
        listener.stop()
    assert open_at == [2, 2]


def test_settings_of_dimse_are_read(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    pair = authority.pair("server")
    edge = dimse_edge_of(
        load(
            environment={
                "READINGROOM_DIMSE_PROCESSES": "3",
                "READINGROOM_DIMSE_ASSOCIATIONS": "7",
                "READINGROOM_PRIVATE_SOP_CLASSES": "1.2.3.4, 1.3.12.2.1107.5.9.1",
                "READINGROOM_DIMSE_TLS": "[::1]:2762",
                "READINGROOM_DIMSE_CERTIFICATE": str(pair.certificate),
                "READINGROOM_DIMSE_KEY": str(pair.key),
            }
        )
    )
    tls = TlsFiles(Address("::1", 2762), pair.certificate, pair.key, None)
    assert edge == DimseEdge(3, 7, ("1.2.3.4", "1.3.12.2.1107.5.9.1"), tls)
    assert dimse_edge_of(Settings()) == DimseEdge(2, 200, (), None)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"dimse_processes": "0"}, "dimse_processes"),
        ({"dimse_associations": "-1"}, "dimse_associations"),
        ({"private_sop_classes": "1.2.3,word"}, "private_sop_classes"),
        ({"private_sop_classes": "1.02.3"}, "private_sop_classes"),
        ({"private_sop_classes": "1.2.840.10008.5.1.4.1.2.2.1"}, "private_sop_classes"),
        ({"private_sop_classes": "1." + "2" * 63}, "private_sop_classes"),
        ({"dimse_tls": "127.0.0.1:2762"}, "dimse_certificate and dimse_key"),
        ({"dimse_certificate": "a", "dimse_key": "b"}, "dimse_tls"),
        ({"dimse_tls": "nowhere", "dimse_certificate": "a", "dimse_key": "b"}, "HOST:PORT"),
        ({"dimse_tls": "a:1", "dimse_certificate": "a", "dimse_key": "b"}, "PEM certificate"),
        ({"dimse_client_ca": "CA"}, "dimse_tls"),
        ({"ae_title": "SEVENTEEN-LETTERS"}, "ae_title.*1 to 16"),
        ({"ae_title": "BACK\\SLASH"}, "ae_title"),
        ({"ae_title": " "}, "ae_title"),
    ],
)
def test_settings_that_cannot_be_used_are_said(changes: dict[str, str], said: str) -> None:
    environment = {f"READINGROOM_{name.upper()}": value for name, value in changes.items()}
    with pytest.raises(ConfigError, match=said):
        dimse_edge_of(load(environment=environment))


def test_a_file_of_no_authority_is_said(tmp_path: Path) -> None:
    pair = Authority(tmp_path, "authority").pair("server")
    settings = Settings(
        dimse_tls="127.0.0.1:1",
        dimse_certificate=str(pair.certificate),
        dimse_key=str(pair.key),
        dimse_client_ca=str(pair.key),
    )
    with pytest.raises(ConfigError, match="dimse_client_ca"):
        dimse_edge_of(settings)


def test_pynetdicom_is_told_of_the_limit(receiver: Receiver, listen: object) -> None:
    assert callable(listen)
    port = listen(receiver, maximum_associations=1)
    ae = AE()
    ae.add_requested_context("1.2.840.10008.1.1")
    first = ae.associate("127.0.0.1", port)
    assert first.is_established
    assert raw_peer.rejection(port) == (2, 3, 2)
    first.release()
