"""Sessions, invitations, passkeys and roles, as they are kept."""

import os
from datetime import timedelta

import pytest

from accounts.credentials import add_credentials, change_credentials, credentials_by
from accounts.errors import (
    EmailTaken,
    InvalidValue,
    LastAdministrator,
    NoSuchAccount,
    NoSuchSession,
    NotInvited,
)
from accounts.invitations import invitation_of, invitations, invite, use_invitation
from accounts.passkeys import (
    Passkey,
    add_passkey,
    passkey_by_credential,
    passkeys_of,
    remove_passkey,
    use_passkey,
)
from accounts.people import Account, account_by_id, create_account
from accounts.roles import Role, accounts, resume, role_of, set_role, suspend
from accounts.sessions import (
    begin_session,
    end_session,
    end_session_of,
    end_sessions,
    session_of,
    sessions_of,
)
from accounts.standing import is_active
from store.db import Database
from tests.accounts.conftest import Clock

EMAIL = "rosa@example.org"


@pytest.fixture
def ines(database: Database, clock: Clock) -> Account:
    return create_account(database, "ines@example.org", clock=clock, admin=True)


@pytest.fixture
def otto(database: Database, clock: Clock) -> Account:
    return create_account(database, "otto@example.org", clock=clock)


def begun(database: Database, account: Account, clock: Clock, browser: str = "Firefox") -> str:
    return begin_session(
        database, account.id, browser=browser, random_bytes=os.urandom, clock=clock
    )


def whose(database: Database, secret: str, clock: Clock) -> int | None:
    found = session_of(database, secret, clock=clock)
    return None if found is None else found[1].id


def test_a_session_is_its_accounts_until_it_is_ended(
    database: Database, clock: Clock, ines: Account, otto: Account
) -> None:
    first, second = begun(database, ines, clock), begun(database, ines, clock, "Safari on iPhone")
    assert whose(database, first, clock) == ines.id
    assert whose(database, "x", clock) is None
    listed = sessions_of(database, ines.id, clock=clock)
    assert [one.browser for one in listed] == ["Safari on iPhone", "Firefox"]
    with pytest.raises(NoSuchSession):
        end_session(database, otto.id, listed[0].id)
    end_session(database, ines.id, listed[0].id)
    assert (whose(database, first, clock), whose(database, second, clock)) == (ines.id, None)
    end_session_of(database, first)
    assert whose(database, first, clock) is None


def test_all_sessions_but_one_are_ended(
    database: Database, clock: Clock, ines: Account, otto: Account
) -> None:
    secrets = [begun(database, ines, clock) for _ in range(3)]
    theirs = begun(database, otto, clock)
    found = session_of(database, secrets[1], clock=clock)
    assert found is not None
    end_sessions(database, ines.id, besides=found[0])
    assert [whose(database, one, clock) for one in secrets] == [None, ines.id, None]
    end_sessions(database, ines.id)
    assert whose(database, secrets[1], clock) is None
    assert whose(database, theirs, clock) == otto.id


def test_when_a_session_was_seen_is_noted_now_and_then(
    database: Database, clock: Clock, ines: Account
) -> None:
    secret, began = begun(database, ines, clock), clock.now
    clock.now += timedelta(minutes=4)
    whose(database, secret, clock)
    assert sessions_of(database, ines.id, clock=clock)[0].seen_at == began
    clock.now += timedelta(minutes=2)
    whose(database, secret, clock)
    assert sessions_of(database, ines.id, clock=clock)[0].seen_at == clock.now
    clock.now += timedelta(days=31)
    assert whose(database, secret, clock) is None
    assert sessions_of(database, ines.id, clock=clock) == []


def test_an_invitation_is_used_once_by_whom_it_is_for(
    database: Database, clock: Clock, ines: Account
) -> None:
    secret = invite(
        database, EMAIL.upper(), invited_by=ines.id, random_bytes=os.urandom, clock=clock
    )
    found = invitation_of(database, secret, clock=clock)
    assert found is not None
    assert (found.email, found.invited_by) == (EMAIL, ines.id)
    with pytest.raises(NotInvited):
        use_invitation(database, secret, "eve@example.org", clock=clock)
    use_invitation(database, secret, EMAIL, clock=clock)
    with pytest.raises(NotInvited):
        use_invitation(database, secret, EMAIL, clock=clock)
    assert invitation_of(database, secret, clock=clock) is None
    assert [one.used_at for one in invitations(database)] == [clock.now]


