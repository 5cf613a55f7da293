"""The command line: ``python -m bench``, which ``make bench`` runs.

Invariants: a run of everything rewrites docs/benchmarks.md and bench/results.json, any other only
prints; figures on standard output, progress on standard error; failures end with one clear line
and status 1, with all servers stopped and all temporary folders removed.
Not here: what is measured (``bench.work``), and on what (``bench.peers``).
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bench import machine, report
from bench.client import ClientError
from bench.figures import Result, run
from bench.peers import PEERS
from bench.process import ServerError
from bench.work import FULL, QUICK, ROWS, Context, Row
from bench.work.cstore import SENDER
from bench.work.row import WorkError

CHECKOUT = Path(__file__).resolve().parent.parent
PAGE = CHECKOUT / "docs" / "benchmarks.md"
RESULTS = CHECKOUT / "bench" / "results.json"
PACKAGES = CHECKOUT / "bench" / "packages.txt"
FAILURES = (ClientError, ServerError, WorkError, OSError, ValueError, LookupError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the rows that were asked for; return the exit status."""
    options = _parser().parse_args(arguments)
    rows = [row for row in ROWS if not options.only or row.key in options.only]
    if options.list:
        for row in ROWS:
            print(f"{row.key:16} {', '.join(row.columns)}")
        return 0
    columns = set(options.peers) if options.peers else None
    missing = missing_programs(rows, columns)
    if missing:
        return _fail(
            f"missing: {', '.join(missing)}; set up this project, and install the Debian packages "
            + ", ".join(PACKAGES.read_text().split())
        )
    # SIGTERM must unwind the stack as well, so that servers are stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        results, failed = _measure(options, rows, columns)
    except KeyboardInterrupt:
        return _fail("interrupted")
    is_complete = not (options.only or columns or options.quick or failed)
    _publish(options, results, is_complete=is_complete)
    return _fail(f"without a figure: {', '.join(failed)}; nothing was written") if failed else 0


def missing_programs(rows: Sequence[Row], columns: set[str] | None) -> list[str]:
    """Return the files that the rows need and this machine has not."""
    used = {
        column
        for row in rows
        for column in row.columns
        if column in PEERS and (columns is None or column in columns)
    }
    needed = {path for column in used for path in PEERS[column].needs}
    if any(row.key.endswith(("cstore", "cstore-1", "cstore-4")) for row in rows):
        needed.add(SENDER)
    return sorted(path for path in needed if not Path(path).exists())


def _measure(
    options: argparse.Namespace, rows: Sequence[Row], columns: set[str] | None
) -> tuple[list[Result], list[str]]:
    size = QUICK if options.quick else FULL
    if options.memory:
        size = replace(size, memory=options.memory << 20)
    rounds = options.rounds or (2 if options.quick else 5)
    if machine.file_system(options.disk) == "tmpfs":
        _say(f"warning: {options.disk} is in memory; syncing costs nothing there (see --disk)")
    results: list[Result] = []
    failed: list[str] = []
    with Context(options.disk, size, rounds) as context:
        for row in rows:
            try:
                result = run(row, context, columns, _say)
            except FAILURES as error:
                # The rows that follow may still tell something.
                _say(f"  {row.key} failed: {type(error).__name__}: {error}")
                failed.append(row.key)
                continue
            if not result.figures:
                continue
            if not results and not options.json:
                print(report.HEAD, report.RULE, sep="\n")
            results.append(result)
            if not options.json:
                print(report.table([result]).splitlines()[-1], flush=True)
    return results, failed


def _publish(options: argparse.Namespace, results: list[Result], *, is_complete: bool) -> None:
    used = [key for key in PEERS if any(key in result.figures for result in results)]
    facts = {
        "date": datetime.now(UTC).date().isoformat(),
        "rounds": options.rounds or (2 if options.quick else 5),
        "machine": machine.describe(options.disk),
        "versions": machine.versions(used),
    }
    text = json.dumps({**facts, "rows": [one.summary() for one in results]}, indent=1) + "\n"
    if options.json:
        print(text, end="")
    if is_complete:
        RESULTS.write_text(text)
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(report.page(results, **facts))  # type: ignore[arg-type]
        _say(f"wrote {PAGE.relative_to(CHECKOUT)} and {RESULTS.relative_to(CHECKOUT)}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure this server, its peers and the floor on the same work, in turn.",
    )
    parser.add_argument("--rounds", type=int, help="rounds for each row (5; 2 with --quick)")
    parser.add_argument(
        "--only",
        action="append",
        metavar="ROW",
        choices=[row.key for row in ROWS],
        help="measure this row; may be repeated; prints, and writes nothing",
    )
    parser.add_argument(
        "--peers",
        action="append",
        metavar="PEER",
        choices=[*PEERS, "own-frames"],
        help="measure this server; may be repeated; prints, and writes nothing",
    )
    parser.add_argument("--quick", action="store_true", help="little data, two short rounds")
    parser.add_argument(
        "--memory", type=int, metavar="MB", help="instance of the memory rows (512)"
    )
    parser.add_argument(
        "--disk",
        type=Path,
        default=Path("/var/tmp"),
        metavar="FOLDER",
        help="where the servers keep their stores while they are measured (/var/tmp)",
    )
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument("--list", action="store_true", help="list the rows and their peers")
    return parser


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _fail(reason: str) -> int:
    _say(f"bench: {reason}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
