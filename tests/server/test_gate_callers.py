"""Who is who over DIMSE: called and calling AE titles, from where, on which interface."""

from collections.abc import Callable

import pytest

from accounts.ae_titles import add_ae_title
from accounts.peers import add_peer
from accounts.reach import Reach
from accounts.roles import resume, suspend
from cases.access import PublishedScope
from dimse.callers import Caller
from server.config import Address
from server.gate import callers_of
from store.access import OwnerScope, Scope
from tests.server.conftest import MakeSite, Site

OWN = "READINGROOM"
HERE, THERE = "127.0.0.1", "10.20.4.17"
EVERYWHERE = Address("0.0.0.0", 11112)


@pytest.fixture
def site(make_site: MakeSite) -> Site:
    """A server that others reach; Otto has two called titles and a peer, the owner has a peer."""
    made = make_site(dimse=EVERYWHERE)
    database = made.services.database
    add_ae_title(database, "OTTO-OPEN", made.other.id, own=OWN, open=True)
    add_ae_title(database, "OTTO-KNOWN", made.other.id, own=OWN)
    add_peer(database, "OTTO-CT", made.other.id, hosts=["10.20.0.0/16", "fd00::/8"])
    add_peer(database, "INES-CT", made.owner.id)
    return made


Ask = Callable[[str, str, str], Caller]


def found_by(account_id: int | None) -> tuple[Scope, ...]:
    """What an account's own senders find: its own, and what others have published."""
    assert account_id is not None
    return OwnerScope(account_id), PublishedScope(besides=account_id)


@pytest.fixture
def ask(site: Site) -> Ask:
    return callers_of(site.services.database, site.services.settings)


@pytest.mark.parametrize(
    ("calling", "called", "host", "stores", "finds"),
    [
        # The server's own title, and one that nobody has: the calling title tells.
        ("OTTO-CT", OWN, THERE, "other", "other"),
        ("OTTO-CT", "ANY-SCP", THERE, "other", "other"),
        ("INES-CT", OWN, "192.0.2.1", "owner", "owner"),
        (" OTTO-CT ", f"{OWN}     ", "::ffff:10.20.4.17", "other", "other"),
        ("OTTO-CT", OWN, "fd00::17", "other", "other"),
        # From elsewhere, or unknown: nobody.
        ("OTTO-CT", OWN, "10.21.4.17", None, None),
        ("OTTO-CT", OWN, HERE, None, None),
        ("OTTO-CT", OWN, "", None, None),
        ("NOBODY", OWN, THERE, None, None),
        ("NOBODY", OWN, HERE, None, None),
        # A title of an account: to it, if it is open, or for its own peers.
        ("NOBODY", "OTTO-OPEN", THERE, "other", None),
        ("NOBODY", " OTTO-OPEN ", THERE, "other", None),
        ("NOBODY", "OTTO-KNOWN", THERE, None, None),
        ("OTTO-CT", "OTTO-KNOWN", THERE, "other", "other"),
        ("OTTO-CT", "OTTO-KNOWN", "10.21.4.17", None, None),
        ("OTTO-CT", "OTTO-OPEN", "10.21.4.17", "other", None),
        # Another account's peer is a stranger there.
        ("INES-CT", "OTTO-OPEN", THERE, "other", None),
        ("INES-CT", "OTTO-KNOWN", THERE, None, None),
    ],
)
def test_titles_and_hosts_lead_to_accounts(
    site: Site, ask: Ask, calling: str, called: str, host: str, stores: str, finds: str
) -> None:
    numbers = {"owner": site.owner.id, "other": site.other.id, None: None}
    caller = ask(calling, called, host)
    assert caller.owner_id == numbers[stores]
    assert caller.scopes == (() if finds is None else found_by(numbers[finds]))
    assert caller.is_stranger == (stores is None and finds is None)
    assert (caller.ae_title, caller.host) == (calling.strip(), host)


