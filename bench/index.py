"""Measures searching in large archives: ``python -m bench.index``, or ``make bench-index``.

Four things are measured of each query, each request for itself, in milliseconds:

    cold       something was stored just before, so that nothing kept is of use: the first page
    turned     the same, then page 999 was read (not measured), and page 1,000 is
    direct     something was stored just before, then page 1,000 is read at once
    again      nothing was stored since the same page was read

Invariants: every request is one that OHIF's study list sends; the rows are made up.
Not here: the rows (``bench.index_rows``); the same queries on a small archive beside other servers
(``bench.work``).
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import create_engine, select

from accounts.schema import account
from bench import machine
from bench.client import HOST, ClientError, Connection
from bench.index_rows import fill
from bench.peers.readingroom import OWNER, Readingroom
from bench.process import Server, free_port
from dicomweb.answers import Asked
from dicomweb.qido import Place, answer_search
from store.access import OwnerScope
from store.changes import bump
from store.db import Database

SIZES = (1_000, 100_000, 1_000_000)
PAGE = 101
TARGET_RATIO, TARGET_MS = 1.5, 20.0
LAST = 999 * PAGE
FIELDS = "00081030%2C00080060%2C00080090%2C00100030"
LIST = f"limit={PAGE}&fuzzymatching=false&includefield={FIELDS}"
#: What is asked for beside the list itself; the second word says how many studies match.
QUERIES = {
    "all": "",
    "PatientName, frequent": "PatientName=*Anon*",
    "PatientName, rare": "PatientName=*Quixot*",
    "PatientID, frequent": "00100020=*P00*",
    "PatientID, one": "00100020=*P0000500*",
    "AccessionNumber, one": "AccessionNumber=*A0000500*",
    "StudyDescription, frequent": "StudyDescription=*THORAX*",
    "StudyDescription, rare": "StudyDescription=*ZEBRA*",
    "ModalitiesInStudy, frequent": "ModalitiesInStudy=CT",
    "ModalitiesInStudy, rare": "ModalitiesInStudy=OPT",
    "StudyDate, a week": "StudyDate=20200301-20200307",
    "StudyDate, five years": "StudyDate=20180101-20221231",
    "CT with THORAX in a year": (
        "ModalitiesInStudy=CT&StudyDescription=*THORAX*&StudyDate=20200101-20201231"
    ),
}


@dataclass
class Figures:
    """What one page of one query took: the 95th of a hundred, in milliseconds.

    Attributes:
        judged: cold for the first page, turned for page 1,000.
        again: kept.
        direct: page 1,000 alone.
        http: as `judged`, asked of the server.
        http_again: as `again`, asked of the server.
    """

    judged: float
    again: float
    direct: float | None
    http: float
    http_again: float


Table = dict[tuple[str, int], dict[int, Figures]]


def main() -> int:
    """Measure and print; tell by the exit status whether the targets are met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--requests", type=int, default=40, help="for each figure (40)")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="STUDIES")
    parser.add_argument("--databases", nargs="+", default=("sqlite", "postgresql"))
    parser.add_argument("--disk", type=Path, default=Path("/var/tmp"), metavar="FOLDER")
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="keep the databases here, for another run"
    )
    options = parser.parse_args()
    print(f"{machine.describe(options.keep or options.disk)}\n")
    print("Rows only: 30 instances are counted for each series, none of them is in the index.")
    missed = 0
    for kind in options.databases:
        with place(kind, options.keep, options.disk) as folder:
            served = postgresql(folder) if kind == "postgresql" else nullcontext("")
            with served as url:
                table: Table = {}
                for size in sorted(options.sizes):
                    measure(folder, url, size, options.requests, table)
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


