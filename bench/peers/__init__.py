"""The servers that work is measured on: this one, its peers, and the floors.

May import: ``bench.process``, ``bench.client``; nothing of the other packages of this project.

Entry points: ``PEERS`` (a new, stopped instance of each by its key) and ``Peer`` (how work starts,
addresses and stops one).
"""

from __future__ import annotations

from bench.peers.bare import BareDimse, BareHttp, BareParts, BarePynetdicom
from bench.peers.nginx import Nginx
from bench.peers.orthanc import Orthanc
from bench.peers.peer import Peer
from bench.peers.readingroom import Readingroom
from bench.peers.storescp import Storescp
from bench.peers.web_server import WebServer

__all__ = ["PEERS", "Peer"]

PEERS: dict[str, type[Peer]] = {
    peer.key: peer
    for peer in (
        Readingroom,
        Orthanc,
        Storescp,
        Nginx,
        WebServer,
        BareHttp,
        BareParts,
        BareDimse,
        BarePynetdicom,
    )
}
