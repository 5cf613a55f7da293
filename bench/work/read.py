"""Reading over DICOMweb from a filled server: frames, metadata, lists, rendered images.

Standard: PS3.18 10.4 (WADO-RS: frames, metadata, rendered), 10.6 (QIDO-RS).
Invariants: before a column is first measured its answer is read whole and compared with what was
stored; nobody asks for compression, so servers are compared on the same bytes.
Not here: filling the servers (``bench.work.library``).
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence

from PIL import Image

from bench.client import Connection, request
from bench.load import load
from bench.peers.peer import JSON
from bench.work.context import Context, Library
from bench.work.library import library
from bench.work.row import OWN, Row, Target, WorkError

FRAME = "Accept: multipart/related; type=application/octet-stream; transfer-syntax=*"
JPEG = "Accept: image/jpeg"
CLIENTS = 8
OWN_FRAMES = "own-frames"
STUDY_LIST = (
    "/studies?limit=101&offset=0&fuzzymatching=false"
    "&includefield=00081030%2C00080060%2C00080090%2C00100030"
)


class _Read(Row):
    """Rows that ask for something over and over; per second, or in milliseconds each."""

    columns: tuple[str, ...] = (OWN, "orthanc")
    accept = JSON
    clients = 1
    reads = False
    unit = "requests/s"

    def measure(self, context: Context, column: str, turn: int) -> float:
        """Return requests per second, or milliseconds per request."""
        filled = library(context, column)
        if (self.key, column) not in context.checked:
            self._check(context, filled, self._get(filled, self._paths(filled)[0]))
            context.checked.add((self.key, column))
        rate = self._load(context, filled, self._paths(filled), turn)
        return rate if self.more_is_better else 1000 / rate

    def _load(self, context: Context, filled: Library, paths: Sequence[str], turn: int) -> float:
        return load(
            filled.peer.http_port,
            self._requests(filled, paths),
            clients=self.clients,
            seconds=context.size.seconds,
            reads=self.reads,
        )

    def _requests(self, filled: Library, paths: Sequence[str]) -> list[bytes]:
        return [request("GET", path, (self.accept, *filled.peer.headers)) for path in paths]

    def _get(self, filled: Library, path: str) -> bytes:
        connection = Connection(filled.peer.http_port)
        body = connection.get(path, (self.accept, *filled.peer.headers)).body
        connection.close()
        return bytes(body)

    def _paths(self, filled: Library) -> Sequence[str]:
        raise NotImplementedError

    def _check(self, context: Context, filled: Library, body: bytes) -> None:
        raise NotImplementedError


class Frames(_Read):
    """Frames of the series in turn, as OHIF fetches them."""

    key = "frame"
    title = "one frame of 512 KB (WADO-RS), keep-alive, 8 clients"
    columns = (OWN, "orthanc", "bare-wsgi", "nginx")
    floor = "nginx"
    targets = (Target(4, "orthanc"), Target(0.25, "nginx"))
    accept = FRAME
    clients = CLIENTS

    def _paths(self, filled: Library) -> Sequence[str]:
        return filled.frames

    def _check(self, context: Context, filled: Library, body: bytes) -> None:
        if context.slices[0].pixels not in body:
            raise WorkError(f"the frame from {filled.peer.title} has other pixels")


class FramesRead(Frames):
    """The same by a client that reads what it gets, as a viewer does."""

    key = "frame-read"
    title = "the same, the client reads what it gets"
    reads = True


class _List(_Read):
    """Rows that answer with a JSON array of a known length."""

    def _check(self, context: Context, filled: Library, body: bytes) -> None:
        found, expected = len(json.loads(body)), self._expected(context)
        if found != expected:
            raise WorkError(f"{filled.peer.title} lists {found} of {expected}")

    def _expected(self, context: Context) -> int:
        return context.size.slices


class Metadata(_List):
    """The metadata of every instance of the series."""

    key = "metadata"
    title = "series metadata, {slices} instances"
    unit = "ms"
    more_is_better = False
    targets = (Target(200, "orthanc"),)

    def _paths(self, filled: Library) -> Sequence[str]:
        return [f"{filled.series}/metadata"]


class StudyList(_List):
    """The query with which OHIF opens."""

    key = "qido-studies"
    title = "QIDO-RS, OHIF's study list query, {studies} studies"
    targets = (Target(200, "orthanc"),)

    def _paths(self, filled: Library) -> Sequence[str]:
        return [filled.peer.root + STUDY_LIST]

    def _expected(self, context: Context) -> int:
        return context.size.studies


class InstanceList(_List):
    """All instances of the series."""

    key = "qido-instances"
    title = "QIDO-RS, {slices} instances of a series"
    unit = "ms"
    more_is_better = False
    targets = (Target(50, "orthanc"),)

    def _paths(self, filled: Library) -> Sequence[str]:
        return [f"{filled.series}/instances"]


class Rendered(_Read):
    """Slices that nobody has asked for yet: each round takes its own share of the series."""

    key = "rendered"
    title = "rendered JPEG of one slice, not cached, 8 clients"
    targets = (Target(2, "orthanc"),)
    accept = JPEG
    clients = CLIENTS

    def _paths(self, filled: Library) -> Sequence[str]:
        return [f"{instance}/rendered" for instance in filled.instances]

    def _check(self, context: Context, filled: Library, body: bytes) -> None:
        with Image.open(io.BytesIO(body)) as image:
            if image.format != "JPEG" or image.size != (512, 512):
                raise WorkError(f"the image from {filled.peer.title} is no JPEG of 512 x 512")

    def _load(self, context: Context, filled: Library, paths: Sequence[str], turn: int) -> float:
        share = (len(paths) - 1) // context.rounds  # the first slice was spent on the check
        mine = paths[1 + turn * share : 1 + (turn + 1) * share]
        requests = self._requests(filled, mine)
        return load(filled.peer.http_port, requests, clients=self.clients, seconds=0, once=True)


class RenderedAgain(Rendered):
    """Slices that were asked for before, next to this server's own frames."""

    key = "rendered-again"
    title = "rendered JPEG of one slice, asked for before, 8 clients"
    columns = (OWN, "orthanc", OWN_FRAMES)
    targets = (Target(1, OWN_FRAMES),)

    def measure(self, context: Context, column: str, turn: int) -> float:
        """Return requests per second; the last column asks for frames of this server."""
        if column == OWN_FRAMES:
            return _FRAMES.measure(context, OWN, turn)
        return super().measure(context, column, turn)

    def _load(self, context: Context, filled: Library, paths: Sequence[str], turn: int) -> float:
        requests = self._requests(filled, paths[:20])
        port = filled.peer.http_port
        load(port, requests, clients=self.clients, seconds=0, once=True)
        return load(port, requests, clients=self.clients, seconds=context.size.seconds)


_FRAMES = Frames()
