"""The errors of the command line.

    ServerError
    ├── ConfigError        a setting is unknown or has a value that cannot be understood
    └── CommandFailed      a command could not do its work; the text says why

Not here: the errors of the domain, which a command turns into `CommandFailed`.
"""


class ServerError(Exception):
    """Anything that ends a command; the text is one sentence for people."""


class ConfigError(ServerError):
    """A setting is unknown or has a value that cannot be understood."""


class CommandFailed(ServerError):
    """A command could not do its work."""
