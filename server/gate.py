"""Decides who a caller is: by bearer token, by session, by AE title.

Invariants: credentials that are given and wrong are an error, never a stranger's view.
Not here: what a scope contains (`store.access`).
"""

from collections.abc import Callable

from accounts.peers import account_of_peer
from accounts.people import Account, first_account
from accounts.tokens import account_of_token
from server.config import Settings
from store.access import Caller, NothingScope, OwnerScope, Scope
from store.db import Database
from store.errors import Forbidden

__all__ = ["AccountGate", "owner_of_peer"]


class AccountGate:
    """The `store.access.Gate` of a server with accounts.

    Args:
        database: where the accounts are.
        session_account: gives the number of the account that is signed in, in the present request.
    """

    def __init__(self, database: Database, session_account: Callable[[], int | None]) -> None:
        self._database = database
        self._session_account = session_account

    def reader(self, caller: Caller) -> Scope | None:
        """An account sees what it has stored; a stranger sees what is published: nothing yet."""
        if caller.authorization is not None:
            account = self._account(caller.authorization)
            return None if account is None else OwnerScope(account.id)
        account_id = self._session_account()
        return NothingScope() if account_id is None else OwnerScope(account_id)

    def storer(self, caller: Caller) -> int | None:
        """Only a token stores: a session's cookie comes along with a forged request, too."""
        if caller.authorization is None:
            return None
        account = self._account(caller.authorization)
        return None if account is None else account.id

    def remover(self, caller: Caller) -> int | None:
        """As with storing; nobody may yet."""
        if self.storer(caller) is None:
            return None
        raise Forbidden("The token does not allow to delete.")

    def _account(self, authorization: str) -> Account | None:
        scheme, _, secret = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return None
        return account_of_token(self._database, secret.strip())


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
