"""Who is at the other end of an association: to whom what comes belongs, and what may be found.

Invariants: an AE title of a peer is in memory only; nothing here is logged or written.
Not here: which account an AE title leads to (`accounts`, wired in by `server`); when an
association is refused (`dimse.association`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from store.access import Scope

__all__ = ["STRANGER", "Caller", "Callers", "Peers", "only_storing"]


@dataclass(frozen=True)
class Caller:
    """The other end of an association.

    Attributes:
        owner_id: to whom belongs what comes; None stores nothing.
        scopes: what may be found and fetched, in this order; no two of them have anything in
            common, and none is nothing at all.
        ae_title: the calling AE title; for memory only, never for a log.
        host: the address that the association came from.
    """

    owner_id: int | None
    scopes: tuple[Scope, ...]
    ae_title: str = field(default="", repr=False)
    host: str = field(default="", repr=False)

    @property
    def is_stranger(self) -> bool:
        """Whether nobody answers for this caller: it may verify (C-ECHO) and nothing else."""
        return self.owner_id is None and not self.scopes


STRANGER = Caller(None, ())

Callers = Callable[[str, str, str], Caller]
"""Tells who calls, by calling AE title, called AE title and host."""

Peers = Callable[[str, str], int | None]
"""Tells to whom belongs what comes, by calling AE title and host."""


def only_storing(peers: Peers) -> Callers:
    """Make callers of peers that may store, and neither find nor fetch anything."""

    def caller(calling: str, _called: str, host: str) -> Caller:
        return Caller(peers(calling, host), (), calling, host)

    return caller
