"""Makes compressed frames that carry what must go, and encapsulates them.

Every planted text holds ``PLANTED``.
"""

import io
import struct
from collections.abc import Iterable, Sequence
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image

PLANTED = b"Quxley^Zebulon"
JPEG = "1.2.840.10008.1.2.4.50"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.70"
JPEG_LS = "1.2.840.10008.1.2.4.80"
JPEG_2000 = "1.2.840.10008.1.2.4.90"
HIGH_THROUGHPUT = "1.2.840.10008.1.2.4.201"
JPEG_XL = "1.2.840.10008.1.2.4.110"
RLE = "1.2.840.10008.1.2.5"
END = b"\xfe\xff\xdd\xe0\0\0\0\0"

Pixels = NDArray[Any]


def picture(kind: type = np.uint8, *, colour: bool = False) -> Pixels:
    """A picture that is neither flat nor noise."""
    rows, columns = np.mgrid[0:48, 0:40]
    grey = (rows * 5 + columns * 3 + (rows * columns) % 17) % np.iinfo(kind).max
    planes = [grey, grey[::-1], grey // 2] if colour else [grey]
    return np.stack(planes, axis=-1).astype(kind) if colour else grey.astype(kind)


def decoded(frame: bytes, syntax: str) -> Pixels:
    """Decode with the codecs that the product uses."""
    number = int(syntax.rpartition(".")[2])
    if number < 80:
        return imagecodecs.jpeg8_decode(frame)
    if number < 90:
        return imagecodecs.jpegls_decode(frame + b"\xff\xd9")
    if 110 <= number <= 112:
        return imagecodecs.jpegxl_decode(frame)
    return imagecodecs.jpeg2k_decode(frame)


def segment(code: int, content: bytes) -> bytes:
    """A marker segment of JPEG or JPEG 2000."""
    return struct.pack(">BBH", 0xFF, code, len(content) + 2) + content


COMMENT = segment(0xFE, b"Patient " + PLANTED)
APPLICATIONS = b"".join(
    segment(0xE0 + number, name + PLANTED + bytes(range(256)))
    for number, name in enumerate(
        (
            *(b"JFXX\0\x10", b"Exif\0\0", b"ICC_PROFILE\0", b"Meta\0\0", b"NITF", b"HPJPEG"),
            *(b"Xref", b"vendor", b"SPIFF\0", b"", b"XMP", b"JP\0\0", b"Ducky", b"Photoshop 3.0\0"),
            *(b"adobe", b""),
        )
    )
)


def jpeg(*, progressive: bool = False, colour: bool = True, restart: int = 0) -> bytes:
    """A JPEG image with JFIF, Exif and a comment, as libraries for photographs write them."""
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = PLANTED.decode()
    Image.fromarray(picture(colour=colour)).save(
        out,
        "JPEG",
        progressive=progressive,
        restart_marker_blocks=restart,
        exif=exif,
        comment=PLANTED,
        icc_profile=PLANTED * 100,
    )
    return out.getvalue()


# In entropy-coded data; JPEG-LS has a bit 0 behind FF.
NO_SEGMENTS = frozenset((*range(0x80), *range(0xD0, 0xD8), 0xFF))


def markers(frame: bytes) -> list[int]:
    """Where the segments of a JPEG image begin, those behind scans too."""
    found, at = [], 2
    while frame[at : at + 2] != b"\xff\xd9":
        if frame[at] == 0xFF and frame[at + 1] not in NO_SEGMENTS:
            found.append(at)
            at += 2 + int.from_bytes(frame[at + 2 : at + 4], "big")
        else:
            at += 1
    return [*found, at]


def crowded(frame: bytes, *, to_end: bool = True) -> bytes:
    """Put comments and application segments in front of every marker of a JPEG image.

    Args:
        to_end: in front of the last one, too.
    """
    out, last = bytearray(), 0
    for at in markers(frame)[: None if to_end else -1]:
        # JFIF must stay the first one
        if frame[at + 1] == 0xE0:
            continue
        out += frame[last:at] + COMMENT + APPLICATIONS
        last = at
    return bytes(out + frame[last:])


def jpeg_lossless() -> bytes:
    """A lossless JPEG image of 16 bits."""
    return bytes(imagecodecs.jpeg8_encode(picture(np.uint16), lossless=True, bitspersample=16))


def jpeg_ls(kind: type = np.uint16) -> bytes:
    """A JPEG-LS image without the SPIFF header that the encoder writes."""
    frame = bytes(imagecodecs.jpegls_encode(picture(kind)))
    return frame[:2] + frame[frame.index(b"\xff\xf7") :]


def codestream() -> bytes:
    """A JPEG 2000 image of several tiles without comments."""
    out = io.BytesIO()
    out.name = "image.j2k"
    Image.fromarray(picture(np.uint16)).save(out, "JPEG2000", tile_size=(16, 16))
    frame = out.getvalue()
    comment = frame.index(b"\xff\x64")
    length = int.from_bytes(frame[comment + 2 : comment + 4], "big")
    return frame[:comment] + frame[comment + 2 + length :]


def commented(frame: bytes) -> bytes:
    """Put comments into the main header and all tile-part headers of a JPEG 2000 image."""
    comment = segment(0x64, b"\0\1" + PLANTED) + segment(0x64, b"\0\0" + PLANTED)
    at = frame.index(b"\xff\x90")
    out = bytearray(frame[:at] + comment)
    while frame[at : at + 2] == b"\xff\x90":
        size = int.from_bytes(frame[at + 6 : at + 10], "big")
        head = bytearray(frame[at : at + 12])
        head[6:10] = (size + len(comment)).to_bytes(4, "big")
        out += head + comment + frame[at + 12 : at + size]
        at += size
    return bytes(out + frame[at:])


def open_ended(frame: bytes) -> bytes:
    """Leave the length of the last tile-part of a JPEG 2000 image open."""
    out = bytearray(frame)
    at = frame.rindex(b"\xff\x90\0\x0a")
    out[at + 6 : at + 10] = bytes(4)
    return bytes(out)


def box(kind: bytes, content: bytes, *, long: bool = False) -> bytes:
    """A box of a JP2 or JPEG XL file."""
    if long:
        return struct.pack(">L4sQ", 1, kind, len(content) + 16) + content
    return struct.pack(">L4s", len(content) + 8, kind) + content


BOXES = b"".join(
    box(kind, PLANTED * 3, long=long)
    for kind in (b"xml ", b"uuid", b"uinf", b"jp2i", b"lbl ", b"Exif", b"jumb", b"brob", b"jbrd")
    for long in (False, True)
)


def jp2(frame: bytes, *, to_end: bool = False) -> bytes:
    """A JP2 file with an image in it and boxes around it."""
    header = box(b"ihdr", struct.pack(">LLHBBBB", 48, 40, 1, 15, 7, 0, 0))
    header += box(b"colr", b"\1\0\0" + struct.pack(">L", 17))
    out = box(b"jP  ", b"\r\n\x87\n") + box(b"ftyp", b"jp2 \0\0\0\0jp2 ") + BOXES
    out += box(b"jp2h", header + BOXES)
    if to_end:
        return out + struct.pack(">L4s", 0, b"jp2c") + frame
    return out + box(b"jp2c", frame) + BOXES


def jpeg_xl(*, boxed: bool) -> bytes:
    """A JPEG XL image, bare or in a file with boxes around it."""
    kind = {"lossless": True, "usecontainer": boxed}
    frame = bytes(imagecodecs.jpegxl_encode(picture(), **kind))
    if not boxed:
        return frame
    at = frame.index(b"jxlc") - 4
    return frame[:at] + BOXES + frame[at:] + BOXES


def encapsulated(fragments: Iterable[bytes], table: Sequence[int] = ()) -> bytes:
    """The value of pixel data: fragments, and offsets in front of them."""
    out = [struct.pack(f"<HHL{len(table)}L", 0xFFFE, 0xE000, 4 * len(table), *table)]
    out += [struct.pack("<HHL", 0xFFFE, 0xE000, len(f)) + f for f in fragments]
    return b"".join(out) + END


def fragments_of(value: bytes) -> list[bytes]:
    """What `encapsulated` took, without the table."""
    found, at = [], 0
    while value[at : at + 8] != END:
        length = int.from_bytes(value[at + 4 : at + 8], "little")
        found.append(value[at + 8 : at + 8 + length])
        at += 8 + length
    assert at + 8 == len(value)
    return found[1:]
