"""Checks of Retrieve: frames, and the types that they are asked for in.

Standard: PS3.18 10.4.1.1.6 (pixel data resources), 8.7.3.3 (bulk data types), 8.7.3.5 (Table
8.7.3-5), 8.6.1.2 (multipart).
Not here: frames that must be decoded (`conformance.transcoding`).
"""

from conformance.errors import Fault
from conformance.multipart import parts
from conformance.reading import EXPLICIT, OCTETS, expect_status, frame_parts, octets, only_part
from conformance.sample import grey8, grey16
from conformance.sample_images import FRAMES, SEGMENTS
from conformance.server import Server
from conformance.suite import check


@check("10.4.1.1.6")
def one(server: Server) -> None:
    """A frame is the pixel data that were sent"""
    if octets(server, server.main.path) != grey16(1):
        raise Fault("other bytes")


@check("10.4.1.1.6", "conditional", rows=[(str(number),) for number in range(1, FRAMES + 1)])
def of_several(server: Server, number: str) -> None:
    """Frame {0} of a multi-frame image is that frame"""
    [part] = frame_parts(server, server.stored("multi-frame").first.path, number)
    if part.data != grey8(int(number)):
        raise Fault("other bytes")


LISTS = [("1,2", [1, 2]), ("2,4,5", [2, 4, 5]), ("1,2,3,4,5", [1, 2, 3, 4, 5])]


@check("10.4.1.1.6", "conditional", rows=LISTS)
def listed(server: Server, frames: str, numbers: list[int]) -> None:
    """The list of frames {0} gives each in a part of its own, in this order"""
    found = frame_parts(server, server.stored("multi-frame").first.path, frames)
    if [part.data for part in found] != [grey8(number) for number in numbers]:
        raise Fault(f"{len(found)} parts, or other bytes")


@check("RFC 3986 2.1", "conditional")
def encoded_comma(server: Server) -> None:
    """The comma of a list of frames may be percent-encoded"""
    found = frame_parts(server, server.stored("multi-frame").first.path, "1%2C2")
    if [part.data for part in found] != [grey8(1), grey8(2)]:
        raise Fault("other bytes")


@check("10.4.1.1.6", "conditional")
def of_single(server: Server) -> None:
    """Colour pixels come in the order in which they were sent"""
    first = server.stored("colour").first
    if octets(server, first.path) != first.sent.PixelData:
        raise Fault("other bytes")


