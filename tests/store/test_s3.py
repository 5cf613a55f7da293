"""The whole way in and out with blobs in a bucket instead of a folder."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from store.access import OwnerScope
from store.blobs_s3 import S3Blobs
from store.db import Database
from store.errors import DuplicateDiffers
from store.ingest import Ingest
from store.keys import KeyRing
from store.retrieve import Archive
from tests.support.databases import ready
from tests.support.datasets import PLANTED, ct_slice, encoded

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
# moto keeps one state for the whole process: other tests have buckets of their own.
BUCKET, OWNER = "whole-way", 7


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    # moto stands in for an S3-compatible server until the scale-out work installs a real one.
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.mark.promise("F101")
def test_an_instance_goes_in_and_comes_out(endpoint: str, tmp_path: Path) -> None:
    client = boto3.client("s3", endpoint_url=endpoint)
    client.create_bucket(Bucket=BUCKET)
    database = Database(f"sqlite:///{tmp_path / 'index.sqlite'}")
    ready(database)

    def clock() -> datetime:
        return datetime.now(UTC)

    blobs = S3Blobs(BUCKET, "studies", clock, endpoint)
    secret = b"the secret of the tests' server"
    ingest = Ingest(database, blobs, KeyRing(database, secret, os.urandom), clock)

    def put(data: bytes) -> str:
        with ingest.batch(OWNER, "STOW-RS") as batch:
            incoming = batch.receive()
            incoming.feed(data)
            received = incoming.finish()
            batch.commit()
        return received.study_instance_uid

    study = put(encoded(ct_slice(frames=2)))
    assert put(encoded(ct_slice(frames=2))) == study
    other = ct_slice(frames=2)
    other.PixelData = bytes(len(other.PixelData))
    with pytest.raises(DuplicateDiffers):
        put(encoded(other))

    archive = Archive(database, blobs)
    [ref] = archive.instances(OwnerScope(OWNER), study)
    pixels = ct_slice(frames=2).PixelData
    assert archive.frame(ref, 1) + archive.frame(ref, 2) == pixels
    stored = b"".join(archive.read(ref))
    assert stored.endswith(pixels)
    assert [text for text in PLANTED if text.encode() in stored] == []
    # One object, at its place: the repetition and the refused one left nothing.
    listed = client.list_objects_v2(Bucket=BUCKET)["Contents"]
    assert [item["Key"] for item in listed] == [f"studies/{ref.blob}"]
    assert "Uploads" not in client.list_multipart_uploads(Bucket=BUCKET)
    database.dispose()
