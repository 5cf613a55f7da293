"""Checks of Retrieve: bulk data by their URI, and the bulk data and pixel data of a level.

Standard: PS3.18 10.4.1.1.5 (bulkdata resources), 10.4.1.1.6 (pixel data resources), 10.4.3.3.5,
8.7.3.3, F.2.6.
"""

from conformance.errors import Fault, NotApplicable
from conformance.model import walk
from conformance.multipart import parts
from conformance.reading import OCTETS, content_type, expect_status, only_part
from conformance.sample import SLICES, grey16
from conformance.sample_objects import PDF, WAVEFORM
from conformance.server import Instance, Server
from conformance.suite import check

PIXELS = "7FE00010"


def uri_of(server: Server, instance: Instance, tag: str) -> str:
    """Return the URL of an attribute's bulk data, in sequences as well.

    Raises:
        NotApplicable: the server keeps no such attribute, or gives it inline.
    """
    for found, attribute in walk(instance.metadata):
        if found == tag and "BulkDataURI" in attribute:
            return server.resolve(attribute["BulkDataURI"], instance)
    raise NotApplicable("the metadata have no BulkDataURI for it")


@check("10.4.1.1.5")
def by_uri(server: Server) -> None:
    """The BulkDataURI of pixel data leads to them"""
    part = only_part(server.get(uri_of(server, server.main, PIXELS), OCTETS))
    if part.data != grey16(1):
        raise Fault("other bytes")


@check("8.6.1", rows=[("type", "content-type"), ("location", "content-location")])
def part_headers(server: Server, name: str, header: str) -> None:
    """The part of bulk data has a Content-{0}"""
    part = only_part(server.get(uri_of(server, server.main, PIXELS), OCTETS))
    if not part.headers.get(header):
        raise Fault("there is none")


@check("10.4.3.3.5")
def location_is_uri(server: Server) -> None:
    """The Content-Location of bulk data is the BulkDataURI of the metadata"""
    url = uri_of(server, server.main, PIXELS)
    said = only_part(server.get(url, OCTETS)).headers.get("content-location", "")
    if server.resolve(said, server.main) != url:
        raise Fault(said or "there is none")


@check("10.4.4", rows=[("anything", "*/*"), ("any-parts", 'multipart/related; type="*/*"'),
                       ("unquoted", "multipart/related; type=application/octet-stream"),
                       ("star", f"{OCTETS}; transfer-syntax=*")])  # fmt: skip
def accepted(server: Server, name: str, accept: str) -> None:
    """Bulk data are given for Accept: {1}"""
    answer = server.get(uri_of(server, server.main, PIXELS), accept)
    data = answer.content if content_type(answer) == "application/octet-stream" else None
    if (only_part(answer).data if data is None else data) != grey16(1):
        raise Fault("other bytes")


@check("10.4.4", "optional")
def single_part(server: Server) -> None:
    """Bulk data are given as a single application/octet-stream"""
    answer = server.get(uri_of(server, server.main, PIXELS), "application/octet-stream")
    expect_status(answer, 200)
    if answer.content != grey16(1):
        raise Fault("other bytes")


@check("8.7.8.1")
def not_acceptable(server: Server) -> None:
    """Bulk data are refused with 406 in a type that they cannot have"""
    expect_status(server.get(uri_of(server, server.main, PIXELS), "text/html"), 406)


@check("F.2.6", "conditional")
def in_sequence(server: Server) -> None:
    """Bulk data of an item of a sequence have a BulkDataURI that leads to them"""
    first = server.stored("waveform").first
    part = only_part(server.get(uri_of(server, first, "54001010"), OCTETS))
    if part.data != WAVEFORM:
        raise Fault("other bytes")


@check("10.4.1.1.5", "conditional")
def document(server: Server) -> None:
    """An encapsulated document is had by its BulkDataURI, or is inline"""
    first = server.stored("document").first
    part = only_part(server.get(uri_of(server, first, "00420011"), OCTETS))
    if part.data.rstrip(b"\0") != PDF.rstrip(b"\0"):
        raise Fault("other bytes")


@check("8.7.3.3", "interoperability")
def document_type(server: Server) -> None:
    """OHIF: an encapsulated PDF is had as multipart application/pdf, then octet-stream"""
    first = server.stored("document").first
    accept = f'multipart/related; type="application/pdf", {OCTETS};q=0.9'
    part = only_part(server.get(uri_of(server, first, "00420011"), accept))
    if not part.data.startswith(b"%PDF"):
        raise Fault("no PDF")


@check("10.4.1.1.5", "conditional")
def multi_frame(server: Server) -> None:
    """Bulk data of a multi-frame image are all its frames"""
    first = server.stored("multi-frame").first
    found = parts(server.get(uri_of(server, first, PIXELS), OCTETS))
    if b"".join(part.data for part in found) != first.sent.PixelData:
        raise Fault("other bytes")


