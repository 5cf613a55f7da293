"""A server filled for reading: one CT series of large slices, and small studies around it.

Standard: PS3.18 10.6 (QIDO-RS), by which the UIDs are learned.
Invariants: UIDs are asked for and never assumed, since a server that de-identifies changes them;
the order of instances is that of their Instance Number, so it is the order in which they were made.
Not here: what is read (``bench.work.read``).
"""

from __future__ import annotations

from bench.data import Slice
from bench.peers import Peer
from bench.peers.nginx import Nginx
from bench.peers.peer import DicomwebPeer
from bench.peers.web_server import WebServer
from bench.work import stow
from bench.work.context import Context, Library
from bench.work.row import WorkError

BATCH = 50
FILES = (Nginx.key, WebServer.key)


def library(context: Context, column: str) -> Library:
    """Return the filled server of a column, filling it the first time."""
    if column not in context.libraries:
        peer = context.keep(column)
        fill = _serve_files if column in FILES else _fill
        context.libraries[column] = fill(context, peer)
    return context.libraries[column]


def _serve_files(context: Context, peer: Peer) -> Library:
    assert isinstance(peer, Nginx | WebServer)
    names = [f"{number:04}.raw" for number in range(len(context.slices))]
    for name, made in zip(names, context.slices, strict=True):
        (peer.served / name).write_bytes(made.pixels)
    return Library(peer, "", (), tuple(f"/{name}" for name in names))


def _fill(context: Context, peer: Peer) -> Library:
    assert isinstance(peer, DicomwebPeer)
    stow.store(peer, _batches(context.slices))
    (study,) = peer.uids("/studies", "0020000D")
    (series,) = peer.uids(f"/studies/{study}/series", "0020000E")
    path = f"/studies/{study}/series/{series}"
    found = sorted(
        (int(str(one["00200013"]["Value"][0])), str(one["00080018"]["Value"][0]))  # type: ignore[index]
        for one in peer.query(f"{path}/instances?includefield=00200013")
    )
    if len(found) != len(context.slices):
        raise WorkError(f"{peer.title} lists {len(found)} of {len(context.slices)} instances")
    stow.store(peer, _batches(context.other_studies))
    root = peer.root + path
    instances = tuple(f"{root}/instances/{uid}" for _, uid in found)
    return Library(peer, root, instances, tuple(f"{one}/frames/1" for one in instances))


def _batches(slices: list[Slice]) -> list[list[Slice]]:
    return [slices[start : start + BATCH] for start in range(0, len(slices), BATCH)]
