"""The black-box suite passes on this server, and can fail."""

import json
import subprocess
import sys

import pytest

from tests.support.server import ROOT, RunningServer

pytestmark = pytest.mark.integration


def suite(server: RunningServer, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "conformance", server.root, "--json", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=120,
    )


def test_every_check_passes(server: RunningServer) -> None:
    done = suite(server, "--header", f"Authorization: Bearer {server.token}")
    results = json.loads(done.stdout)
    assert [row for row in results if row["fault"]] == []
    assert len(results) >= 20
    assert done.returncode == 0


def test_without_a_token_the_suite_fails(server: RunningServer) -> None:
    done = suite(server)
    assert done.returncode == 1
    assert [row for row in json.loads(done.stdout) if row["fault"]]