def test_an_invitation_ends(database: Database, clock: Clock) -> None:
    secret = invite(database, EMAIL, random_bytes=os.urandom, clock=clock)
    clock.now += timedelta(days=14)
    assert invitation_of(database, secret, clock=clock) is None
    with pytest.raises(NotInvited):
        use_invitation(database, secret, EMAIL, clock=clock)


def test_only_addresses_without_an_account_are_invited(
    database: Database, clock: Clock, ines: Account
) -> None:
    with pytest.raises(EmailTaken):
        invite(database, ines.email.upper(), random_bytes=os.urandom, clock=clock)
    with pytest.raises(InvalidValue):
        invite(database, "nobody", random_bytes=os.urandom, clock=clock)


def test_a_passkey_is_kept_used_and_forgotten(
    database: Database, clock: Clock, ines: Account, otto: Account
) -> None:
    made = Passkey(ines.id, b"id", b"public", "Laptop", "first", 3, ("usb", "nfc"))
    add_passkey(database, made, clock=clock)
    kept = passkey_by_credential(database, b"id")
    assert kept is not None
    assert (kept.name, kept.transports, kept.replaces_password) == ("Laptop", ("usb", "nfc"), True)
    clock.now += timedelta(days=1)
    use_passkey(
        database, kept.id, sign_count=4, backup_state=True, device_type="multi", clock=clock
    )
    (used,) = passkeys_of(database, ines.id)
    assert (used.sign_count, used.backup_state, used.last_used_at) == (4, True, clock.now)
    remove_passkey(database, otto.id, kept.id)
    assert passkeys_of(database, ines.id)
    remove_passkey(database, ines.id, kept.id)
    assert passkeys_of(database, ines.id) == []


def test_an_address_is_one_accounts(database: Database, clock: Clock, ines: Account) -> None:
    with pytest.raises(EmailTaken):
        add_credentials(database, {"email": ines.email.upper()}, clock=clock)
    number = add_credentials(database, {"email": EMAIL}, clock=clock)
    with pytest.raises(EmailTaken):
        change_credentials(database, number, {"email": ines.email})
    known = credentials_by(database, "email", EMAIL.upper())
    assert known is not None
    assert (known.id, known.confirmed_at, known.active) == (number, None, True)


def test_roles_include_each_other(database: Database, ines: Account, otto: Account) -> None:
    for role in (Role.MODERATOR, Role.ADMINISTRATOR, Role.MEMBER):
        set_role(database, otto.id, role)
        now = account_by_id(database, otto.id)
        assert now is not None
        assert role_of(now) is role
        assert now.moderator is (role is not Role.MEMBER)
    with pytest.raises(NoSuchAccount):
        set_role(database, 99, Role.MODERATOR)


def test_there_is_always_an_administrator(database: Database, ines: Account, otto: Account) -> None:
    with pytest.raises(LastAdministrator):
        set_role(database, ines.id, Role.MODERATOR)
    with pytest.raises(LastAdministrator):
        suspend(database, ines.id)
    set_role(database, otto.id, Role.ADMINISTRATOR)
    suspend(database, ines.id)
    with pytest.raises(LastAdministrator):
        set_role(database, otto.id, Role.MEMBER)


def test_a_suspended_account_is_signed_out_for_good(
    database: Database, clock: Clock, ines: Account, otto: Account
) -> None:
    secret = begun(database, otto, clock)
    suspend(database, otto.id)
    assert not is_active(database, otto.id)
    assert whose(database, secret, clock) is None
    resume(database, otto.id)
    assert is_active(database, otto.id)
    assert whose(database, secret, clock) is None
    assert [one.active for one in accounts(database)] == [True, True]
