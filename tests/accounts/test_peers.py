"""Peers: whose they are, from where they call, where they listen."""

import pytest

import accounts.peers
from accounts.errors import AeTitleTaken, HostNotAllowed, InvalidValue, NoSuchPeer
from accounts.hosts import MOST_HOSTS, is_within, read_hosts
from accounts.peers import (
    Peer,
    add_peer,
    destination_of,
    peer_named,
    peer_of,
    peers_of,
    remove_peer,
)
from accounts.people import Account, create_account
from accounts.reach import Reach
from store.db import Database
from tests.accounts.conftest import Clock


@pytest.fixture
def ines(database: Database, clock: Clock) -> Account:
    return create_account(database, "ines@example.org", clock=clock)


@pytest.fixture
def otto(database: Database, clock: Clock) -> Account:
    return create_account(database, "otto@example.org", clock=clock)


def test_a_peer_leads_to_the_account_that_was_named_last(
    database: Database, ines: Account, otto: Account
) -> None:
    add_peer(database, "CT-SUITE-2", ines.id, hosts=["10.20.4.17"])
    add_peer(database, "CT-SUITE-2 ", otto.id, "127.0.0.1", 104)
    known = Peer("CT-SUITE-2", otto.id, (), "127.0.0.1", 104, vouched=True)
    assert peer_named(database, " CT-SUITE-2") == known
    assert peer_named(database, "CT-SUITE-3") is None
    assert peers_of(database, ines.id) == []


def test_a_person_cannot_take_anothers_peer_and_may_change_their_own(
    database: Database, ines: Account, otto: Account
) -> None:
    add_peer(database, "CT", ines.id)
    for hosts in (["10.0.0.0/8"], ["::1"]):
        with pytest.raises(AeTitleTaken):
            add_peer(database, "CT", otto.id, hosts=hosts, may_take=False, reach=Reach())
    add_peer(database, "CT", ines.id, hosts=["::1"], may_take=False, reach=Reach())
    assert peers_of(database) == [Peer("CT", ines.id, ("::1",), vouched=True)]


def test_a_person_says_from_where_a_peer_calls(database: Database, ines: Account) -> None:
    with pytest.raises(InvalidValue, match="from which addresses"):
        add_peer(database, "CT", ines.id, may_take=False, reach=Reach())
    assert peers_of(database) == []
    # An operator need not.
    assert add_peer(database, "CT", ines.id).vouched
    assert add_peer(database, "CT", ines.id, hosts=["10.0.0.1"]).vouched
    changed = add_peer(database, "CT", ines.id, hosts=["10.0.0.2"], may_take=False, reach=Reach())
    assert changed.vouched
    assert not add_peer(database, "MR", ines.id, hosts=["10.0.0.1"], reach=Reach()).vouched


def test_a_peer_calls_from_its_hosts_only(database: Database, ines: Account) -> None:
    add_peer(database, "CT", ines.id, hosts=["10.20.4.17", "192.0.2.0/24"])
    add_peer(database, "ANY", ines.id)
    for host in ("10.20.4.17", "192.0.2.200", "::ffff:10.20.4.17"):
        assert peer_of(database, "CT", host) is not None
    for host in ("10.20.4.18", "192.0.3.1", "::1", "ct.example.org", ""):
        assert peer_of(database, "CT", host) is None
        assert peer_of(database, "ANY", host) is not None


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (["10.20.4.17"], ("10.20.4.17",)),
        ([" 10.20.4.17 ", "10.20.4.17/32"], ("10.20.4.17",)),
        (["10.20.4.17/16", "10.20.0.0/255.255.0.0"], ("10.20.0.0/16",)),
        (["FD00:0::1", "fd00::/8"], ("fd00::1", "fd00::/8")),
        (["::ffff:10.0.0.1", "::ffff:10.0.0.0/104"], ("10.0.0.1", "10.0.0.0/8")),
        ([], ()),
    ],
)
def test_hosts_are_kept_in_one_way_of_writing(given: list[str], kept: tuple[str, ...]) -> None:
    assert read_hosts(given) == kept
    assert read_hosts(kept) == kept


@pytest.mark.parametrize("host", ["", "ct.example.org", "10.20.4", "10.0.0.0/33", "fe80::1%eth0"])
def test_what_is_no_address_or_network_is_refused(host: str) -> None:
    with pytest.raises(InvalidValue):
        read_hosts([host])