@check("8.7.3.3.1", "conditional", rows=[(str(n),) for n in range(1, SEGMENTS + 1)])
def one_bit(server: Server, number: str) -> None:
    """Frame {0} of one-bit pixels begins with its own first pixel"""
    first = server.stored("segmentation").first
    [part] = frame_parts(server, first.path, number)
    packed = first.sent.PixelData
    start = (int(number) - 1) * 45
    bits = [packed[place // 8] >> place % 8 & 1 for place in range(start, start + 45)]
    found = [part.data[place // 8] >> place % 8 & 1 for place in range(45)]
    if found != bits:
        raise Fault("other pixels")


@check("8.7.3.3.1", "conditional", rows=[("implicit",), ("big-endian",), ("deflated",)])
def from_other_syntax(server: Server, sample: str) -> None:
    """A frame stored as {0} comes in little-endian bytes"""
    if octets(server, server.stored(sample).first.path) != grey16(1):
        raise Fault("other bytes")


@check("8.6.1")
def part_type(server: Server) -> None:
    """The part of a frame is application/octet-stream"""
    part = only_part(server.get(f"{server.main.path}/frames/1", OCTETS))
    if part.media_type != "application/octet-stream":
        raise Fault(part.media_type)


@check("8.6.1")
def part_location(server: Server) -> None:
    """The part of a frame has a Content-Location"""
    if not only_part(server.get(f"{server.main.path}/frames/1", OCTETS)).headers.get(
        "content-location"
    ):
        raise Fault("there is none")


@check("8.6.1", "conditional")
def part_locations_differ(server: Server) -> None:
    """The Content-Locations of several frames differ"""
    found = frame_parts(server, server.stored("multi-frame").first.path, "1,2,3")
    if len({part.headers.get("content-location") for part in found}) != 3:
        raise Fault("they do not")


@check("8.7.3.3.2", "interoperability")
def part_syntax(server: Server) -> None:
    """cornerstone: the part of a frame names its transfer syntax, without quotes"""
    part = only_part(server.get(f"{server.main.path}/frames/1", OCTETS))
    if f"transfer-syntax={EXPLICIT}" not in part.headers.get("content-type", "").replace(" ", ""):
        raise Fault(part.headers.get("content-type", ""))


@check("8.6.1", "interoperability")
def part_header_case(server: Server) -> None:
    """cornerstone: the part's field is spelled Content-Type"""
    if "Content-Type" not in only_part(server.get(f"{server.main.path}/frames/1", OCTETS)).names:
        raise Fault("it is not")


@check("8.6.1", "interoperability")
def header_is_near(server: Server) -> None:
    """dcmjs: the header of the first part ends within 1000 bytes"""
    answer = server.get(f"{server.main.path}/frames/1", OCTETS)
    if b"\r\n\r\n" not in answer.content[:1000]:
        raise Fault("it does not")


ACCEPTS = [
    ("unquoted", "multipart/related; type=application/octet-stream"),
    ("star", "multipart/related; type=application/octet-stream; transfer-syntax=*"),
    ("quoted-star", 'multipart/related; type="application/octet-stream"; transfer-syntax="*"'),
    ("explicit", f'multipart/related; type="application/octet-stream"; transfer-syntax={EXPLICIT}'),
    ("anything", "*/*"),
    ("any-parts", 'multipart/related; type="*/*"'),
    ("list", 'multipart/related; type="image/x-nothing", '
             'multipart/related; type="application/octet-stream"'),
    ("odd-member", f"nonsense, {OCTETS}"),
    ("quality", f'{OCTETS};q=0.5, multipart/related; type="text/plain";q=1.0'),
]  # fmt: skip


@check("8.7.5", rows=ACCEPTS)
def accepted(server: Server, name: str, accept: str) -> None:
    """Accept: {1} is understood for a frame"""
    part = only_part(server.get(f"{server.main.path}/frames/1", accept))
    if part.data != grey16(1):
        raise Fault("other bytes")


@check("8.7.8.1", rows=[("html", "text/html"), ("png", "image/png"),
                                        ("unknown-parts", 'multipart/related; type="text/plain"'),
                        ("implicit", f"{OCTETS}; transfer-syntax=1.2.840.10008.1.2"),
                        ("unknown-syntax", f"{OCTETS}; transfer-syntax=1.2.3.4")])  # fmt: skip
def not_acceptable(server: Server, name: str, accept: str) -> None:
    """A frame is refused with 406 in a type that it cannot have: {0}"""
    expect_status(server.get(f"{server.main.path}/frames/1", accept), 406)


@check("10.4.4", "optional")
def single_part(server: Server) -> None:
    """One frame is given as a single application/octet-stream"""
    answer = server.get(f"{server.main.path}/frames/1", "application/octet-stream")
    expect_status(answer, 200)
    if answer.content != grey16(1):
        raise Fault("other bytes")


@check("10.4.3.1", rows=[("0",), ("-1",), ("one",), ("1.5",), ("1,x",), ("1,,2",)])
def malformed(server: Server, frames: str) -> None:
    """Frames that are none are refused with 400 or 404: {0}"""
    expect_status(server.get(f"{server.main.path}/frames/{frames}", OCTETS), 400, 404)


@check("10.4.3.1", rows=[("2",), ("99999",), ("123456789012345678901234567890",)])
def past_the_end(server: Server, frames: str) -> None:
    """A frame that the instance does not have is answered with 404 or 400: {0}"""
    expect_status(server.get(f"{server.main.path}/frames/{frames}", OCTETS), 400, 404)


@check("10.4.3.1", "conditional")
def some_past_the_end(server: Server) -> None:
    """A list of which one frame is not there is not answered with 200"""
    first = server.stored("multi-frame").first
    answer = server.get(f"{first.path}/frames/1,{FRAMES + 1}", OCTETS)
    expect_status(answer, 206, 400, 404)


@check("10.4.3.1", "conditional")
def without_pixels(server: Server) -> None:
    """Frames of an instance without pixel data are answered with 404 or 400"""
    path = server.stored("report").first.path
    expect_status(server.get(f"{path}/frames/1", OCTETS), 400, 404)


@check("10.4.3.1")
def not_found(server: Server) -> None:
    """Frames of an instance that is not there are answered with 404"""
    path = f"{server.main.series_path}/instances/1.2.3.4.5/frames/1"
    expect_status(server.get(path, OCTETS), 404)


@check("10.4.1.1.6")
def concurrent(server: Server) -> None:
    """The same frame is the same bytes each time"""
    bodies = {parts(server.get(f"{server.main.path}/frames/1", OCTETS))[0].data for _ in range(4)}
    if len(bodies) != 1:
        raise Fault("they differ")
