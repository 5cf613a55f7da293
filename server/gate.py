"""Decides what a caller may do: by bearer token, by session, by AE title, and in which root.

Invariants: credentials that are given and wrong are an error, never a stranger's view; every
request, and every association, is decided anew, so what is revoked is void at once; a token, an AE
title and an account's standing are asked for by their keys; owners are not limited in how often
they ask, strangers are; what is stored can be found over DIMSE by known peers of its owner only.
What a caller may not see has no root: unknown, private and hidden cases, and links that are over,
are all answered alike. Nothing is stored or deleted through the root of a case or of a share.
Not here: what a scope contains (`store.access`, `cases.access`, `cases.share_access`), counting
(`server.limits`).
"""

import binascii
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, or_, select

from accounts.ae_titles import ae_title_of
from accounts.hosts import is_within
from accounts.peers import peer_named
from accounts.people import first_account
from accounts.schema import account
from accounts.standing import is_active
from accounts.tokens import Bearer, TokenScope, bearer_of_token
from cases.access import PublishedScope, scope_of_case
from cases.errors import NeedsPassword, NoSuchCase
from cases.share_access import ShareScope, client_of, share_scope
from server.config import Settings
from server.limits import PerMinute
from server.services import now
from store.access import Caller, LentScope, NothingScope, OwnerScope, Scope, UploadScope
from store.db import Database
from store.errors import Forbidden, NoSuchRoot, TooManyRequests

if TYPE_CHECKING:
    import dimse.callers as of_dimse

__all__ = ["CASE", "SHARE", "UPLOAD", "AccountGate", "callers_of"]

UPLOAD: Final = "upload"
CASE: Final = "case"
SHARE: Final = "share"
"""The names of an upload's number, a case's code and a share link's secret in the paths of their
roots."""

WRONG_CREDENTIALS_A_MINUTE: Final = 60
LARGEST_NUMBER: Final = 2**63 - 1
LOOPBACK: Final = ("127.0.0.0/8", "::1")

_MODERATES: Final = select(account.c.id).where(
    account.c.id == bindparam("account_id"),
    account.c.active,
    or_(account.c.moderator, account.c.admin),
)


