"""What the processes of `readingroom serve` import, before they are forked (`server.processes`).

Invariants: importing these starts no thread and opens nothing, so that forking is safe. What one
process needs for a moment (`server.prepare`) is not among them, nor are libraries that others
import because they happen to be installed.
Not here: what they do with it (`server.jobs`).
"""

# ruff: noqa: E402 - the order matters

import gc
import sys

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

__all__: list[str] = []

# The memory of what is there stays shared as long as the collector of garbage does not touch it.
gc.collect()
gc.freeze()
