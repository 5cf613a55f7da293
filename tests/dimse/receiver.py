"""A door that keeps nothing but a digest: stands in where the store itself is not in question."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO

import pydicom
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.uid import UID

from deid.errors import Malformed, Truncated

HEAD = 256 * 1024


@dataclass(frozen=True)
class Noted:
    """What the receiver remembers of an instance."""

    owner_id: int
    came_by: str
    transfer_syntax: str
    size: int
    digest: str
    sop_class_uid: str
    sent_sop_instance_uid: str


class Receiver:
    """Counts, digests, and fails where it is told to.

    Attributes:
        stored: what was committed.
        aborted: how many instances were aborted.
        on_feed, on_finish, on_commit: called at that moment; may wait or raise.
    """

    def __init__(self) -> None:
        self.stored: list[Noted] = []
        self.aborted = 0
        self.begun = 0
        self.open_batches = 0
        self.on_feed: Callable[[int], object] = lambda size: None
        self.on_finish: Callable[[], object] = lambda: None
        self.on_commit: Callable[[], object] = lambda: None

    @contextmanager
    def batch(self, owner_id: int, came_by: str) -> Iterator["_Batch"]:
        """Open a batch."""
        self.open_batches += 1
        try:
            yield _Batch(self, owner_id, came_by)
        finally:
            self.open_batches -= 1


@dataclass
class _Batch:
    receiver: Receiver
    owner_id: int
    came_by: str
    taken: list[Noted] = field(default_factory=list)

    def receive(self, transfer_syntax: str | None = None) -> "_Incoming":
        self.receiver.begun += 1
        assert transfer_syntax is not None
        return _Incoming(self, transfer_syntax)

    def commit(self) -> None:
        self.receiver.on_commit()
        self.receiver.stored += self.taken


class _Incoming:
    def __init__(self, batch: _Batch, transfer_syntax: str) -> None:
        self._batch = batch
        self._transfer_syntax = transfer_syntax
        self._digest = hashlib.sha256()
        self._head = bytearray()
        self._size = 0

    def feed(self, data: bytes | memoryview, /) -> None:
        self._digest.update(data)
        if len(self._head) < HEAD:
            self._head += data
        self._size += len(data)
        self._batch.receiver.on_feed(self._size)

    def finish(self) -> Noted:
        self._batch.receiver.on_finish()
        ds = decode(bytes(self._head), self._transfer_syntax)
        if "SOPInstanceUID" not in ds:
            raise Truncated("The data set ends too early.")
        noted = Noted(
            owner_id=self._batch.owner_id,
            came_by=self._batch.came_by,
            transfer_syntax=self._transfer_syntax,
            size=self._size,
            digest=self._digest.hexdigest(),
            sop_class_uid=str(ds.SOPClassUID),
            sent_sop_instance_uid=str(ds.SOPInstanceUID),
        )
        self._batch.taken.append(noted)
        return noted

    def abort(self) -> None:
        self._batch.receiver.aborted += 1


def decode(encoded: bytes, transfer_syntax: str) -> Dataset:
    """Read the first elements of an encoded data set, up to the patient's group."""
    syntax = UID(transfer_syntax)
    if syntax.is_deflated:
        return pydicom.dcmread(BytesIO(encoded), force=True)
    stream = BytesIO(encoded)
    try:
        return read_dataset(
            stream,
            is_implicit_VR=syntax.is_implicit_VR,
            is_little_endian=syntax.is_little_endian,
            stop_when=lambda tag, vr, length: tag.group > 0x0008,
        )
    except Exception as error:
        raise Malformed("The data set is not encoded correctly.") from error
