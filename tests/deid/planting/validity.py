"""Compares the kinds of errors that ``dciodvfy`` finds before and after.

Not here: what an error means; only that the output has none that the input did not have.
"""

import re
import shutil
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.deid.build import LITTLE, part10
from tests.deid.planting.reading import inflate, is_deflated

TOOL = "dciodvfy"
_WORKERS = 2
_NUMBER = re.compile(r"\b[0-9]+(\.[0-9]+)*$|[0-9]+(\.[0-9]+)+")


def kinds_of_errors(path: Path) -> frozenset[str]:
    """Return the error lines for a file, without values.

    The tool aborts on some files, before and after alike; what it said until then counts.
    """
    tool = shutil.which(TOOL)
    assert tool, f"{TOOL} is not installed (Debian package dicom3tools)"
    done = subprocess.run([tool, str(path)], capture_output=True, timeout=120, check=False)
    lines = (done.stderr + done.stdout).decode("latin-1").splitlines()
    return frozenset(_NUMBER.sub("", line) for line in lines if line.startswith("Error"))


def _plain(data: bytes) -> bytes:
    """Inflate: the tool takes a deflated data set for a plain one."""
    return part10(inflate(data)[1], LITTLE) if is_deflated(data) else data


def new_kinds(pairs: Iterable[tuple[str, bytes, bytes]], folder: Path) -> dict[str, frozenset[str]]:
    """Return, by name, the kinds of errors that only the output has.

    Args:
        pairs: name, input and output.
        folder: a place for files, which are removed one by one.
    """

    def compare(job: tuple[int, tuple[str, bytes, bytes]]) -> tuple[str, frozenset[str]]:
        number, (name, before, after) = job
        one, two = folder / f"{number}-before.dcm", folder / f"{number}-after.dcm"
        try:
            one.write_bytes(_plain(before))
            two.write_bytes(_plain(after))
            return name, kinds_of_errors(two) - kinds_of_errors(one)
        finally:
            one.unlink(missing_ok=True)
            two.unlink(missing_ok=True)

    with ThreadPoolExecutor(_WORKERS) as pool:
        return {name: kinds for name, kinds in pool.map(compare, enumerate(pairs)) if kinds}
