"""Accounts on Flask-Security: signing up and in, second factors, passkeys, sessions, terms.

    Flask-Security's views ── forms.py, messages.py, templates/security
            │
    datastore.py ── person.py ──> accounts.credentials, accounts.passkeys, accounts.sessions

May import: accounts, store; Flask-Security, Flask-Login, Flask-WTF.

Entry points: `install_security`, which puts it on an application, and `SignedIn`, whose session a
request belongs to.
"""

from viewer.security.person import Person as SignedIn
from viewer.security.setup import install_security

__all__ = ["SignedIn", "install_security"]
