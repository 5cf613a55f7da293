"""TLS beside the plain port: what is spoken, with whom, and who holds up nobody."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydicom.uid import CTImageStorage

from dimse import Options, Secure, StorageListener
from dimse.tls import acceptor_context
from tests.dimse import instances, raw_peer
from tests.dimse.certificates import Authority, Pair
from tests.dimse.conftest import OWNER
from tests.dimse.raw_peer import RawPeer, pdu, pdv
from tests.dimse.receiver import Receiver
from tests.dimse.test_broken_connections import ECHO, VERIFICATION, eventually, serving_threads
from tests.dimse.test_listener import tool

pytestmark = pytest.mark.integration

# What TLS sends begins with its content type: change of cipher, alert, handshake, data.
RECORDS = {20, 21, 22, 23}


@dataclass
class Keys:
    """Everybody's certificates."""

    authority: Authority
    other_authority: Authority
    server: Pair
    client: Pair
    stranger: Pair


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """Made once: keys take their time."""
    folder = tmp_path_factory.mktemp("keys")
    ours, others = Authority(folder, "authority"), Authority(folder, "other-authority")
    return Keys(ours, others, ours.pair("server"), ours.pair("client"), others.pair("stranger"))


@dataclass
class Listening:
    """A listener with both ports."""

    listener: StorageListener
    plain: int
    port: int


Secured = Callable[..., Listening]


@pytest.fixture
def secured(keys: Keys, receiver: Receiver) -> Iterator[Secured]:
    """Starts a listener with TLS; stops it afterwards."""
    running: list[StorageListener] = []

    def start(*, client_ca: Path | None = None, **options: object) -> Listening:
        context = acceptor_context(keys.server.certificate, keys.server.key, client_ca)
        listener = StorageListener(
            receiver,
            lambda ae_title, host: OWNER,
            port=0,
            secure=Secure(context),
            options=Options(**options),  # type: ignore[arg-type]
        )
        running.append(listener)
        plain, port = listener.start(), listener.secure_port
        assert port is not None
        return Listening(listener, plain, port)

    yield start
    for listener in running:
        listener.stop(within=5.0)


class TlsPeer(RawPeer):
    """A peer of bytes that speaks TLS."""

    def __init__(self, port: int, context: ssl.SSLContext, *, timeout: float = 20.0) -> None:
        super().__init__(port, timeout=timeout)
        try:
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        except BaseException:
            self.socket.close()
            raise


def client_context(keys: Keys, pair: Pair | None = None) -> ssl.SSLContext:
    """What a good client speaks."""
    context = ssl.create_default_context(cafile=keys.authority.certificate)
    if pair is not None:
        context.load_cert_chain(pair.certificate, pair.key)
    return context


def is_answered(port: int) -> bool:
    """Whether an echo over the plain port is."""
    with RawPeer(port) as peer:
        return _echoed(peer)


def _echoed(peer: RawPeer) -> bool:
    peer.send(raw_peer.associate(VERIFICATION))
    assert peer.pdu()[0] == 0x02
    peer.send(pdu(4, pdv(1, 3, ECHO)))
    return peer.status() == 0


def _client_options(pair: Pair, authority: Authority) -> list[object]:
    # DCMTK's +sp takes keys in PEM, -pw ones without a password.
    return ["+tls", pair.key, pair.certificate, "+cf", authority.certificate]


def test_echoscu_without_a_certificate(keys: Keys, secured: Secured) -> None:
    port = secured().port
    output = tool("echoscu", "-v", "+tla", "+cf", keys.authority.certificate, "localhost", port)
    assert "Received Echo Response (Success)" in output


def test_storescu_over_tls(
    keys: Keys, secured: Secured, receiver: Receiver, tmp_path: Path
) -> None:
    instances.series(tmp_path, 5, side=256)
    port = secured(client_ca=keys.authority.certificate).port
    options = _client_options(keys.client, keys.authority)
    output = tool("storescu", "-v", *options, "+sd", "localhost", port, tmp_path)
    assert output.count("Received Store Response (Success)") == 5
    assert len(receiver.stored) == 5


