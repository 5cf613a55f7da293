"""Decides what a caller may do: by bearer token, by session, by AE title, and in which root.

Invariants: credentials that are given and wrong are an error, never a stranger's view; every
request is decided anew, so what is revoked is void at once; a token is asked for with one look into
the index of tokens; owners are not limited in how often they ask, strangers are.
Not here: what a scope contains (`store.access`), counting (`server.limits`).
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from accounts.peers import account_of_peer
from accounts.people import first_account
from accounts.tokens import Bearer, TokenScope, bearer_of_token
from server.config import Settings
from server.limits import PerMinute
from server.services import now
from store.access import Caller, NothingScope, OwnerScope, Scope, UploadScope
from store.db import Database
from store.errors import Forbidden, NoSuchRoot, TooManyRequests

__all__ = ["UPLOAD", "AccountGate", "owner_of_peer"]

UPLOAD: Final = "upload"
"""The name of an upload's number in the path of its root."""

WRONG_CREDENTIALS_A_MINUTE: Final = 60
LARGEST_NUMBER: Final = 2**63 - 1


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


def owner_of_peer(database: Database, settings: Settings) -> Callable[[str, str], int | None]:
    """Who gets what a calling AE title sends.

    Returns:
        A function of calling AE title and remote host. Unknown titles belong to the owner of the
        server while it listens on the loopback interface only, and to nobody otherwise.
    """

    def owner(calling_ae_title: str, _host: str) -> int | None:
        account = account_of_peer(database, calling_ae_title)
        if account is None and settings.dimse.is_loopback:
            account = first_account(database)
        return None if account is None else account.id

    return owner
