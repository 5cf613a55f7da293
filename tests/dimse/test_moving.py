"""C-MOVE: to whom instances are sent, and what is told of it."""

import socket
import subprocess
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast

import pytest
from pynetdicom import AE, evt
from pynetdicom.dimse_primitives import C_STORE

from dimse.sending import Destination
from tests.dimse.fetched import (
    MOVE,
    PATIENT_MOVE,
    PLAIN,
    destination,
    identifier,
    move,
    stored,
    uid_of,
)
from tests.dimse.served import HOME, OTHER, OWNER, Served, association
from tests.dimse.test_listener import tool
from tests.support.server import free_port

pytestmark = pytest.mark.integration


def test_c_move_sends_to_a_peer_of_the_callers(served: Served) -> None:
    found = stored(served)
    came: list[tuple[str, str, int]] = []

    def handler(event: evt.Event) -> int:
        request = cast(C_STORE, event.request)
        title = str(request.MoveOriginatorApplicationEntityTitle)
        came.append((uid_of(event), title, request.MoveOriginatorMessageID or 0))
        return 0x0000

    with destination(served, handler):
        fetched = move(served, identifier("STUDY", StudyInstanceUID=found[0][0]))
        assert fetched.status == 0x0000
        assert sorted(came) == sorted((uid, "MINE", 11) for _, _, uid, _ in found)
        assert fetched.counts[-1] == (None, 6, 0, 0)
        assert fetched.counts[0] == (5, 1, 0, 0)
        came.clear()
        asked = identifier("PATIENT", PatientID="0")
        assert move(served, asked, model=PATIENT_MOVE).status == 0x0000
        assert len(came) == 6
        # Others neither have this peer, nor send what they do not see.
        assert move(served, asked, calling="OTHER", model=PATIENT_MOVE).status == 0xA801
        served.destinations[OTHER, "DEST"] = served.destinations[OWNER, "DEST"]
        came.clear()
        asked = identifier("STUDY", StudyInstanceUID=found[0][0])
        assert move(served, asked, calling="OTHER").status == 0x0000
        assert came == []


@pytest.mark.parametrize("title", ["NOBODY", "dest"])
def test_an_unknown_destination_is_told(served: Served, title: str) -> None:
    served.destinations[OWNER, "DEST"] = Destination("DEST", "127.0.0.1", 1)
    fetched = move(served, identifier("STUDY", StudyInstanceUID=stored(served)[0][0]), title)
    assert fetched.status == 0xA801
    assert title not in fetched.responses[-1][0].ErrorComment


def test_a_destination_that_does_not_answer_is_told(served: Served) -> None:
    served.destinations[OWNER, "DEST"] = Destination("DEST", "127.0.0.1", free_port())
    fetched = move(served, identifier("STUDY", StudyInstanceUID=stored(served)[0][0]))
    assert (fetched.status, fetched.counts[-1]) == (0xA702, (None, 0, 6, 0))
    assert len(fetched.failed) == 6


def test_c_move_is_cancelled(served: Served) -> None:
    study = stored(served)[0][0]
    goes_on = threading.Event()
    came: list[str] = []

    def handler(event: evt.Event) -> int:
        came.append(uid_of(event))
        if len(came) == 2:
            goes_on.wait(10)
        return 0x0000

    with destination(served, handler), association(served, (str(MOVE), PLAIN)) as assoc:
        asked = identifier("STUDY", StudyInstanceUID=study)
        responses = assoc.send_c_move(asked, "DEST", MOVE, msg_id=3)
        statuses = [next(responses)[0]]
        assoc.send_c_cancel(3, query_model=MOVE)
        goes_on.set()
        statuses += [status for status, _ in responses]
    assert statuses[-1].Status == 0xFE00
    assert statuses[-1].NumberOfRemainingSuboperations == 6 - len(came) > 0


def test_a_caller_that_goes_away_ends_its_move(served: Served) -> None:
    study = stored(served)[0][0]
    gone = threading.Event()
    came: list[str] = []

    def handler(event: evt.Event) -> int:
        came.append(uid_of(event))
        gone.wait(10)
        return 0x0000

    with destination(served, handler):
        ae = AE("MINE")
        ae.add_requested_context(MOVE, PLAIN)
        assoc = ae.associate("127.0.0.1", served.port, ae_title=HOME)
        responses = assoc.send_c_move(
            identifier("STUDY", StudyInstanceUID=study), "DEST", MOVE, msg_id=3
        )
        threading.Thread(target=partial(list, responses), daemon=True).start()
        _until(lambda: len(came) == 1)
        assoc.abort()
        gone.set()
        time.sleep(1.0)
        assert len(came) <= 2


def test_movescu_moves_to_itself(served: Served, tmp_path: Path) -> None:
    study = stored(served)[0][0]
    folder, port = tmp_path / "moved", free_port()
    folder.mkdir()
    served.destinations[OWNER, "MINE"] = Destination("MINE", "127.0.0.1", port)
    keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={study}")
    titles = ("-aet", "MINE", "-aem", "MINE", "-aec", HOME)
    tool("movescu", "-S", "+P", port, "-od", folder, *titles, *keys, "127.0.0.1", served.port)
    assert len(list(folder.iterdir())) == 6


@pytest.mark.parametrize("server", ["storescp", "dcmqrscp"])
def test_dcmtk_is_a_destination(served: Served, tmp_path: Path, server: str) -> None:
    study = stored(served)[0][0]
    folder, port = tmp_path / "received", free_port()
    folder.mkdir()
    if server == "storescp":
        command = ["storescp", "-od", str(folder), str(port)]
    else:
        settings = tmp_path / "dcmqrscp.cfg"
        settings.write_text(
            f"NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 4\n"
            "HostTable BEGIN\nHostTable END\nVendorTable BEGIN\nVendorTable END\n"
            f"AETable BEGIN\nDEST {folder} RW (10, 1024mb) ANY\nAETable END\n"
        )
        command = ["dcmqrscp", "-c", str(settings)]
    served.destinations[OWNER, "DEST"] = Destination("DEST", "127.0.0.1", port)
    running = subprocess.Popen(command)
    try:
        _until(lambda: _listens(port))
        keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={study}")
        titles = ("-aet", "MINE", "-aem", "DEST", "-aec", HOME)
        tool("movescu", "-S", *titles, *keys, "127.0.0.1", served.port)
        assert len([path for path in folder.iterdir() if path.name != "index.dat"]) == 6
    finally:
        running.terminate()
        running.wait(10)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
