"""In which forms instances and frames are offered, and what comes when one is asked for."""

from io import BytesIO

import numpy as np
import pydicom
import pytest

from dicomweb.negotiation import choose, ranked
from dicomweb.syntaxes import frame_offers, instance_offers
from store.transcode import WRITTEN
from tests.dicomweb.conftest import Caller
from tests.dicomweb.samples import split_multipart
from tests.store.images import Kind, part10

NATIVE = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
RLE = "1.2.840.10008.1.2.5"
UNCOMPRESSED = "1.2.840.10008.1.2.1.98"
DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"
FAMILY = "1.2.840.10008.1.2.4."
OCTETS = "application/octet-stream"
NEVER = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.2")
STORED = [*NEVER, NATIVE, DEFLATED, *sorted(WRITTEN), *(f"{FAMILY}{n}" for n in (53, 55, 92, 93))]
# PS3.18 table 8.7.3-5: what a type may hold of what is written, the one it means first.
TYPES = {
    "image/jpeg": (70, 50, 51, 57),
    "image/jls": (80, 81),
    "image/jp2": (90, 91),
    "image/jphc": (201, 202, 203),
    "image/jxl": (110, 112),
}

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def syntaxes_of(stored: str, media_type: str) -> list[str | None]:
    return [
        offer.transfer_syntax
        for offer in frame_offers(stored, alone=False)
        if offer.media_type == media_type
    ]


@pytest.mark.parametrize("stored", STORED)
def test_nothing_is_ever_offered_in_implicit_vr_or_big_endian(stored: str) -> None:
    for alone in (True, False):
        for offer in (*frame_offers(stored, alone=alone), *instance_offers(stored, alone=alone)):
            assert offer.transfer_syntax not in NEVER


@pytest.mark.parametrize("stored", STORED)
def test_instances_are_offered_in_every_syntax_that_is_written(stored: str) -> None:
    offered = {offer.transfer_syntax for offer in instance_offers(stored, alone=False)}
    assert offered >= {NATIVE, DEFLATED, *(WRITTEN - {f"{FAMILY}111"})}
    assert (f"{FAMILY}111" in offered) == (stored in (f"{FAMILY}111", f"{FAMILY}50"))


def test_media_types_have_the_syntaxes_of_the_standard() -> None:
    for media_type, numbers in TYPES.items():
        assert set(syntaxes_of(NATIVE, media_type)) == {f"{FAMILY}{n}" for n in numbers}
        offer = choose(media_type, None, frame_offers(NATIVE, alone=True))
        assert offer is not None
        assert offer.transfer_syntax == f"{FAMILY}{numbers[0]}"
    assert syntaxes_of(NATIVE, "image/dicom-rle") == [RLE]
    assert set(syntaxes_of(NATIVE, OCTETS)) == {NATIVE, UNCOMPRESSED, DEFLATED_FRAMES}
    assert f"{FAMILY}111" in syntaxes_of(f"{FAMILY}50", "image/jxl")


@pytest.mark.parametrize("stored", [f"{FAMILY}{n}" for n in ("100", "102", "104.1", "107")])
def test_videos_are_offered_as_they_are_stored(stored: str) -> None:
    (only,) = instance_offers(stored, alone=False)
    assert only.transfer_syntax == stored
    compressed = {offer.transfer_syntax for offer in frame_offers(stored, alone=False)}
    assert compressed == {stored, NATIVE}


@pytest.mark.parametrize("stored", STORED)
def test_more_is_lost_only_when_the_syntax_is_named(stored: str) -> None:
    lossy = {f"{FAMILY}{n}" for n in (50, 51, 81, 91, 203, 112, 111)} - {stored}
    for media_type in (*TYPES, "image/*", "*/*", OCTETS):
        for accept in (media_type, f"{media_type}; transfer-syntax=*"):
            for offer in ranked(accept, None, frame_offers(stored, alone=True)):
                assert offer.transfer_syntax not in lossy
    for syntax in sorted(lossy & WRITTEN - {f"{FAMILY}111"}):
        for media_type in (OCTETS, "image/*"):
            named = f"{media_type}; transfer-syntax={syntax}"
            chosen = choose(named, None, frame_offers(stored, alone=True))
            assert chosen is not None
            assert chosen.transfer_syntax == syntax


@pytest.mark.parametrize("number", [50, 57, 70, 80, 81, 90, 91, 201, 203, 110, 112])
def test_what_is_stored_goes_before_what_must_be_made(number: int) -> None:
    stored = f"{FAMILY}{number}"
    offers = frame_offers(stored, alone=True)
    everything = ", ".join(
        [f"{OCTETS}; transfer-syntax={NATIVE}"]
        + [f"image/jpeg; transfer-syntax={syntax}" for syntax in WRITTEN]
        + [f"{name}; transfer-syntax={FAMILY}{n}" for name, ns in TYPES.items() for n in ns]
    )
    for accept in (everything, f"{OCTETS}; transfer-syntax=*", "image/*"):
        offer = choose(accept, None, offers)
        assert offer is not None
        assert offer.transfer_syntax == stored
    named = next(name for name, numbers in TYPES.items() if number in numbers)
    offer = choose(named, None, offers)
    assert offer is not None
    assert offer.transfer_syntax == stored


