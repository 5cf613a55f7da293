"""Checks of Retrieve: compressed images, as they are stored and decompressed.

Standard: PS3.18 8.7.3.4 (transfer syntax), 8.7.3.3.2 (compressed bulk data), 8.7.3.5 (Table
8.7.3-5).
Invariants: what was compressed without loss must come back bit for bit.
"""

from conformance.encoding import decode
from conformance.errors import Fault
from conformance.reading import DICOM, EXPLICIT, OCTETS, expect_status, octets, only_part
from conformance.sample import grey8, grey16
from conformance.sample_compressed import LOSSLESS, LOSSY, MEDIA_TYPES, NAMES, frame_of
from conformance.server import Server
from conformance.suite import check

ALL = [(name, NAMES[name], MEDIA_TYPES[name]) for name in NAMES]
WITHOUT_LOSS = [row for row in ALL if row[0] in LOSSLESS]
WITH_LOSS = [row for row in ALL if row[0] in LOSSY]
# The first of each media type in Table 8.7.3-5.
DEFAULTS = ("jpeg-lossless", "jpeg-ls", "jpeg-2000", "htj2k", "jpeg-xl", "rle")
BY_TYPE = [row for row in ALL if row[0] in DEFAULTS]


def _sent(name: str) -> bytes:
    return grey8() if name == "jpeg-baseline" else grey16(3)


@check("8.7.3.4", "conditional", rows=WITHOUT_LOSS)
def file_decoded(server: Server, name: str, syntax: str, media_type: str) -> None:
    """An instance stored as {0} comes in Explicit VR Little Endian, bit for bit"""
    ds = decode(only_part(server.get(server.stored(name).first.path, DICOM)).data)
    if ds.file_meta.TransferSyntaxUID != EXPLICIT:
        raise Fault(str(ds.file_meta.TransferSyntaxUID))
    if ds.PixelData != _sent(name):
        raise Fault("other pixels")


@check("8.7.3.4", "conditional", rows=WITHOUT_LOSS)
def frame_decoded(server: Server, name: str, syntax: str, media_type: str) -> None:
    """A frame stored as {0} comes decompressed, bit for bit"""
    if octets(server, server.stored(name).first.path) != _sent(name):
        raise Fault("other pixels")


@check("8.7.3.3.2", "conditional", rows=WITHOUT_LOSS)
def decoded_label(server: Server, name: str, syntax: str, media_type: str) -> None:
    """A frame of {0} that comes decompressed says so in its Content-Type"""
    part = only_part(server.get(f"{server.stored(name).first.path}/frames/1", OCTETS))
    if part.media_type != "application/octet-stream":
        raise Fault(part.media_type)
    if part.transfer_syntax not in ("", EXPLICIT):
        raise Fault(part.transfer_syntax)


@check("8.7.3.4", "conditional", rows=ALL)
def file_as_stored(server: Server, name: str, syntax: str, media_type: str) -> None:
    """An instance stored as {0} comes so for transfer-syntax=*"""
    answer = server.get(server.stored(name).first.path, f"{DICOM}; transfer-syntax=*")
    found = str(decode(only_part(answer).data).file_meta.TransferSyntaxUID)
    if found != syntax:
        raise Fault(found)


@check("8.7.3.4", "conditional", rows=ALL)
def file_by_syntax(server: Server, name: str, syntax: str, media_type: str) -> None:
    """An instance stored as {0} comes so when {1} is asked for"""
    answer = server.get(server.stored(name).first.path, f"{DICOM}; transfer-syntax={syntax}")
    found = str(decode(only_part(answer).data).file_meta.TransferSyntaxUID)
    if found != syntax:
        raise Fault(found)


@check("8.7.3.4", "interoperability", rows=ALL)
def file_label(server: Server, name: str, syntax: str, media_type: str) -> None:
    """dcm4chee#2813: the part of an instance in {0} names its transfer syntax"""
    answer = server.get(server.stored(name).first.path, f"{DICOM}; transfer-syntax=*")
    part = only_part(answer)
    if part.transfer_syntax != syntax:
        raise Fault(part.headers.get("content-type", ""))


def _frame(server: Server, name: str, accept: str) -> bytes:
    part = only_part(server.get(f"{server.stored(name).first.path}/frames/1", accept))
    return part.data.rstrip(b"\0")


def _compressed(name: str) -> bytes | None:
    return None if name == "rle" else frame_of(name).rstrip(b"\0")


@check("8.7.3.3.2", "conditional", rows=ALL)
def frame_by_type(server: Server, name: str, syntax: str, media_type: str) -> None:
    """A frame in {0} comes as {2} with its transfer-syntax, as it was sent"""
    accept = f'multipart/related; type="{media_type}"; transfer-syntax={syntax}'
    data, sent = _frame(server, name, accept), _compressed(name)
    if sent is not None and data != sent:
        raise Fault("other bytes")


@check("8.7.3.5.1", "conditional", rows=BY_TYPE)
def frame_by_default_type(server: Server, name: str, syntax: str, media_type: str) -> None:
    """A frame in {0} comes as {2} when no transfer-syntax is named: it is the type's default"""
    accept = f'multipart/related; type="{media_type}"'
    part = only_part(server.get(f"{server.stored(name).first.path}/frames/1", accept))
    if part.media_type != media_type or part.transfer_syntax not in ("", syntax):
        raise Fault(part.headers.get("content-type", ""))


