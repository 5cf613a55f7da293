"""The meanings of codes are those of the standard, found in the table as it lies."""

import pytest

from deid.generate_meanings import table
from deid.meanings import _TABLE, meanings_of


def test_the_table_is_what_the_tables_of_the_standard_make() -> None:
    assert table() == _TABLE


def test_every_code_of_the_table_is_found() -> None:
    lines = _TABLE.splitlines()
    assert len(lines) > 20_000
    # The first, the last, and neighbours that begin alike.
    for line in (lines[0], lines[-1], *lines[:3000:7], *lines[-3000::7]):
        scheme, value, *meanings = line.split(b"\t")
        assert meanings_of(scheme, value) == tuple(meanings), line


@pytest.mark.parametrize(
    ("scheme", "value"),
    [
        (b"", b""),
        (b"SCT", b""),
        (b"SCT", b"5118500"),
        (b"SCT", b"51185008 "),
        (b"SCT", b"51185008\tThoracic structure (body structure)"),
        (b"SCT\t51185008", b"Thoracic structure (body structure)"),
        (b"SCT", b"51185008\n"),
        (b"ZZZ", b"1"),
        (b"\xff", b"\xff"),
    ],
)
def test_nothing_else_is(scheme: bytes, value: bytes) -> None:
    assert meanings_of(scheme, value) == ()