LEVELS = [("study", "study_path", SLICES + 1), ("series", "series_path", SLICES),
          ("instance", "path", 1)]  # fmt: skip


def pixels_of(server: Server, place: str) -> list[bytes]:
    """Return the pixel data that were sent to a level of the main study."""
    wanted = getattr(server.main, place)
    instances = server.stored("main").instances
    return sorted(i.sent.PixelData for i in instances if getattr(i, place) == wanted)


@check("10.4.1.1.5", "optional", rows=LEVELS)
def bulkdata(server: Server, name: str, place: str, count: int) -> None:
    """/bulkdata of the {0} has the bulk data of its instances"""
    found = parts(server.get(f"{getattr(server.main, place)}/bulkdata", OCTETS))
    if sorted(part.data for part in found) != pixels_of(server, place):
        raise Fault(f"{len(found)} parts, or other bytes")


@check("10.4.1.1.6", "optional", rows=LEVELS)
def pixeldata(server: Server, name: str, place: str, count: int) -> None:
    """/pixeldata of the {0} has the pixel data of its instances"""
    found = parts(server.get(f"{getattr(server.main, place)}/pixeldata", OCTETS))
    if sorted(part.data for part in found) != pixels_of(server, place):
        raise Fault(f"{len(found)} parts, or other bytes")


@check("10.4.3.3.5", "optional", rows=[("study", "study_path"), ("series", "series_path")])
def bulkdata_locations(server: Server, name: str, place: str) -> None:
    """Parts of /bulkdata of the {0} say by Content-Location which they are"""
    found = parts(server.get(f"{getattr(server.main, place)}/bulkdata", OCTETS))
    said = {part.headers.get("content-location") for part in found}
    if None in said or len(said) != len(found):
        raise Fault("they do not")


@check("10.4.1.1.5", "optional")
def bulkdata_in_sequences(server: Server) -> None:
    """/bulkdata of an instance has the bulk data of its sequences as well"""
    first = server.stored("waveform").first
    found = parts(server.get(f"{first.path}/bulkdata", OCTETS))
    if WAVEFORM not in [part.data for part in found]:
        raise Fault("it has not")


@check("10.4.1.1.6", "optional")
def no_pixeldata(server: Server) -> None:
    """/pixeldata of an instance without pixel data is answered with 404"""
    expect_status(server.get(f"{server.stored('report').first.path}/pixeldata", OCTETS), 404)


@check("10.4.3.1", rows=[("instance", "/instances/1.2.3.4.5/bulkdata/7FE00010"),
                         ("study", None)])  # fmt: skip
def not_found(server: Server, name: str, path: str | None) -> None:
    """Bulk data of what is not there are answered with 404: {0}"""
    place = server.main.series_path + path if path else "/studies/1.2.3.4.5/bulkdata"
    expect_status(server.get(place, OCTETS), 404)


@check("10.4.3.1")
def changed_uri(server: Server) -> None:
    """A BulkDataURI with another ending is answered with 404 or 400"""
    url = uri_of(server, server.main, PIXELS)
    expect_status(server.get(f"{url}1", OCTETS), 400, 404)


@check("RFC 9110 14.2", "optional", rows=[("first", "bytes=0-99", 0, 100),
                                          ("middle", "bytes=100-199", 100, 200),
                                          ("last", "bytes=-48", 2000, 2048),
                                          ("rest", "bytes=2000-", 2000, 2048)])  # fmt: skip
def ranges(server: Server, name: str, value: str, start: int, end: int) -> None:
    """Range gives a part of bulk data: {1}"""
    url = uri_of(server, server.main, PIXELS)
    answer = server.get(url, "application/octet-stream", Range=value)
    expect_status(answer, 206)
    if answer.content != grey16(1)[start:end]:
        raise Fault("other bytes")
    if answer.headers.get("Content-Range") != f"bytes {start}-{end - 1}/2048":
        raise Fault(answer.headers.get("Content-Range", "no Content-Range"))


@check("RFC 9110 14.2", "optional")
def range_past_the_end(server: Server) -> None:
    """A Range past the end of bulk data is answered with 416"""
    url = uri_of(server, server.main, PIXELS)
    answer = server.get(url, "application/octet-stream", Range="bytes=99999-")
    expect_status(answer, 416)


@check("RFC 9110 14.2", rows=[("words", "bytes=a-b"), ("unit", "lines=1-2"), ("empty", "bytes=")])
def odd_ranges(server: Server, name: str, value: str) -> None:
    """A Range that cannot be understood is ignored: {1}"""
    answer = server.get(uri_of(server, server.main, PIXELS), OCTETS, Range=value)
    expect_status(answer, 200)
