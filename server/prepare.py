"""What happens before anything listens: migration, clearing leftovers, the owner's account.

It runs in a process of its own, so that the supervisor stays small.
Not here: starting the processes that serve (`server.serve`).
"""

import os
from dataclasses import dataclass

from accounts.people import Account, create_account, first_account
from accounts.signin import create_link
from server.config import Settings
from server.errors import CommandFailed
from server.mail import mailer_of
from server.migrations import migrate
from server.services import Services, now
from store.audit import Deed, record
from store.errors import StoreError

__all__ = ["OWNER_EMAIL", "Prepared", "prepare"]

OWNER_EMAIL = "owner@localhost"


@dataclass(frozen=True)
class Prepared:
    """What the person at the terminal is told: whose link it is, and its secret part."""

    email: str
    link: str


def prepare(settings: Settings) -> Prepared:
    """Make everything ready; the first start makes the owner's account.

    Raises:
        ConfigError: the mail server of the settings cannot be used.
        CommandFailed: the database, the blobs or the secret cannot be used.
    """
    services = Services(settings)
    # Says now, and not with the first message, that no mail can be sent.
    mailer_of(settings)
    try:
        migrate(services.database)
        services.ingest.recover()
        owner = first_account(services.database) or _create_owner(services)
        # Says now, and not at the first instance, that the secret is not the right one.
        services.ingest.keys.key_of(owner.id)
        link = create_link(services.database, owner.id, random_bytes=os.urandom, clock=now)
        record(services.database, Deed(now(), None, "sign-in link", str(owner.id)))
    except StoreError as error:
        raise CommandFailed(str(error)) from None
    finally:
        services.database.dispose()
    return Prepared(owner.email, link)


def _create_owner(services: Services) -> Account:
    made = create_account(services.database, OWNER_EMAIL, clock=now, admin=True)
    record(services.database, Deed(now(), None, "make account", str(made.id)))
    return made
