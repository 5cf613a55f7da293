"""Headers read from the metadata: what pydicom reads from the file, for less."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from store.access import OwnerScope
from store.headers import KEPT_HEADERS, Header, Headers
from store.pixels import decode
from store.render import drawn
from store.retrieve import Archive
from tests.dicomweb.app import create_app
from tests.dicomweb.conftest import Caller

FILES = (
    *("grayscale/CT_small.dcm", "grayscale/mlut_18.dcm", "grayscale/vlut_04.dcm"),
    *("grayscale/test16signed.dcm", "grayscale/nonsquare-pixel-spacing-1.dcm"),
    *("cr-dx-mg/CR-ModalitySequenceLUT.dcm", "cr-dx-mg/mg-voi-lut.dcm", "cr-dx-mg/dx_image.dcm"),
    *("us/examples_palette.dcm", "us/YBR_422.dcm", "sc/SC_rgb_16bit.dcm"),
    *("enhanced/emri_small.dcm", "enhanced/emri_small_big_endian.dcm"),
    *("enhanced/eCT_Supplemental.dcm", "pet-nm/pet-acrin.dcm", "rt/rtdose.dcm"),
    *("parametric-map/parametric_map_float.dcm", "seg/seg_image_ct_binary.dcm"),
    "sc/SC_rgb_small_odd_big_endian.dcm",
)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", FILES)
def test_pictures_are_those_of_the_parsed_file(
    shared_data: Path, tmp_path: Path, name: str
) -> None:
    app = create_app(tmp_path / "data")
    (path,) = Caller(app.test_client()).stored([(shared_data / "kinds" / name).read_bytes()])
    archive: Archive = app.extensions["archive"]
    (ref,) = archive.instances(OwnerScope(1), path.split("/")[2])

    for number in {1, ref.frames}:
        frame = archive.frame(ref, number)
        shown = [
            drawn(ds, decode(ds, frame, ref.transfer_syntax), number=number)
            for ds in (archive.header(ref), archive.dataset(ref))
        ]
        assert np.array_equal(shown[0], shown[1])
    app.extensions["database"].dispose()


@dataclass(frozen=True)
class Ref:
    blob: str


class Source:
    """Metadata of made-up instances, counted."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.asked = 0

    def metadata(self, refs: Sequence[Ref]) -> Iterator[bytes]:
        self.asked += 1
        return iter([self.text] if refs[0].blob != "gone" else [])

    def bulkdata(self, ref: Ref, path: str) -> Iterator[bytes]:
        return iter([ref.blob.encode(), b":", path.encode()])

    def header(self, headers: Headers, blob: str = "b") -> Header:
        return headers.of(Ref(blob), self.metadata, self.bulkdata)


def source(**attributes: dict[str, Any]) -> Source:
    return Source(json.dumps({tag[1:]: value for tag, value in attributes.items()}).encode())


def test_values_are_as_pydicom_gives_them() -> None:
    ds = source(
        t00080060={"vr": "CS", "Value": ["CT"]},
        t00080008={"vr": "CS", "Value": ["A", "B"]},
        t00100010={"vr": "PN", "Value": [{"Alphabetic": "A^B"}]},
        t00280010={"vr": "US", "Value": [5]},
        t00281050={"vr": "DS"},
        t00283010={"vr": "SQ", "Value": [{"00283006": {"vr": "US", "Value": [1, 2]}}]},
        t00282000={"vr": "OB", "InlineBinary": "AAE="},
    ).header(Headers())

    assert (ds.get("Modality"), ds.ImageType, ds.get("PatientName")) == ("CT", ["A", "B"], "A^B")
    assert ds.Rows == 5
    assert ds.get("WindowCenter", 7) is None
    assert "WindowCenter" in ds
    assert ds.get("WindowWidth", 7) == 7
    assert ds.VOILUTSequence[0].LUTData == [1, 2]
    assert ds.ICCProfile == b"\0\1"
    assert ds.get("NoSuchKeyword", 3) == 3
    with pytest.raises(AttributeError):
        _ = ds.WindowWidth


def test_what_is_not_in_the_metadata_is_read_from_the_file() -> None:
    text = b'{"00283010":{"vr":"SQ","Value":[{"00283006":{"vr":"OW","BulkDataURI":"\x01/a/bulkdata/'
    text += b'00283010/1/00283006"}}]}}'
    ds = Source(text).header(Headers())
    assert ds.VOILUTSequence[0].LUTData == b"b:00283010/1/00283006"


def groups(count: int, samples: int) -> Source:
    """An instance of many frames."""
    items = [{"00209157": {"vr": "UL", "Value": [n]}, "x": {"vr": "LO"}} for n in range(count)]
    text = json.dumps(
        {
            "00280002": {"vr": "US", "Value": [samples]},
            "52009230": {"vr": "SQ", "Value": items},
            "7FE00010": {"vr": "OW"},
        },
        separators=(",", ":"),
    )
    return Source(text.encode())


def test_of_many_frames_only_the_one_is_parsed() -> None:
    ds = groups(1000, 1).header(Headers())
    found = ds.PerFrameFunctionalGroupsSequence
    assert len(found) == 1000
    assert found[999].DimensionIndexValues == 999
    assert [item.DimensionIndexValues for item in found[5:7]] == [5, 6]
    assert found[1000:1001] == []
    # Colour needs none of them.
    assert "PerFrameFunctionalGroupsSequence" not in groups(1000, 3).header(Headers())


def test_headers_are_kept_up_to_their_bound() -> None:
    one = groups(10, 1)
    headers = Headers(3 * len(one.text))
    for blob in ("a", "b", "a", "c", "a"):
        one.header(headers, blob)
    assert one.asked == 3
    one.header(headers, "d")
    one.header(headers, "a")
    assert one.asked == 4
    one.header(headers, "b")
    assert one.asked == 5

    large = groups(10_000, 1)
    for _ in range(2):
        large.header(headers, "large")
    assert large.asked == 2


def test_no_more_headers_are_kept_than_the_collector_should_look_at() -> None:
    one = source(t00280010={"vr": "US", "Value": [5]})
    headers = Headers()
    for number in range(KEPT_HEADERS + 1):
        one.header(headers, f"{number}")
    one.header(headers, "1")
    assert one.asked == KEPT_HEADERS + 1
    one.header(headers, "0")
    assert one.asked == KEPT_HEADERS + 2


def test_what_is_gone_describes_nothing() -> None:
    assert "Rows" not in source().header(Headers(), "gone")
