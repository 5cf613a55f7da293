"""Fixtures for ``deid``: real files, and a key."""

from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from tests.conftest import find_shared_data
from tests.deid.engine import KEY

BUNDLED = (
    *("CT_small.dcm", "MR_small.dcm", "MR_small_bigendian.dcm", "MR_small_implicit.dcm"),
    *("rtplan.dcm", "rtdose.dcm", "image_dfl.dcm", "JPEG2000.dcm", "reportsi.dcm"),
    *("test-SR.dcm", "SC_rgb.dcm", "liver_1frame.dcm"),
)


def bundled() -> list[Path]:
    """A few of the files that come with pydicom, for when the shared ones are not here."""
    found = [get_testdata_file(name, download=False) for name in BUNDLED]
    return [Path(name) for name in found if isinstance(name, str)]


def real_files() -> list[Path]:
    """All files that are not damaged."""
    folder = find_shared_data()
    if folder is None:
        return bundled()
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and path.suffix not in (".md", ".json")
        and path.relative_to(folder).parts[0] != "bad"
    )


@pytest.fixture(scope="session")
def key() -> bytes:
    """The owner's key."""
    return KEY


@pytest.fixture
def ct() -> bytes:
    """A CT image, explicit little endian, with private elements; comes with pydicom."""
    return sample("CT_small.dcm")


def sample(name: str) -> bytes:
    """Read a file that comes with pydicom."""
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str), f"{name} does not come with this pydicom"
    return Path(path).read_bytes()
