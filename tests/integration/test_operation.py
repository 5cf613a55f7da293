"""Running it: numbers of all workers together, a log of JSON lines, a stop that waits."""

import json
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.support.datasets import ct_slice, encoded
from tests.support.multipart import related
from tests.support.server import RunningServer, running_server

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

REQUESTS = 40


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("server")
    with running_server(folder, {"READINGROOM_LOG_FORMAT": "json"}) as running:
        yield running


def count(server: RunningServer, line: str) -> float:
    text = requests.get(f"{server.base}/metrics", timeout=60).text
    found = re.search(rf"^{re.escape(line)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_the_numbers_are_those_of_all_workers(server: RunningServer) -> None:
    line = 'readingroom_requests_total{method="GET",route="/healthz",status="200"}'
    before = count(server, line)
    for _ in range(REQUESTS):
        # A new connection each: the system gives them to one worker or the other.
        assert requests.get(f"{server.base}/healthz", timeout=60).status_code == 200
    assert count(server, line) == before + REQUESTS
    # Whichever worker is asked.
    assert {count(server, line) for _ in range(10)} == {before + REQUESTS}
    assert len(list((server.data / "metrics").glob("counter_*.db"))) == 2


def test_a_line_of_the_log_is_json_and_has_no_path_and_no_query(server: RunningServer) -> None:
    path = "/cases/bcdfghjk?from=Zebedee%5EQuillfeather"
    assert requests.get(f"{server.base}{path}", timeout=60).status_code == 404
    token = {"Authorization": f"Bearer {server.token}"}
    assert requests.get(f"{server.root}/studies", headers=token, timeout=60).status_code < 300
    log = server.output()
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    seen = {(one["route"], one["status"]) for one in lines if one["from"] == "requests"}
    assert ("/cases/<code>", 404) in seen
    assert any(route == "outside the framework" for route, _ in seen)
    for hidden in ("bcdfghjk", "Zebedee", "Quillfeather", server.token):
        assert hidden not in log


def test_a_stop_lets_a_request_under_way_end(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        session = server.session()
        body, content_type = related([encoded(ct_slice(size=64))])
        whole = b"".join(body)
        half, answers = threading.Event(), list[int]()

        def parts() -> Iterator[bytes]:
            yield whole[:500]
            half.set()
            time.sleep(2)
            yield whole[500:]

        def send() -> None:
            headers = {"Content-Type": content_type}
            stored = session.post(f"{server.root}/studies", data=parts(), headers=headers)
            answers.append(stored.status_code)

        sending = threading.Thread(target=send)
        sending.start()
        assert half.wait(30)
        assert server.stop() == 0
        sending.join(60)
        assert answers == [200]
        server.start()
        assert len(session.get(f"{server.root}/studies", timeout=60).json()) == 1
