"""The command: `python -m conformance URL [--header "Name: value"] [--json]`.

It exits with 0 when every check passed.
"""

import argparse
import json
import sys

import requests

from conformance import retrieve, search, store
from conformance.suite import Result, Server, run

# The first one stores what the others read.
SUITES = (store, search, retrieve)


def main() -> int:
    """Run the suite and print what it found."""
    parser = argparse.ArgumentParser(prog="python -m conformance", description=main.__doc__)
    parser.add_argument("root", help="the DICOMweb root, http://HOST/ROOT")
    parser.add_argument("--header", action="append", default=[], metavar="NAME: VALUE")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    session = requests.Session()
    session.headers.update(
        {
            name.strip(): value.strip()
            for name, _, value in (h.partition(":") for h in arguments.header)
        }
    )
    results = run(Server(arguments.root.rstrip("/"), session), [each.__name__ for each in SUITES])
    print(_as_json(results) if arguments.json else _as_text(results))
    return int(any(result.fault for result in results))


def _as_text(results: list[Result]) -> str:
    lines = [
        f"{'FAIL' if r.fault else 'pass'}  {r.check.section:12} {r.check.name}"
        + (f": {r.fault}" if r.fault else "")
        for r in results
    ]
    passed = sum(not result.fault for result in results)
    return "\n".join([*lines, f"{passed} of {len(results)} checks passed"])


def _as_json(results: list[Result]) -> str:
    rows = [
        {"section": r.check.section, "check": r.check.name, "fault": r.fault or None}
        for r in results
    ]
    return json.dumps(rows, indent=1)


if __name__ == "__main__":
    sys.exit(main())
