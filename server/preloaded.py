"""What the processes of `readingroom serve` import, before they are forked (`server.processes`).

Invariants: importing these starts no thread and opens nothing, so that forking is safe. What one
process needs for a moment (`server.prepare`) is not among them, nor are libraries that others
import because they happen to be installed.
Not here: what they do with it (`server.jobs`).
"""

# ruff: noqa: E402 - the order matters

import gc
import sys
from multiprocessing import get_context
from multiprocessing.connection import Connection

# With its decoders comes whatever they could use, 12 MB: the product asks none of them.
_UNUSED = ("gdcm", "requests")
_hidden = {name: None for name in _UNUSED if name not in sys.modules}
sys.modules.update(_hidden)  # type: ignore[arg-type]
import pydicom  # noqa: F401 - they are only to be there

for _name in _hidden:
    del sys.modules[_name]

import server.listening
import server.worker
import server.wsgi  # noqa: F401
from deid.codes import Meanings, read_meanings, use_meanings

__all__: list[str] = []


def _tell_meanings(connection: "Connection[Meanings, None]") -> None:
    connection.send(read_meanings())


def _read_apart() -> Meanings:
    """Read the meanings of codes in a process that ends: what it read them from goes with it."""
    context = get_context("fork")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_tell_meanings, args=(sending,))
    process.start()
    sending.close()
    found: Meanings = receiving.recv()
    receiving.close()
    process.join()
    return found


use_meanings(_read_apart())

# The memory of what is there stays shared as long as the collector of garbage does not touch it.
gc.collect()
gc.freeze()