def measure(folder: Path, url: str, size: int, requests: int, table: Table) -> None:
    """Fill an index, unless it is kept from another time, and measure."""
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
    os.environ["READINGROOM_DATABASE_URL"] = own
    server, database = Readingroom(), Database(own)
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
        for query, parameters in QUERIES.items():
            for offset in (0, LAST):
                asking = Asking(server, database, owner, f"{LIST}&{parameters}".rstrip("&"))
                figures = asking.measure(offset, requests)
                table.setdefault((query, offset), {})[size] = figures
                say(f"{size:,} {query} from {offset:,}: {figures}")
    finally:
        server.stop()
        database.dispose()
        del os.environ["READINGROOM_DATABASE_URL"]


class Asking:
    """Sends one query, to `answer_search` itself and to the server."""

    def __init__(self, server: Readingroom, database: Database, owner: int, query: str) -> None:
        self._server, self._database, self._owner, self._query = server, database, owner, query
        self._connection = Connection(server.http_port)

    def measure(self, offset: int, requests: int) -> Figures:
        """Measure one page."""
        before = [offset - PAGE] if offset else []
        try:
            return Figures(
                self._p95(self._direct, offset, before, requests),
                self._p95(self._direct, offset, None, requests),
                self._p95(self._direct, offset, [], requests) if offset else None,
                self._p95(self._served, offset, before, requests),
                self._p95(self._served, offset, None, requests),
            )
        finally:
            self._connection.close()

    def _p95(
        self, ask: Callable[[int], None], offset: int, before: list[int] | None, requests: int
    ) -> float:
        """Measure a page after others were read, these after a change; None for no change."""
        taken = []
        for turn in range(requests + 3):
            if before is not None:
                with self._database.write() as connection:
                    bump(connection, self._owner)
                for earlier in before:
                    ask(earlier)
            began = time.perf_counter()
            ask(offset)
            # The first ones warm up.
            if turn >= 3:
                taken.append((time.perf_counter() - began) * 1000)
        return sorted(taken)[int(len(taken) * 0.95)]

    def _direct(self, offset: int) -> None:
        pairs = [pair.split("=", 1) for pair in self._query.replace("%2C", ",").split("&")]
        query = (*((name, value) for name, value in pairs), ("offset", str(offset)))
        asked = Asked("http://x/dicomweb", query=query)
        answer_search(self._database, OwnerScope(self._owner), Place("study"), asked)

    def _served(self, offset: int) -> None:
        path = f"/dicomweb/studies?{self._query}&offset={offset}"
        try:
            self._connection.get(path, self._server.headers)
        except ClientError as error:
            # A page behind the end is a 204, which this client takes for a failure.
            if not str(error).startswith("status 204 "):
                raise


def report(kind: str, table: Table) -> int:
    """Print one table; return how many rows miss a target."""
    sizes = sorted(next(iter(table.values())))
    least, most = sizes[0], sizes[-1]
    heads = "".join(f" {size:,} |" for size in sizes)
    print(f"\n### {kind}\n")
    print(f"| query | page |{heads} ratio | direct | again | HTTP | HTTP, again | target |")
    print("|---|--:|" + "--:|" * (len(sizes) + 5) + "---|")
    missed = 0
    for (query, offset), row in table.items():
        last, first = row[most], table[query, 0][least].judged
        cells = "".join(f" {row[size].judged:.1f} |" for size in sizes)
        # A page of a hundred cannot cost what an almost empty one does: it may cost what a full
        # one of a thousand studies costs.
        base = max(first, table["all", 0][least].judged)
        met = last.judged <= TARGET_MS and last.judged <= TARGET_RATIO * base
        missed += not met
        direct = "" if last.direct is None else f"{last.direct:.1f}"
        print(
            f"| {query} | {offset // PAGE + 1:,} |{cells} {last.judged / first:.2f} | {direct} "
            f"| {last.again:.2f} | {last.http:.1f} | {last.http_again:.2f} "
            f"| {'met' if met else 'missed'} |",
            flush=True,
        )
    return missed


def say(line: str) -> None:
    """Tell how far it is."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
