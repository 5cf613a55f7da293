"""The vectors for other implementations are what this one does."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.deid.engine import run
from tests.deid.make_vectors import (
    FOLDER,
    INDEX,
    Vector,
    comparable,
    describe,
    primitives,
    process,
    vectors,
)

VECTORS = vectors()
ENTRIES: dict[str, Any] = json.loads(INDEX.read_text("utf-8"))
EACH = pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v.name)
AGAIN = "run python -m tests.deid.make_vectors if this change was meant"


@EACH
def test_a_vector_is_what_the_engine_does(vector: Vector) -> None:
    entry = next(e for e in ENTRIES["vectors"] if e["name"] == vector.name)
    assert (FOLDER / entry["input"]).read_bytes() == vector.data, AGAIN
    result = process(vector)
    assert describe(vector, result) == entry, AGAIN
    if result.data is not None:
        assert (FOLDER / entry["expected"]).read_bytes() == comparable(result.data), AGAIN


def test_the_folder_holds_the_vectors_and_nothing_else() -> None:
    assert [entry["name"] for entry in ENTRIES["vectors"]] == [v.name for v in VECTORS]
    named = {
        entry[key] for entry in ENTRIES["vectors"] for key in ("input", "expected") if key in entry
    }
    assert {path.name for path in FOLDER.iterdir()} == named | {INDEX.name, "README.md"}
    assert all((FOLDER / name).stat().st_size < 4096 for name in named)


def test_the_keyed_functions_are_what_is_told() -> None:
    assert {key: ENTRIES[key] for key in ("uids", "shifts")} == primitives()


@EACH
def test_an_expected_file_holds_no_name_and_comes_out_as_it_is(vector: Vector) -> None:
    result = process(vector)
    if result.data is None:
        assert result.error
        return
    for name in (b"Quxley", b"QUXLEY", b"Zebulon", b"Wobble", b"Zorblatt", b"QX-77", b";3ED"):
        assert name not in comparable(result.data)
    same = replace(vector, data=result.data, transfer_syntax=None)
    assert process(same).data == result.data


@EACH
def test_cutting_the_input_makes_no_difference(vector: Vector) -> None:
    result = process(vector)
    if result.data is None or vector.cleaned_pixels:
        return
    syntax = vector.transfer_syntax
    cut = run(vector.data, key=vector.key, chunk=3, transfer_syntax=syntax)
    assert comparable(cut.data) == comparable(result.data)


def test_what_is_shown_covers_the_syntaxes_and_the_errors() -> None:
    errors = {entry["error"] for entry in ENTRIES["vectors"] if "error" in entry}
    assert errors >= {
        *("Malformed", "MissingIdentifier", "NotDicom", "SopClassUnsupported"),
        *("TransferSyntaxUnsupported", "Truncated"),
    }
    assert any(entry.get("inflated") for entry in ENTRIES["vectors"])
    assert any(entry.get("review") for entry in ENTRIES["vectors"])
