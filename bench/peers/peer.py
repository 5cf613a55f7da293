"""What every server under measurement has in common.

Invariants: ``start`` returns when the server answers; ``stop`` may be called at any time and leaves
no process; a peer keeps all that it writes below the folder that it is given.
Not here: how processes are started and ended (``bench.process``).
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from bench.client import Connection
from bench.process import Server

JSON = "Accept: application/dicom+json"


class Peer(ABC):
    """A server: started on a folder, then addressed by ``http_port``/``dimse_port``, then stopped.

    ``root`` is the path of its DICOMweb service, ``headers`` what each of its requests needs.
    """

    key: ClassVar[str]
    title: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()  # files without which it cannot start

    def __init__(self) -> None:
        self.http_port = self.dimse_port = 0
        self.root = "/dicomweb"
        self.ae_title = "ANY-SCP"
        self.headers: tuple[str, ...] = ()
        self._server: Server | None = None

    @property
    def server(self) -> Server:
        """The running process tree."""
        assert self._server is not None, "not started"
        return self._server

    @abstractmethod
    def start(self, folder: Path) -> None:
        """Start on an empty folder and return when ready."""

    @abstractmethod
    def stored(self) -> int:
        """Return how many instances (for a floor: files) are stored."""

    @classmethod
    @abstractmethod
    def version(cls) -> str:
        """Return the version of the program."""

    def stop(self) -> None:
        """End the server; do nothing when it does not run."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


class DicomwebPeer(Peer):
    """A server that can be asked over QIDO-RS."""

    def query(self, path: str) -> list[dict[str, dict[str, object]]]:
        """Return the results of a QIDO-RS query, given below the DICOMweb root."""
        connection = Connection(self.http_port)
        try:
            answer = connection.get(self.root + path, (JSON, *self.headers))
        finally:
            connection.close()
        results: list[dict[str, dict[str, object]]] = json.loads(answer.body or b"[]")
        return results

    def stored(self) -> int:
        """Count the instances of all studies, series by series."""
        count = 0
        for study in self.uids("/studies", "0020000D"):
            for series in self.uids(f"/studies/{study}/series", "0020000E"):
                path = f"/studies/{study}/series/{series}/instances"
                count += len(self.uids(path, "00080018"))
        return count

    def uids(self, path: str, tag: str) -> list[str]:
        """Return one UID of each result of a query, in the order of the answer."""
        return [str(_first(result[tag])) for result in self.query(path)]


def _first(element: dict[str, object]) -> object:
    value = element["Value"]
    assert isinstance(value, list)
    return value[0]
