"""The errors of accounts.

    AccountError
    ├── EmailTaken       an account with this e-mail address exists
    ├── ChannelTaken     another account has this address for its page
    ├── NoSuchAccount    no account with this e-mail address
    ├── NoSuchToken      no token of this number
    ├── NoSuchSession    no session of this number
    ├── NotInvited       no invitation is behind this link, or not for this address
    ├── LastAdministrator    nobody else could administer the server
    ├── NoSuchMessage    no message of this number
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


class ChannelTaken(AccountError):
    """Another account has this address for its page."""


class NoSuchAccount(AccountError):
    """No account with this e-mail address."""


class NoSuchToken(AccountError):
    """No token of this number."""


class NoSuchSession(AccountError):
    """No session of this number."""


class NotInvited(AccountError):
    """No invitation is behind this link: it was used, has ended, or is for another address."""


class LastAdministrator(AccountError):
    """Nobody else could administer the server."""


class NoSuchMessage(AccountError):
    """No message of this number."""


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
