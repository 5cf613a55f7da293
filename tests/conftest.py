"""What every test has: fixtures for the real DICOM files, and the order of the files."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

from store.db import Database
from tests.support.databases import ready
from tests.support.postgres import postgresql
from tests.support.shortcuts import compile_once, hash_quickly

SETTING = "READINGROOM_TEST_DATA"

# They share what takes a minute to work out (`tests.deid.processed`).
TOGETHER = {
    f"tests/deid/test_{name}.py"
    for name in (
        "consistency",
        "pages",
        "planted_identities",
        "real_files",
        "scores",
        "validity",
    )
}

compile_once()
hash_quickly()


def find_shared_data() -> Path | None:
    """The folder of real DICOM files: named by the setting, else beside the checkout."""
    named = os.environ.get(SETTING)
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    return folder if (folder / "MANIFEST.json").is_file() else None


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real DICOM files; in CI its absence is a failure."""
    folder = find_shared_data()
    if folder is None:
        reason = f"the real DICOM files are not here; name their folder in {SETTING}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A PostgreSQL database with all tables; who fills it empties it afterwards."""
    with postgresql() as url:
        database = Database(url)
        ready(database)
        database.dispose()
        yield url


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run files that take long first: the last ones to end keep no one waiting."""
    marks = {"integration", "browser"}
    slow = {item.path for item in items if marks & {mark.name for mark in item.iter_markers()}}

    def turn(item: pytest.Item) -> int:
        return 0 if _file_of(item.nodeid) in TOGETHER else 1 if item.path in slow else 2

    items.sort(key=turn)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> "ByFile | None":
    """Let one process run the files that are to stay together."""
    return ByFile(config, log) if config.getvalue("dist") == "loadfile" else None


class ByFile(LoadFileScheduling):  # type: ignore[misc]
    """Gives each process files, and all of `TOGETHER` to one."""

    def _split_scope(self, nodeid: str) -> str:
        file = _file_of(nodeid)
        return "together" if file in TOGETHER else file


def _file_of(nodeid: str) -> str:
    return nodeid.partition("::")[0]
