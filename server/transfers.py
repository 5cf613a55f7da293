"""What jobs do that move studies: sends them to peers and to other DICOMweb servers, imports them.

Standard: PS3.4 B (C-STORE as SCU), PS3.18 10.4 to 10.6.
Invariants: an account sends what it has stored and nothing else; what is imported goes through the
one door; UIDs that another server has given are kept in memory only, so an import is no job that
another process could take up: who asks for it does it. Whoever ends a job is heard within the
instance that is under way, unless the other side takes or gives nothing.
Not here: the queue (`store.jobs`), the process that works on it (`server.worker`), the protocols
(`dimse.sending`, `server.dicomweb_client`).
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from deid import DeidError
from dimse.errors import CannotReach, Refused, Unwanted
from dimse.sending import Destination, Totals
from dimse.sending import send as send_by_dimse
from server.calling import Calling
from server.dicomweb_client import DicomwebClient
from server.errors import Cancelled, TransferError, TryLater
from server.services import Services, now
from store.access import OwnerScope
from store.audit import Deed, record
from store.errors import StoreBusy, StoreError, StoreFull
from store.ingest import Batch
from store.jobs import Job
from store.remotes import Remote
from store.retrieve import StoredInstance

__all__ = ["IMPORT", "KINDS", "Imported", "Progress", "import_studies", "perform", "send_studies"]

TO_PEER: Final = "send-to-peer"
TO_REMOTE: Final = "send-to-remote"
IMPORT: Final = "import"

REQUEST_INSTANCES: Final = 50
REQUEST_BYTES: Final = 64 * 1024 * 1024
BATCH_INSTANCES: Final = 32
CAME_BY: Final = "import"
LOOK_EVERY_SECONDS: Final = 1.0

Progress = Callable[[int, int], None]
"""Takes how many instances are done, and of how many; raises Cancelled when nobody wants more."""


@dataclass
class Imported:
    """What became of the instances of an import.

    Attributes:
        stored, duplicates, failed: how many are new, were there before, could not be stored.
        studies: the new Study Instance UIDs.
    """

    stored: int = 0
    duplicates: int = 0
    failed: int = 0
    studies: tuple[str, ...] = ()

    @property
    def done(self) -> int:
        """How many something has become of."""
        return self.stored + self.duplicates + self.failed


def send_studies(
    services: Services,
    owner_id: int,
    studies: Sequence[str],
    *,
    peer: str | None = None,
    remote: str | None = None,
) -> int:
    """Have studies sent; return the number of the job.

    Args:
        services: the parts of the product.
        owner_id: whose they are, and who sends them.
        studies: their Study Instance UIDs.
        peer: the AE title of a peer of the account, or
        remote: the name of another DICOMweb server of the account.

    Raises:
        TransferError: there is no such study, or no such peer with an address.
        NoSuchRemote: there is no such server.
    """
    _instances(services, owner_id, studies)
    if peer is not None:
        _destination(services, owner_id, peer)
        kind, to = TO_PEER, peer
    else:
        assert remote is not None
        services.remotes.get(owner_id, remote)
        kind, to = TO_REMOTE, remote
    number = services.jobs.add(owner_id, kind, {"studies": list(studies), "to": to})
    for study in studies:
        record(services.database, Deed(now(), owner_id, "send study", f"{study} to {to}"))
    return number


def perform(services: Services, job: Job, progress: Progress) -> None:
    """Do what a job says.

    Raises:
        TryLater: it may succeed another time.
        TransferError: it will not.
        Cancelled: somebody has ended it.
    """
    KINDS[job.kind](services, job, progress)


def import_studies(
    services: Services,
    owner_id: int,
    remote: Remote,
    studies: Iterable[str],
    progress: Progress,
) -> Imported:
    """Fetch studies of another server and store them.

    Args:
        services: the parts of the product.
        owner_id: to whom they will belong.
        remote: the other server.
        studies: their Study Instance UIDs there.
        progress: is told of each batch that is durable.

    Raises:
        TryLater: the other server was away or broke off; what is stored stays.
        TransferError: it does not give them.
        StoreError: they cannot be stored.
    """
    imported = Imported()
    found: set[str] = set()
    total = 0

    def say() -> None:
        progress(imported.done, max(imported.done, total))

    with DicomwebClient(remote) as client:
        wanted = [(study, *_series_of(client, study)) for study in studies]
        total = sum(count for _, _, count in wanted)
        say()
        for study, series, _ in wanted:
            for one in series:
                for batch in _batches(client.fetch(study, one)):
                    found |= _store(services, owner_id, batch, imported, say)
                    say()
    imported.studies = tuple(sorted(found))
    for study in imported.studies:
        record(
            services.database, Deed(now(), owner_id, "import study", f"{study} from {remote.name}")
        )
    return imported


def _to_peer(services: Services, job: Job, progress: Progress) -> None:
    refs = _instances(services, job.owner_id, job.arguments["studies"])
    to = _destination(services, job.owner_id, job.arguments["to"])
    ended: list[Cancelled] = []

    def each(totals: Totals) -> bool:
        try:
            progress(totals.completed + totals.warning + totals.failed, len(refs))
        except Cancelled as error:
            ended.append(error)
        return not ended

    try:
        totals = send_by_dimse(
            services.archive, refs, to, calling_ae_title=services.settings.ae_title, each=each
        )
    except Unwanted as error:
        raise TransferError(str(error)) from None
    except CannotReach as error:
        raise TryLater(str(error)) from None
    except Refused as error:
        raise TransferError(str(error)) from None
    if ended:
        raise ended[0]
    if totals.failed:
        raise TryLater(f"The peer did not take {totals.failed} of {len(refs)} instances.")


def _to_remote(services: Services, job: Job, progress: Progress) -> None:
    refs = _instances(services, job.owner_id, job.arguments["studies"])
    remote = services.remotes.get(job.owner_id, job.arguments["to"])
    done = failed = 0
    with DicomwebClient(remote) as client:
        for some in _requests(refs):
            say = partial(progress, done, len(refs))
            say()
            files = (_watched(services.archive.read(ref), say) for ref in some)
            stored, not_stored = client.store(files, [ref.size for ref in some])
            failed += not_stored or len(some) - stored
            done += len(some)
    progress(done, len(refs))
    if failed:
        raise TryLater(f"The other server did not store {failed} of {len(refs)} instances.")


KINDS: Final[Mapping[str, Callable[[Services, Job, Progress], None]]] = {
    TO_PEER: _to_peer,
    TO_REMOTE: _to_remote,
}
"""What can be taken from the queue."""


def _instances(services: Services, owner_id: int, studies: Sequence[str]) -> list[StoredInstance]:
    scope = OwnerScope(owner_id)
    refs = [ref for study in studies for ref in services.archive.instances(scope, study)]
    if not refs:
        raise TransferError("There is no such study.")
    return refs


def _destination(services: Services, owner_id: int, ae_title: str) -> Destination:
    destination = Calling(services).destination(owner_id, ae_title)
    if destination is None:
        raise TransferError("There is no peer of this AE title whose host and port are known.")
    return destination


def _requests(refs: Sequence[StoredInstance]) -> Iterator[list[StoredInstance]]:
    some: list[StoredInstance] = []
    size = 0
    for ref in refs:
        if some and (len(some) == REQUEST_INSTANCES or size + ref.size > REQUEST_BYTES):
            yield some
            some, size = [], 0
        some.append(ref)
        size += ref.size
    if some:
        yield some


def _series_of(client: DicomwebClient, study: str) -> tuple[list[str], int]:
    """The series of a study there, and how many instances it is said to have."""
    found = list(client.find(f"/studies/{study}/series"))
    uids = [uid for one in found if isinstance(uid := _value(one, "0020000E"), str)]
    counts = (_value(one, "00201209") for one in found)
    return uids, sum(count for count in counts if isinstance(count, int))


def _value(result: Mapping[str, Any], tag: str) -> object:
    values = result.get(tag, {}).get("Value") or [None]
    return values[0]


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


def _watched(chunks: Iterator[bytes], look: Callable[[], None]) -> Iterator[bytes]:
    """The same, with a look about once a second, which may raise."""
    looked = time.monotonic()
    for chunk in chunks:
        if time.monotonic() - looked >= LOOK_EVERY_SECONDS:
            looked = time.monotonic()
            look()
        yield chunk


def _store(
    services: Services,
    owner_id: int,
    instances: Iterable[Iterator[bytes]],
    imported: Imported,
    look: Callable[[], None],
) -> set[str]:
    studies: set[str] = set()
    new = known = 0
    with services.ingest.batch(owner_id, CAME_BY) as batch:
        for chunks in instances:
            received = _take(batch, _watched(chunks, look))
            if received is None:
                imported.failed += 1
                continue
            studies.add(received[0])
            known += received[1]
            new += not received[1]
        batch.commit()
    imported.stored += new
    imported.duplicates += known
    return studies


def _take(batch: Batch, chunks: Iterator[bytes]) -> tuple[str, bool] | None:
    """Take an instance in; return its new study and whether it was there before, None if not."""
    incoming = batch.receive()
    try:
        for chunk in chunks:
            incoming.feed(chunk)
        received = incoming.finish()
    except (StoreFull, StoreBusy, TransferError):
        incoming.abort()
        raise
    except (DeidError, StoreError):
        # One that cannot be stored does not keep the others out.
        return None
    return received.study_instance_uid, received.duplicate