def test_a_choice_costs_no_time_that_anybody_notices() -> None:
    offers = frame_offers(NATIVE, alone=True)
    assert len(offers) < 50
    assert frame_offers(NATIVE, alone=True) is offers
    accept = f"{OCTETS}; transfer-syntax=*"
    assert ranked(accept, None, offers) is ranked(accept, None, offers)


GREY = Kind("grey", (0,), allocated=16, stored=12)
SIGNED = Kind("signed", (0,), allocated=16, stored=12, signed=True)
COLOUR = Kind("colour", (0, 0, 0), "RGB")


def stored_path(caller: Caller, kind: Kind) -> str:
    ds = pydicom.dcmread(BytesIO(kind.part10()))
    ds.StudyInstanceUID, ds.SeriesInstanceUID = "2.25.2", "2.25.3"
    ds.Modality = "OT"
    (path,) = caller.stored([part10(ds, NATIVE)])
    return path


@pytest.mark.parametrize("kind", [GREY, COLOUR], ids=["grey", "colour"])
def test_an_instance_is_given_in_every_syntax(caller: Caller, kind: Kind) -> None:
    path = stored_path(caller, kind)
    expected = pydicom.dcmread(BytesIO(kind.part10())).pixel_array
    for syntax in (DEFLATED, RLE, *(f"{FAMILY}{n}" for n in (57, 70, 80, 90, 201, 202))):
        accept = f'multipart/related; type="application/dicom"; transfer-syntax={syntax}'
        response = caller.get(path, Accept=accept)
        assert response.status_code == 200
        ((headers, body),) = split_multipart(response.content_type, response.data)
        assert headers["Content-Type"] == f"application/dicom; transfer-syntax={syntax}"
        ds = pydicom.dcmread(BytesIO(body))
        assert ds.file_meta.TransferSyntaxUID == syntax
        assert np.array_equal(ds.pixel_array, expected)
        assert path.endswith(ds.SOPInstanceUID)


def test_frames_are_given_in_the_types_of_the_standard(caller: Caller) -> None:
    path = stored_path(caller, GREY)
    for media_type, numbers in TYPES.items():
        response = caller.get(f"{path}/frames/2", Accept=media_type)
        assert response.status_code == 200
        syntax = f"{FAMILY}{numbers[0]}"
        assert response.content_type == f"{media_type}; transfer-syntax={syntax}"
    parts = caller.get(f"{path}/frames/1,3", Accept='multipart/related; type="image/jls"')
    first, second = split_multipart(parts.content_type, parts.data)
    assert first[0]["Content-Type"] == f"image/jls; transfer-syntax={FAMILY}80"
    assert second[0]["Content-Location"].endswith("/frames/3")
    assert first[1].startswith(b"\xff\xd8\xff\xf7")


@pytest.mark.parametrize(
    ("kind", "accept"),
    [
        (GREY, f"image/jpeg; transfer-syntax={FAMILY}50"),
        (SIGNED, f"image/jpeg; transfer-syntax={FAMILY}51"),
        (SIGNED, "image/jxl"),
        (Kind("wide", (0,), allocated=32), "image/jp2"),
        (Kind("bits", (0,), allocated=1, vr="OB"), "image/jls"),
        (COLOUR, f"image/jxl; transfer-syntax={FAMILY}111"),
        (COLOUR, f"{OCTETS}; transfer-syntax=1.2.840.10008.1.2"),
        (COLOUR, f"video/mp4; transfer-syntax={FAMILY}102"),
    ],
)
def test_what_cannot_be_given_is_not_acceptable(caller: Caller, kind: Kind, accept: str) -> None:
    path = stored_path(caller, kind)
    assert caller.get(f"{path}/frames/1", Accept=accept).status_code == 406
    _, _, syntax = accept.partition("transfer-syntax=")
    if syntax:
        response = caller.get(path, Accept=f"application/dicom; transfer-syntax={syntax}")
        assert response.status_code == 406


def test_the_next_acceptable_form_is_given_instead(caller: Caller) -> None:
    path = stored_path(caller, SIGNED)
    response = caller.get(f"{path}/frames/1", Accept="image/jxl, image/jls;q=0.5")
    assert response.status_code == 200
    assert response.content_type == f"image/jls; transfer-syntax={FAMILY}80"
    accept = (
        f"application/dicom; transfer-syntax={FAMILY}50, "
        f"application/dicom; transfer-syntax={FAMILY}90;q=0.9"
    )
    response = caller.get(path, Accept=accept)
    assert response.status_code == 200
    assert response.content_type == f"application/dicom; transfer-syntax={FAMILY}90"
