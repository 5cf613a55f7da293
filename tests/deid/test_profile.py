"""The profile covers both tables and regenerates identically."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from deid import generate_profile
from deid.dictionary import vr_of
from deid.profile import default_profile, profile_of
from deid.rules import ENCAPSULATED_DOCUMENT, Action, Rules, is_deleted
from tests.deid.build import instance
from tests.deid.engine import run

HERE = Path(generate_profile.__file__).parent


@pytest.fixture(scope="session")
def reference(shared_data: Path) -> Path:
    folder = shared_data.parent / "reference"
    if not folder.is_dir():
        pytest.skip("the folder of the two tables is not beside the data")
    return folder


def table(reference: Path, name: str) -> list[dict[str, str]]:
    document = json.loads((reference / name).read_text("utf-8"))
    rows: list[dict[str, str]] = list(document["rows"])
    rows += document.get("added_after_2024b", {}).get("rows", [])
    return rows


@pytest.mark.promise("F62", "F63", "F64", "F65", "F66", "F67", "F68", "F70")
def test_every_row_of_both_tables_is_in_the_profile(reference: Path) -> None:
    document = json.loads((HERE / "profile.json").read_text("utf-8"))
    rows = {row["tag"]: row for row in document["rows"]}
    for row in table(reference, "ps3.15-table-e1-1.json"):
        assert rows[row["tag"]]["basic"] == row["basic"]
    for row in table(reference, "dicomlibrary-anonymization-table.json"):
        assert rows[row["tag"]]["library"] == row["rule"]
        assert rows[row["tag"]].get("value") == row.get("value")


def test_no_row_is_simply_kept(reference: Path) -> None:
    rules = Rules(default_profile(), None, frozenset())
    for name in ("ps3.15-table-e1-1.json", "dicomlibrary-anonymization-table.json"):
        for row in table(reference, name):
            if not all(c in "0123456789ABCDEF" for c in row["tag"]):
                continue  # odd groups, 50xx, 60xx: deleted by group
            tag = int(row["tag"], 16)
            if tag == ENCAPSULATED_DOCUMENT:
                continue  # kept, and held for review
            action = rules.decide(tag, 0).action
            assert action not in (Action.KEEP, Action.CODE, Action.NUMBER), row


@pytest.mark.parametrize("tag", [0x00091001, 0x50000010, 0x501E3000, 0x60003000, 0x601E4000])
def test_masked_rows_are_deleted_by_group(tag: int) -> None:
    assert is_deleted(tag)


def test_rows_regenerate_identically(reference: Path) -> None:
    document = json.loads((HERE / "profile.json").read_text("utf-8"))
    assert generate_profile.make_rows(reference) == document["rows"]
    for key, value in generate_profile.header().items():
        assert document[key] == value


def test_the_vocabulary_regenerates_identically() -> None:
    raw = (HERE / "vocabulary.txt").read_bytes()
    assert raw.decode("ascii").splitlines() == sorted(generate_profile.make_vocabulary())
    document = json.loads((HERE / "profile.json").read_text("utf-8"))
    assert document["vocabulary_sha256"] == hashlib.sha256(raw).hexdigest()


def test_types_regenerate_identically(reference: Path) -> None:
    standard = os.environ.get("READINGROOM_HIGHDICOM_STANDARD")
    if not standard:
        pytest.skip(
            "highdicom's tables are no dependency; READINGROOM_HIGHDICOM_STANDARD names them"
        )
    document = json.loads((HERE / "profile.json").read_text("utf-8"))
    tags = {row["tag"] for row in document["rows"]}
    for key, value in generate_profile.make_types(Path(standard), tags).items():
        assert document[key] == value
    del reference


def test_the_file_is_small_and_has_one_row_per_line() -> None:
    text = (HERE / "profile.json").read_text("utf-8")
    assert len(text) < 500_000
    assert sum(line.startswith('  {"tag":') for line in text.splitlines()) == len(
        json.loads(text)["rows"]
    )


def test_the_hash_is_that_of_the_file() -> None:
    assert (
        default_profile().sha256 == hashlib.sha256((HERE / "profile.json").read_bytes()).hexdigest()
    )


def test_rows_have_the_vr_of_the_dictionary() -> None:
    for row in default_profile().rows.values():
        if vr_of(row.tag) != "UN":
            assert row.vr.split(" or ")[0] in (vr_of(row.tag), "OB", "US"), hex(row.tag)


def test_a_newer_edition_of_a_table_is_a_change_of_data(reference: Path, tmp_path: Path) -> None:
    """A row that a later edition adds is applied without a change of code."""
    edition = json.loads((reference / "ps3.15-table-e1-1.json").read_text("utf-8"))
    added = {"tag": "00180050", "name": "Slice Thickness", "vr": "DS", "basic": "X"}
    edition["rows"].append(added)
    for name in ("dicomlibrary-anonymization-table.json",):
        (tmp_path / name).write_bytes((reference / name).read_bytes())
    (tmp_path / "ps3.15-table-e1-1.json").write_text(json.dumps(edition), "utf-8")
    document = json.loads((HERE / "profile.json").read_text("utf-8"))
    document["rows"] = generate_profile.make_rows(tmp_path)
    newer = profile_of(json.dumps(document).encode(), default_profile().vocabulary)

    data = instance([(0x00180050, "DS", b"5")])
    assert run(data).ds.SliceThickness == 5
    output = run(data, profile=newer)
    assert "SliceThickness" not in output.ds
    assert output.result.receipt.sha256 == newer.sha256 != default_profile().sha256
