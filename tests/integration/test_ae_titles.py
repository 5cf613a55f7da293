"""Called and calling AE titles, with DCMTK's storescu at a running server: who gets what."""

import json
import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.datasets import ct_slice, encoded
from tests.support.server import OWNER, RunningServer, running_server

pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("ignore::UserWarning:pydicom"),
]

INES, OTTO = "ines@example.org", "otto@example.org"
NOBODYS = "ZQX-WANDERER"
NUMBERS = count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server on loopback, where Ines and Otto have titles and peers."""
    with running_server(tmp_path_factory.mktemp("server")) as running:
        for email in (INES, OTTO):
            running.command("account", "create", email)
        running.command("aetitle", "add", "INES-OPEN", "--account", INES, "--open")
        running.command("aetitle", "add", "INES-KNOWN", "--account", INES)
        running.command("peer", "add", "INES-CT", "--account", INES, "--from", "127.0.0.0/8")
        running.command("peer", "add", "INES-FAR", "--account", INES, "--from", "192.0.2.1")
        running.command("peer", "add", "OTTO-CT", "--account", OTTO)
        yield running


@pytest.fixture(scope="module")
def tokens(server: RunningServer) -> dict[str, str]:
    accounts = (OWNER, INES, OTTO)
    return {email: server.command("token", "create", "--account", email) for email in accounts}


@pytest.fixture
def holdings(server: RunningServer, tokens: dict[str, str]) -> "Holdings":
    return Holdings(server, tokens)


class Holdings:
    """How many studies each account has."""

    def __init__(self, server: RunningServer, tokens: dict[str, str]) -> None:
        self.root, self.tokens = server.root, tokens
        self.before = self.now()

    def now(self) -> dict[str, int]:
        return {email: len(self._studies(email)) for email in self.tokens}

    def gained(self) -> list[str]:
        now = self.now()
        return [email for email, count in now.items() if count != self.before[email]]

    def _studies(self, email: str) -> list[Any]:
        headers = {
            "Authorization": f"Bearer {self.tokens[email]}",
            "Accept": "application/dicom+json",
        }
        answer = requests.get(f"{self.root}/studies", headers=headers, timeout=20)
        return answer.json() if answer.status_code == 200 else []


def store(
    server: RunningServer, folder: Path, calling: str, called: str
) -> "subprocess.CompletedProcess[str]":
    """Send one study that nobody has sent before."""
    number = next(NUMBERS)
    path = folder / "one.dcm"
    path.write_bytes(encoded(ct_slice(study=f"1.2.3.{number}", series=f"1.2.3.{number}.1")))
    where = ("127.0.0.1", str(server.dimse_port), str(path))
    return subprocess.run(
        ["storescu", "-v", "-aet", calling, "-aec", called, *where],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("calling", "called", "account"),
    [
        (NOBODYS, "INES-OPEN", INES),
        ("OTTO-CT", "INES-OPEN", INES),
        ("INES-CT", "INES-KNOWN", INES),
        ("INES-CT", "READINGROOM", INES),
        ("OTTO-CT", "READINGROOM", OTTO),
        ("OTTO-CT", "ANY-SCP", OTTO),
        (NOBODYS, "READINGROOM", OWNER),
    ],
)
@pytest.mark.promise("N10")
def test_what_is_sent_lands_in_one_account(
    server: RunningServer,
    holdings: Holdings,
    tmp_path: Path,
    calling: str,
    called: str,
    account: str,
) -> None:
    done = store(server, tmp_path, calling, called)
    assert done.returncode == 0, done.stdout + done.stderr
    assert holdings.gained() == [account]


@pytest.mark.parametrize(
    ("calling", "called"),
    [
        (NOBODYS, "INES-KNOWN"),
        ("OTTO-CT", "INES-KNOWN"),
        ("INES-FAR", "INES-KNOWN"),
        ("INES-FAR", "READINGROOM"),
    ],
)
def test_who_is_not_known_there_or_calls_from_elsewhere_is_refused(
    server: RunningServer, holdings: Holdings, tmp_path: Path, calling: str, called: str
) -> None:
    done = store(server, tmp_path, calling, called)
    assert done.returncode != 0
    assert "Calling AE Title Not Recognized" in done.stdout + done.stderr
    assert holdings.gained() == []


def test_a_title_that_is_closed_or_removed_is_so_at_the_next_association(
    server: RunningServer, holdings: Holdings, tmp_path: Path
) -> None:
    server.command("aetitle", "add", "OTTO-NEW", "--account", OTTO, "--open")
    assert store(server, tmp_path, NOBODYS, "OTTO-NEW").returncode == 0
    assert holdings.gained() == [OTTO]
    server.command("aetitle", "add", "OTTO-NEW", "--account", OTTO, "--known-only")
    assert store(server, tmp_path, NOBODYS, "OTTO-NEW").returncode != 0
    server.command("aetitle", "remove", "OTTO-NEW")
    titles = [one["ae_title"] for one in json.loads(server.command("aetitle", "list", "--json"))]
    assert titles == ["INES-KNOWN", "INES-OPEN"]
    # Nobody's title is like the server's own, which on loopback takes what strangers send.
    assert store(server, tmp_path, NOBODYS, "OTTO-NEW").returncode == 0
    assert sorted(holdings.gained()) == sorted([OTTO, OWNER])


def test_the_title_of_a_sender_that_nobody_knows_is_nowhere_on_the_disk(
    server: RunningServer, tmp_path: Path
) -> None:
    assert store(server, tmp_path, NOBODYS, "INES-OPEN").returncode == 0
    assert store(server, tmp_path, NOBODYS, "INES-KNOWN").returncode != 0
    found = [path for path, data in server.bytes_on_disk().items() if NOBODYS.encode() in data]
    assert found == []
