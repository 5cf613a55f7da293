"""Real files and what the engine makes of them, worked out once for all tests of a run."""

from copy import copy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from deid import DeidError
from tests.conftest import find_shared_data
from tests.deid.conftest import real_files
from tests.deid.engine import Output, run
from tests.deid.planting.columns import Column, merge
from tests.deid.planting.corpus import PARTS, part
from tests.deid.planting.reading import Reading
from tests.deid.planting.scores import Outcome, Tally
from tests.deid.planting.validity import new_kinds

FILES = real_files()
# What is no Part 10 file of an instance: refused, and known by the error.
NO_INSTANCE = ("MissingIdentifier", "NotDicom")
# an image without pixel data
REFUSED = ("chrJapMulti.dcm",)


@dataclass(frozen=True)
class Processed:
    """One real file; ``output`` is None when it was refused, with the error's name."""

    path: Path
    data: bytes
    output: Output | None
    error: str = ""

    @property
    def name(self) -> str:
        """The end of its path, which says what it is."""
        return "/".join(self.path.parts[-3:])


@cache
def processed(path: Path) -> Processed:
    """Run one file through the engine."""
    data = path.read_bytes()
    try:
        return Processed(path, data, run(data))
    except DeidError as error:
        return Processed(path, data, None, type(error).__name__)


def stored() -> list[tuple[Processed, Output]]:
    """Return the files that were not refused, and what came out."""
    found = (processed(path) for path in FILES)
    return [(one, one.output) for one in found if one.output is not None]


def engine(data: bytes) -> Outcome:
    """Run made bytes through the engine, for scoring."""
    try:
        output = run(data)
    except DeidError as error:
        return Outcome(None, f"{type(error).__name__}: {error}")
    return Outcome(output.data, held=bool(output.result.review))


@cache
def tally(name: str) -> Tally:
    """Score the engine on one part of the corpus."""
    counted = Tally()
    for planted in part(name, FILES, find_shared_data()):
        counted.add(planted, engine(planted.data))
    return counted


@cache
def real_column() -> Column:
    """Score the engine on the real files that nothing was planted in."""
    column = Column()
    for path in FILES:
        one = processed(path)
        after = Reading(one.output.data) if one.output is not None else None
        column.add_real(Reading(one.data), after)
    return column


@cache
def new_errors() -> dict[str, frozenset[str]]:
    """Return the kinds of errors that ``dciodvfy`` finds in the output alone, by real file."""
    pairs = ((one.name, one.data, output.data) for one, output in stored())
    with TemporaryDirectory() as folder:
        return new_kinds(pairs, Path(folder))


def own_column() -> Column:
    """Return all scores of the engine."""
    column = copy(real_column())
    column.tally = merge(tally(name) for name in PARTS)
    column.invalid = len(new_errors())
    return column
