"""Reads and writes the framing of a Part 10 file: preamble and file meta information.

Standard: PS3.10 7.1 (preamble, prefix, file meta information).

Invariants: of what came only the transfer syntax is used; what is written is made new.

Not here: the data set (``deid.stream``).
"""

import struct
from functools import lru_cache
from typing import Final

from deid.dictionary import keyword_of
from deid.encoding import (
    EXPLICIT_LITTLE,
    UNDEFINED,
    encode_element,
    encoding_of,
    header_reader,
)
from deid.errors import Malformed, MissingIdentifier, NotDicom, TooLarge, Truncated
from deid.profile import Profile

PREAMBLE: Final = 128
_PREFIX: Final = b"DICM"
_LIMIT: Final = 1 << 16
_LITTLE: Final = encoding_of(EXPLICIT_LITTLE)
_GROUP_LENGTH: Final = 0x00020000
_TRANSFER_SYNTAX_UID: Final = 0x00020010


def check_prefix(buf: bytes | bytearray) -> bool:
    """Tell whether enough has come to see that this is a DICOM file.

    Raises:
        NotDicom: it is none.
    """
    if len(buf) < PREAMBLE + 4:
        return False
    if buf[PREAMBLE : PREAMBLE + 4] != _PREFIX:
        raise NotDicom("This is not a DICOM file: preamble and DICM prefix are missing.")
    return True


def read_meta(buf: bytes) -> tuple[str, int]:
    """Return the transfer syntax, and where the data set begins.

    Raises:
        Truncated: more bytes are needed.
        NotDicom, Malformed, MissingIdentifier: the file meta information is unusable.
    """
    if not check_prefix(buf):
        raise Truncated("The file ends inside the preamble.")
    read, pos, end = header_reader(_LITTLE), PREAMBLE + 4, len(buf)
    stated, syntax = -1, None
    while pos != stated:
        if end - pos < 2 and stated < 0 and pos > PREAMBLE + 4:
            raise Truncated("The file ends inside the file meta information.")
        if buf[pos : pos + 2] != b"\x02\0" and end - pos >= 2:
            break
        tag, vr, start, length = read(buf, pos, end)
        if length == UNDEFINED or not vr or start + length > _LIMIT:
            raise Malformed(f"{keyword_of(tag)} in the file meta information is not readable.")
        pos = start + length
        if pos > end:
            raise Truncated("The file ends inside the file meta information.")
        if tag == _GROUP_LENGTH and length == 4:
            stated = pos + int(struct.unpack_from("<L", buf, start)[0])
        elif tag == _TRANSFER_SYNTAX_UID:
            syntax = buf[start:pos].strip(b" \0").decode("latin-1")
    if not syntax:
        raise MissingIdentifier("TransferSyntaxUID")
    return syntax, pos


def check_size(size: int) -> None:
    """Refuse file meta information that does not end."""
    if size > _LIMIT:
        raise TooLarge("The file meta information is too large.")


def write_meta(
    profile: Profile, transfer_syntax: str, sop_class_uid: str, sop_instance_uid: str
) -> bytes:
    """Return preamble, prefix and file meta information of the de-identified file."""
    front, behind = _around(profile, transfer_syntax, sop_class_uid)
    body = front + encode_element(0x00020003, "UI", sop_instance_uid.encode(), _LITTLE) + behind
    length = encode_element(_GROUP_LENGTH, "UL", struct.pack("<L", len(body)), _LITTLE)
    return bytes(PREAMBLE) + _PREFIX + length + body


@lru_cache(maxsize=64)
def _around(profile: Profile, transfer_syntax: str, sop_class_uid: str) -> tuple[bytes, bytes]:
    """What stands around the SOP Instance UID, which the instances of a series share."""
    literal = profile.literals
    front = [(0x00020001, "OB", b"\0\1"), (0x00020002, "UI", sop_class_uid.encode())]
    behind = [
        (_TRANSFER_SYNTAX_UID, "UI", transfer_syntax.encode()),
        (0x00020012, "UI", profile.implementation_class_uid.encode()),
        (0x00020013, "SH", literal[0x00020013].encode()),
        (0x00020016, "AE", literal[0x00020016].encode()),
    ]
    return _encoded(front), _encoded(behind)


def _encoded(elements: list[tuple[int, str, bytes]]) -> bytes:
    return b"".join(encode_element(tag, vr, value, _LITTLE) for tag, vr, value in elements)
