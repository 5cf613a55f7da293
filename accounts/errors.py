"""The errors of accounts.

    AccountError
    ├── EmailTaken       an account with this e-mail address exists
    ├── NoSuchAccount    no account with this e-mail address
    └── InvalidValue     an e-mail address or AE title that is not one

Not here: wrong passwords and spent links are no errors but the answer None.
"""


class AccountError(Exception):
    """Anything that the accounts refuse; the text is one sentence for people."""


class EmailTaken(AccountError):
    """An account with this e-mail address exists."""


class NoSuchAccount(AccountError):
    """No account with this e-mail address."""


class InvalidValue(AccountError):
    """An e-mail address or an AE title that is not one."""
