"""What the DIMSE edge asks of the one door into the store.

Invariants: `store.ingest.Ingest` satisfies `Ingest`; nothing else of the store is used here, so
that the edge can be tried against any receiver, such as one that only counts.
Not here: what happens behind the door (`store.ingest`).
"""

from contextlib import AbstractContextManager
from typing import Protocol


class Received(Protocol):
    """What became of one instance; see `store.ingest.Received`."""

    @property
    def sop_class_uid(self) -> str:
        """The SOP class that the data set names."""

    @property
    def sent_sop_instance_uid(self) -> str:
        """The SOP Instance UID that the data set named; for comparison in memory only."""


class Incoming(Protocol):
    """One instance on its way in; see `store.ingest.Incoming`."""

    def feed(self, data: bytes | memoryview, /) -> None:
        """Take the next bytes; a view is valid only until the call returns."""

    def finish(self) -> Received:
        """Say that all bytes have come."""

    def abort(self) -> None:
        """Forget the instance."""


class Batch(Protocol):
    """Instances that become durable together; see `store.ingest.Batch`."""

    def receive(self, transfer_syntax: str | None = None) -> Incoming:
        """Begin an instance: a bare data set in this transfer syntax."""

    def commit(self) -> None:
        """Return when everything taken so far is durable."""


class Ingest(Protocol):
    """The door itself; see `store.ingest.Ingest`."""

    def batch(self, owner_id: int, came_by: str) -> AbstractContextManager[Batch]:
        """Open a batch; leaving it without a commit drops what it took."""
