"""Blobs: both implementations keep the same contract, with and without a crash in between."""

import errno
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from store import blobs_folder
from store.blobs import Blobs
from store.blobs_folder import SPARE_FILES, FolderBlobs
from store.blobs_s3 import PART_BYTES, S3Blobs
from store.errors import StoreError, StoreFull

BUCKET = "archive"


class Clock:
    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
def s3_endpoint() -> Iterator[str]:
    # moto stands in for an S3-compatible server until the scale-out work installs a real one.
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=["folder", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Blobs:
    if request.param == "folder":
        return FolderBlobs(tmp_path / "blobs", Clock())
    endpoint = request.getfixturevalue("s3_endpoint")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket=BUCKET)
    return S3Blobs(BUCKET, f"run/{tmp_path.name}", Clock(), endpoint)


def stored(blobs: Blobs, *data: bytes) -> str:
    writer = blobs.create()
    for part in data:
        writer.write(part)
    blobs.settle([writer])
    blobs.publish([writer.key])
    return writer.key


def nothing_known(_keys: Sequence[str]) -> set[str]:
    return set()


def test_what_was_written_is_read_back_in_ranges_and_streams(blobs: Blobs) -> None:
    data = bytes(range(256)) * 5000
    key = stored(blobs, data[:1000], data[1000:])
    assert blobs.read(key, 255, 3) == data[255:258]
    assert blobs.read(key, len(data) - 2, 10) == data[-2:]
    assert b"".join(blobs.stream(key)) == data
    assert b"".join(blobs.stream(key, 700_000, 300_001)) == data[700_000:1_000_001]


def test_a_blob_of_several_parts_is_read_back(blobs: Blobs) -> None:
    data = os.urandom(1 << 20)
    count = 2 * PART_BYTES // len(data) + 1
    key = stored(blobs, *[data] * count)
    assert blobs.read(key, (count - 1) << 20, 1 << 20) == data


def test_a_discarded_blob_is_gone(blobs: Blobs) -> None:
    writer = blobs.create()
    writer.write(b"secret" * 2_000_000)
    writer.discard()
    writer.discard()
    with pytest.raises(StoreError):
        blobs.read(writer.key, 0, 1)


def test_a_deleted_blob_is_gone_and_deleting_again_is_no_error(blobs: Blobs) -> None:
    key = stored(blobs, b"bytes")
    blobs.delete(key)
    blobs.delete(key)
    with pytest.raises(StoreError):
        blobs.read(key, 0, 1)


def test_a_blob_is_deleted_that_a_dead_process_never_moved_to_its_place(blobs: Blobs) -> None:
    writer = blobs.create()
    writer.write(b"bytes")
    blobs.settle([writer])
    blobs.delete(writer.key)
    with pytest.raises(StoreError):
        blobs.read(writer.key, 0, 1)


def test_recovering_leaves_alone_what_a_living_process_writes(blobs: Blobs) -> None:
    writer = blobs.create()
    writer.write(b"under way")
    assert blobs.recover(nothing_known) == 0
    blobs.settle([writer])
    assert blobs.read(writer.key, 0, 5) == b"under"


def test_a_settled_blob_can_be_read_before_it_is_published(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path, Clock())
    writer = blobs.create()
    writer.write(b"settled")
    blobs.settle([writer])
    # A reader in another process has an instance of its own.
    assert FolderBlobs(tmp_path, Clock()).read(writer.key, 0, 7) == b"settled"


def test_blobs_that_come_together_lie_together(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path, Clock())
    keys = {stored(blobs, b"bytes") for _ in range(SPARE_FILES)}
    assert len(keys) == SPARE_FILES
    assert len({Path(key).name[:2] for key in keys}) == 1


def test_room_for_names_is_looked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_folder: Path) -> None:
        raise OSError(errno.ENOSPC, "no room")

    blobs = FolderBlobs(tmp_path, Clock())
    with monkeypatch.context() as patch:
        patch.setattr(blobs_folder, "_sync_folder", full)
        with pytest.raises(StoreFull):
            blobs.create()
    first = {blobs.create().key}
    with monkeypatch.context() as patch:
        patch.setattr(blobs_folder, "_sync_folder", full)
        # Those that were made ahead are there still, and more are tried for meanwhile.
        first |= {blobs.create().key for _ in range(SPARE_FILES - 1)}
        with pytest.raises(StoreFull):
            blobs.create()
    more = {blobs.create().key for _ in range(2 * SPARE_FILES)}
    assert len(first) + len(more) == len(first | more) == 3 * SPARE_FILES


CRASH = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from store.blobs_folder import FolderBlobs
blobs = FolderBlobs(Path(sys.argv[1]), lambda: datetime.now(UTC))
known, unknown = blobs.create(), blobs.create()
known.write(b"known"); unknown.write(bytes(1 << 20))
blobs.settle([known])
print(known.key, unknown.key, flush=True)
os.kill(os.getpid(), 9)
"""


def test_recovering_after_a_crash_publishes_the_known_and_removes_the_rest(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CRASH, str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        check=False,
    )
    assert done.returncode == -9, done.stderr
    known, unknown = done.stdout.split()
    blobs = FolderBlobs(tmp_path, Clock())
    assert blobs.recover(lambda keys: {known} & set(keys)) == 2
    assert blobs.read(known, 0, 9) == b"known"
    with pytest.raises(StoreError):
        blobs.read(unknown, 0, 9)
    assert list((tmp_path / "incoming").iterdir()) == []


def test_old_objects_that_no_row_names_are_removed(
    s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    boto3.client("s3", endpoint_url=s3_endpoint).create_bucket(Bucket="leftovers")
    clock = Clock()
    blobs = S3Blobs("leftovers", "", clock, s3_endpoint)
    known, unknown = stored(blobs, b"known"), stored(blobs, b"unknown")
    unfinished = blobs.create()
    unfinished.write(b"x" * PART_BYTES)
    clock.now += timedelta(hours=7)
    assert blobs.recover(lambda keys: {known} & set(keys)) == 2
    assert blobs.read(known, 0, 9) == b"known"
    with pytest.raises(StoreError):
        blobs.read(unknown, 0, 9)
