"""The errors of the command line.

    ServerError
    ├── ConfigError        a setting is unknown or has a value that cannot be understood
    ├── CommandFailed      a command could not do its work; the text says why
    └── TransferError      something could not be sent to, or fetched from, another server
        ├── TryLater       it may be possible another time
        └── Cancelled      somebody has ended the job

Not here: the errors of the domain, which a command turns into `CommandFailed`.
"""


class ServerError(Exception):
    """Anything that ends a command; the text is one sentence for people."""


class ConfigError(ServerError):
    """A setting is unknown or has a value that cannot be understood."""


class CommandFailed(ServerError):
    """A command could not do its work."""


class TransferError(ServerError):
    """Something could not be sent to, or fetched from, another server, and will not be."""


class TryLater(TransferError):
    """The other server was away, busy or broke off: it may be possible another time."""


class Cancelled(TransferError):
    """Somebody has ended the job."""
