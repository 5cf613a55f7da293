"""The errors of accounts.

    AccountError
    ├── EmailTaken       an account with this e-mail address exists
    ├── NoSuchAccount    no account with this e-mail address
    ├── NoSuchToken      no token of this number
    ├── NoSuchPeer       no peer of this AE title
    ├── NoSuchAeTitle    no AE title of this name belongs to an account
    ├── AeTitleTaken     the AE title is the server's own, or another account's
    ├── HostNotAllowed   the operator does not let accounts have this server connect there
    └── InvalidValue     an e-mail address, AE title, host or name of a token that is not one

Not here: wrong passwords and spent links are no errors but the answer None.
"""


class AccountError(Exception):
    """Anything that the accounts refuse; the text is one sentence for people."""


class EmailTaken(AccountError):
    """An account with this e-mail address exists."""


class NoSuchAccount(AccountError):
    """No account with this e-mail address."""


class NoSuchToken(AccountError):
    """No token of this number."""


class NoSuchPeer(AccountError):
    """No peer of this AE title."""


class NoSuchAeTitle(AccountError):
    """No AE title of this name belongs to an account."""


class AeTitleTaken(AccountError):
    """The AE title is the server's own, or belongs to another account."""


class HostNotAllowed(AccountError):
    """The operator does not let accounts have this server connect to that address."""


class InvalidValue(AccountError):
    """An e-mail address, an AE title, a host or the name of a token that is not one."""
