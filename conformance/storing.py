"""What all checks of Store share.

Standard: PS3.18 10.5 (Store), Annex I (Store Instances Response Module).
Not here: the checks (`conformance.store_*`).
"""

from typing import Any

import requests
from pydicom.dataset import FileDataset

from conformance.encoding import encode
from conformance.errors import Fault, NotApplicable
from conformance.sample import one_slice
from conformance.server import DICOM_JSON, Server, items_of, place_of
from conformance.wire import Reply

__all__ = [
    "REFERENCED",
    "accepted",
    "expect_refused",
    "expect_stored",
    "failures",
    "file",
    "is_readable",
    "stored_count",
]

REFERENCED = "00081199"
FAILED = "00081198"
OTHER_FAILURES = "0008119A"


def file(ds: FileDataset | None = None) -> bytes:
    """Return a Part 10 file, of a new slice unless a data set is given."""
    return encode(ds if ds is not None else one_slice())


def stored_count(answer: requests.Response) -> int:
    """Return how many instances an answer names as stored."""
    return len(items_of(answer, REFERENCED))


def expect_stored(server: Server, answer: requests.Response, count: int = 1) -> None:
    """Fail unless this many instances were stored, and can be read."""
    if answer.status_code not in (200, 202):
        raise Fault(f"status {answer.status_code}")
    items = items_of(answer, REFERENCED)
    if len(items) != count:
        raise Fault(f"{len(items)} of {count} instances are named as stored")
    for item in items:
        if not is_readable(server, item):
            raise Fault("the stored instance cannot be read")


def is_readable(server: Server, item: dict[str, Any]) -> bool:
    """Tell whether the metadata of an item of the answer can be retrieved."""
    study, series, instance = place_of(item)
    path = f"/studies/{study}/series/{series}/instances/{instance}/metadata"
    return server.get(path, DICOM_JSON).status_code == 200


def expect_refused(answer: requests.Response | Reply, *statuses: int) -> None:
    """Fail unless the answer has one of these statuses."""
    status = answer.status if isinstance(answer, Reply) else answer.status_code
    if status not in statuses:
        wanted = " or ".join(map(str, statuses))
        raise Fault(f"status {status}, not {wanted}")


def accepted(answer: requests.Response, what: str) -> requests.Response:
    """Return an answer, unless the server does not take such bodies at all.

    Raises:
        NotApplicable: status 415.
    """
    if answer.status_code == 415:
        raise NotApplicable(f"the server does not take {what}")
    return answer


def failures(answer: requests.Response) -> list[dict[str, Any]]:
    """Return the items of both sequences of failures."""
    return items_of(answer, FAILED) + items_of(answer, OTHER_FAILURES)
