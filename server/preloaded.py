"""What the processes of `readingroom serve` import, before they are forked (`server.processes`).

Invariants: importing these starts no thread and opens nothing, so that forking is safe.
Not here: what they do with it (`server.jobs`).
"""

import gc

import server.listening
import server.prepare
import server.worker
import server.wsgi  # noqa: F401 - they are only to be there

__all__: list[str] = []

# The memory of what is there stays shared as long as the collector of garbage does not touch it.
gc.collect()
gc.freeze()