def test_a_client_without_a_certificate_is_refused_where_one_is_required(
    keys: Keys, secured: Secured, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    listening = secured(client_ca=keys.authority.certificate)
    output = tool(
        *("echoscu", "+tla", "+cf", keys.authority.certificate, "localhost", listening.port),
        expect=None,
    )
    assert "Association Request Failed" in output
    assert eventually(lambda: "PEER_DID_NOT_RETURN_A_CERTIFICATE" in caplog.text)
    assert is_answered(listening.plain)


def test_a_client_of_another_authority_is_refused(
    keys: Keys, secured: Secured, caplog: pytest.LogCaptureFixture
) -> None:
    listening = secured(client_ca=keys.authority.certificate)
    options = _client_options(keys.stranger, keys.authority)
    tool("echoscu", *options, "localhost", listening.port, expect=1)
    assert eventually(lambda: "unable to get local issuer certificate" in caplog.text)
    options = _client_options(keys.client, keys.authority)
    tool("echoscu", *options, "localhost", listening.port)


def test_a_client_can_tell_that_the_server_is_another(keys: Keys, secured: Secured) -> None:
    port = secured().port
    other = keys.other_authority.certificate
    output = tool("echoscu", "+tla", "+cf", other, "localhost", port, expect=1)
    assert "certificate verify failed" in output


def test_a_plain_peer_at_the_port_of_tls_is_turned_away(secured: Secured) -> None:
    listening = secured()
    with RawPeer(listening.port) as peer:
        peer.send(raw_peer.associate(VERIFICATION))
        # A TLS alert, or nothing: no PDU.
        assert peer.exactly(1) in (b"", b"\x15")
    assert is_answered(listening.plain)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_tls_is_refused(keys: Keys, secured: Secured, version: ssl.TLSVersion) -> None:
    context = client_context(keys)
    context.minimum_version = context.maximum_version = version
    # Else the client's own library would be what refuses.
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
        TlsPeer(secured().port, context)


@pytest.mark.parametrize(
    ("ciphers", "taken"),
    [
        ("ECDHE-RSA-AES128-GCM-SHA256", True),
        ("ECDHE-RSA-AES256-GCM-SHA384", True),
        ("ECDHE-RSA-CHACHA20-POLY1305", True),
        ("ECDHE-RSA-AES128-SHA256", False),  # no AEAD
        ("ECDHE-RSA-AES256-SHA", False),
        ("AES128-GCM-SHA256", False),  # no forward secrecy
        ("DHE-RSA-AES128-GCM-SHA256", False),
    ],
)
def test_tls_1_2_with_forward_secrecy_and_aead_only(
    keys: Keys, secured: Secured, ciphers: str, taken: bool
) -> None:
    context = client_context(keys)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(ciphers)
    port = secured().port
    if taken:
        with TlsPeer(port, context) as peer:
            assert _echoed(peer)
    else:
        with pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"):
            TlsPeer(port, context)


def test_tls_1_3_is_spoken(keys: Keys, secured: Secured) -> None:
    context = client_context(keys)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    with TlsPeer(secured().port, context) as peer:
        assert _echoed(peer)
        peer.send(raw_peer.RELEASE)
        assert peer.pdu()[0] == 0x06


def test_silent_peers_in_the_handshake_hold_up_nobody_and_are_dropped(
    keys: Keys, secured: Secured
) -> None:
    listening = secured(association_timeout=1.0)
    silent = [RawPeer(listening.port) for _ in range(10)]
    # One that begins, and goes on a byte at a time.
    hello = b"\x16\x03\x01\x02\x00\x01"
    silent[0].send(hello)
    with TlsPeer(listening.port, client_context(keys)) as talking:
        assert _echoed(talking)
    assert is_answered(listening.plain)
    for peer in silent:
        assert peer.exactly(1) == b""
        peer.socket.close()
    assert eventually(lambda: serving_threads() == 0)


def test_a_trickling_handshake_ends_in_time(secured: Secured) -> None:
    listening = secured(association_timeout=1.0)
    with RawPeer(listening.port, timeout=0.2) as peer:
        peer.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        answer = None
        for _ in range(100):
            peer.send(b"\0")
            try:
                answer = peer.exactly(1)
                break
            except TimeoutError:
                pass
        assert answer == b""


def test_a_silent_peer_after_the_handshake_is_dropped(keys: Keys, secured: Secured) -> None:
    listening = secured(association_timeout=0.5)
    with TlsPeer(listening.port, client_context(keys)) as peer:
        assert peer.exactly(1) == b""
    assert eventually(lambda: serving_threads() == 0)


def test_several_messages_in_a_record_are_all_served(keys: Keys, secured: Secured) -> None:
    with TlsPeer(secured().port, client_context(keys)) as peer:
        peer.send(raw_peer.associate(VERIFICATION))
        assert peer.pdu()[0] == 0x02
        peer.send(pdu(4, pdv(1, 3, ECHO)) * 50 + raw_peer.RELEASE)
        assert [peer.status() for _ in range(50)] == [0] * 50
        assert peer.pdu()[0] == 0x06


def test_an_instance_of_many_records_arrives_whole(
    keys: Keys, secured: Secured, receiver: Receiver
) -> None:
    ds = instances.ct(side=2048)
    data = instances.encoded(ds)
    with TlsPeer(secured().port, client_context(keys)) as peer:
        peer.send(raw_peer.associate())
        assert peer.pdu()[0] == 0x02
        request = raw_peer.store_rq(CTImageStorage, ds.SOPInstanceUID)
        for _ in range(3):
            peer.send(raw_peer.message(request, data, fragment=100_001))
            assert peer.status() == 0x0000
    assert [noted.size for noted in receiver.stored] == [len(data)] * 3
    assert len({noted.digest for noted in receiver.stored}) == 1


def test_half_a_record_does_not_keep_an_association_from_being_ended(
    keys: Keys, secured: Secured
) -> None:
    listening = secured()
    with Tapped(listening.port, client_context(keys)) as peer:
        peer.send(raw_peer.associate(VERIFICATION))
        assert peer.pdu()[0] == 0x02
        record = peer.sealed(pdu(4, pdv(1, 3, ECHO)))
        peer.raw.sendall(record[: len(record) // 2])
        stopping = threading.Thread(target=listening.listener.stop)
        stopping.start()
        # The abort comes although a record is half there.
        assert peer.pdu()[0] == 0x07
        stopping.join(10)
        assert not stopping.is_alive()


class Tapped(RawPeer):
    """A peer of bytes that speaks TLS by hand and keeps what the server has really sent."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        super().__init__(port)
        self.raw = self.socket
        self.seen = b""
        self._from_server, self._to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._from_server, self._to_server, server_hostname="localhost"
        )
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.raw.sendall(self._to_server.read())
                self._hear()
        self.raw.sendall(self._to_server.read())

    def __enter__(self) -> "Tapped":
        return self

    def sealed(self, data: bytes) -> bytes:
        """The record that carries the data."""
        self._tls.write(data)
        return self._to_server.read()

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.raw.sendall(self.sealed(data))

    def exactly(self, count: int) -> bytes:
        """Receive so many bytes, or fewer when the listener closes."""
        data = b""
        while len(data) < count:
            try:
                piece = self._tls.read(count - len(data))
                if not piece:
                    break
                data += piece
            except ssl.SSLWantReadError:
                if not self._hear():
                    break
            except ssl.SSLError:
                break
        return data

    def records(self) -> list[int]:
        """The content types of what the server has sent."""
        types, at = [], 0
        while at < len(self.seen):
            types.append(self.seen[at])
            at += 5 + int.from_bytes(self.seen[at + 3 : at + 5], "big")
        return types

    def _hear(self) -> bool:
        data = b""
        with contextlib.suppress(ConnectionError):
            data = self.raw.recv(65536)
        self.seen += data
        self._from_server.write(data)
        if not data:
            self._from_server.write_eof()
        return bool(data)


def test_what_is_cut_sends_nothing_in_the_clear(
    keys: Keys, secured: Secured, receiver: Receiver
) -> None:
    listening = secured()
    inside, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        inside.set()
        go_on.wait(10)

    receiver.on_commit = wait
    ds = instances.ct()
    with Tapped(listening.port, client_context(keys)) as peer:
        peer.send(raw_peer.associate())
        assert peer.pdu()[0] == 0x02
        request = raw_peer.store_rq(CTImageStorage, ds.SOPInstanceUID)
        peer.send(raw_peer.message(request, instances.encoded(ds)))
        assert inside.wait(5)
        stopping = threading.Thread(target=listening.listener.stop, args=(0.2,))
        stopping.start()
        # The time given is over, and the connection cut, while the store still works.
        assert eventually(lambda: _is_cut(listening.listener))
        go_on.set()
        while peer.exactly(1000):
            pass
        stopping.join(10)
    assert len(receiver.stored) == 1
    assert set(peer.records()) <= RECORDS
    assert peer.records().count(23) > 1


def _is_cut(listener: StorageListener) -> bool:
    associations = [assoc for server in listener._servers for assoc in server.associations]
    connections = [assoc.provider.socket for assoc in associations]
    for connection in connections:
        if connection is not None and connection.socket is not None:
            try:
                # An ended read side answers at once, and nothing is taken from it.
                peeked = socket.socket.recv(
                    connection.socket, 1, socket.MSG_PEEK | socket.MSG_DONTWAIT
                )
            except BlockingIOError:
                return False
            return peeked == b""
    return False
