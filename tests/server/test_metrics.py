"""Numbers for Prometheus: for whom, and that nothing in them names anybody."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from accounts.roles import Role, set_role
from server.metrics import empty
from tests.server.conftest import Site
from tests.support.datasets import ct_slice, encoded


def sample(text: str, name: str) -> float | None:
    """The value of one line."""
    found = [line.rpartition(" ")[2] for line in text.splitlines() if line.startswith(f"{name} ")]
    return float(found[0]) if found else None


def numbers(site: Site) -> str:
    answer = site.client.get("/metrics")
    assert answer.status_code == 200
    return answer.text


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    return make_site()


def test_requests_are_counted_by_route_and_not_by_path(site: Site) -> None:
    client = site.client
    client.get("/cases/bcdfghjk/report?series=1.2.3")
    client.get("/cases/bcdfghjm/report")
    client.get("/nothing/is/here")
    header = site.token(site.owner)
    client.get("/dicomweb/studies?PatientName=Zebedee", headers=header)
    text = numbers(site)
    count = 'readingroom_requests_total{{method="GET",route="{}",status="{}"}}'
    assert sample(text, count.format("/cases/<code>/report", 404)) == 2
    assert sample(text, count.format("none", 404)) == 1
    assert sample(text, count.format("outside the framework", 204)) == 1
    for named in ("bcdfghjk", "nothing", "Zebedee", "1.2.3", site.owner.email):
        assert named not in text
    assert sample(text, 'readingroom_request_seconds_count{route="/cases/<code>/report"}') == 2


def test_what_is_stored_waits_and_was_reported_is_read_from_the_index(site: Site) -> None:
    with site.services.ingest.batch(site.owner.id, "STOW-RS") as batch:
        incoming = batch.receive()
        incoming.feed(encoded(ct_slice(size=16)))
        incoming.finish()
        batch.commit()
    site.services.jobs.add(site.owner.id, "send-to-peer", {"studies": []})
    text = numbers(site)
    assert sample(text, 'readingroom_instances{way="STOW-RS"}') == 1
    assert (sample(text, 'readingroom_bytes{way="STOW-RS"}') or 0) > 500
    assert sample(text, 'readingroom_jobs{kind="send-to-peer",state="queued"}') == 1
    assert sample(text, "readingroom_job_wait_seconds") is not None
    assert sample(text, 'readingroom_reports{state="open"}') == 0
    assert sample(text, 'readingroom_cases{state="published"}') == 0


def test_only_this_machine_and_administrators_see_them(site: Site) -> None:
    def status(**given: object) -> int:
        return site.client.get("/metrics", **given).status_code

    elsewhere = {"REMOTE_ADDR": "198.51.100.7"}
    assert status(environ_overrides=elsewhere) == 404
    # A proxy on this machine that nobody has said is one.
    assert status(headers={"X-Forwarded-For": "198.51.100.7"}) == 404
    assert status(environ_overrides={"REMOTE_ADDR": "::1"}) == 200
    set_role(site.services.database, site.owner.id, Role.ADMINISTRATOR)
    set_role(site.services.database, site.other.id, Role.MODERATOR)
    for account, wanted in ((site.owner, 200), (site.other, 404)):
        token = site.token(account)
        assert status(environ_overrides=elsewhere, headers=token) == wanted
    wrong = {"Authorization": "Bearer nonsense"}
    assert status(environ_overrides=elsewhere, headers=wrong) == 404


COUNTS = """
import sys
from flask import Flask
from server.metrics import install_metrics
from server.services import now
from store.db import Database
seen = install_metrics(Flask("one"), Database("sqlite:////nowhere/index.sqlite"), now)
for _ in range(int(sys.argv[1])):
    seen("GET", "/", 200, 0.1)
"""
READS = """
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
registry = CollectorRegistry()
MultiProcessCollector(registry)
print(generate_latest(registry).decode())
"""


def test_workers_count_together_and_a_start_begins_anew(tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    empty(folder)
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(folder)}

    def run(*code: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", *code], env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run(COUNTS, "3")
    run(COUNTS, "4")
    line = 'readingroom_requests_total{method="GET",route="/",status="200"}'
    assert sample(run(READS), line) == 7
    empty(folder)
    assert sample(run(READS), line) is None
