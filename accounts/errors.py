"""The errors of accounts.

    AccountError
    ├── EmailTaken       an account with this e-mail address exists
    ├── NoSuchAccount    no account with this e-mail address
    ├── NoSuchToken      no token of this number
    └── InvalidValue     an e-mail address, AE title or name of a token that is not one

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


class InvalidValue(AccountError):
    """An e-mail address, an AE title or the name of a token that is not one."""