def test_on_loopback_what_strangers_send_belongs_to_the_owner_and_they_find_nothing(
    make_site: MakeSite,
) -> None:
    site = make_site()
    database, settings = site.services.database, site.services.settings
    add_peer(database, "OTTO-CT", site.other.id, hosts=[THERE])
    add_ae_title(database, "OTTO-KNOWN", site.other.id, own=OWN)
    ask = callers_of(database, settings)
    for host in (HERE, "::1", "::ffff:127.0.0.1"):
        caller = ask("NOBODY", OWN, host)
        assert (caller.owner_id, caller.scopes) == (site.owner.id, ())
    # Another listener, for TLS say, may be open to others.
    assert ask("NOBODY", OWN, THERE).is_stranger
    assert ask("OTTO-CT", OWN, HERE).is_stranger
    assert ask("NOBODY", "OTTO-KNOWN", HERE).is_stranger


@pytest.mark.parametrize("hosts", [[], [HERE], ["0.0.0.0/0", "::/0"], [THERE]])
def test_on_loopback_another_account_does_not_take_what_is_the_owners(
    make_site: MakeSite, hosts: list[str]
) -> None:
    site = make_site()
    database, settings = site.services.database, site.services.settings
    ask = callers_of(database, settings)
    # As the account page does it, or did when a sender could call from anywhere.
    add_peer(database, "STORESCU", site.other.id, hosts=hosts, reach=Reach())
    for called in (OWN, "ANY-SCP"):
        caller = ask("STORESCU", called, HERE)
        assert (caller.owner_id, caller.scopes) == (site.owner.id, ())
    # At a title of its own it takes nothing from anybody.
    add_ae_title(database, "OTTO", site.other.id, own=OWN)
    assert ask("STORESCU", "OTTO", HERE).is_stranger == (hosts == [THERE])
    # The owner's own entry, and the operator's for anybody, count as everywhere.
    add_peer(database, "INES-CT", site.owner.id, hosts=[HERE], reach=Reach())
    assert ask("INES-CT", OWN, HERE).scopes == found_by(site.owner.id)
    assert ask("INES-CT", OWN, "127.0.0.2").is_stranger
    add_peer(database, "STORESCU", site.other.id, hosts=[HERE])
    assert ask("STORESCU", OWN, HERE).scopes == found_by(site.other.id)


def test_where_nothing_is_the_owners_a_sender_may_call_from_loopback(
    make_site: MakeSite,
) -> None:
    site = make_site(dimse=EVERYWHERE)
    database = site.services.database
    add_peer(database, "STORESCU", site.other.id, hosts=[HERE], reach=Reach(), may_take=False)
    ask = callers_of(database, site.services.settings)
    assert ask("STORESCU", OWN, HERE).owner_id == site.other.id


def test_the_servers_own_title_is_its_own_even_if_an_account_had_it_before(
    make_site: MakeSite,
) -> None:
    site = make_site(dimse=EVERYWHERE, ae_title="NEW-NAME")
    database = site.services.database
    add_ae_title(database, "NEW-NAME", site.other.id, own="OLD-NAME", open=True)
    assert callers_of(database, site.services.settings)("NOBODY", "NEW-NAME", HERE).is_stranger


def test_each_association_is_decided_anew(site: Site, ask: Ask) -> None:
    database = site.services.database
    assert ask("INES-CT", OWN, THERE).owner_id == site.owner.id
    add_peer(database, "INES-CT", site.other.id, hosts=["10.0.0.0/8"])
    assert ask("INES-CT", OWN, THERE).owner_id == site.other.id
    assert ask("INES-CT", OWN, HERE).is_stranger


def test_three_looks_by_keys_decide(site: Site, ask: Ask) -> None:
    seen: list[str] = []
    raw = site.services.database.engine.raw_connection()
    raw.driver_connection.set_trace_callback(seen.append)  # type: ignore[union-attr]
    raw.close()
    assert not ask("OTTO-CT", "OTTO-KNOWN", THERE).is_stranger
    assert len(seen) == 3
    with site.services.database.read() as connection:
        for query in seen:
            (step,) = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").all()
            assert "USING INDEX" in step.detail or "USING INTEGER PRIMARY KEY" in step.detail


def test_nobody_acts_for_a_suspended_account(site: Site, ask: Ask) -> None:
    database = site.services.database
    suspend(database, site.other.id)
    for calling, called in (("OTTO-CT", OWN), ("NOBODY", "OTTO-OPEN"), ("OTTO-CT", "OTTO-KNOWN")):
        caller = ask(calling, called, THERE)
        assert (caller.owner_id, caller.scopes) == (None, ()), (calling, called)
    resume(database, site.other.id)
    assert ask("OTTO-CT", OWN, THERE).owner_id == site.other.id
