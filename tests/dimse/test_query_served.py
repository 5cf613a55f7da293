"""`readingroom serve` and DCMTK's tools: sent, found and fetched back by the peer of an account."""

import os
import subprocess
from pathlib import Path

import pydicom
import pytest

from tests.dimse import instances
from tests.dimse.serving import Serving
from tests.dimse.test_listener import tool
from tests.support.server import COMMAND, ROOT, free_port

pytestmark = pytest.mark.integration

STUDY = ("-k", "QueryRetrieveLevel=STUDY")


def readingroom(command: Serving, *arguments: str, typed: str | None = None) -> None:
    """Run another command on the same data."""
    environment = {**os.environ, "READINGROOM_DATA": str(command.data), "PYTHONPATH": str(ROOT)}
    subprocess.run(
        [*COMMAND, *arguments], env=environment, input=typed, text=True, check=True, timeout=120
    )


def test_a_peer_finds_and_fetches_what_it_has_sent_and_nobody_else_does(tmp_path: Path) -> None:
    sent, found, moved = tmp_path / "sent", tmp_path / "found", tmp_path / "moved"
    for folder in (sent, found, moved):
        folder.mkdir()
    slices = instances.series(sent, 3)
    listening = free_port()
    with Serving(tmp_path / "server", "--no-http") as command:
        port = command.port
        email = "teacher@example.org"
        readingroom(
            command, "account", "create", email, "--password-stdin", typed="a long one 4711\n"
        )
        where = ("--host", "127.0.0.1", "--port", str(listening))
        readingroom(command, "peer", "add", "TEACHER", "--account", email, *where)
        mine = ("-aet", "TEACHER", "-aec", "READINGROOM")
        tool("storescu", *mine, "+sd", "127.0.0.1", port, sent)
        asked = (*STUDY, "-k", "StudyInstanceUID", "-k", "NumberOfStudyRelatedInstances")
        tool("findscu", "-S", "-X", "-od", found, *mine, *asked, "127.0.0.1", port)
        (match,) = [pydicom.dcmread(path, force=True) for path in found.iterdir()]
        assert match.NumberOfStudyRelatedInstances == 3
        assert match.StudyInstanceUID != slices[0].StudyInstanceUID
        named = (*STUDY, "-k", f"StudyInstanceUID={match.StudyInstanceUID}")
        own = ("+P", listening, "-aem", "TEACHER", "-od", moved)
        tool("movescu", "-S", *mine, *own, *named, "127.0.0.1", port)
        got = [pydicom.dcmread(path) for path in moved.iterdir()]
        assert sorted(ds.InstanceNumber for ds in got) == [1, 2, 3]
        assert {ds.PatientID for ds in got}.isdisjoint({instances.PLANTED_ID})
        # On the loopback interface a stranger may store, and do nothing else.
        output = tool("findscu", "-v", "-S", "-aet", "STRANGER", *asked, "127.0.0.1", port)
        assert match.StudyInstanceUID not in output
        assert "0x124" in output
        for planted in (instances.PLANTED_ID, str(slices[0].StudyInstanceUID), "TEACHER"):
            assert planted not in command.output()
