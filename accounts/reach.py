"""Where this server may connect to on behalf of an account that has named the address.

    an account names a host ──> is the name allowed? ──> is each address that it leads to?

Standard: RFC 6890 (special-purpose addresses); RFC 3056, 4380 and 6052 (IPv6 addresses that carry
one of IPv4).
Invariants: a name counts for nothing unless the operator has listed it: what it leads to is asked
for when the connection is made, each time.
Not here: the setting (`server.reach`), from where peers call (`accounts.hosts`).
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

from accounts.hosts import Network

__all__ = ["Reach"]

#: Behind these lies an IPv4 address that whoever routes them chooses: 6to4, Teredo, NAT64.
CARRYING: Final = tuple(map(IPv6Network, ("2002::/16", "2001::/32", "64:ff9b::/96")))


@dataclass(frozen=True)
class Reach:
    """Which hosts may be connected to.

    Attributes:
        networks: where they are.
        names: of further ones in lower case, wherever these lead.
        public: also all that the internet routes, and nobody's inner network.
    """

    networks: tuple[Network, ...] = ()
    names: frozenset[str] = frozenset()
    public: bool = False

    def allows_name(self, host: str) -> bool:
        """Whether a host is allowed by its name, whatever address that leads to."""
        return host.lower().rstrip(".") in self.names

    def allows_address(self, text: str) -> bool:
        """Whether an address is allowed."""
        try:
            address = ip_address(text.partition("%")[0])
        except ValueError:
            return False
        address = getattr(address, "ipv4_mapped", None) or address
        if any(address in network for network in self.networks):
            return True
        return self.public and _is_public(address)

    def may_allow(self, host: str) -> bool:
        """Whether a host may be allowed: of a name that is not listed, only its address tells."""
        try:
            ip_address(host.partition("%")[0])
        except ValueError:
            return True
        return self.allows_name(host) or self.allows_address(host)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if any(address in network for network in CARRYING):
        return False
    return address.is_global and not address.is_multicast
