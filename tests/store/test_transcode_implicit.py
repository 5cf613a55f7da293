"""Implicit VR Little Endian out of everything else: for peers of C-STORE that take nothing more."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from store.errors import CannotTranscode
from store.transcode import in_syntax
from tests.store.stored_file import Files, StoredFile
from tests.store.test_transcode import (
    BIG_ENDIAN,
    DESCRIPTION,
    EXPLICIT,
    IMPLICIT,
    LOSSLESS,
    image,
    nested,
    part10,
    read,
)


def implicit(stored: StoredFile) -> bytes:
    return b"".join(in_syntax(Files(), stored, IMPLICIT))


@pytest.mark.parametrize("name", LOSSLESS)
def test_every_lossless_encoding_gives_the_same_pixels(shared_data: Path, name: str) -> None:
    expected = pydicom.dcmread(shared_data / "syntaxes/ct-explicit-le.dcm")
    given = read(implicit(StoredFile.at(shared_data / f"syntaxes/ct-{name}.dcm")))
    assert given.file_meta.TransferSyntaxUID == IMPLICIT
    assert given.PixelData == expected.PixelData


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
@pytest.mark.parametrize("folder", ["syntaxes", "kinds", "charsets"])
def test_nothing_but_the_vrs_is_left_out(shared_data: Path, folder: str) -> None:
    compared = 0
    for path in sorted((shared_data / folder).rglob("*.dcm")):
        whole = pydicom.dcmread(path, force=True)
        syntax = whole.file_meta.get("TransferSyntaxUID")
        if syntax is None or whole.preamble is None or "DirectoryRecordSequence" in whole:
            continue
        stored = StoredFile.at(path)
        if "video" in str(path.relative_to(shared_data)):
            with pytest.raises(CannotTranscode):
                implicit(stored)
            continue
        given = read(implicit(stored))
        assert set(given.keys()) - DESCRIPTION == set(whole.keys()) - DESCRIPTION, path.name
        compared += 1
    assert compared > 10


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG_ENDIAN])
def test_it_is_what_pydicom_writes(syntax: str) -> None:
    """Byte by byte, but for the lengths of sequences, which both state here."""
    stored = read(part10(nested(), EXPLICIT))
    expected = part10(stored, IMPLICIT)
    source = part10(nested(), syntax)
    if syntax == BIG_ENDIAN:
        # pydicom writes words as they are given.
        source = source.replace(bytes(range(8)), bytes([1, 0, 3, 2, 5, 4, 7, 6]))
        source = source.replace(b"\1\0\2\0\3\0\xfe\xff", b"\0\1\0\2\0\3\xff\xfe")
    assert implicit(StoredFile(source)) == expected


def test_sequences_of_undefined_length_are_written_with_one() -> None:
    ds = image(1, 1)
    inner = Dataset()
    inner.CodeValue = "A"
    inner.is_undefined_length_sequence_item = True
    ds.AnatomicRegionSequence = Sequence([inner])
    ds["AnatomicRegionSequence"].is_undefined_length = True
    ds.PixelData = b"\1\2"
    ds["PixelData"].VR = "OW"
    given = read(implicit(StoredFile(part10(ds, EXPLICIT))))
    assert given.AnatomicRegionSequence[0].CodeValue == "A"
    assert not given["AnatomicRegionSequence"].is_undefined_length


def test_values_longer_than_a_vr_allows_stay_what_they_are() -> None:
    ds = image(200, 300)
    ds.PixelData = np.arange(60000, dtype="<u2").tobytes()
    ds["PixelData"].VR = "OW"
    ds.add_new(0x00091001, "UN", bytes(70000))
    given = read(implicit(StoredFile(part10(ds, EXPLICIT))))
    assert len(given[0x00091001].value) == 70000
    assert given.PixelData == ds.PixelData


def test_what_is_implicit_already_comes_byte_by_byte() -> None:
    data = part10(nested(), IMPLICIT)
    assert implicit(StoredFile(data)) == data


@pytest.mark.parametrize("name", ["ct-explicit-be", "ct-rle", "US1_J2KR", "SC_rgb_jpeg_dcmtk"])
def test_dcmtk_reads_what_is_given(shared_data: Path, tmp_path: Path, name: str) -> None:
    given = tmp_path / "given.dcm"
    given.write_bytes(implicit(StoredFile.at(shared_data / f"syntaxes/{name}.dcm")))
    done = subprocess.run(["dcmdump", given], capture_output=True, text=True, check=True)
    assert "Little Endian Implicit" in done.stdout
    assert "E:" not in done.stderr


def test_what_cannot_be_decoded_is_told_before_the_first_byte(shared_data: Path) -> None:
    stored = StoredFile.at(shared_data / "syntaxes/ct-rle.dcm")
    stored.header.Rows = 513
    with pytest.raises(CannotTranscode):
        in_syntax(Files(), stored, IMPLICIT)
