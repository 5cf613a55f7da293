"""The server under test: requests to it, and what the suite stored there.

Invariants: nothing is stored twice; UIDs and values are what the server's own answers say, since a
server may change them; a kind of object that the server refuses is not applicable, except for the
one that everything rests on.
Not here: what is stored (`conformance.sample_*`), requests byte by byte (`conformance.wire`).
"""

import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final
from urllib.parse import urljoin

import requests
from pydicom.dataset import FileDataset

from conformance.encoding import encode
from conformance.errors import Fault, NotApplicable
from conformance.multipart import BOUNDARY, written

__all__ = ["DICOM_JSON", "RELATED", "Instance", "Server", "Stored", "items_of", "place_of"]

DICOM_JSON: Final = "application/dicom+json"
RELATED: Final = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
SECONDS: Final = 30
MAIN: Final = "main"
_PLACE = re.compile(r"/studies/([0-9.]+)/series/([0-9.]+)/instances/([0-9.]+)")
_TRIES: Final = 20


@dataclass(frozen=True)
class Instance:
    """An instance as it was sent, and where the server keeps it."""

    server: "Server"
    sent: FileDataset
    study: str
    series: str
    uid: str

    @property
    def study_path(self) -> str:
        """The study, below the root."""
        return f"/studies/{self.study}"

    @property
    def series_path(self) -> str:
        """The series, below the root."""
        return f"{self.study_path}/series/{self.series}"

    @property
    def path(self) -> str:
        """The instance, below the root."""
        return f"{self.series_path}/instances/{self.uid}"

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """What the server says that it keeps, in the DICOM JSON model."""
        answer = self.server.get(f"{self.path}/metadata", DICOM_JSON)
        if answer.status_code != 200:
            raise Fault(f"the metadata of a stored instance: status {answer.status_code}")
        found: list[dict[str, Any]] = answer.json()
        return found[0]

    def value(self, tag: str) -> Any:  # noqa: ANN401 - any value of the model
        """Return the first value of an attribute of the kept metadata."""
        values = self.metadata.get(tag, {}).get("Value") or [None]
        value = values[0]
        return value.get("Alphabetic") if isinstance(value, dict) else value


@dataclass
class Stored:
    """The instances of one sample, in the order in which they were sent."""

    instances: list[Instance] = field(default_factory=list)

    @property
    def first(self) -> Instance:
        """The first instance."""
        return self.instances[0]


class Server:
    """A DICOMweb root. Paths are given below it."""

    def __init__(
        self,
        root: str,
        headers: dict[str, str],
        samples: dict[str, Callable[[], list[FileDataset]]],
    ) -> None:
        self.root = root.rstrip("/")
        self.headers = headers
        self.session = requests.Session()
        # A proxy of the environment would be what is tested.
        self.session.trust_env = False
        self.session.headers.update(headers)
        self.studies: dict[str, None] = {}
        # What several checks of a suite look at, and one of them has fetched.
        self.remembered: dict[str, Any] = {}
        self._samples = samples
        self._stored: dict[str, Stored | NotApplicable | Fault] = {}

    def request(
        self,
        method: str,
        path: str,
        accept: str | None = None,
        *,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> requests.Response:
        """Send a request; a server that asks for patience gets it."""
        sent: dict[str, str | None] = {"Accept": accept, **(headers or {})}
        url = path if path.startswith("http") else self.root + path
        for _ in range(_TRIES):
            answer = self.session.request(
                method, url, data=body, headers=sent, timeout=SECONDS, allow_redirects=False
            )
            if answer.status_code != 429:
                break
            time.sleep(min(float(answer.headers.get("Retry-After", "1")), 5))
        return answer

    def get(self, path: str, accept: str | None = "*/*", **headers: str) -> requests.Response:
        """GET; header fields as keywords, with underscores for hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.request("GET", path, accept, headers=named)

    def post(
        self,
        body: bytes,
        content_type: str = RELATED,
        path: str = "/studies",
        accept: str | None = DICOM_JSON,
        **headers: str,
    ) -> requests.Response:
        """POST to the studies, and remember which studies came of it."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.request(
            "POST", path, accept, body=body, headers={"Content-Type": content_type, **named}
        )
        self.note(answer.text if answer.status_code in (200, 202) else "")
        return answer

    def note(self, text: str) -> None:
        """Remember the studies that an answer names, to remove them at the end."""
        self.studies |= {study: None for study, _, _ in _PLACE.findall(text)}

    def store(self, *files: bytes, path: str = "/studies") -> requests.Response:
        """POST Part 10 files in one multipart request."""
        return self.post(written(files), path=path)

    def stored(self, name: str) -> Stored:
        """Return a sample's instances, which are stored when they are first asked for.

        Raises:
            NotApplicable: the server does not store this kind of object.
            Fault: it does not even store the sample that everything rests on.
        """
        if name not in self._stored:
            try:
                self._stored[name] = self.keep(self._samples[name]())
            except Fault as fault:
                reason = f"the sample “{name}” was not stored: {fault}"
                self._stored[name] = Fault(reason) if name == MAIN else NotApplicable(reason)
        found = self._stored[name]
        if isinstance(found, Exception):
            raise found
        return found

    def keep(self, datasets: Sequence[FileDataset]) -> Stored:
        """Store data sets one by one, and learn where each of them is kept."""
        stored = Stored()
        for ds in datasets:
            answer = self.store(encode(ds))
            if answer.status_code not in (200, 202):
                raise Fault(f"status {answer.status_code}")
            items = items_of(answer)
            if len(items) != 1:
                raise Fault(f"the answer names {len(items)} instances")
            stored.instances.append(Instance(self, ds, *place_of(items[0])))
        return stored

    def resolve(self, uri: str, instance: Instance) -> str:
        """Return the URL of a BulkDataURI, relative ones as PS3.18 F.2.6 and RFC 3986 say."""
        return urljoin(f"{self.root}{instance.path}/metadata", uri)

    @property
    def main(self) -> Instance:
        """The first instance of the main sample."""
        return self.stored(MAIN).first

    def json(self, path: str, accept: str = DICOM_JSON) -> list[dict[str, Any]]:
        """Return the results of a request that must succeed; none for 204."""
        answer = self.get(path, accept)
        if answer.status_code == 204:
            return []
        if answer.status_code != 200:
            raise Fault(f"status {answer.status_code}")
        found: list[dict[str, Any]] = json.loads(answer.content)
        if not isinstance(found, list):
            raise Fault("the answer is no list")
        return found


def items_of(answer: requests.Response, sequence: str = "00081199") -> list[dict[str, Any]]:
    """Return the items of a sequence of a store response."""
    module = answer.json()
    if isinstance(module, list):
        module = module[0]
    items: list[dict[str, Any]] = module.get(sequence, {}).get("Value", [])
    return items


def place_of(item: dict[str, Any]) -> tuple[str, str, str]:
    """Return the study, series and instance of an item of the Referenced SOP Sequence."""
    found = _PLACE.search(str(item.get("00081190", {}).get("Value", [""])[0]))
    if found is None:
        raise Fault("the answer has no Retrieve URL of the instance")
    return found.group(1), found.group(2), found.group(3)
