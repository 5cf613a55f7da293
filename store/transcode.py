"""Gives a stored instance, or frames of it, in another transfer syntax than it is stored in.

Standard: PS3.18 8.7.3 (transfer syntaxes that can be asked for), PS3.5 7.1.2, 7.1.3 and A (explicit
and implicit VR, deflated, encapsulated), 7.3 (byte order), PS3.10 7.1 (meta).

Invariants: only what describes the pixel data is changed, and only when they are made anew. Memory
is one element or one frame, whatever the instance holds. The first frame has been made before the
first byte is given.

Not here: the pixel data (store.repacked), rewriting elements (store.recode), choosing a syntax for
a request (dicomweb).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain
from typing import Final

from deid.encoding import (
    EXPLICIT_LITTLE,
    IMPLICIT,
    IMPLICIT_LITTLE,
    SEQUENCE_END,
    UNDEFINED,
    elements,
    encode_element,
    encoding_of,
    is_encapsulated,
)
from deid.errors import DeidError
from store.cells import value_of
from store.errors import CannotDecode, CannotTranscode, NoSuchFrame
from store.recode import COPIED_BYTES, EXPLICIT, Forward, Recoder
from store.repacked import (
    WRITTEN,
    Ref,
    Repacked,
    Source,
    Stored,
    can_be_written,
    frame_maker,
    repacked,
)
from store.streamed import DEFLATED, PIXEL_DATA_TAGS, deflated, inflated

__all__ = [
    "WRITTEN",
    "Source",
    "Stored",
    "can_be_written",
    "frames_in_syntax",
    "in_syntax",
    "is_given_as_stored",
]

_TRANSFER_SYNTAX: Final = 0x00020010
_PIXEL_DATA: Final = 0x7FE00010
_OFFSET_TABLES: Final = frozenset({0x7FE00001, 0x7FE00002})


def in_syntax(source: Source[Ref], ref: Ref, transfer_syntax: str) -> Iterator[bytes]:
    """Give an instance as a Part 10 file in the transfer syntax.

    What is no image has no pixel data that could be compressed, and is given in any syntax.

    Args:
        source: where it is read from.
        ref: the instance.
        transfer_syntax: in which it is given: Explicit VR Little Endian, deflated or not, Implicit
            VR Little Endian, or an encapsulated one.

    Raises:
        CannotTranscode: there is no codec, the image is of a kind that the syntax does not hold,
            or it is damaged. Damage behind the first frame comes to light only while the file is
            being given.
    """
    stored = ref.transfer_syntax
    if transfer_syntax == stored:
        return source.read(ref)
    if transfer_syntax == IMPLICIT_LITTLE:
        return _implicit(in_syntax(source, ref, EXPLICIT_LITTLE))
    if transfer_syntax not in (EXPLICIT_LITTLE, DEFLATED) and not can_be_written(
        stored, transfer_syntax
    ):
        raise CannotTranscode("There is no encoder for this transfer syntax.")
    chunks = source.read(ref)
    data = Forward(inflated(chunks) if stored == DEFLATED else chunks)
    with _told():
        meta = _meta(data, transfer_syntax)
        data_set = _transcoded(source, ref, data, transfer_syntax)
    return chain((meta,), deflated(data_set) if transfer_syntax == DEFLATED else data_set)


def frames_in_syntax(source: Source[Ref], ref: Ref, transfer_syntax: str) -> Callable[[int], bytes]:
    """Return what gives a frame, counted from 1, in the transfer syntax.

    Native frames are little-endian and begin at bit 0 of their first byte.

    Raises:
        CannotDecode, CannotTranscode: the frames cannot be given so; also by what is returned.
    """
    if is_given_as_stored(ref.transfer_syntax, transfer_syntax):
        return partial(source.frame, ref)
    return frame_maker(source, ref, source.dataset(ref), transfer_syntax)


def is_given_as_stored(stored: str, transfer_syntax: str) -> bool:
    """Tell whether frames of one syntax are given in another without being made anew."""
    is_native = not is_encapsulated(stored)
    return stored == transfer_syntax or (is_native and transfer_syntax == EXPLICIT_LITTLE)


def _implicit(explicit: Iterator[bytes]) -> Iterator[bytes]:
    """Leave the VRs out of a file in Explicit VR Little Endian."""
    data = Forward(explicit)
    with _told():
        meta = _meta(data, IMPLICIT_LITTLE)
    return chain((meta,), _data_set(data, Recoder(EXPLICIT, False, written=IMPLICIT), None))


def _transcoded(
    source: Source[Ref], ref: Ref, data: Forward, transfer_syntax: str
) -> Iterator[bytes]:
    """Give the data set, of which the first frame has been made already."""
    stored = ref.transfer_syntax
    repacks = is_encapsulated(stored) or is_encapsulated(transfer_syntax)
    if not repacks and encoding_of(stored) == EXPLICIT:
        return data.rest()
    ds = source.dataset(ref)
    pixels = None
    if repacks and "Rows" in ds:
        form = EXPLICIT_LITTLE if transfer_syntax == DEFLATED else transfer_syntax
        pixels = repacked(source, ref, ds, form)
    recoder = Recoder(encoding_of(stored), is_signed=value_of(ds, "PixelRepresentation") == 1)
    return _data_set(data, recoder, pixels)


@contextmanager
def _told() -> Iterator[None]:
    """Let whatever is wrong with an instance come out as the one error of this module."""
    try:
        yield
    except (CannotDecode, NoSuchFrame) as error:
        raise CannotTranscode(str(error)) from None
    except (DeidError, RecursionError):
        raise CannotTranscode("The instance is damaged.") from None


def _meta(data: Forward, transfer_syntax: str) -> bytes:
    """Copy preamble and file meta information, naming the new transfer syntax."""
    head = data.take(144)
    group = data.take(int.from_bytes(head[140:], "little"))
    kept = []
    for tag, vr, start, end in elements(group, 0, len(group), EXPLICIT):
        value = transfer_syntax.encode() if tag == _TRANSFER_SYNTAX else group[start:end]
        kept.append(encode_element(tag, vr, value, EXPLICIT))
    body = b"".join(kept)
    return head[:140] + struct.pack("<I", len(body)) + body


def _data_set(data: Forward, recoder: Recoder, pixels: Repacked | None) -> Iterator[bytes]:
    """Recode a data set element by element, putting new pixel data in place."""
    with _told():
        yield from _recoded(data, recoder, pixels)


def _recoded(data: Forward, recoder: Recoder, pixels: Repacked | None) -> Iterator[bytes]:
    changes = dict(pixels.changes) if pixels else {}
    while data.peek(1):
        tag, vr, start, length = data.header(recoder.encoding)
        if not vr:
            data.skip(start)  # some writers end pixel data twice
            continue
        for new in sorted(changes):
            if new < tag:
                yield encode_element(new, *changes.pop(new), EXPLICIT)
        if pixels and tag in _OFFSET_TABLES:
            data.skip(start + length)
        elif tag in PIXEL_DATA_TAGS and (pixels or length == UNDEFINED):
            if pixels is None or tag != _PIXEL_DATA:
                raise CannotTranscode("The pixel data cannot be decoded.")
            yield from pixels.element
            data.skip(start)
            _skip_value(data, length)
        elif length == UNDEFINED or vr == "SQ" or length <= COPIED_BYTES:
            element = data.element(recoder.encoding)
            if tag in changes:
                yield encode_element(tag, *changes.pop(tag), EXPLICIT)
            else:
                yield recoder.recoded(element)
        else:
            data.skip(start)
            yield recoder.header(tag, vr, length)
            for chunk in data.copied(length):
                yield recoder.little(vr, chunk)


def _skip_value(data: Forward, length: int) -> None:
    if length != UNDEFINED:
        data.skip(length)
        return
    # All frames are there, so that a file may as well end without the delimiter.
    while len(data.peek(8)) == 8:
        group, element, size = struct.unpack("<HHI", data.take(8))
        if group << 16 | element == SEQUENCE_END:
            return
        data.skip(size)