@check("8.7.3.3.2", "conditional", rows=ALL)
def frame_label(server: Server, name: str, syntax: str, media_type: str) -> None:
    """The part of a frame in {0} is labelled {2} with transfer-syntax {1}"""
    accept = f'multipart/related; type="{media_type}"; transfer-syntax={syntax}'
    part = only_part(server.get(f"{server.stored(name).first.path}/frames/1", accept))
    if (part.media_type, part.transfer_syntax) != (media_type, syntax):
        raise Fault(part.headers.get("content-type", ""))


@check("8.7.3.4", "interoperability", rows=ALL)
def frame_star(server: Server, name: str, syntax: str, media_type: str) -> None:
    """cornerstone: octet-stream with transfer-syntax=* gives a frame in {0}, labelled as it is"""
    accept = "multipart/related; type=application/octet-stream; transfer-syntax=*"
    part = only_part(server.get(f"{server.stored(name).first.path}/frames/1", accept))
    if part.transfer_syntax == syntax:
        sent = _compressed(name)
        if sent is not None and part.data.rstrip(b"\0") != sent:
            raise Fault("labelled as stored, with other bytes")
    elif part.transfer_syntax in ("", EXPLICIT):
        if len(part.data) != len(_sent(name)):
            raise Fault("labelled as decompressed, with other bytes")
    else:
        raise Fault(part.headers.get("content-type", ""))


@check("8.7.3.4", "conditional", rows=WITH_LOSS)
def lossy_default(server: Server, name: str, syntax: str, media_type: str) -> None:
    """An instance stored as {0}, with loss, is retrieved when no transfer syntax is named"""
    ds = decode(only_part(server.get(server.stored(name).first.path, DICOM)).data)
    if ds.file_meta.TransferSyntaxUID not in (syntax, EXPLICIT):
        raise Fault(str(ds.file_meta.TransferSyntaxUID))


@check("8.7.3.4", "conditional", rows=WITH_LOSS)
def lossy_decoded(server: Server, name: str, syntax: str, media_type: str) -> None:
    """A frame stored as {0}, when it comes decompressed, is near to what was encoded"""
    accept = f"{OCTETS}; transfer-syntax={EXPLICIT}"
    answer = server.get(f"{server.stored(name).first.path}/frames/1", accept)
    if answer.status_code == 406:
        return  # 8.7.3.4: no server must decode what is lossy
    data, sent = only_part(answer).data, _sent(name)
    size = 1 if name == "jpeg-baseline" else 2
    far = [
        at
        for at in range(0, len(sent), size)
        if abs(int.from_bytes(data[at : at + size], "little")
               - int.from_bytes(sent[at : at + size], "little")) > (40 if size == 1 else 400)
    ]  # fmt: skip
    # A ramp has an edge, where a lossy codec rings.
    if len(data) != len(sent) or len(far) > len(sent) // size // 10:
        raise Fault(f"{len(data)} bytes, {len(far)} of them far off")


@check("8.7.3.4", "conditional")
def several_frames(server: Server) -> None:
    """Frames of a compressed multi-frame image come decompressed, each its own"""
    first = server.stored("rle-frames").first
    for number in (1, 2, 3):
        part = only_part(server.get(f"{first.path}/frames/{number}", OCTETS))
        if part.data != grey8(number):
            raise Fault(f"frame {number} has other bytes")


@check("8.7.3.3.2", "conditional")
def bulkdata_decoded(server: Server) -> None:
    """Pixel data stored compressed come decompressed by their BulkDataURI"""
    first = server.stored("rle").first
    uri = first.metadata["7FE00010"].get("BulkDataURI")
    if uri is None:
        raise Fault("no BulkDataURI")
    if only_part(server.get(server.resolve(uri, first), OCTETS)).data != grey16(3):
        raise Fault("other bytes")


@check("8.7.3.4", "conditional")
def headers_agree(server: Server) -> None:
    """The header of a decompressed instance describes what is there"""
    ds = decode(only_part(server.get(server.stored("jpeg-2000").first.path, DICOM)).data)
    cells = ds.Rows * ds.Columns * ds.SamplesPerPixel * ds.BitsAllocated // 8
    if len(ds.PixelData) != cells:
        raise Fault("it does not")


TARGETS = [(name, NAMES[name], MEDIA_TYPES[name])
           for name in ("rle", "jpeg-ls", "jpeg-2000", "htj2k", "jpeg-lossless")]  # fmt: skip


@check("8.7.3.4", "optional", rows=TARGETS)
def encoded(server: Server, name: str, syntax: str, media_type: str) -> None:
    """An image stored without compression is given in {0}"""
    answer = server.get(server.main.path, f"{DICOM}; transfer-syntax={syntax}")
    expect_status(answer, 200)
    found = str(decode(only_part(answer).data).file_meta.TransferSyntaxUID)
    if found != syntax:
        raise Fault(found)


@check("8.7.3.5.1", "optional", rows=TARGETS)
def frame_encoded(server: Server, name: str, syntax: str, media_type: str) -> None:
    """A frame stored without compression is given as {2}"""
    accept = f'multipart/related; type="{media_type}"; transfer-syntax={syntax}'
    part = only_part(server.get(f"{server.main.path}/frames/1", accept))
    if part.media_type != media_type:
        raise Fault(part.headers.get("content-type", ""))
