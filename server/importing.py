"""Imports studies of other DICOMweb servers.

Standard: PS3.18 10.4 and 10.6 (as a user agent).
Invariants: what is imported goes through the one door; UIDs that another server has given are kept
in memory only, so an import is no job that another process could take up: who asks for it does it.
What is durable is counted once, over all attempts, and is on record at once, however it goes on.
Not here: the protocol (`server.dicomweb_client`), sending (`server.transfers`).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from deid import DeidError
from server.dicomweb_client import DicomwebClient, value_of
from server.errors import TransferError
from server.services import Services, now
from server.watching import Progress, watched
from store.audit import Deed, record
from store.errors import StoreBusy, StoreError, StoreFull
from store.ingest import Batch, Received
from store.remotes import Remote

__all__ = ["IMPORT", "Imported", "import_studies"]

IMPORT: Final = "import"
BATCH_INSTANCES: Final = 32
CAME_BY: Final = "import"


@dataclass
class Imported:
    """What became of the instances of an import, over all attempts; for memory only.

    Attributes:
        new, known: SOP Instance UIDs, ours, of what it has stored, and of what was there before.
        found: Study Instance UIDs, ours, of both.
        not_stored: of each series how many could not be stored, by the UIDs that it has there.
        whole: the series of which nothing more is to be fetched, by the same.
    """

    new: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    found: set[str] = field(default_factory=set)
    not_stored: dict[tuple[str, str], int] = field(default_factory=dict)
    whole: set[tuple[str, str]] = field(default_factory=set)

    @property
    def stored(self) -> int:
        """How many are new."""
        return len(self.new)

    @property
    def duplicates(self) -> int:
        """How many were there before."""
        return len(self.known)

    @property
    def failed(self) -> int:
        """How many could not be stored."""
        return sum(self.not_stored.values())

    @property
    def studies(self) -> tuple[str, ...]:
        """The new Study Instance UIDs."""
        return tuple(sorted(self.found))

    @property
    def done(self) -> int:
        """How many something has become of."""
        return self.stored + self.duplicates + self.failed


def import_studies(
    services: Services,
    owner_id: int,
    remote: Remote,
    studies: Iterable[str],
    progress: Progress,
    imported: Imported | None = None,
) -> Imported:
    """Fetch studies of another server and store them.

    Args:
        services: the parts of the product.
        owner_id: to whom they will belong.
        remote: the other server.
        studies: their Study Instance UIDs there.
        progress: is told of each batch that is durable.
        imported: what earlier attempts have done; this one goes on with it, and returns it.

    Raises:
        TryLater: the other server was away or broke off; what is stored stays.
        TransferError: it does not give them.
        StoreError: they cannot be stored.
    """
    imported = Imported() if imported is None else imported
    total = 0

    def say() -> None:
        progress(imported.done, max(imported.done, total))

    with DicomwebClient(remote) as client:
        wanted = [(study, *_series_of(client, study)) for study in studies]
        total = sum(count for _, _, count in wanted)
        say()
        for one in ((study, uid) for study, series, _ in wanted for uid in series):
            if one in imported.whole:
                continue
            # What could not be stored of it is counted anew.
            imported.not_stored[one] = 0
            for batch in _batches(client.fetch(*one)):
                taken = _store(services, owner_id, batch, say)
                _note(services, owner_id, remote, taken, imported)
                imported.not_stored[one] += taken.failed
                say()
            imported.whole.add(one)
    return imported


def _series_of(client: DicomwebClient, study: str) -> tuple[list[str], int]:
    """The series of a study there, and how many instances it is said to have."""
    found = list(client.find(f"/studies/{study}/series"))
    uids = [uid for one in found if isinstance(uid := value_of(one, "0020000E"), str)]
    counts = (value_of(one, "00201209") for one in found)
    return uids, sum(count for count in counts if isinstance(count, int))


def _batches(instances: Iterator[Iterator[bytes]]) -> Iterator[Iterator[Iterator[bytes]]]:
    """Instances in groups that are read as they are used."""
    for first in instances:
        group = _group(first, instances)
        yield group
        for _ in group:
            pass


def _group(first: Iterator[bytes], rest: Iterator[Iterator[bytes]]) -> Iterator[Iterator[bytes]]:
    yield first
    for _ in range(BATCH_INSTANCES - 1):
        following = next(rest, None)
        if following is None:
            return
        yield following


@dataclass
class _Taken:
    """What became of the instances of a batch."""

    received: list[Received] = field(default_factory=list)
    failed: int = 0


def _store(
    services: Services,
    owner_id: int,
    instances: Iterable[Iterator[bytes]],
    look: Callable[[], None],
) -> _Taken:
    taken = _Taken()
    with services.ingest.batch(owner_id, CAME_BY) as batch:
        for chunks in instances:
            received = _take(batch, watched(chunks, look))
            if received is None:
                taken.failed += 1
            else:
                taken.received.append(received)
        batch.commit()
    return taken


def _note(
    services: Services, owner_id: int, remote: Remote, taken: _Taken, imported: Imported
) -> None:
    """Count what is durable now; the first of a study is put on record at once."""
    for received in taken.received:
        uid, study = received.sop_instance_uid, received.study_instance_uid
        if not received.duplicate:
            imported.new.add(uid)
        elif uid not in imported.new:
            imported.known.add(uid)
        if study not in imported.found:
            deed = Deed(now(), owner_id, "import study", f"{study} from {remote.name}")
            record(services.database, deed)
            imported.found.add(study)


def _take(batch: Batch, chunks: Iterator[bytes]) -> Received | None:
    """Take an instance in; return what became of it, None if it cannot be stored."""
    incoming = batch.receive()
    try:
        for chunk in chunks:
            incoming.feed(chunk)
        return incoming.finish()
    except (StoreFull, StoreBusy, TransferError):
        incoming.abort()
        raise
    except (DeidError, StoreError):
        # One that cannot be stored does not keep the others out.
        return None
