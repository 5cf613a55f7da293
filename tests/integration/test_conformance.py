"""The black-box suite passes on this server, with credentials only, and on files of one's own."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom.data import get_testdata_file

from tests.support.server import ROOT, RunningServer, running_server

pytestmark = pytest.mark.integration

# What a de-identifying server keeps no value of cannot be searched for.
MOST_NOT_APPLICABLE = 60


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    settings = {"READINGROOM_CORS_ORIGINS": "https://viewer.example"}
    with running_server(tmp_path_factory.mktemp("server"), settings) as running:
        yield running


def suite(
    server: RunningServer, *arguments: str, token: str = ""
) -> tuple[list[dict[str, Any]], int]:
    header = ("--header", f"Authorization: Bearer {token}") if token else ()
    done = subprocess.run(
        [
            *(sys.executable, "-m", "conformance", server.root, "--format", "json"),
            *header,
            *arguments,
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=240,
    )
    checks: list[dict[str, Any]] = json.loads(done.stdout)["checks"]
    return checks, done.returncode


def failed(checks: list[dict[str, Any]]) -> list[str]:
    return [f"{each['id']}: {each['reason']}" for each in checks if each["verdict"] == "fail"]


@pytest.mark.promise("F106", "N13")
def test_every_check_passes(open_server: RunningServer) -> None:
    checks, status = suite(open_server, token=open_server.token)
    assert failed(checks) == []
    assert status == 0
    counted = Counter(each["verdict"] for each in checks)
    assert counted["pass"] > 1000
    assert counted["not applicable"] <= MOST_NOT_APPLICABLE


def test_it_removes_what_it_stored(open_server: RunningServer) -> None:
    suite(open_server, "--only", "store-answers.*", token=open_server.token)
    left = open_server.session().get(f"{open_server.root}/studies", timeout=30)
    assert left.status_code == 204, left.text[:500]


def test_without_a_token_it_fails(open_server: RunningServer) -> None:
    checks, status = suite(open_server, "--only", "search-resources.*")
    assert status == 1
    assert failed(checks)


@pytest.mark.promise("N13")
def test_files_of_ones_own(open_server: RunningServer, tmp_path: Path) -> None:
    for name in ("CT_small.dcm", "MR_small.dcm", "rtplan.dcm", "SC_rgb_rle_2frame.dcm"):
        source = get_testdata_file(name)
        assert isinstance(source, str)
        (tmp_path / name).write_bytes(Path(source).read_bytes())
    checks, status = suite(
        open_server, "--store", str(tmp_path), "--only", "folder.*", token=open_server.token
    )
    assert failed(checks) == []
    assert {each["verdict"] for each in checks} == {"pass"}
    assert status == 0
