"""Blobs as objects of an S3-compatible bucket.

Invariants: an object appears whole or not at all, so `settle` is where it comes into being and
`publish` has nothing to do. Memory is one part (8 MiB) for each blob being written. Keys begin
with the day, so `recover` lists only the last days.
Not here: the contract and its three steps (`store.blobs`).
"""

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from store.blobs import CHUNK_BYTES, BlobWriter, IsKnown, key_of_copy
from store.errors import StoreBusy, StoreError

if TYPE_CHECKING:
    from botocore.response import StreamingBody

__all__ = ["S3Blobs"]

PART_BYTES = 8 * 1024 * 1024
# A blob younger than this may belong to a batch that another node has under way.
LEFTOVER_AGE = timedelta(hours=6)
LEFTOVER_DAYS = 3


class _ObjectWriter:
    def __init__(self, blobs: "S3Blobs", key: str) -> None:
        self.key = key
        self._blobs = blobs
        self._buffer = bytearray()
        self._upload: str | None = None
        self._parts: list[dict[str, Any]] = []
        self._settled = False

    def write(self, data: bytes | memoryview) -> object:
        self._buffer += data
        while len(self._buffer) >= PART_BYTES:
            self._send_part(bytes(self._buffer[:PART_BYTES]))
            del self._buffer[:PART_BYTES]
        return None

    def read(self, offset: int, length: int) -> bytes:
        # Parts that were sent cannot be read back before the object is complete.
        self.settle()
        return self._blobs.read(self.key, offset, length)

    def seal(self) -> None:
        """Nothing to begin: the object comes into being when it is settled."""

    def settle(self) -> None:
        if self._settled:
            return
        place = self._blobs.place(self.key)
        if self._upload is None:
            self._blobs.call("put_object", **place, Body=bytes(self._buffer))
        else:
            if self._buffer:
                self._send_part(bytes(self._buffer))
            self._blobs.call(
                "complete_multipart_upload",
                **place,
                UploadId=self._upload,
                MultipartUpload={"Parts": self._parts},
            )
        self._buffer.clear()
        self._settled = True

    def discard(self) -> None:
        place = self._blobs.place(self.key)
        if self._settled:
            self._blobs.call("delete_object", **place)
        elif self._upload is not None:
            self._blobs.call("abort_multipart_upload", **place, UploadId=self._upload)
            self._upload = None
        self._buffer.clear()

    def _send_part(self, data: bytes) -> None:
        place = self._blobs.place(self.key)
        if self._upload is None:
            self._upload = str(self._blobs.call("create_multipart_upload", **place)["UploadId"])
        number = len(self._parts) + 1
        answer = self._blobs.call(
            "upload_part", **place, UploadId=self._upload, PartNumber=number, Body=data
        )
        self._parts.append({"PartNumber": number, "ETag": answer["ETag"]})


class S3Blobs:
    """Blobs below `prefix` of a bucket.

    Args:
        bucket: the bucket's name; it must be there.
        prefix: put before every key, without slashes at its ends; may be empty.
        clock: gives the present time.
        endpoint_url: the address of an S3-compatible server; None means the one that boto3's own
            settings name. Credentials come from boto3's own settings, too.
    """

    def __init__(
        self,
        bucket: str,
        prefix: str,
        clock: Callable[[], datetime],
        endpoint_url: str | None = None,
    ) -> None:
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._clock = clock
        self._client: Any = boto3.client("s3", endpoint_url=endpoint_url)

    def create(self) -> BlobWriter:
        """Start a new object; nothing is sent before a part is full."""
        return _ObjectWriter(self, f"{self._clock():%Y%m%d}/{uuid.uuid4().hex}")

    def begin_copy(self, key: str) -> BlobWriter:
        """Start a new object; the day in its key is today, so `recover` finds it."""
        return _ObjectWriter(self, key_of_copy(key, self._clock()))

    def settle(self, writers: Sequence[BlobWriter]) -> None:
        """Complete each object; S3 answers when it is durable."""
        for writer in writers:
            assert isinstance(writer, _ObjectWriter)
            writer.settle()

    def publish(self, keys: Sequence[str]) -> None:
        """Nothing to do: a settled object is at its final place."""

    def adopt(self, key: str, chunks: Iterable[bytes]) -> None:
        """Send the object; S3 answers when it is durable."""
        writer = _ObjectWriter(self, key)
        try:
            for chunk in chunks:
                writer.write(chunk)
            writer.settle()
        except BaseException:
            writer.discard()
            raise

    def read(self, key: str, offset: int, length: int) -> bytes:
        """The bytes from `offset`, by a ranged request."""
        if length <= 0:
            return b""
        span = f"bytes={offset}-{offset + length - 1}"
        body: StreamingBody = self.call("get_object", **self.place(key), Range=span)["Body"]
        return bytes(body.read())

    def read_into(self, key: str, offset: int, room: memoryview) -> int:
        """Read bytes from `offset` into `room`; return how many: fewer at the end of the object."""
        found = self.read(key, offset, len(room))
        room[: len(found)] = found
        return len(found)

    def stream(self, key: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes from `offset`, as they come over the wire."""
        if length == 0:
            return
        last = "" if length is None else offset + length - 1
        answer = self.call("get_object", **self.place(key), Range=f"bytes={offset}-{last}")
        yield from answer["Body"].iter_chunks(CHUNK_BYTES)

    def delete(self, key: str) -> None:
        """Remove the object."""
        self.call("delete_object", **self.place(key))

    def recover(self, is_known: IsKnown) -> int:
        """Remove objects and unfinished uploads of the last days that no index row names."""
        removed = 0
        oldest = self._clock() - LEFTOVER_AGE
        for day in range(LEFTOVER_DAYS):
            prefix = f"{self._prefix}{self._clock() - timedelta(days=day):%Y%m%d}/"
            for page in self._pages("list_objects_v2", prefix):
                old = [item for item in page.get("Contents", ()) if item["LastModified"] < oldest]
                keys = [item["Key"].removeprefix(self._prefix) for item in old]
                for key in set(keys) - is_known(keys):
                    self.delete(key)
                    removed += 1
            for page in self._pages("list_multipart_uploads", prefix):
                for upload in page.get("Uploads", ()):
                    if upload["Initiated"] < oldest:
                        self.call(
                            "abort_multipart_upload",
                            Bucket=self._bucket,
                            Key=upload["Key"],
                            UploadId=upload["UploadId"],
                        )
                        removed += 1
        return removed

    def place(self, key: str) -> dict[str, str]:
        """Bucket and full name of the object, as boto3 wants them."""
        return {"Bucket": self._bucket, "Key": self._prefix + key}

    def call(self, operation: str, **arguments: object) -> dict[str, Any]:
        """One request to the object store.

        Raises:
            StoreError: the object is not there, or the request was refused.
            StoreBusy: the object store did not answer.
        """
        try:
            answer: dict[str, Any] = getattr(self._client, operation)(**arguments)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            raise StoreError(f"The object store refused a request ({code}).") from None
        except BotoCoreError:
            raise StoreBusy("The object store did not answer; nothing was stored.") from None
        return answer

    def _pages(self, operation: str, prefix: str) -> Iterator[dict[str, Any]]:
        pages = self._client.get_paginator(operation).paginate(Bucket=self._bucket, Prefix=prefix)
        yield from pages
