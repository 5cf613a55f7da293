"""Measures searching in large archives: ``python -m bench.index``, or ``make bench-index``.

Four things are measured of each query, each request for itself, in milliseconds:

    cold       something was stored just before, so that nothing kept is of use: the first page
    turned     the same, then page 999 was read, and page 1,000 is measured
    direct     that page 999, which was asked for at once
    again      nothing was stored since the same page was read

Invariants: every request is one that OHIF's study list sends; the rows are made up.
Not here: the rows (``bench.index_rows``), the queries (``bench.index_queries``), the tables
(``bench.index_report``); the same queries on a small archive beside other servers (``bench.work``).
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from itertools import product
from pathlib import Path

from sqlalchemy import create_engine, select

from accounts.schema import account
from bench import machine
from bench.client import HOST, ClientError, Connection
from bench.index_queries import LAST, PAGE, QUERIES, query_of
from bench.index_report import HEAD, TITLES, Figures, Table, report
from bench.index_rows import fill
from bench.peers.readingroom import OWNER, Readingroom
from bench.process import Server, free_port
from dicomweb.answers import Answer, Asked
from dicomweb.qido import Place, answer_search
from store.access import OwnerScope
from store.changes import bump
from store.db import Database

SIZES = (1_000, 100_000, 1_000_000)
WARM_UP = 2
#: No figure takes longer than it takes to ask for so long, and for so many.
MOST_SECONDS, LEAST_REQUESTS = 2.0, 40


def main() -> int:
    """Measure and print; tell by the exit status whether the targets are met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--requests", type=int, default=200, help="for each figure (200)")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="STUDIES")
    parser.add_argument("--databases", nargs="+", choices=TITLES, default=list(TITLES))
    parser.add_argument("--disk", type=Path, default=Path("/var/tmp"), metavar="FOLDER")
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="keep the databases here, for another run"
    )
    options = parser.parse_args()
    facts = machine.describe(options.keep or options.disk).items()
    print(HEAD.format(machine="\n".join(f"- {name}: {value}" for name, value in facts)))
    missed = 0
    for kind in options.databases:
        with place(kind, options.keep, options.disk) as folder:
            served = postgresql(folder) if kind == "postgresql" else nullcontext("")
            with served as url:
                table = measure(folder, url, sorted(options.sizes), options.requests)
        missed += report(kind, table)
    return 1 if missed else 0


