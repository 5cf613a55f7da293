"""The committed conformance statement is what the code says today."""

from pathlib import Path

import pytest

from dicomweb.service import RESOURCES
from server.statement import statement
from store.search_keys import KEYS

FOLDER = Path(__file__).parents[2] / "conformance"


def made() -> str:
    return statement((FOLDER / "statement.template.md").read_text("utf-8"))


@pytest.mark.promise("F106")
def test_the_committed_statement_is_up_to_date() -> None:
    committed = (FOLDER / "statement.md").read_text("utf-8")
    assert committed == made(), "the statement is old: make statement"


def test_every_operation_and_every_search_key_is_in_it() -> None:
    text = made()
    for operations in RESOURCES.values():
        for method, operation in operations.items():
            assert f"`{method} /" in text
            assert f"| {operation.name} |" in text
    for tag in KEYS:
        assert f"({tag >> 16:04X},{tag & 0xFFFF:04X})" in text


def test_a_template_that_asks_for_what_is_not_there_is_refused() -> None:
    with pytest.raises(KeyError, match="no_such_table"):
        statement("{no_such_table}")
