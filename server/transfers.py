"""What jobs do that send studies: to peers, and to other DICOMweb servers.

Standard: PS3.4 B (C-STORE as SCU), PS3.18 10.5 (as a user agent).
Invariants: an account sends what it has stored and nothing else; of what was typed nothing is kept,
only what rows say; a next attempt sends only what is not settled.
Not here: the queue (`store.jobs`), the process that works on it (`server.worker`), the protocols
(`dimse.sending`, `server.dicomweb_client`), what is settled (`server.standing`), imports
(`server.importing`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from dimse.errors import CannotReach, Refused, Unwanted
from dimse.sending import Destination, Totals, is_final
from dimse.sending import send as send_by_dimse
from server.calling import Calling
from server.dicomweb_client import DicomwebClient, Stored
from server.errors import Cancelled, TransferError, TryLater
from server.services import Services, now
from server.standing import Standing
from server.watching import Progress, watched
from store.access import OwnerScope
from store.audit import Deed, record
from store.jobs import Job
from store.retrieve import StoredInstance

__all__ = ["KINDS", "Keep", "perform", "send_studies"]

TO_PEER: Final = "send-to-peer"
TO_REMOTE: Final = "send-to-remote"

REQUEST_INSTANCES: Final = 50
REQUEST_BYTES: Final = 64 * 1024 * 1024

Keep = Callable[[Standing], None]
"""Is given, once, what tells at any time how a sending stands, to be kept for the next attempt."""


def send_studies(
    services: Services,
    owner_id: int,
    studies: Sequence[str],
    *,
    series: Sequence[str] = (),
    peer: str | None = None,
    remote: str | None = None,
) -> int:
    """Have studies sent; return the number of the job.

    Args:
        services: the parts of the product.
        owner_id: whose they are, and who sends them.
        studies: their Study Instance UIDs.
        series: Series Instance UIDs of those that are sent; all, if there are none.
        peer: the AE title of a peer of the account, or
        remote: the name of another DICOMweb server of the account.

    Raises:
        TransferError: there is no such study or series, or no such peer with an address.
        NoSuchRemote: there is no such server.
    """
    # What was typed may be an original UID, or a name; it is forgotten here.
    refs = _instances(services, owner_id, studies, series)
    known = list(dict.fromkeys(ref.study_instance_uid for ref in refs))
    arguments: dict[str, object] = {"studies": known}
    if series:
        arguments["series"] = list(dict.fromkeys(ref.series_instance_uid for ref in refs))
    if peer is not None:
        kind, to = TO_PEER, _destination(services, owner_id, peer).ae_title
    else:
        assert remote is not None
        kind, to = TO_REMOTE, services.remotes.get(owner_id, remote).name
    number = services.jobs.add(owner_id, kind, arguments | {"to": to})
    for study in known:
        record(services.database, Deed(now(), owner_id, "send study", f"{study} to {to}"))
    return number


def perform(services: Services, job: Job, progress: Progress, keep: Keep | None = None) -> None:
    """Do what a job says.

    Args:
        services: the parts of the product.
        job: as it was taken.
        progress: is told how far it is.
        keep: sees to it that the next attempt knows what is settled; by default nobody does.

    Raises:
        TryLater: it may succeed another time.
        TransferError: it will not.
        Cancelled: somebody has ended it.
    """
    series = job.arguments.get("series", ())
    refs = _instances(services, job.owner_id, job.arguments["studies"], series)
    standing = Standing(refs, job.settled)
    if keep is not None:
        keep(standing)
    progress(standing.settled, standing.total)
    if standing.settled < standing.total:
        KINDS[job.kind](services, job, standing, progress)
    left = standing.total - standing.settled
    if left:
        raise TryLater(f"The other side did not take {left} of {standing.total} instances.")
    if standing.refused:
        raise TransferError(
            f"The other side will not take {standing.refused} of {standing.total} instances."
        )


def _to_peer(services: Services, job: Job, standing: Standing, progress: Progress) -> None:
    to = _destination(services, job.owner_id, job.arguments["to"])
    ended: list[Cancelled] = []

    def each(_: Totals) -> bool:
        try:
            progress(standing.settled, standing.total)
        except Cancelled as error:
            ended.append(error)
        return not ended

    try:
        send_by_dimse(
            services.archive,
            standing.left(),
            to,
            calling_ae_title=services.settings.ae_title,
            each=each,
            settled=standing.settle,
        )
    except Unwanted as error:
        raise TransferError(str(error)) from None
    except CannotReach as error:
        raise TryLater(str(error)) from None
    except Refused as error:
        raise (TryLater if error.is_transient else TransferError)(str(error)) from None
    if ended:
        raise ended[0]


def _to_remote(services: Services, job: Job, standing: Standing, progress: Progress) -> None:
    remote = services.remotes.get(job.owner_id, job.arguments["to"])
    with DicomwebClient(remote) as client:
        for some in _requests(standing.left()):
            say = partial(progress, standing.settled, standing.total)
            say()
            files = (watched(services.archive.read(ref), say) for ref in some)
            _settle(standing, some, client.store(files, [ref.size for ref in some]))
    progress(standing.settled, standing.total)


KINDS: Final[Mapping[str, Callable[[Services, Job, Standing, Progress], None]]] = {
    TO_PEER: _to_peer,
    TO_REMOTE: _to_remote,
}
"""What can be taken from the queue."""


def _instances(
    services: Services, owner_id: int, studies: Sequence[str], series: Sequence[str]
) -> list[StoredInstance]:
    scope, wanted = OwnerScope(owner_id), set(series)
    found = [services.archive.instances(scope, study) for study in dict.fromkeys(studies)]
    if not found or not all(found):
        raise TransferError("There is no such study.")
    refs = [ref for refs in found for ref in refs]
    if not wanted <= {ref.series_instance_uid for ref in refs}:
        raise TransferError("There is no such series.")
    return [ref for ref in refs if not wanted or ref.series_instance_uid in wanted]


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


def _settle(standing: Standing, some: Sequence[StoredInstance], report: Stored) -> None:
    """Note what the other server has said of a request."""
    ours = {ref.sop_instance_uid for ref in some}
    failed = dict(report.failed)
    # A server may give UIDs of its own to what it stores, as this one does.
    is_whole = len(report.stored) + len(failed) == len(some) and failed.keys() <= ours
    for ref in some:
        uid = ref.sop_instance_uid
        if uid in failed:
            if is_final(failed[uid]):
                standing.settle(ref, has_it=False)
        elif is_whole or uid in report.stored:
            standing.settle(ref, has_it=True)
