"""Peers: modalities and PACS that are known by the AE title with which they call.

    CT-SUITE-2, from 10.20.4.17 ── calls this server ──> acts for the account whose peer it is

Standard: PS3.8 9.3.2 (calling AE title), PS3.5 6.2 (VR AE).
Invariants: a calling AE title is one account's; it counts only from the hosts that were named for
it, and from any if none were, which only an operator can say; asking for it is one look into the
index.
Not here: called AE titles (`accounts.ae_titles`); what a peer may do (`server.gate`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import bindparam, delete, func, insert, select

from accounts import schema
from accounts.errors import AeTitleTaken, HostNotAllowed, InvalidValue, NoSuchPeer
from accounts.hosts import is_within, read_hosts
from accounts.reach import Reach
from accounts.titles import checked_title
from store.db import Database

__all__ = [
    "Peer",
    "add_peer",
    "checked_hosts",
    "checked_listening",
    "destination_of",
    "peer_named",
    "peer_of",
    "peers_of",
    "remove_peer",
]

HOST_CHARACTERS: Final = 253
MOST_OF_ONE_ACCOUNT: Final = 256


@dataclass(frozen=True)
class Peer:
    """An application entity that an account knows.

    Attributes:
        ae_title: with which it calls, and by which it is called.
        account_id: for whom it acts.
        hosts: addresses and networks from which it calls; none for any.
        host, port: where it listens itself; None when that is not known.
        tls: there it speaks TLS.
        vouched: the operator has added it, and not the account.
    """

    ae_title: str
    account_id: int
    hosts: tuple[str, ...] = ()
    host: str | None = None
    port: int | None = None
    tls: bool = False
    vouched: bool = False

    def calls_from(self, host: str) -> bool:
        """Whether it is this peer that calls from an address."""
        return is_within(host, self.hosts)


def add_peer(
    database: Database,
    ae_title: str,
    account_id: int,
    host: str | None = None,
    port: int | None = None,
    *,
    hosts: Iterable[str] = (),
    tls: bool = False,
    may_take: bool = True,
    reach: Reach | None = None,
) -> Peer:
    """Let whoever calls with this AE title act for the account; the last word counts.

    Args:
        database: where it is kept.
        ae_title: up to 16 characters of the default repertoire, without a backslash.
        account_id: the account.
        host, port: where the peer itself listens, for sending to it.
        hosts: addresses and networks from which it calls; none for any.
        tls: it speaks TLS where it listens.
        may_take: as its operator may: also when it is another account's peer so far, and from any
            address.
        reach: where the account may have this server connect to; None when its operator says so.

    Raises:
        InvalidValue: not an AE title or a host, no host, or one more than an account may have.
        AeTitleTaken: it is another account's peer.
        HostNotAllowed: it listens where this server may not connect to.
    """
    title = checked_title(ae_title)
    calls_from = read_hosts(hosts) if may_take else checked_hosts(hosts)
    host, port = checked_listening(host, port)
    made = Peer(title, account_id, calls_from, host, port, tls and host is not None)
    table = schema.peer
    chosen = table.c.ae_title == made.ae_title
    count = select(func.count()).where(table.c.account_id == account_id, ~chosen)
    with database.write() as connection:
        row = connection.execute(select(*_COLUMNS).where(chosen)).first()
        before = None if row is None else _peer(*row)
        if before is not None and before.account_id != account_id and not may_take:
            raise AeTitleTaken("Another account knows a peer of this AE title.")
        made = replace(made, vouched=_is_vouched_for(made, before, reach))
        if connection.execute(count).scalar_one() >= MOST_OF_ONE_ACCOUNT:
            raise InvalidValue(f"An account has at most {MOST_OF_ONE_ACCOUNT} peers.")
        connection.execute(delete(table).where(chosen))
        values = {**vars(made), "hosts": " ".join(made.hosts)}
        connection.execute(insert(table).values(**values))
    return made


def _is_vouched_for(made: Peer, before: Peer | None, reach: Reach | None) -> bool:
    """Whether the operator has added it, and the account has not said since that it is elsewhere.

    Raises:
        HostNotAllowed: nobody who may has said where it listens.
    """
    if reach is None:
        return True
    listens = (made.account_id, made.host, made.port, True)
    if before and (before.account_id, before.host, before.port, before.vouched) == listens:
        # The account may change the rest of what its operator has added.
        return True
    if made.host is None:
        return False
    if not reach.may_allow(made.host):
        raise HostNotAllowed(
            "This server may not connect to this address. Its operator can allow it."
        )
    return False


def checked_hosts(texts: Iterable[str]) -> tuple[str, ...]:
    """From where a peer calls, if an account says it.

    Raises:
        InvalidValue: not addresses and networks, or none.
    """
    hosts = read_hosts(texts)
    if not hosts:
        # A name alone would let whoever calls by it take what comes, and read what is there.
        raise InvalidValue("Say from which addresses or networks it calls.")
    return hosts


def checked_listening(host: str | None, port: int | None) -> tuple[str | None, int | None]:
    """Where a peer listens; neither when nothing is said.

    Raises:
        InvalidValue: not a host and a port.
    """
    host = (host or "").strip() or None
    if (host is None) != (port is None):
        raise InvalidValue("Where a peer listens is a host and a port.")
    if host is not None and (len(host) > HOST_CHARACTERS or not _is_host(host)):
        raise InvalidValue("The host is a name or an address.")
    if port is not None and not 1 <= port <= 65535:
        raise InvalidValue("A port is a number from 1 to 65535.")
    return host, port


def peer_named(database: Database, calling: str) -> Peer | None:
    """The peer of a calling AE title, from wherever it calls."""
    row = database.row(_CALLING, {"ae_title": calling.strip(" ")})
    return None if row is None else _peer(*row)


def peer_of(database: Database, calling: str, host: str) -> Peer | None:
    """The peer that calls with this AE title from this address; None if there is none."""
    peer = peer_named(database, calling)
    return peer if peer is not None and peer.calls_from(host) else None


def destination_of(database: Database, account_id: int, ae_title: str) -> Peer | None:
    """The account's peer of this AE title, if it is known where it listens."""
    peer = peer_named(database, ae_title)
    if peer is None or peer.account_id != account_id or peer.port is None:
        return None
    return peer


