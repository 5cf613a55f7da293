"""Fixtures that every test may use: where the real DICOM files lie."""

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
