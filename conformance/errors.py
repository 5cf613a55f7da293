"""How a check ends that does not pass.

Fault           the server does not do what is required; the text says what came instead
NotApplicable   the requirement cannot be decided here; the text says why
"""

__all__ = ["Fault", "NotApplicable"]


class Fault(Exception):
    """The server does not do what is required."""


class NotApplicable(Exception):
    """The requirement cannot be decided on this server."""
