"""What real clients send in Accept, and what they are given for it."""

import pytest

from dicomweb.errors import BadRequest
from dicomweb.negotiation import choose, parse_media_type, ranked
from dicomweb.syntaxes import frame_offers, instance_offers

ELE, IMPLICIT, BIG_ENDIAN = (
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.2",
)
DEFLATED = "1.2.840.10008.1.2.1.99"
JP2, JLS, JPEG, RLE, HTJ2K, MP4 = (
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.5",
    "1.2.840.10008.1.2.4.202",
    "1.2.840.10008.1.2.4.102",
)
OCTETS = "application/octet-stream"

Given = tuple[str, str, str] | None


def _frame(accept: str | None, stored: str, parameter: str | None = None) -> Given:
    offer = choose(accept, parameter, frame_offers(stored, alone=True))
    if offer is None:
        return None
    return "parts" if offer.multipart else "alone", offer.media_type, offer.transfer_syntax or ""


def _instance(accept: str | None, stored: str) -> Given:
    offer = choose(accept, None, instance_offers(stored, alone=True))
    if offer is None:
        return None
    return "parts" if offer.multipart else "alone", offer.media_type, offer.transfer_syntax or ""


RELATED = "multipart/related; type="
OHIF_TYPES = f'{RELATED}"image/jls"; transfer-syntax="{JLS}"; transfer-syntax="*"'
NATIVE_PARTS, NATIVE_ALONE = ("parts", OCTETS, ELE), ("alone", OCTETS, ELE)
SLIM = (
    f'{RELATED}"image/jp2"; transfer-syntax={JP2}, {RELATED}"image/jls"; transfer-syntax={JLS}, '
    f'{RELATED}"application/octet-stream"; transfer-syntax={ELE}'
)


@pytest.mark.parametrize(
    ("accept", "stored", "given"),
    [
        ("multipart/*", ELE, NATIVE_PARTS),
        # Cornerstone3D, OHIF
        (f"{RELATED}{OCTETS}; transfer-syntax=*", ELE, NATIVE_PARTS),
        (f"{RELATED}{OCTETS}; transfer-syntax=*", IMPLICIT, NATIVE_PARTS),
        (f"{RELATED}{OCTETS}; transfer-syntax=*", BIG_ENDIAN, NATIVE_PARTS),
        (f"{RELATED}{OCTETS}; transfer-syntax=*", JP2, ("parts", "image/jp2", JP2)),
        (f'{RELATED}"{OCTETS}"; transfer-syntax="*"', RLE, ("parts", "image/dicom-rle", RLE)),
        (f'{RELATED}"{OCTETS}"; transfer-syntax="{ELE}"; transfer-syntax="*"', JP2, NATIVE_PARTS),
        (OHIF_TYPES, JLS, ("parts", "image/jls", JLS)),
        (OHIF_TYPES, JP2, ("parts", "image/jls", JLS)),
        (f"{RELATED}image/jls; q=1", JLS, ("parts", "image/jls", JLS)),
        # dicomweb-client for Python
        (f'{RELATED}"*/*"', ELE, NATIVE_PARTS),
        (f'{RELATED}"*/*"', JP2, NATIVE_PARTS),
        (f'{RELATED}"{OCTETS}"', JP2, NATIVE_PARTS),
        # Slim, dicom-microscopy-viewer: what is stored, if it is among them
        (SLIM, JP2, ("parts", "image/jp2", JP2)),
        (SLIM, JLS, ("parts", "image/jls", JLS)),
        (SLIM, ELE, NATIVE_PARTS),
        (SLIM, RLE, NATIVE_PARTS),
        # browsers, curl, no header, a header that says nothing
        (None, ELE, NATIVE_PARTS),
        ("", ELE, NATIVE_PARTS),
        ("*/*", JP2, NATIVE_PARTS),
        ("*/*", JPEG, ("parts", "image/jpeg", JPEG)),
        ("*/*;q=0.8, text/html, image/webp", ELE, NATIVE_PARTS),
        ("nonsense", ELE, NATIVE_PARTS),
        ("nonsense, ;;;, image/jp2", JP2, ("alone", "image/jp2", JP2)),
        # single part
        (OCTETS, ELE, NATIVE_ALONE),
        (f"{OCTETS}; transfer-syntax=*", JP2, ("alone", "image/jp2", JP2)),
        ("application/*", ELE, NATIVE_ALONE),
        # retired names
        (f'{RELATED}"image/x-jls"', JLS, ("parts", "image/jls", JLS)),
        (f'{RELATED}"image/x-dicom-rle"', RLE, ("parts", "image/dicom-rle", RLE)),
        (f'{RELATED}"image/dicom+jpeg"', JPEG, ("parts", "image/jpeg", JPEG)),
        (f'{RELATED}"image/jhc"', HTJ2K, ("parts", "image/jphc", HTJ2K)),
        # quality
        (f"{OCTETS};q=0.1, {RELATED}{OCTETS};q=0.9", ELE, NATIVE_PARTS),
        (f"{RELATED}{OCTETS};q=0, */*", ELE, NATIVE_ALONE),
        (f"{OCTETS};q=nan", ELE, NATIVE_ALONE),
        (f"{OCTETS};q=0", ELE, None),
        (f"{OCTETS};q=2, {RELATED}{OCTETS}", ELE, NATIVE_PARTS),
        (f"{OCTETS};q=1x, {RELATED}{OCTETS};q=0.5", ELE, NATIVE_ALONE),
        # the range that says more decides
        (f"{RELATED}{OCTETS}; transfer-syntax={ELE};q=0, {RELATED}{OCTETS}", ELE, None),
        (f"{RELATED}{OCTETS};q=0.1, */*;q=0.9", ELE, NATIVE_ALONE),
        # odd members: no type inside, an unclosed quote, empty ones, too many
        ("multipart/related", ELE, NATIVE_PARTS),
        (f'{RELATED}"application/octet-stream', ELE, NATIVE_PARTS),
        (f",,;;,{OCTETS},", ELE, NATIVE_ALONE),
        (f"{OCTETS}, " + "x/y, " * 5000, ELE, NATIVE_ALONE),
        (f'{RELATED}{OCTETS}; Transfer-Syntax="{ELE}"; q=1.0; ext=1', ELE, NATIVE_PARTS),
        # types of another category stand beside ours without harm
        (f"text/html, image/png, {RELATED}{OCTETS}; transfer-syntax=*", ELE, NATIVE_PARTS),
        # never: implicit, big endian, another kind
        (f"{RELATED}{OCTETS}; transfer-syntax={IMPLICIT}", IMPLICIT, None),
        (f"{RELATED}{OCTETS}; transfer-syntax={BIG_ENDIAN}", BIG_ENDIAN, None),
        (f"{RELATED}image/jpx", ELE, None),
        # another compression
        (f"{RELATED}image/jp2; transfer-syntax={JP2}", JLS, ("parts", "image/jp2", JP2)),
        (f"{RELATED}image/jp2", ELE, ("parts", "image/jp2", JP2)),
        ("text/html", ELE, None),
    ],
)
def test_frames(accept: str | None, stored: str, given: Given) -> None:
    assert _frame(accept, stored) == given