def peers_of(database: Database, account_id: int | None = None) -> list[Peer]:
    """The peers of an account, or of all, in order."""
    query = select(*_COLUMNS).order_by(schema.peer.c.ae_title)
    if account_id is not None:
        query = query.where(schema.peer.c.account_id == account_id)
    with database.read() as connection:
        return [_peer(*row) for row in connection.execute(query)]


def remove_peer(database: Database, ae_title: str, account_id: int | None = None) -> None:
    """Know a peer no longer; what it sent stays.

    Args:
        database: where it is kept.
        ae_title: which.
        account_id: whose it has to be; None for anybody's.

    Raises:
        NoSuchPeer: there is none of this AE title, or it is another's.
    """
    chosen = schema.peer.c.ae_title == ae_title.strip(" ")
    if account_id is not None:
        chosen &= schema.peer.c.account_id == account_id
    with database.write() as connection:
        removed = connection.execute(delete(schema.peer).where(chosen)).rowcount
    if removed == 0:
        raise NoSuchPeer("There is no such peer.")


def _is_host(text: str) -> bool:
    return text.isascii() and all(each.isalnum() or each in ".-_:%" for each in text)


def _peer(
    ae_title: str,
    account_id: int,
    host: str | None,
    port: int | None,
    hosts: str,
    tls: bool,
    vouched: bool,
) -> Peer:
    return Peer(ae_title, account_id, tuple(hosts.split()), host, port, tls, vouched)


_COLUMNS = (
    schema.peer.c.ae_title,
    schema.peer.c.account_id,
    schema.peer.c.host,
    schema.peer.c.port,
    schema.peer.c.hosts,
    schema.peer.c.tls,
    schema.peer.c.vouched,
)
# Made once: it is part of every association.
_CALLING = select(*_COLUMNS).where(schema.peer.c.ae_title == bindparam("ae_title"))