def test_hosts_are_not_endless() -> None:
    hosts = [f"10.0.0.{number}" for number in range(MOST_HOSTS + 1)]
    assert len(read_hosts(hosts[1:])) == MOST_HOSTS
    with pytest.raises(InvalidValue):
        read_hosts(hosts)


def test_the_zone_of_a_link_local_address_does_not_matter() -> None:
    assert is_within("fe80::1%eth0", ("fe80::/10",))
    assert not is_within("fe80::1%eth0", ("fd00::/8",))


def test_a_destination_is_the_accounts_own_and_listens_somewhere(
    database: Database, ines: Account, otto: Account
) -> None:
    sends = add_peer(database, "PACS", ines.id, "pacs.example.org", 11112, hosts=["10.0.0.1"])
    add_peer(database, "CT", ines.id)
    assert destination_of(database, ines.id, " PACS ") == sends
    assert destination_of(database, otto.id, "PACS") is None
    assert destination_of(database, ines.id, "CT") is None
    assert destination_of(database, ines.id, "OTHER") is None


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("pacs", None),
        (None, 104),
        ("", 104),
        ("a b", 104),
        ("pacs", 0),
        ("pacs", 65536),
        ("x" * 254, 104),
        ("pacs/x", 104),
    ],
)
def test_where_a_peer_listens_is_a_host_and_a_port(
    database: Database, ines: Account, host: str | None, port: int | None
) -> None:
    with pytest.raises(InvalidValue):
        add_peer(database, "PACS", ines.id, host, port)
    assert peers_of(database) == []


def test_what_is_no_ae_title_is_refused(database: Database, ines: Account) -> None:
    with pytest.raises(InvalidValue):
        add_peer(database, "BACK\\SLASH", ines.id)


def test_an_account_cannot_have_peers_without_end(
    database: Database, ines: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts.peers, "MOST_OF_ONE_ACCOUNT", 2)
    for title in ("A", "B", "B"):
        add_peer(database, title, ines.id)
    with pytest.raises(InvalidValue):
        add_peer(database, "C", ines.id)


def test_where_an_account_says_that_a_peer_listens_has_to_be_allowed(
    database: Database, ines: Account
) -> None:
    reach = Reach(public=True)
    with pytest.raises(HostNotAllowed, match="operator can allow it"):
        add_peer(database, "PACS", ines.id, "10.0.0.1", 104, reach=reach)
    assert peer_named(database, "PACS") is None
    for host in ("8.8.8.8", "pacs.example"):
        assert not add_peer(database, "PACS", ines.id, host, 104, reach=reach).vouched
    # Its operator says what they like.
    assert add_peer(database, "PACS", ines.id, "10.0.0.1", 104).vouched


def test_what_the_operator_has_said_holds_until_the_account_says_otherwise(
    database: Database, ines: Account, otto: Account
) -> None:
    add_peer(database, "PACS", ines.id, "10.0.0.1", 104)
    changed = add_peer(
        database, "PACS", ines.id, "10.0.0.1", 104, hosts=["10.0.0.1"], tls=True, reach=Reach()
    )
    assert (changed.vouched, changed.tls, changed.hosts) == (True, True, ("10.0.0.1",))
    for host, port in (("10.0.0.1", 22), ("10.0.0.2", 104)):
        with pytest.raises(HostNotAllowed):
            add_peer(database, "PACS", ines.id, host, port, reach=Reach())
    with pytest.raises(HostNotAllowed):
        add_peer(database, "PACS", otto.id, "10.0.0.1", 104, reach=Reach())
    assert peer_named(database, "PACS") == changed
    assert not add_peer(database, "PACS", ines.id, "pacs", 104, reach=Reach()).vouched
    with pytest.raises(HostNotAllowed):
        add_peer(database, "PACS", ines.id, "10.0.0.1", 104, reach=Reach())


def test_tls_is_about_where_a_peer_listens(database: Database, ines: Account) -> None:
    assert not add_peer(database, "PACS", ines.id, tls=True).tls
    made = add_peer(database, "PACS", ines.id, "pacs", 104, tls=True)
    assert destination_of(database, ines.id, "PACS") == made
    assert made.tls


def test_others_peers_are_not_removed(database: Database, ines: Account, otto: Account) -> None:
    add_peer(database, "CT", ines.id)
    for title, account_id in (("CT", otto.id), ("MR", ines.id)):
        with pytest.raises(NoSuchPeer):
            remove_peer(database, title, account_id)
    remove_peer(database, " CT", ines.id)
    assert peer_named(database, "CT") is None
