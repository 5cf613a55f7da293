"""A DICOMweb root over a fresh store, and a caller who may use it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from store.retrieve import Archive, StoredInstance
from tests.dicomweb.app import TOKEN, create_app
from tests.dicomweb.samples import MULTIPART, make_file, multipart

AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}


class Caller:
    """The owner, talking to the root."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str, **headers: str) -> TestResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.get(f"/dicomweb{path}", headers=AUTHORIZED | named)

    def store(self, files: list[bytes], path: str = "/studies", **headers: str) -> TestResponse:
        return self.post(multipart(files), MULTIPART, path, **headers)

    def post(
        self, body: bytes, content_type: str, path: str = "/studies", **headers: str
    ) -> TestResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(
            f"/dicomweb{path}",
            data=body,
            content_type=content_type,
            headers=AUTHORIZED | named,
        )

    def stored(self, files: list[bytes]) -> list[str]:
        """Store the files; the paths below the root of what they became, in their order."""
        response = self.store(files)
        assert response.status_code == 200, response.text
        items = response.get_json(force=True)["00081199"]["Value"]
        urls = [item["00081190"]["Value"][0] for item in items]
        return [url.partition("/dicomweb")[2] for url in urls]


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    app = create_app(tmp_path / "data", max_body_bytes=4 * 1024 * 1024)
    yield app
    app.extensions["database"].dispose()


@pytest.fixture
def caller(app: Flask) -> Caller:
    return Caller(app.test_client())


@pytest.fixture
def broken_study(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> str:
    """The path of a study of three instances, the last of which can no longer be read."""
    # So that the answer has begun when that is found out.
    monkeypatch.setattr("dicomweb.answers.SMALL_BYTES", 1000)
    paths = caller.stored([make_file(number) for number in (1, 2, 3)])
    read = Archive.read

    def fail_at_last(self: Archive, ref: StoredInstance) -> Any:  # noqa: ANN401
        if ref.sop_instance_uid in paths[2]:
            raise OSError("SECRETNAME")
        return read(self, ref)

    monkeypatch.setattr(Archive, "read", fail_at_last)
    return paths[0].split("/series/")[0]