@contextmanager
def place(kind: str, keep: Path | None, disk: Path) -> Iterator[Path]:
    """The folder of all databases of a kind."""
    if keep is not None:
        folder = keep.resolve() / kind
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
        return
    folder = Path(tempfile.mkdtemp(prefix="bench-index-", dir=disk))
    # PostgreSQL's own user has to get through it.
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """A PostgreSQL server with Debian's settings; yields its URL, without a database."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        raise SystemExit("bench: PostgreSQL is missing: install Debian's postgresql")
    prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    home = folder / "server"
    cluster = home / "cluster"
    if not home.exists():
        home.mkdir()
        if prefix:
            shutil.chown(home, "postgres")
        made = [*prefix, str(programs[-1] / "initdb"), "--auth=trust", "--username=bench"]
        subprocess.run([*made, str(cluster)], check=True, capture_output=True, cwd="/")
    port = free_port()
    command = [str(programs[-1] / "postgres"), "-D", str(cluster), f"-k{home}", f"-p{port}"]
    server = Server([*prefix, *command, f"-h{HOST}"], folder / "postgresql.log", folder=Path("/"))
    ready = [str(programs[-1] / "pg_isready"), "-q", "-h", HOST, "-p", str(port)]
    try:
        server.wait_until(lambda: subprocess.run(ready, check=False).returncode == 0)
        yield f"postgresql+psycopg://bench@{HOST}:{port}/"
    finally:
        server.stop()


def measure(folder: Path, url: str, sizes: list[int], requests: int) -> Table:
    """Measure each page at all sizes in turn, so that what is compared was measured together."""
    table: Table = {}
    with ExitStack() as stack:
        opened = {size: stack.enter_context(index_of(folder, url, size)) for size in sizes}
        for query, offset in product(QUERIES, (0, LAST)):
            for size, (server, database, owner, writer) in opened.items():
                asking = Asking(server, database, owner, query_of(query, size), writer)
                figures = asking.measure(offset, requests)
                if figures is not None:
                    table.setdefault((query, offset), {})[size] = figures
                    say(f"{size:,} {query} from {offset:,}: {figures}")
    return table


@contextmanager
def index_of(
    folder: Path, url: str, size: int
) -> Iterator[tuple[Readingroom, Database, int, Database]]:
    """An index of so many studies, filled unless it is kept from another time, and its server."""
    home, name = folder / f"{size}", f"studies_{size}"
    filled = home / "filled"
    if not filled.exists():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        if url:
            engine = create_engine(f"{url}postgres", isolation_level="AUTOCOMMIT")
            with engine.connect() as connection:
                connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name}")
                connection.exec_driver_sql(f"CREATE DATABASE {name}")
            engine.dispose()
    own = f"{url}{name}" if url else f"sqlite:///{home / 'data' / 'readingroom.sqlite'}"
    server, database, writer = Readingroom(), Database(own), Database(own)
    os.environ["READINGROOM_DATABASE_URL"] = own
    try:
        server.start(home)
        with database.read() as connection:
            found = select(account.c.id).where(account.c.email == OWNER)
            owner = connection.execute(found).scalar_one()
        if not filled.exists():
            server.stop()
            began = time.monotonic()
            fill(database, owner, size)
            filled.touch()
            say(f"{size:,} studies made in {time.monotonic() - began:.0f} s")
            server.start(home)
        yield server, database, owner, writer
    finally:
        os.environ.pop("READINGROOM_DATABASE_URL", None)
        server.stop()
        database.dispose()
        writer.dispose()


class Asking:
    """Sends one query, to `answer_search` itself and to the server.

    Args:
        server, database, owner, query: what is asked of whom, and about whose studies.
        writer: the database again, by connections of its own: what was read before is of no more
            use to those that read than when another process wrote.
    """

    def __init__(
        self,
        server: Readingroom,
        database: Database,
        owner: int,
        query: str,
        writer: Database | None = None,
    ) -> None:
        self._server, self._database, self._owner, self._query = server, database, owner, query
        self._writer = writer or database
        self._connection = Connection(server.http_port)

    def measure(self, offset: int, requests: int) -> Figures | None:
        """Measure one page; return nothing of one behind the first if it is empty."""
        if not (results := self._results(offset)) and offset:
            return None
        # As a worker of the server does: what is there now is not looked at by the collector.
        gc.collect()
        gc.freeze()
        try:
            judged, direct = self._cold(self._direct, offset, requests)
            again = self._again(self._direct, offset, requests)
            http, _ = self._cold(self._served, offset, requests)
            http_again = self._again(self._served, offset, requests)
            return Figures(judged, again, direct if offset else None, http, http_again, results)
        finally:
            self._connection.close()

    def _cold(self, ask: Callable[[int], None], offset: int, requests: int) -> tuple[float, float]:
        """A page after a change; if it is not the first, after the page before it. And that one."""
        pages, before = [], []
        for _ in _times(requests):
            with self._writer.write() as connection:
                bump(connection, self._owner)
            if offset:
                before.append(taken(ask, offset - PAGE))
            pages.append(taken(ask, offset))
        return p95(pages[WARM_UP:]), p95(before[WARM_UP:] or [0.0])

    def _again(self, ask: Callable[[int], None], offset: int, requests: int) -> float:
        return p95([taken(ask, offset) for _ in _times(requests)][WARM_UP:])

    def _results(self, offset: int) -> int:
        body = b"".join(self._answered(offset).body)
        return len(json.loads(body)) if body else 0

    def _direct(self, offset: int) -> None:
        self._answered(offset)

    def _answered(self, offset: int) -> Answer:
        pairs = [pair.split("=", 1) for pair in self._query.replace("%2C", ",").split("&")]
        query = (*((name, value) for name, value in pairs), ("offset", str(offset)))
        asked = Asked("http://x/dicomweb", query=query)
        return answer_search(self._database, OwnerScope(self._owner), Place("study"), asked)

    def _served(self, offset: int) -> None:
        path = f"/dicomweb/studies?{self._query}&offset={offset}"
        try:
            self._connection.get(path, self._server.headers)
        except ClientError as error:
            # Of few studies none may match: a 204, which this client takes for a failure.
            if not str(error).startswith("status 204 "):
                raise


def _times(requests: int) -> Iterator[int]:
    """So many times and those to warm up, or fewer of what takes long."""
    end = time.monotonic() + MOST_SECONDS
    for number in range(WARM_UP + requests):
        if number >= WARM_UP + LEAST_REQUESTS and time.monotonic() > end:
            return
        yield number


def taken(ask: Callable[[int], None], offset: int) -> float:
    """Milliseconds that a page takes."""
    began = time.perf_counter()
    ask(offset)
    return (time.perf_counter() - began) * 1000


def p95(times: list[float]) -> float:
    """The time that one of twenty exceeds."""
    return sorted(times)[int((len(times) - 1) * 0.95)]


def say(line: str) -> None:
    """Tell how far it is."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
