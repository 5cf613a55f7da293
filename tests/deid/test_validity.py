"""dciodvfy finds no kind of error in the output that it did not find in the input."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import find_shared_data
from tests.deid.planting.corpus import part
from tests.deid.planting.validity import new_kinds
from tests.deid.processed import engine, new_errors

Pair = tuple[str, bytes, bytes]


# Conditions on what a row empties: DICOM Library empties the role and the breed's code as well.
CONDITIONAL = ("<ResponsiblePersonRole>", "<PatientBreedDescription>")


def made(*names: str) -> Iterator[Pair]:
    """Planted files, which hold more than their SOP classes ask for, and what came out."""
    for name in names:
        for planted in part(name, (), find_shared_data()):
            outcome = engine(planted.data)
            if outcome.data is not None:
                yield planted.name, planted.data, outcome.data


@pytest.mark.promise("F69")
def test_no_new_kinds_of_errors_in_real_files() -> None:
    assert not new_errors(), new_errors()


def test_no_new_kinds_of_errors_in_made_files(tmp_path: Path) -> None:
    found = new_kinds(made("classes", "contents", "safe", "pixels"), tmp_path)
    worse = {
        name: kind
        for name, kinds in found.items()
        for kind in kinds
        if not any(attribute in kind for attribute in CONDITIONAL)
    }
    assert not worse
