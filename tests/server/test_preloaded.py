"""What processes have before they are forked: no more than they need, and nothing that is open."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from server.app import create_app
from server.config import Settings
from server.services import Services
from store.db import Database


def test_what_hardly_anybody_needs_is_not_shared_by_all() -> None:
    code = "import server.preloaded, sys; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    there = set(found.stdout.split())
    assert {"server.listening", "server.worker", "server.wsgi", "pydicom"} <= there
    # Decoders, a downloader and tables that pydicom would bring; what only a migration needs.
    unused = {"gdcm", "requests", "pydicom.sr", "alembic", "pygments", "imagecodecs._jpeg2k"}
    assert not unused & there


def test_meanings_of_codes_are_there_before_processes_are_forked() -> None:
    code = """if True:
        from deid import codes
        import server.preloaded
        def read_again():
            raise AssertionError("read once more")
        codes.read_meanings = read_again
        print(codes._meanings()[b"SCT"][b"51185008"], sum(map(len, codes._meanings().values())))
    """
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    meaning, number = found.stdout.rsplit(maxsplit=1)
    assert meaning == "(b'Thoracic structure (body structure)',)"
    assert int(number) > 20_000


def test_what_was_hidden_can_be_imported_later() -> None:
    code = "import server.preloaded, requests; print(requests.__name__)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "requests\n"


def test_an_application_that_is_made_before_workers_are_forked_has_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connected(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(Database, "read", connected)
    monkeypatch.setattr(Database, "write", connected)
    monkeypatch.setattr(Database, "write_in_turn", connected)
    monkeypatch.setattr(Database, "row", connected)
    services = Services(Settings(data=tmp_path / "data"))
    threads, files = set(threading.enumerate()), len(os.listdir("/proc/self/fd"))
    assert create_app(services).url_map
    assert not set(threading.enumerate()) - threads
    assert len(os.listdir("/proc/self/fd")) <= files