class AccountGate:
    """The `store.access.Gate` of a server with accounts.

    Args:
        database: where the accounts are.
        session_account: gives the number of the account that is signed in, in the present request.
        requests_a_minute: of a stranger, from one address; 0 for as many as they like.
        share_key: a secret of the server's, by which those who open share links are told apart.
        clock: the present time.
    """

    def __init__(
        self,
        database: Database,
        session_account: Callable[[], int | None],
        *,
        requests_a_minute: int = 0,
        share_key: bytes = b"",
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._database = database
        self._session_account = session_account
        self._share_key = share_key
        self._clock = clock
        self._strangers = PerMinute(requests_a_minute)
        self._wrong = PerMinute(WRONG_CREDENTIALS_A_MINUTE)

    def reader(self, caller: Caller) -> Scope | None:
        """An account sees what it has stored, a stranger what is published; roots show a part."""
        if SHARE in caller.root:
            _refuse_after(self._strangers.count(caller.address))
            return self._shared(caller)
        if caller.authorization is not None:
            bearer = self._bearer(caller, caller.authorization, TokenScope.READ)
            return None if bearer is None else self._within(caller, bearer.account_id)
        account_id = self._session_account()
        if account_id is not None:
            return self._within(caller, account_id)
        _refuse_after(self._strangers.count(caller.address))
        if UPLOAD in caller.root:
            return NothingScope()
        return PublishedScope() if CASE not in caller.root else self._case(caller, None)

    def renewed(self, scope: Scope) -> Scope:
        """A share link may have ended since; all else is asked of the index each time."""
        if isinstance(scope, LentScope) and isinstance(scope.scope, ShareScope):
            return LentScope(replace(scope.scope, now=self._clock()))
        return scope

    def storer(self, caller: Caller) -> int | None:
        """Only a token stores: a session's cookie comes along with a forged request, too."""
        owner_id = self._owner(caller, TokenScope.STORE)
        if owner_id is not None and caller.root:
            raise Forbidden("Instances are sent to the server's own root.")
        return owner_id

    def remover(self, caller: Caller) -> Scope | None:
        """Only a token that was given the scope deletes, and only what is its owner's."""
        owner_id = self._owner(caller, TokenScope.DELETE)
        if owner_id is not None and (CASE in caller.root or SHARE in caller.root):
            raise Forbidden("Nothing is deleted through a case or a link.")
        return None if owner_id is None else self._within(caller, owner_id)

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

    def _within(self, caller: Caller, account_id: int) -> Scope:
        """What an account sees in the root that it asks."""
        if CASE in caller.root:
            return self._case(caller, account_id)
        if UPLOAD not in caller.root:
            return OwnerScope(account_id)
        number = caller.root[UPLOAD]
        if not (number.isascii() and number.isdigit() and int(number) <= LARGEST_NUMBER):
            raise NoSuchRoot("There is no such upload.")
        return UploadScope(int(number), account_id)

    def _case(self, caller: Caller, account_id: int | None) -> Scope:
        code = caller.root[CASE]
        try:
            return scope_of_case(self._database, code, account_id)
        except NoSuchCase:
            pass
        try:
            # Asked second: of a hundred thousand frames, hardly one is of a hidden case.
            if self._moderates(account_id):
                return scope_of_case(self._database, code, account_id, moderator=True)
        except NoSuchCase:
            pass
        raise NoSuchRoot("There is no such case.")

    def _moderates(self, account_id: int | None) -> bool:
        asks = {"account_id": account_id}
        return account_id is not None and self._database.row(_MODERATES, asks) is not None

    def _shared(self, caller: Caller) -> Scope | None:
        """What a link shows to whoever has it; who that is does not matter."""
        try:
            scope = share_scope(
                self._database,
                caller.root[SHARE],
                client=client_of(self._share_key, caller.address, caller.agent),
                now=self._clock(),
                password=_password(caller.authorization),
                address=caller.address,
            )
        except NeedsPassword:
            return None
        if scope is None:
            raise NoSuchRoot("There is no such link.")
        return LentScope(scope)


def _password(authorization: str | None) -> str | None:
    """The password of the Authorization header (RFC 7617); whose it is does not matter."""
    scheme, _, pair = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return b64decode(pair.strip(), validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return None


def _refuse_after(seconds: int | None) -> None:
    if seconds is not None:
        raise TooManyRequests(seconds)


def callers_of(database: Database, settings: Settings) -> "of_dimse.Callers":
    """Who is who over DIMSE.

    Returns:
        A function of calling AE title, called AE title and remote host. A known peer, calling from
        where it is expected, acts for its account: what it sends belongs there, and it finds what
        is there, and then what is published. It calls the server's own title, one that nobody has,
        or one of its account; at another account's title it is a stranger. Strangers find nothing.
        What they send belongs to the account whose title they call, if that is open to them;
        otherwise, from the loopback interface, to the owner of the server; and else to nobody. What
        calls on that interface is the owner's also when another account has entered its name,
        unless the operator did. Who would act for a suspended account acts for nobody.
    """
    # Brings pynetdicom, which the web workers do without.
    from dimse.callers import Caller as DimseCaller

    def caller(calling: str, called: str, host: str) -> DimseCaller:
        owner_id, is_known = who(calling, called.strip(" "), host)
        if owner_id is None or not is_active(database, owner_id):
            return DimseCaller(None, (), calling.strip(" "), host)
        scopes = _found_by(owner_id) if is_known else ()
        return DimseCaller(owner_id, scopes, calling.strip(" "), host)

    def who(calling: str, called: str, host: str) -> tuple[int | None, bool]:
        named = peer_named(database, calling)
        peer = named if named is not None and named.calls_from(host) else None
        title = None if called == settings.ae_title.strip(" ") else ae_title_of(database, called)
        if title is not None and (peer is None or peer.account_id != title.account_id):
            return title.account_id if title.open else None, False
        is_here = title is None and settings.dimse.is_loopback and is_within(host, LOOPBACK)
        owner = None
        if is_here and (named is None or not named.vouched):
            owner = first_account(database)
            if owner is not None and named is not None and named.account_id != owner.id:
                # Or whoever has an account could take what the owner's tools send, by their names.
                named = peer = None
        if peer is not None:
            return peer.account_id, True
        # A known name from elsewhere is somebody who pretends to it, not a stranger.
        return (owner.id if owner is not None and named is None else None), False

    return caller


def _found_by(account_id: int) -> tuple[Scope, ...]:
    """What is the account's own, and after it what others have published."""
    return OwnerScope(account_id), PublishedScope(besides=account_id)
