"""Measures searching in large archives: ``python -m bench.index``, or ``make bench-index``.

Invariants: the index holds made-up rows only, each run the same; each database is filled further
from one size to the next, by plain inserts, with everything that the product keeps beside the rows.
No two requests are the same, so that none is answered from what was kept, except in the column that
says so. There are 30 instances counted for a series, but no rows of instances: the queries that are
measured do not look at them.
Not here: the same queries on a small archive beside other servers (``bench.work``).
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from accounts.schema import account
from bench import machine
from bench.client import HOST, ClientError, Connection
from bench.peers.readingroom import OWNER, Readingroom
from bench.process import Server, free_port
from dicomweb.answers import Asked
from dicomweb.qido import Place, answer_search
from store.access import OwnerScope
from store.changes import bump
from store.db import Database
from store.schema import series, study

SIZES = (1_000, 100_000, 1_000_000)
PAGE = 101
TARGET_RATIO, TARGET_MS = 1.5, 20.0
BATCH = 10_000
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
PARTS = ("THORAX", "ABDOMEN", "HEAD", "KNEE", "SPINE", "HIP", "HAND", "NECK", "PELVIS", "HEART")
KINDS = ("ROUTINE", "WITH CONTRAST", "WITHOUT CONTRAST", "FOLLOW UP", "TRAUMA", "SCREENING")
MODALITIES = (
    ("CT",) * 25
    + ("MR",) * 22
    + ("CR",) * 20
    + ("US",) * 15
    + ("DX",) * 8
    + (("MG",) * 5 + ("PT",) * 3 + ("NM",) + ("XA",))
)


@dataclass
class Figure:
    """What one query took, in milliseconds.

    Attributes:
        p50, p95: of `answer_search` itself.
        http: p95 of a request to the server.
        kept: p50 of a request to the server that is made again.
    """

    p50: float
    p95: float
    http: float
    kept: float


def main() -> int:
    """Measure and print; tell by the exit status whether the targets are met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--requests", type=int, default=40, help="for each figure (40)")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="STUDIES")
    parser.add_argument("--databases", nargs="+", default=("sqlite", "postgresql"))
    parser.add_argument("--disk", type=Path, default=Path("/var/tmp"), metavar="FOLDER")
    options = parser.parse_args()
    print(f"{machine.describe(options.disk)}\n")
    print("Rows only: 30 instances are counted for each series, none of them is in the index.")
    missed = 0
    for kind in options.databases:
        with tempfile.TemporaryDirectory(prefix="bench-index-", dir=options.disk) as folder:
            place = postgresql(Path(folder)) if kind == "postgresql" else nothing()
            with place as url:
                figures = measure(Path(folder), url, sorted(options.sizes), options.requests)
        missed += report(kind, figures)
    return 1 if missed else 0


