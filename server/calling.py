"""Finds the peers that this server calls for an account: their address, and how it is spoken to.

Invariants: an account calls its own peers only; an address that the account has given, and not the
operator, is connected to only where the operator allows it; over TLS a peer has to show a
certificate that is trusted.
Not here: who calls us (`server.gate`), what is allowed (`server.reach`), associations (`dimse`).
"""

import ssl
from functools import cached_property

from accounts.peers import destination_of
from dimse.requestor import Destination
from dimse.tls import requestor_context
from server.dimse_edge import dimse_edge_of
from server.services import Services

__all__ = ["Calling"]


class Calling:
    """The peers of all accounts.

    Args:
        services: the parts of the product.

    Raises:
        ConfigError: a setting cannot be used.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._edge = dimse_edge_of(services.settings)

    def destination(self, account_id: int, ae_title: str) -> Destination | None:
        """Where the account's peer of this AE title listens; None if that is not known."""
        peer = destination_of(self._services.database, account_id, ae_title)
        if peer is None or peer.host is None or peer.port is None:
            return None
        reach = self._edge.reach
        is_allowed = peer.vouched or reach.allows_name(peer.host)
        return Destination(
            peer.ae_title,
            peer.host,
            peer.port,
            tls=self._tls if peer.tls else None,
            allows=None if is_allowed else reach.allows_address,
        )

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        ours = self._edge.tls
        return requestor_context(
            self._edge.peer_ca,
            None if ours is None else (ours.certificate, ours.key),
        )
