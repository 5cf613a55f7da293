"""Data sets that come as DICOM JSON are encoded as pydicom encodes them."""

import json
import pathlib
from io import BytesIO
from typing import Any

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from deid.encoding import EXPLICIT_LITTLE, encoding_of
from dicomweb.json_model import Malformed, Slot, bulk_data_uris, elements
from store import metadata

TEXT = st.text(st.sampled_from("abcÄß漢 ^="), max_size=8).map(str.strip)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "AT": st.integers(0, 2**32 - 1).map(lambda n: f"{n:08X}"),
    "DS": st.integers(-(10**9), 10**9),
    "FD": st.floats(allow_nan=False, allow_infinity=False),
    "FL": st.floats(allow_nan=False, allow_infinity=False, width=32),
    "IS": st.integers(-(2**31), 2**31 - 1),
    "LO": st.text(st.sampled_from("abcÄß漢"), min_size=1, max_size=8),
    "PN": st.fixed_dictionaries({"Alphabetic": st.text(st.sampled_from("aÄ漢"), min_size=1)}),
    "SL": st.integers(-(2**31), 2**31 - 1),
    "SS": st.integers(-(2**15), 2**15 - 1),
    "SV": st.integers(-(2**63), 2**63 - 1),
    "UL": st.integers(0, 2**32 - 1),
    "US": st.integers(0, 2**16 - 1),
    "UV": st.integers(0, 2**64 - 1),
}
# Odd groups and the groups that hold something else are left to other tests.
_TAGS = st.integers(0x0010, 0x5FFE).filter(lambda n: n % 2 == 0).map(lambda n: f"{n:04X}1001")


@st.composite
def _attribute(draw: st.DrawFn) -> dict[str, Any]:
    vr = draw(st.sampled_from(sorted(VALUES)))
    values = draw(st.lists(VALUES[vr], max_size=3))
    return {"vr": vr, "Value": values} if values else {"vr": vr}


_FLAT = st.dictionaries(_TAGS, _attribute(), min_size=1, max_size=6)
_NESTED = st.dictionaries(
    _TAGS, st.lists(_FLAT, min_size=1, max_size=2).map(lambda i: {"vr": "SQ", "Value": i})
)


def _encoded(attributes: dict[str, Any]) -> bytes:
    return b"".join(piece for piece in elements(attributes, {}) if isinstance(piece, bytes))


def _read(encoded: bytes) -> Dataset:
    return pydicom.dcmread(
        BytesIO(bytes(128) + b"DICM" + _META + encoded), force=True, stop_before_pixels=False
    )


_META = b"\x02\0\0\0UL\x04\0\x1c\0\0\0\x02\0\x10\0UI\x14\0" + EXPLICIT_LITTLE.encode() + b"\0"


@settings(max_examples=80, deadline=None)
@given(_FLAT, _NESTED)
def test_what_is_encoded_is_read_as_it_was(flat: dict[str, Any], nested: dict[str, Any]) -> None:
    attributes = {**flat, **nested}
    encoded = _encoded(attributes)

    read = metadata.build(encoded, b"", [], encoding_of(EXPLICIT_LITTLE), "")

    assert read.pop("00080005", None) in (None, {"vr": "CS", "Value": ["ISO_IR 192"]})
    assert read == attributes


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_real_files_are_encoded_as_pydicom_does(shared_data: pathlib.Path) -> None:
    found = 0
    for path in sorted((shared_data / "kinds").rglob("*")):
        if not path.is_file() or path.stat().st_size > 1_000_000:
            continue
        ds = pydicom.dcmread(path, force=True)
        ds.remove_private_tags()
        for tag in [e.tag for e in ds if e.VR in ("OB", "OW", "UN") or e.tag.element == 0]:
            del ds[tag]
        try:
            text = ds.to_json()
            expected = Dataset.from_json(text).to_json_dict()
        except Exception:
            continue
        read = _read(_encoded(json.loads(text))).to_json_dict()
        for model in (read, expected):
            model.pop("00080005", None)
        assert _normal(read) == _normal(expected), path.name
        found += 1
    assert found > 5


def _normal(value: object) -> object:
    """Without what pydicom writes in two ways: empty values, and numbers as texts."""
    if isinstance(value, dict):
        cleaned = {key: _normal(inner) for key, inner in value.items() if key != "00080005"}
        return {key: inner for key, inner in cleaned.items() if key != "Value" or inner}
    if isinstance(value, list):
        return [_normal(inner) for inner in value]
    return value


def test_slots_stand_where_bulk_values_belong() -> None:
    attributes = {
        "7FE00010": {"vr": "OW", "BulkDataURI": "p"},
        "00281201": {"vr": "OW", "BulkDataURI": "t"},
        "00280010": {"vr": "US", "Value": [1]},
        "00020010": {"vr": "UI", "Value": ["1.2"]},
        "00280000": {"vr": "UL", "Value": [1]},
    }

    pieces = list(elements(attributes, {}))

    assert [p for p in pieces if isinstance(p, Slot)] == [
        Slot(0x00281201, "OW", "t"),
        Slot(0x7FE00010, "OW", "p"),
    ]
    assert b"".join(p for p in pieces if isinstance(p, bytes)).startswith(b"\x08\0\x05\0CS")
    assert bulk_data_uris(attributes) == ({"t": 1, "p": 1}, {})


def test_depth_is_bounded() -> None:
    attributes: dict[str, Any] = {}
    for _ in range(100):
        attributes = {"00081140": {"vr": "SQ", "Value": [attributes]}}

    for work in (bulk_data_uris, lambda of: list(elements(of, {}))):
        with pytest.raises(Malformed):
            work(attributes)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.5, b"1.5 "),
        ("1.50", b"1.50"),
        (0.1 + 0.2, b"0.30000000000000"),
        (-1.2345678901234567e-200, None),
        (10**15, b"1000000000000000"),
        (10**20, None),
        ("", b""),
    ],
)
def test_decimals_fit_their_representation(value: float | str, text: bytes | None) -> None:
    encoded = _encoded({"00181130": {"vr": "DS", "Value": [value]}})[-28:]
    number = encoded.rpartition(b"DS")[2][2:]

    assert len(number) <= 16
    if text is not None:
        assert number == text
    else:
        assert float(number) == pytest.approx(float(value))
