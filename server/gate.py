"""Decides what a caller may do: by bearer token, by session, by AE title, and in which root.

Invariants: credentials that are given and wrong are an error, never a stranger's view; every
request, and every association, is decided anew, so what is revoked is void at once; a token and an
AE title are asked for with one look into an index each; owners are not limited in how often they
ask, strangers are; what is stored can be found over DIMSE by known peers of its owner only.
Not here: what a scope contains (`store.access`), counting (`server.limits`).
"""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Final

from accounts.ae_titles import ae_title_of
from accounts.hosts import is_within
from accounts.peers import peer_named
from accounts.people import first_account
from accounts.tokens import Bearer, TokenScope, bearer_of_token
from server.config import Settings
from server.limits import PerMinute
from server.services import now
from store.access import Caller, NothingScope, OwnerScope, Scope, UploadScope
from store.db import Database
from store.errors import Forbidden, NoSuchRoot, TooManyRequests

if TYPE_CHECKING:
    import dimse.callers as of_dimse

__all__ = ["UPLOAD", "AccountGate", "callers_of"]

UPLOAD: Final = "upload"
"""The name of an upload's number in the path of its root."""

WRONG_CREDENTIALS_A_MINUTE: Final = 60
LARGEST_NUMBER: Final = 2**63 - 1
LOOPBACK: Final = ("127.0.0.0/8", "::1")


class AccountGate:
    """The `store.access.Gate` of a server with accounts.

    Args:
        database: where the accounts are.
        session_account: gives the number of the account that is signed in, in the present request.
        requests_a_minute: of a stranger, from one address; 0 for as many as they like.
        clock: the present time.
    """

    def __init__(
        self,
        database: Database,
        session_account: Callable[[], int | None],
        *,
        requests_a_minute: int = 0,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._database = database
        self._session_account = session_account
        self._clock = clock
        self._strangers = PerMinute(requests_a_minute)
        self._wrong = PerMinute(WRONG_CREDENTIALS_A_MINUTE)

    def reader(self, caller: Caller) -> Scope | None:
        """An account sees what it has stored; a stranger sees what is published: nothing yet."""
        if caller.authorization is not None:
            bearer = self._bearer(caller, caller.authorization, TokenScope.READ)
            return None if bearer is None else _within(caller, bearer.account_id)
        account_id = self._session_account()
        if account_id is not None:
            return _within(caller, account_id)
        _refuse_after(self._strangers.count(caller.address))
        return NothingScope()

    def storer(self, caller: Caller) -> int | None:
        """Only a token stores: a session's cookie comes along with a forged request, too."""
        owner_id = self._owner(caller, TokenScope.STORE)
        if owner_id is not None and caller.root:
            raise Forbidden("Instances are sent to the server's own root.")
        return owner_id

    def remover(self, caller: Caller) -> Scope | None:
        """Only a token that was given the scope deletes, and only what is its owner's."""
        owner_id = self._owner(caller, TokenScope.DELETE)
        return None if owner_id is None else _within(caller, owner_id)

    def _owner(self, caller: Caller, needed: TokenScope) -> int | None:
        if caller.authorization is None:
            return None
        bearer = self._bearer(caller, caller.authorization, needed)
        return None if bearer is None else bearer.account_id

    def _bearer(self, caller: Caller, authorization: str, needed: TokenScope) -> Bearer | None:
        scheme, _, secret = authorization.partition(" ")
        bearer = None
        if scheme.lower() == "bearer":
            bearer = bearer_of_token(self._database, secret.strip(), now=self._clock())
        if bearer is None:
            # A token cannot be guessed; this spares the index a program gone wild.
            _refuse_after(self._wrong.count(caller.address))
        elif needed not in bearer.scopes:
            raise Forbidden("The token does not allow this.")
        return bearer


def _within(caller: Caller, account_id: int) -> Scope:
    """What an account sees in the root that it asks."""
    if UPLOAD not in caller.root:
        return OwnerScope(account_id)
    number = caller.root[UPLOAD]
    if not (number.isascii() and number.isdigit() and int(number) <= LARGEST_NUMBER):
        raise NoSuchRoot("There is no such upload.")
    return UploadScope(int(number), account_id)


def _refuse_after(seconds: int | None) -> None:
    if seconds is not None:
        raise TooManyRequests(seconds)


def callers_of(database: Database, settings: Settings) -> "of_dimse.Callers":
    """Who is who over DIMSE.

    Returns:
        A function of calling AE title, called AE title and remote host. A known peer, calling from
        where it is expected, acts for its account: what it sends belongs there, and it finds what
        is there. It calls the server's own title, one that nobody has, or one of its account; at
        another account's title it is a stranger. Strangers find nothing. What they send belongs to
        the account whose title they call, if that is open to them; otherwise, from the loopback
        interface, to the owner of the server; and else to nobody. What calls on that interface is
        the owner's also when another account has entered its name, unless the operator did.
    """
    # Brings pynetdicom, which the web workers do without.
    from dimse.callers import Caller as DimseCaller

    def caller(calling: str, called: str, host: str) -> DimseCaller:
        owner_id, scope = who(calling, called.strip(" "), host)
        return DimseCaller(owner_id, scope, calling.strip(" "), host)

    def who(calling: str, called: str, host: str) -> tuple[int | None, Scope | None]:
        named = peer_named(database, calling)
        peer = named if named is not None and named.calls_from(host) else None
        title = None if called == settings.ae_title.strip(" ") else ae_title_of(database, called)
        if title is not None and (peer is None or peer.account_id != title.account_id):
            return title.account_id if title.open else None, None
        is_here = title is None and settings.dimse.is_loopback and is_within(host, LOOPBACK)
        owner = None
        if is_here and (named is None or not named.vouched):
            owner = first_account(database)
            if owner is not None and named is not None and named.account_id != owner.id:
                # Or whoever has an account could take what the owner's tools send, by their names.
                named = peer = None
        if peer is not None:
            return peer.account_id, OwnerScope(peer.account_id)
        # A known name from elsewhere is somebody who pretends to it, not a stranger.
        return (owner.id if owner is not None and named is None else None), None

    return caller
