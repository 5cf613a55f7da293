"""Which peers the server calls for an account, where that is allowed, and how it speaks to them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydicom.uid import CTImageStorage

from accounts.peers import add_peer
from accounts.people import create_account
from accounts.reach import Reach
from dimse.errors import Unwanted
from dimse.negotiating import Proposal
from dimse.requestor import Limits, open_association
from dimse.tls import acceptor_context
from server.calling import Calling
from server.config import Settings
from server.dimse_edge import dimse_edge_of
from server.errors import ConfigError
from server.services import Services, now
from tests.dimse.peers import PLAIN, provider
from tests.dimse.test_sending_tls import tls_peer
from tests.dimse.test_tls import Keys, keys
from tests.support.databases import ready

__all__ = ["keys"]

pytestmark = pytest.mark.integration
EVERYWHERE = Reach(public=True)


@pytest.fixture
def prepared(tmp_path: Path) -> Iterator[Services]:
    services = Services(Settings(data=tmp_path / "data"))
    ready(services.database)
    create_account(services.database, "ines@example.org", clock=now)
    create_account(services.database, "otto@example.org", clock=now)
    yield services
    services.database.dispose()


Reached = Callable[..., bool]


@pytest.fixture
def reached(prepared: Services) -> Reached:
    """Opens an association with the peer of Ines, under these settings."""

    def reach(**settings: str) -> bool:
        services = Services(Settings(data=prepared.settings.data, **settings))  # type: ignore[arg-type]
        try:
            to = Calling(services).destination(1, "PACS")
        finally:
            services.database.dispose()
        assert to is not None
        proposals = [Proposal(CTImageStorage, PLAIN)]
        limits = Limits(connect=5, associate=5)
        with open_association(to, proposals, calling_ae_title="HOME", limits=limits) as assoc:
            return bool(assoc.contexts)

    return reach


@pytest.mark.parametrize("host", ["127.1", "localhost", "127.0.0.1"])
def test_an_address_that_an_account_gave_is_looked_at_when_it_is_connected_to(
    prepared: Services, reached: Reached, host: str
) -> None:
    with provider((CTImageStorage, PLAIN)) as peer:
        # As if the setting had been another, or the name had led elsewhere, when it was given.
        somewhere = Reach(names=frozenset({host})) if host == "127.0.0.1" else EVERYWHERE
        add_peer(prepared.database, "PACS", 1, host, peer.port, reach=somewhere)
        for setting in ("public", "", "10.0.0.0/8", "pacs.example"):
            with pytest.raises(Unwanted, match="operator can allow it"):
                reached(peer_hosts=setting)
        assert peer.associations == 0
        assert reached(peer_hosts="10.0.0.0/8, 127.0.0.0/8")
        assert reached(peer_hosts="::/0, 0.0.0.0/0")
        if host == "localhost":
            assert reached(peer_hosts="LocalHost")


def test_an_address_that_the_operator_gave_needs_no_setting(
    prepared: Services, reached: Reached
) -> None:
    with provider((CTImageStorage, PLAIN)) as peer:
        add_peer(prepared.database, "PACS", 1, "127.0.0.1", peer.port)
        assert reached(peer_hosts="")


def test_a_peer_is_its_accounts_alone_and_listens_somewhere(prepared: Services) -> None:
    calling = Calling(prepared)
    add_peer(prepared.database, "PACS", 1, "127.0.0.1", 104)
    add_peer(prepared.database, "CT", 1)
    assert calling.destination(1, "PACS") is not None
    assert calling.destination(2, "PACS") is None
    assert calling.destination(1, "CT") is None


@pytest.mark.parametrize("client_ca_alone", [False, True])
def test_a_peer_that_speaks_tls_is_spoken_to_so(
    prepared: Services, reached: Reached, keys: Keys, client_ca_alone: bool
) -> None:
    """It wants our certificate, and shows one that either setting trusts."""
    settings = {
        "dimse_tls": "127.0.0.1:0",
        "dimse_certificate": str(keys.client.certificate),
        "dimse_key": str(keys.client.key),
    }
    ca = "dimse_client_ca" if client_ca_alone else "dimse_peer_ca"
    theirs = acceptor_context(keys.server.certificate, keys.server.key, keys.authority.certificate)
    with tls_peer(theirs) as port:
        add_peer(prepared.database, "PACS", 1, "127.0.0.1", port, tls=True)
        assert reached(**settings, **{ca: str(keys.authority.certificate)})


def test_one_that_no_setting_trusts_is_not_spoken_to(
    prepared: Services, reached: Reached, keys: Keys
) -> None:
    theirs = acceptor_context(keys.server.certificate, keys.server.key, None)
    for settings in ({}, {"dimse_peer_ca": str(keys.other_authority.certificate)}):
        with tls_peer(theirs) as port:
            add_peer(prepared.database, "PACS", 1, "127.0.0.1", port, tls=True)
            with pytest.raises(Unwanted, match="No authority that is trusted here"):
                reached(**settings)


def test_what_cannot_be_used_is_said_at_the_start(keys: Keys, tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    for file in (empty, tmp_path / "none.pem", keys.server.key):
        with pytest.raises(ConfigError, match="dimse_peer_ca"):
            dimse_edge_of(Settings(dimse_peer_ca=str(file)))
    with pytest.raises(ConfigError, match="peer_hosts"):
        dimse_edge_of(Settings(peer_hosts="10.0.0.0/33"))
