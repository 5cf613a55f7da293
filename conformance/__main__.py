"""The command: `python -m conformance http://HOST/ROOT`.

It exits with 0 when nothing failed that the standard requires, with 1 otherwise, and with 2 when it
was called in a wrong way.
"""

import argparse
import sys
from pathlib import Path

import requests

from conformance import folder
from conformance.cleaning import clean
from conformance.errors import Fault
from conformance.page import html
from conformance.report import Run, as_json, as_text, is_conformant
from conformance.samples import SAMPLES
from conformance.server import Server
from conformance.suite import CHECKS, run
from conformance.suites import SUITES

FORMATS = {"text": as_text, "json": as_json, "html": html}


def main() -> int:
    """Run the suite against a DICOMweb server and print what it found."""
    parser = argparse.ArgumentParser(prog="python -m conformance", description=main.__doc__)
    parser.add_argument("root", nargs="?", help="the DICOMweb root, http://HOST/ROOT")
    parser.add_argument(
        "--header", action="append", default=[], metavar="NAME: VALUE", help="sent each time"
    )
    parser.add_argument(
        "--store", type=Path, metavar="FOLDER", help="store the files of this folder as well"
    )
    parser.add_argument(
        "--only", action="append", default=[], metavar="PATTERN", help="checks with such an id"
    )
    parser.add_argument("--format", choices=sorted(FORMATS), default="text")
    parser.add_argument("--output", type=Path, metavar="FILE", help="instead of standard output")
    parser.add_argument("--keep", action="store_true", help="do not delete what was stored")
    parser.add_argument("--list", action="store_true", help="name the checks and stop")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(f"{c.id}  {c.section}  {c.obligation}: {c.name}" for c in CHECKS))
        return 0
    if not arguments.root:
        parser.error("the root is missing")
    if arguments.store is not None:
        folder.choose(arguments.store)
    server = Server(arguments.root, _headers(parser, arguments.header), SAMPLES)
    try:
        results = run(server, SUITES, arguments.only)
    finally:
        if not arguments.keep:
            clean(server)
    done = Run(server.root, results)
    text = FORMATS[arguments.format](done)
    if arguments.output:
        arguments.output.write_text(text, "utf-8")
    else:
        print(text)
    return int(not is_conformant(results))


def _headers(parser: argparse.ArgumentParser, fields: list[str]) -> dict[str, str]:
    headers = {}
    for field in fields:
        name, colon, value = field.partition(":")
        if not colon:
            parser.error("a header is written NAME: VALUE")
        headers[name.strip()] = value.strip()
    return headers


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Fault, requests.RequestException) as error:
        sys.exit(f"The server cannot be reached: {type(error).__name__}")