def _dicom(syntax: str, shape: str = "parts") -> Given:
    return shape, "application/dicom", syntax


@pytest.mark.parametrize(
    ("accept", "stored", "given"),
    [
        (f'{RELATED}"application/dicom"', ELE, _dicom(ELE)),
        (f'{RELATED}"application/dicom"', IMPLICIT, _dicom(ELE)),
        (f'{RELATED}"application/dicom"', DEFLATED, _dicom(ELE)),
        (f'{RELATED}"application/dicom"', JP2, _dicom(ELE)),
        (f'{RELATED}"application/dicom"', JPEG, _dicom(JPEG)),
        (f'{RELATED}"application/dicom"', MP4, _dicom(MP4)),
        (f"{RELATED}application/dicom; transfer-syntax=*", JP2, _dicom(JP2)),
        (f"{RELATED}application/dicom; transfer-syntax=*", IMPLICIT, _dicom(ELE)),
        (f"{RELATED}application/dicom; transfer-syntax=*", BIG_ENDIAN, _dicom(ELE)),
        (f"{RELATED}application/dicom; transfer-syntax={DEFLATED}", DEFLATED, _dicom(DEFLATED)),
        (f"{RELATED}application/dicom; transfer-syntax={ELE}", JPEG, _dicom(ELE)),
        (f"{RELATED}application/dicom; transfer-syntax={ELE}", MP4, None),
        (f"{RELATED}application/dicom; transfer-syntax={IMPLICIT}", IMPLICIT, None),
        (f"{RELATED}application/dicom; transfer-syntax=1.2.3", ELE, None),
        ("application/dicom", ELE, _dicom(ELE, "alone")),
        ("application/dicom; transfer-syntax=*", JP2, _dicom(JP2, "alone")),
        ("*/*", ELE, _dicom(ELE)),
        (None, JP2, _dicom(ELE)),
        ("application/zip", ELE, None),
    ],
)
def test_instances(accept: str | None, stored: str, given: Given) -> None:
    assert _instance(accept, stored) == given


def test_single_part_is_not_for_several() -> None:
    assert choose("application/dicom", None, instance_offers(ELE, alone=False)) is None


def test_what_is_stored_comes_after_what_must_be_made_of_it() -> None:
    offers = ranked(f'{RELATED}"application/dicom"', None, instance_offers(JP2, alone=False))

    assert [offer.transfer_syntax for offer in offers] == [ELE, JP2]


def test_accept_parameter_goes_before_the_header() -> None:
    assert _frame("text/html, */*", JP2, "image/jp2") == ("alone", "image/jp2", JP2)


def test_several_types_in_the_accept_parameter_go_by_quality() -> None:
    several = f"image/jp2;q=0.2, {RELATED}{OCTETS};q=0.9, nonsense"
    assert _frame("image/jp2", JP2, several) == NATIVE_PARTS
    assert _frame(None, JP2, f"{OCTETS}; transfer-syntax=*") == ("alone", "image/jp2", JP2)
    assert _frame("*/*", JP2, "text/html") is None


@pytest.mark.parametrize(
    "parameter", ["", "*/*", "image/*", "nonsense", f'{RELATED}"*/*"', "image/jp2, */*", ","]
)
def test_accept_parameter_must_name_a_type(parameter: str) -> None:
    with pytest.raises(BadRequest):
        _frame("*/*", JP2, parameter)


def test_media_types_are_read_with_quotes_and_without() -> None:
    quoted = parse_media_type('Multipart/Related;TYPE="application/dicom" ; boundary="a;b\\"c,d"')
    assert quoted is not None
    assert quoted.name == "multipart/related"
    assert quoted.content == "application/dicom"
    assert quoted.parameters["boundary"] == 'a;b"c,d'
    for nothing in ("", ";", "text", "/", "a/b/c", "te xt/html"):
        assert parse_media_type(nothing) is None
