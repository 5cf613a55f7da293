"""Reads the setting that says where accounts may have this server connect to.

Invariants: what is wrong is said at the start, in one sentence.
Not here: what is allowed by it (`accounts.reach`), the connections (`server.calling`).
"""

import re
from typing import Final

from accounts.errors import InvalidValue
from accounts.hosts import Network, network_of
from accounts.reach import Reach
from server.config import Settings
from server.errors import ConfigError

__all__ = ["reach_of"]

PUBLIC: Final = "public"
# With a letter in it: what has none is meant to be an address.
_NAME: Final = re.compile(r"(?=.{1,253}\Z)(?=.*[a-z])[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\Z")


def reach_of(settings: Settings) -> Reach:
    """Where accounts may have this server connect to.

    Raises:
        ConfigError: the setting holds something else than hosts and networks.
    """
    given = [one.strip().lower() for one in settings.peer_hosts.split(",") if one.strip()]
    networks: list[Network] = []
    names: set[str] = set()
    for one in given:
        try:
            networks.append(network_of(one))
        except InvalidValue:
            if not _NAME.match(one):
                raise ConfigError(
                    "The setting peer_hosts holds addresses, networks, names of hosts, or public, "
                    "and commas."
                ) from None
            names.add(one)
    return Reach(tuple(networks), frozenset(names - {PUBLIC}), PUBLIC in names)
