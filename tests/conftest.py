"""What every test has: fixtures for the real DICOM files, and the order of the files."""

import os
from pathlib import Path

import pytest

SETTING = "READINGROOM_TEST_DATA"


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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run files that start servers and browsers first: the last ones to end keep no one waiting."""
    marks = {"integration", "browser"}
    slow = {item.path for item in items if marks & {mark.name for mark in item.iter_markers()}}
    items.sort(key=lambda item: item.path not in slow)
