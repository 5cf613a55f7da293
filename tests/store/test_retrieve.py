"""What comes out is what came in, but for the identity; metadata against pydicom as oracle."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from deid import DeidError
from store.errors import NoSuchBulkdata, NoSuchFrame, StoreError
from store.retrieve import StoredInstance
from tests.store.conftest import Store
from tests.support.datasets import ct_slice, ct_stack

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")

SYNTAXES = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)


def put(store: Store, ds: pydicom.FileDataset | bytes) -> StoredInstance:
    [received] = store.put(ds)
    [ref] = store.archive.instances(
        store.scope,
        received.study_instance_uid,
        received.series_instance_uid,
        received.sop_instance_uid,
    )
    return ref


def swapped_in(ds: pydicom.FileDataset, syntax: str) -> pydicom.FileDataset:
    if syntax == ExplicitVRBigEndian:
        ds.PixelData = np.frombuffer(ds.PixelData, "<u2").astype(">u2").tobytes()
    return ds


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_frames_are_the_pixels_in_little_endian(store: Store, syntax: str) -> None:
    expected = ct_slice(frames=3).PixelData
    ref = put(store, swapped_in(ct_slice(frames=3, transfer_syntax=syntax), syntax))
    assert ref.transfer_syntax == syntax
    assert ref.frames == 3
    size = 64 * 64 * 2
    for number in (3, 1, 2):
        frame = store.archive.frame(ref, number)
        assert frame == expected[(number - 1) * size : number * size]
    for number in (0, 4):
        with pytest.raises(NoSuchFrame):
            store.archive.frame(ref, number)
    assert b"".join(store.archive.bulkdata(ref, "7FE00010")) == expected


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_frame_is_given_with_what_comes_around_it(store: Store, syntax: str) -> None:
    ref = put(store, swapped_in(ct_slice(frames=3, transfer_syntax=syntax), syntax))
    for number in (3, 1, 2):
        frame = store.archive.frame(ref, number)
        whole = store.archive.frame_within(ref, number, lambda n: (b"%d<" % n, b">"))
        assert whole == b"%d<%s>" % (len(frame), frame)
    for number in (0, 4):
        with pytest.raises(NoSuchFrame):
            store.archive.frame_within(ref, number, lambda n: (b"", b""))


def test_a_frame_that_was_cut_off_is_given_as_far_as_it_goes(store: Store, tmp_path: Path) -> None:
    ref = put(store, ct_slice(frames=3))
    (path,) = (one for one in (tmp_path / "blobs").rglob("*") if one.name == ref.etag)
    os.truncate(path, path.stat().st_size - 100)
    frame = store.archive.frame(ref, 3)
    assert len(frame) == 64 * 64 * 2 - 100
    whole = store.archive.frame_within(ref, 3, lambda n: (b"%d<" % n, b">"))
    assert whole == b"%d<%s>" % (len(frame), frame)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_metadata_is_what_pydicom_reads_in_the_stored_file(
    store: Store, syntax: str, tmp_path: Path
) -> None:
    ref = put(store, swapped_in(ct_slice(transfer_syntax=syntax), syntax))
    [text] = store.archive.metadata([ref])
    assert metadata_differences(store, ref, json.loads(text.replace(b"\x01", b""))) == []


def metadata_differences(store: Store, ref: StoredInstance, found: dict[str, Any]) -> list[str]:
    path = Path(store.blobs._root) / "oracle.dcm"
    path.write_bytes(b"".join(store.archive.read(ref)))
    ds = pydicom.dcmread(path)
    path.unlink()
    expected = json.loads(
        json.dumps(
            ds.to_json_dict(bulk_data_element_handler=lambda _e: "", suppress_invalid_tags=True)
        )
    )
    return _differences(expected, found)


def _differences(expected: dict[str, Any], found: dict[str, Any]) -> list[str]:
    wrong = [f"{tag} missing" for tag in expected.keys() - found.keys()]
    wrong += [f"{tag} invented" for tag in found.keys() - expected.keys()]
    for tag in expected.keys() & found.keys():
        ours, theirs = found[tag], expected[tag]
        if ours["vr"] != theirs["vr"]:
            wrong.append(f"{tag} is {ours['vr']}, not {theirs['vr']}")
        elif ours["vr"] == "SQ":
            pairs = zip(theirs.get("Value", []), ours.get("Value", []), strict=True)
            wrong += [f"{tag}: {line}" for a, b in pairs for line in _differences(a, b)]
        elif tag != "00080005" and not _same(theirs, ours):
            wrong.append(f"{tag}: {ours} is not {theirs}")
    return wrong


def _same(theirs: dict[str, Any], ours: dict[str, Any]) -> bool:
    if "BulkDataURI" in theirs or "BulkDataURI" in ours or "InlineBinary" in ours:
        return True
    return bool(_plain(theirs.get("Value")) == _plain(ours.get("Value")))


def _plain(values: Any) -> Any:  # noqa: ANN401 - JSON values
    if not values or all(v in (None, "", {}) for v in values):
        return None
    return [_scalar(v) for v in values]


def _scalar(value: Any) -> Any:  # noqa: ANN401 - JSON values
    if isinstance(value, int | float):
        return float(value)
    # pydicom keeps the padding of values in the middle of a multi-valued element.
    return (value.strip() if isinstance(value, str) else value) or None


def test_metadata_of_every_real_file_is_what_pydicom_reads(store: Store, shared_data: Path) -> None:
    if store.database.engine.dialect.name == "postgresql":
        pytest.skip("the metadata does not depend on the database; SQLite covers it")
    wrong, compared = {}, 0
    for path in sorted(shared_data.rglob("*")):
        if not path.is_file() or path.parts[-2] == "bad" or "series" in path.parts:
            continue
        try:
            ref = put(store, path.read_bytes())
        except (DeidError, StoreError):
            continue
        [text] = store.archive.metadata([ref])
        compared += 1
        differences = metadata_differences(store, ref, json.loads(text.replace(b"\x01", b"")))
        if differences:
            wrong[path.name] = differences[:3]
    assert wrong == {}
    assert compared > 150


def test_instances_come_in_order_of_their_numbers(store: Store) -> None:
    store.put(*reversed(ct_stack(12)))
    refs = store.archive.instances(store.scope, store.put(ct_slice())[0].study_instance_uid)
    numbers = [
        json.loads(text)["00200013"]["Value"][0]
        for text in (t.replace(b"\x01", b"") for t in store.archive.metadata(refs))
    ]
    assert numbers == list(range(1, 13))


def test_the_header_is_given_as_a_data_set(store: Store) -> None:
    ds = store.archive.dataset(put(store, ct_slice()))
    assert ds.PatientName == "Anonymized^^"
    assert ds.Rows == 64
    assert "PixelData" not in ds
    assert ds.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_long_values_in_sequences_are_bulk_data(store: Store, syntax: str) -> None:
    ds = swapped_in(ct_slice(transfer_syntax=syntax), syntax)
    item = pydicom.Dataset()
    item.WaveformBitsAllocated = 8
    item.WaveformData = bytes(range(256)) * 4
    item["WaveformData"].VR = "OB"
    ds.WaveformSequence = pydicom.Sequence([item])
    ref = put(store, ds)
    [text] = store.archive.metadata([ref])
    uri = json.loads(text.replace(b"\x01", b"ROOT"))["54000100"]["Value"][0]["54001010"]
    path = uri["BulkDataURI"].partition("/bulkdata/")[2]
    assert path == "54000100/1/54001010"
    assert uri["BulkDataURI"].startswith(f"ROOT/studies/{ref.study_instance_uid}/series/")
    assert b"".join(store.archive.bulkdata(ref, path)) == bytes(range(256)) * 4


@pytest.mark.parametrize(
    "path", ["", "00109999", "54000100/9/54001010", "54000100/1", "x/y/z", "00081115"]
)
def test_what_is_no_bulk_value_is_refused(store: Store, path: str) -> None:
    ref = put(store, ct_slice())
    with pytest.raises(NoSuchBulkdata):
        b"".join(store.archive.bulkdata(ref, path))