@contextmanager
def nothing() -> Iterator[str]:
    """No database server: the product's own default."""
    yield ""


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """A PostgreSQL server with Debian's settings; yields its URL."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        raise SystemExit("bench: PostgreSQL is missing: install Debian's postgresql")
    prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    place = Path(tempfile.mkdtemp(prefix="bench-index-pg-", dir=folder.parent))
    if prefix:
        shutil.chown(place, "postgres")
    port, cluster = free_port(), place / "cluster"
    made = [*prefix, str(programs[-1] / "initdb"), "--auth=trust", "--username=bench", str(cluster)]
    subprocess.run(made, check=True, capture_output=True, cwd="/")
    command = [str(programs[-1] / "postgres"), "-D", str(cluster), f"-k{place}", f"-p{port}"]
    server = Server([*prefix, *command, f"-h{HOST}"], folder / "postgresql.log", folder=Path("/"))
    ready = [str(programs[-1] / "pg_isready"), "-q", "-h", HOST, "-p", str(port)]
    try:
        server.wait_until(lambda: subprocess.run(ready, check=False).returncode == 0)
        yield f"postgresql+psycopg://bench@{HOST}:{port}/postgres"
    finally:
        server.stop()
        shutil.rmtree(place, ignore_errors=True)


def measure(
    folder: Path, url: str, sizes: list[int], requests: int
) -> dict[tuple[str, int, int], Figure]:
    """Fill and measure; the figures by query, offset and size."""
    os.environ["READINGROOM_DATABASE_URL"] = url
    server = Readingroom()
    server.start(folder)
    database = Database(url or f"sqlite:///{folder / 'data' / 'readingroom.sqlite'}")
    figures = {}
    try:
        with database.read() as connection:
            owner = connection.execute(
                select(account.c.id).where(account.c.email == OWNER)
            ).scalar_one()
        filled = 0
        for size in sizes:
            began = time.monotonic()
            fill(database, owner, filled, size)
            filled = size
            settle(database)
            say(f"{size:,} studies after {time.monotonic() - began:.0f} s")
            for name, query in QUERIES.items():
                for offset in (0, 999 * PAGE):
                    one = of_query(
                        server, database, owner, f"{LIST}&offset={offset}&{query}", requests
                    )
                    figures[name, offset, size] = one
                    say(f"  {name} at {offset}: {one.p95:.1f} ms, {one.http:.1f} over HTTP")
    finally:
        database.dispose()
        server.stop()
        del os.environ["READINGROOM_DATABASE_URL"]
    return figures


def of_query(
    server: Readingroom, database: Database, owner: int, query: str, requests: int
) -> Figure:
    """Measure one query."""
    pairs = [tuple(pair.split("=", 1)) for pair in query.replace("%2C", ",").split("&") if pair]
    numbers = count()

    def search() -> None:
        asked = Asked("http://x/dicomweb", query=(*pairs, ("number", str(next(numbers)))))  # type: ignore[arg-type]
        answer_search(database, OwnerScope(owner), Place("study"), asked)

    direct = times(search, requests)
    connection = Connection(server.http_port)

    def request(path: str) -> None:
        # A page behind the end is a 204, which this client takes for a failure.
        try:
            connection.get(path, server.headers)
        except ClientError as error:
            if not str(error).startswith("status 204 "):
                raise

    path = f"/dicomweb/studies?{query}"
    served = times(lambda: request(f"{path}&number={next(numbers)}"), requests)
    kept = times(lambda: request(path), requests)
    connection.close()
    return Figure(statistics.median(direct), p95(direct), p95(served), statistics.median(kept))


def times(work: Callable[[], None], requests: int) -> list[float]:
    """Milliseconds of each turn, after a few that warm up."""
    taken = []
    for turn in range(requests + 3):
        began = time.perf_counter()
        work()
        if turn >= 3:
            taken.append((time.perf_counter() - began) * 1000)
    return taken


def p95(taken: list[float]) -> float:
    """The time that one of twenty exceeds."""
    return sorted(taken)[int(len(taken) * 0.95)]


def fill(database: Database, owner: int, begin: int, end: int) -> None:
    """Add made-up studies with their series."""
    now = datetime.now(UTC)
    for at in range(begin, end, BATCH):
        studies: list[dict[str, Any]] = []
        children: list[dict[str, Any]] = []
        for number in range(at + 1, min(at + BATCH, end) + 1):
            studies.append(made_study(number, owner, now))
            children += made_series(number, owner, now)
        with database.write() as connection:
            connection.execute(insert(study), studies)
            connection.execute(insert(series), children)
            bump(connection, owner)


def made_study(number: int, owner: int, now: datetime) -> dict[str, Any]:
    """One study; what is in it depends on its number alone."""
    dice = random.Random(number)
    rare = number % 10_000 == 5
    return {
        "id": number,
        "owner_id": owner,
        "study_instance_uid": f"2.25.{dice.getrandbits(127)}",
        "study_date": f"{dice.randint(2015, 2024)}{dice.randint(1, 12):02}{dice.randint(1, 28):02}",
        "study_time": f"{dice.randint(7, 19):02}{dice.randint(0, 59):02}00",
        "accession_number": f"A{number:07}",
        "referring_physician_name": "",
        "patient_name": "Quixote^Don" if rare else "Anonymized^^",
        "patient_id": f"P{number:07}",
        "patient_sex": dice.choice("MFO"),
        "study_id": str(dice.randint(1, 9999)),
        "study_description": f"{'ZEBRA' if rare else dice.choice(PARTS)} {dice.choice(KINDS)}",
        "created_at": now,
    }


def made_series(number: int, owner: int, now: datetime) -> Iterator[dict[str, Any]]:
    """The series of a study: 1.6 on average."""
    dice = random.Random(-number)
    modality = "OPT" if number % 50_000 == 7 else dice.choice(MODALITIES)
    for place in range(dice.choice((1,) * 12 + (2,) * 5 + (3,) * 2 + (4,))):
        yield {
            "study_id": number,
            "owner_id": owner,
            "series_instance_uid": f"2.25.{dice.getrandbits(127)}",
            "modality": modality if place == 0 else dice.choice((modality, "SR")),
            "series_number": place + 1,
            "number_of_series_related_instances": 30,
            "came_by": "STOW-RS",
            "created_at": now,
            "updated_at": now,
        }


def settle(database: Database) -> None:
    """Do what PostgreSQL does by itself after a while."""
    if database.engine.dialect.name == "postgresql":
        with database.engine.connect().execution_options(
            isolation_level="AUTOCOMMIT"
        ) as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")


def report(kind: str, figures: dict[tuple[str, int, int], Figure]) -> int:
    """Print one table; return how many rows miss a target."""
    sizes = sorted({size for _, _, size in figures})
    least, most = sizes[0], sizes[-1]
    heads = "".join(f" {size:,} |" for size in sizes)
    print(f"\n### {kind}\n")
    print(f"| query | page |{heads} ratio | over HTTP | again | target |")
    print("|---|---|" + "---|" * (len(sizes) + 4))
    missed = 0
    for name, offset, size in figures:
        if size != most:
            continue
        cells = "".join(f" {figures[name, offset, each].p95:.1f} |" for each in sizes)
        last = figures[name, offset, most]
        ratio = last.p95 / figures[name, 0, least].p95
        # A page of a hundred cannot cost what an empty one does: it is compared with a full one.
        full = figures["all", 0, least].p95
        met = last.p95 <= TARGET_MS and last.p95 <= TARGET_RATIO * max(full, last.p95 / ratio)
        missed += not met
        print(
            f"| {name} | {offset // PAGE + 1:,} |{cells} {ratio:.2f} | {last.http:.1f} "
            f"| {last.kept:.2f} | {'met' if met else 'missed'} |"
        )
    return missed


def say(line: str) -> None:
    """Tell how far it is."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
