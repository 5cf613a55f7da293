"""Masks with the blobs in a bucket: the old object is gone from it."""

import os
from datetime import UTC, datetime
from pathlib import Path

import boto3

from store.access import OwnerScope
from store.blobs_s3 import S3Blobs
from store.db import Database
from store.ingest import Ingest
from store.keys import KeyRing
from store.masks import Rectangle, mask_series
from store.retrieve import Archive
from tests.store.conftest import OWNER, SECRET
from tests.store.test_s3 import endpoint
from tests.support.databases import ready
from tests.support.datasets import ct_slice, encoded

__all__ = ["endpoint"]

# The one of the other test is looked into, too.
BUCKET = "masks"


def test_the_old_object_is_gone_from_the_bucket(endpoint: str, tmp_path: Path) -> None:
    client = boto3.client("s3", endpoint_url=endpoint)
    client.create_bucket(Bucket=BUCKET)
    database = Database(f"sqlite:///{tmp_path / 'index.sqlite'}")
    ready(database)

    def clock() -> datetime:
        return datetime.now(UTC)

    blobs = S3Blobs(BUCKET, "studies", clock, endpoint)
    ingest = Ingest(database, blobs, KeyRing(database, SECRET, os.urandom), clock)
    archive, scope = Archive(database, blobs), OwnerScope(OWNER)
    with ingest.batch(OWNER, "STOW-RS") as batch:
        incoming = batch.receive()
        incoming.feed(encoded(ct_slice()))
        old = incoming.finish()
        batch.commit()
    uids = old.study_instance_uid, old.series_instance_uid
    [before] = archive.instances(scope, *uids)

    mask_series(archive, ingest, scope, OWNER, *uids, [Rectangle(0, 0, 40, 2)])

    [after] = archive.instances(scope, *uids)
    listed = client.list_objects_v2(Bucket=BUCKET)["Contents"]
    assert [item["Key"] for item in listed] == [f"studies/{after.blob}"]
    assert after.blob != before.blob
    assert archive.frame(after, 1)[:80] == bytes(80)
    database.dispose()
