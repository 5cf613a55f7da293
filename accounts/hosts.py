"""Addresses and networks from which a peer may call.

Invariants: what is kept is written in one way, so that equal networks are equal texts; an IPv4
address that comes over an IPv6 socket (RFC 4291 2.5.5.2) is the IPv4 address.
Not here: names of hosts, which would have to be looked up while somebody waits.
"""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from accounts.errors import InvalidValue

__all__ = ["MOST_HOSTS", "Network", "is_within", "network_of", "read_hosts"]

Network = IPv4Network | IPv6Network

MOST_HOSTS: Final = 32
MAPPED: Final = IPv6Network("::ffff:0:0/96")


def read_hosts(texts: Iterable[str]) -> tuple[str, ...]:
    """The addresses and networks, each once, as they are kept.

    Raises:
        InvalidValue: one of them is neither, or there are too many.
    """
    hosts = tuple(dict.fromkeys(_written(network_of(text.strip())) for text in texts))
    if len(hosts) > MOST_HOSTS:
        raise InvalidValue(f"A peer calls from at most {MOST_HOSTS} addresses and networks.")
    return hosts


def is_within(host: str, hosts: tuple[str, ...]) -> bool:
    """Whether an address may be called from; any may when none are named."""
    if not hosts:
        return True
    try:
        # The zone of a link-local address says which of our interfaces it is behind.
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in network for network in _networks(hosts))


@lru_cache(1024)
def _networks(hosts: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ip_network(host) for host in hosts)


def network_of(text: str) -> Network:
    """The network of which an address or a network is the writing.

    Raises:
        InvalidValue: it is neither.
    """
    try:
        if "%" in text:
            raise ValueError
        network = ip_network(text, strict=False)
    except ValueError:
        raise InvalidValue(
            "A host is an address such as 10.20.4.17 or a network such as 10.20.0.0/16."
        ) from None
    if isinstance(network, IPv6Network) and network.subnet_of(MAPPED):
        mapped = network.network_address.ipv4_mapped
        return IPv4Network(f"{mapped}/{network.prefixlen - MAPPED.prefixlen}")
    return network


def _written(network: Network) -> str:
    alone = network.prefixlen == network.max_prefixlen
    return str(network.network_address if alone else network)
