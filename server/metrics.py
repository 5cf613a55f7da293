"""Numbers for Prometheus at `/metrics`: requests, what is stored, jobs, reports.

    request ─> Counted ─> counters, in a file of each worker below `metrics` in the data folder
    scrape  ─> these, of all workers, and numbers read from the index at that moment

Standard: the Prometheus text format.
Invariants: labels are templates of routes, methods, states and kinds; no address, name, code, UID
or number of an account is in a number's label, nor in the files. It is answered on the loopback
interface, to requests that came through no proxy, and to tokens of administrators; to others there
is no such page.
Not here: the log (`server.logs`).
"""

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from flask import Flask, Response, request
from sqlalchemy import func, select

from accounts.people import account_by_id
from accounts.tokens import bearer_of_token
from cases.report_rows import counts_of_reports, speed_of_reports
from cases.schema import case
from server.proxies import HANDED_ON
from store.db import Database
from store.job_list import counts_of_jobs, oldest_due
from store.totals import by_way

__all__ = ["FOLDER", "Counted", "empty", "install_metrics"]

FOLDER: Final = "metrics"
ROUTE: Final = "readingroom.route"
OUTSIDE: Final = "outside the framework"
UNKNOWN: Final = "none"

Environment = dict[str, Any]
Application = Callable[[Environment, Callable[..., Any]], Iterable[bytes]]
Seen = Callable[[str, str, int, float], None]
"""Is told of each request: method, template of the route, status, seconds until its answer."""


def empty(folder: Path) -> None:
    """Begin with no counters, as those of an earlier start would be added to the new ones."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for path in folder.glob("*.db"):
        path.unlink(missing_ok=True)


class Counted:
    """A WSGI application whose requests are counted.

    Args:
        app: answers them.
        seen: is told of each.
    """

    def __init__(self, app: Application, *seen: Seen) -> None:
        self._app = app
        self._seen = seen

    def __call__(self, environ: Environment, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request."""
        began, status = time.monotonic(), [500]

        def start(line: str, headers: Any, *more: Any) -> Any:  # noqa: ANN401 - PEP 3333
            status[0] = int(line[:3])
            return start_response(line, headers, *more)

        try:
            return self._app(environ, start)
        finally:
            route = environ.get(ROUTE, OUTSIDE)
            for seen in self._seen:
                seen(environ["REQUEST_METHOD"], route, status[0], time.monotonic() - began)


def install_metrics(app: Flask, database: Database, clock: Callable[[], datetime]) -> Seen:
    """Put the page on the application; what it returns is to be told of each request."""
    # The library decides when it is imported whether processes share their counters, so that has
    # to wait until the worker knows the folder (`server.jobs`).
    from prometheus_client import CollectorRegistry, Counter, Summary, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector
    from prometheus_client.values import MutexValue, ValueClass

    own = CollectorRegistry()
    requests = Counter(
        "readingroom_requests", "Requests.", ("method", "route", "status"), registry=own
    )
    seconds = Summary(
        "readingroom_request_seconds", "Until the answer began.", ("route",), registry=own
    )
    registry = own
    if ValueClass is not MutexValue:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    registry.register(_Index(database, clock))

    def metrics() -> Response | tuple[str, int]:
        if not (_is_here() or _is_administrator(database, clock)):
            return "", 404
        return Response(generate_latest(registry), mimetype="text/plain; version=0.0.4")

    def name_route() -> None:
        rule = request.url_rule
        request.environ[ROUTE] = UNKNOWN if rule is None else rule.rule

    def seen(method: str, route: str, status: int, took: float) -> None:
        requests.labels(method, route, str(status)).inc()
        seconds.labels(route).observe(took)

    app.before_request(name_route)
    app.add_url_rule("/metrics", "metrics", metrics)
    return seen


class _Index:
    """Numbers that are read when they are asked for."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def describe(self) -> list[Any]:
        """Nothing is read when the page is put there."""
        return []

    def collect(self) -> Iterator[Any]:
        """The numbers."""
        from prometheus_client.core import GaugeMetricFamily as Gauge

        instances = Gauge("readingroom_instances", "Stored, by the way they came.", labels=["way"])
        stored = Gauge("readingroom_bytes", "Stored, by the way they came.", labels=["way"])
        for total in by_way(self._database):
            instances.add_metric([total.key], total.images)
            stored.add_metric([total.key], total.size)
        yield from (instances, stored)
        jobs = Gauge("readingroom_jobs", "Jobs.", labels=["kind", "state"])
        for (kind, state), number in counts_of_jobs(self._database).items():
            jobs.add_metric([kind, state], number)
        yield jobs
        due = oldest_due(self._database)
        waits = 0.0 if due is None else max(0.0, (self._clock() - due).total_seconds())
        yield Gauge("readingroom_job_wait_seconds", "Of the job that waits longest.", value=waits)
        yield from self._of_reports(Gauge)
        cases = Gauge("readingroom_cases", "Cases.", labels=["state"])
        for state, number in self._cases().items():
            cases.add_metric([state], number)
        yield cases

    def _of_reports(self, gauge: Any) -> Iterator[Any]:  # noqa: ANN401 - a class of the library
        reports = gauge("readingroom_reports", "Reports.", labels=["state"])
        for state, number in zip(
            ("open", "decided"), counts_of_reports(self._database), strict=True
        ):
            reports.add_metric([state], number)
        yield reports
        speed, name = speed_of_reports(self._database), "readingroom_report_hidden_seconds"
        if speed.hidden_ms is not None:
            said = "From a report to its case being hidden, in the middle of the last 200."
            yield gauge(name, said, value=speed.hidden_ms / 1000)
        if speed.decided is not None:
            said = "From a report to the decision, in the middle of the last 200."
            value = speed.decided.total_seconds()
            yield gauge("readingroom_report_decided_seconds", said, value=value)

    def _cases(self) -> dict[str, int]:
        hidden, pending = case.c.hidden_at.is_not(None), case.c.version.is_(None)
        query = select(hidden, pending, func.count()).group_by(hidden, pending)
        counts = {"hidden": 0, "pending": 0, "published": 0}
        with self._database.read() as connection:
            for is_hidden, is_pending, number in connection.execute(query):
                state = "hidden" if is_hidden else "pending" if is_pending else "published"
                counts[state] += number
        return counts


def _is_here() -> bool:
    """Whether the request was made on this machine, and not handed on by a proxy on it."""
    if request.environ.get(HANDED_ON, False):
        return False
    try:
        return ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


def _is_administrator(database: Database, clock: Callable[[], datetime]) -> bool:
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return False
    bearer = bearer_of_token(database, secret.strip(), now=clock())
    found = None if bearer is None else account_by_id(database, bearer.account_id)
    return found is not None and found.admin and found.active
