"""The storage service against a door that fails in every way."""

import errno
from collections.abc import Iterator

import pytest

from deid.errors import Malformed
from dimse import commands, statuses
from dimse.commands import Request
from dimse.errors import ConnectionLost
from dimse.storage import Sender, StorageService
from store.errors import DuplicateDiffers, StoreBusy, StoreFull
from tests.dimse import instances
from tests.dimse.receiver import Receiver

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
SENDER = Sender(owner_id=7, sop_class_uid=CT, transfer_syntax=EXPLICIT)


class Fragments:
    """A data set in pieces; knows whether it was read to its end."""

    def __init__(self, data: bytes, piece: int = 100) -> None:
        self._pieces = [data[at : at + piece] for at in range(0, len(data), piece)]
        self.read = 0

    def __iter__(self) -> Iterator[memoryview]:
        for piece in self._pieces:
            self.read += 1
            yield memoryview(piece)

    @property
    def exhausted(self) -> bool:
        """Whether nothing is left."""
        return self.read == len(self._pieces)


def request(uid: str, *, sop_class: str = CT, data_set: bool = True) -> Request:
    """A C-STORE request."""
    return Request(commands.C_STORE_RQ, 1, sop_class, uid, data_set)


def raising(error: Exception) -> object:
    """A callable that raises, whatever it is given."""

    def fail(*_: object) -> None:
        raise error

    return fail


def test_an_instance_is_stored_for_its_owner(receiver: Receiver) -> None:
    ds = instances.ct()
    fragments = Fragments(instances.encoded(ds))
    status = StorageService(receiver).store(request(ds.SOPInstanceUID), SENDER, iter(fragments))
    assert status.code == 0x0000
    (noted,) = receiver.stored
    assert (noted.owner_id, noted.came_by, noted.transfer_syntax) == (7, "C-STORE", EXPLICIT)
    assert noted.size == len(instances.encoded(ds))


def test_success_is_answered_as_coercion_where_that_is_wanted(receiver: Receiver) -> None:
    ds = instances.ct()
    service = StorageService(receiver, statuses.STORED_CHANGED)
    fragments = iter(Fragments(instances.encoded(ds)))
    assert service.store(request(ds.SOPInstanceUID), SENDER, fragments).code == 0xB000


@pytest.mark.parametrize("moment", ["on_feed", "on_finish", "on_commit"])
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Malformed("The data set is not encoded correctly."), 0xC000),
        (StoreFull("full"), 0xA700),
        (StoreBusy("busy"), 0xA700),
        (DuplicateDiffers("differs"), 0xA900),
        (OSError(errno.ENOSPC, "no space"), 0xA700),
        (ValueError(instances.PLANTED_NAME), 0x0110),
    ],
)
def test_a_failure_is_answered_after_the_data_set_was_read_to_its_end(
    receiver: Receiver,
    caplog: pytest.LogCaptureFixture,
    moment: str,
    error: Exception,
    code: int,
) -> None:
    ds = instances.ct()
    fragments = Fragments(instances.encoded(ds))
    setattr(receiver, moment, raising(error))
    status = StorageService(receiver).store(request(ds.SOPInstanceUID), SENDER, iter(fragments))
    assert status.code == code
    assert fragments.exhausted
    assert receiver.stored == []
    assert receiver.open_batches == 0
    assert instances.PLANTED_NAME not in caplog.text


def test_a_failure_of_ours_is_logged_by_kind_and_place(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    ds = instances.ct()
    receiver.on_commit = raising(KeyError(instances.PLANTED_ID))  # type: ignore[assignment]
    fragments = iter(Fragments(instances.encoded(ds)))
    StorageService(receiver).store(request(ds.SOPInstanceUID), SENDER, fragments)
    assert "KeyError" in caplog.text
    assert "test_storage.py" in caplog.text
    assert instances.PLANTED_ID not in caplog.text


def test_other_sop_class_in_the_data_set_is_refused(receiver: Receiver) -> None:
    ds = instances.ct(sop_class="1.2.840.10008.5.1.4.1.1.4")
    fragments = iter(Fragments(instances.encoded(ds)))
    status = StorageService(receiver).store(request(ds.SOPInstanceUID), SENDER, fragments)
    assert status == statuses.OTHER_SOP_CLASS
    assert receiver.stored == []


def test_other_sop_instance_uid_in_the_data_set_is_refused(receiver: Receiver) -> None:
    fragments = iter(Fragments(instances.encoded(instances.ct())))
    status = StorageService(receiver).store(request("1.2.3.4"), SENDER, fragments)
    assert status == statuses.OTHER_SOP_INSTANCE
    assert receiver.stored == []


@pytest.mark.parametrize(
    ("asked", "sender", "code"),
    [
        (request("1.2.3"), Sender(None, CT, EXPLICIT), 0x0124),
        (request("1.2.3", sop_class="1.2.840.10008.5.1.4.1.1.4"), SENDER, 0x0122),
        (request(""), SENDER, 0x0117),
        (request("1.2." + "3" * 64), SENDER, 0x0117),
        (request("not a uid"), SENDER, 0x0117),
        (request("1.2.3", data_set=False), SENDER, 0xC000),
    ],
)
def test_what_cannot_be_stored_never_reaches_the_door(
    receiver: Receiver, asked: Request, sender: Sender, code: int
) -> None:
    fragments = Fragments(bytes(1000))
    assert StorageService(receiver).store(asked, sender, iter(fragments)).code == code
    assert fragments.exhausted
    assert receiver.begun == 0


def test_a_lost_connection_aborts_the_instance(receiver: Receiver) -> None:
    data = instances.encoded(instances.ct())

    def fragments() -> Iterator[memoryview]:
        yield memoryview(data)[:500]
        raise ConnectionLost("the connection ended")

    with pytest.raises(ConnectionLost):
        StorageService(receiver).store(request("1.2.3"), SENDER, fragments())
    assert receiver.aborted == 1
    assert receiver.stored == []
    assert receiver.open_batches == 0
