"""Chooses how frames are compressed: what each transfer syntax can hold, and what it makes of it.

Standard: PS3.5 A.4 (encapsulated transfer syntaxes), 8.2 (valid values for each), PS3.3
C.7.6.1.1.5 (lossy compression).

Invariants: decoding (store.codecs) what was encoded gives the same cells unless the syntax was
asked for by name and is one with loss.
Which syntax is written of masked images and why: docs/decisions/0012-masks.md; of others when
they are asked for: docs/decisions/0019-transcoding.md.

Not here: the compressing itself (store.compressors), decompressing (store.codecs).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from store import compressors
from store.cells import Cells, Pixels
from store.codecs import Unpacked
from store.errors import CannotTranscode

__all__ = [
    "LOSSLESS",
    "LOSSY",
    "Encoder",
    "encoder_for",
    "encoder_in",
    "precision_of",
]

RLE: Final = "1.2.840.10008.1.2.5"
DEFLATED_FRAMES: Final = "1.2.840.10008.1.2.8.1"
UNCOMPRESSED_FRAMES: Final = "1.2.840.10008.1.2.1.98"
_FAMILY: Final = "1.2.840.10008.1.2.4."
JPEG_2000: Final = f"{_FAMILY}90"

# The lossless syntax of the same codec; codecs that are not named have none that masks are kept in.
_SAME_CODEC: Final = {
    **{syntax: syntax for syntax in (RLE, DEFLATED_FRAMES, UNCOMPRESSED_FRAMES)},
    **{f"{_FAMILY}{number}": f"{_FAMILY}{number}" for number in (57, 70)},
    **{f"{_FAMILY}{number}": f"{_FAMILY}80" for number in (80, 81)},
    **{f"{_FAMILY}{number}": JPEG_2000 for number in (90, 91, 92, 93)},
    **{f"{_FAMILY}{number}": f"{_FAMILY}201" for number in (201, 202, 203)},
}
_GREY: Final = frozenset({"MONOCHROME1", "MONOCHROME2"})
_ALL: Final = _GREY | {"PALETTE COLOR", "RGB", "YBR_FULL"}


@dataclass(frozen=True)
class Encoder:
    """Writes frames in one transfer syntax.

    Attributes:
        transfer_syntax: of what is written.
        layout: what the samples are.
    """

    transfer_syntax: str
    layout: compressors.Layout

    @property
    def transforms(self) -> bool:
        """Whether colour is transformed on the way."""
        return self.layout.transforms

    @property
    def is_by_plane(self) -> bool:
        """Whether the syntax has an order of colours of its own, whatever the header says."""
        return self.transfer_syntax == RLE

    @property
    def photometric(self) -> str:
        """How the header must describe the colour of what is written."""
        codec, photometric = _CODECS[self.transfer_syntax], self.layout.photometric
        if codec.transforms and not self.transforms:
            return photometric
        return codec.becomes.get(photometric, photometric)

    @property
    def lossy_method(self) -> str | None:
        """The Lossy Image Compression Method that it adds to the history of the image."""
        return _CODECS[self.transfer_syntax].lossy

    def holds(self, values: Pixels) -> bool:
        """Whether all values of a frame can be written."""
        return not self._states or precision_of(values) <= self.layout.precision

    def __call__(self, values: Pixels) -> bytes:
        """Encode the cells of a frame; the bytes are of even number, as a fragment needs them.

        Raises:
            CannotTranscode: the encoder fails.
        """
        try:
            data = _CODECS[self.transfer_syntax].compress(self.layout, values)
        except Exception:
            # Codecs raise what they like.
            raise CannotTranscode("A frame cannot be compressed.") from None
        return data + b"\0" * (len(data) % 2)

    @property
    def _states(self) -> bool:
        return bool(_CODECS[self.transfer_syntax].precisions)


def encoder_for(transfer_syntax: str, cells: Cells, first: Pixels, *, transforms: bool) -> Encoder:
    """Choose how the frames of a masked instance are written.

    It is the lossless syntax of the same codec if that can hold them, else JPEG 2000 without loss,
    and RLE for what has more bits than an image has.

    Args:
        transfer_syntax: in which the frames came.
        cells: how the header says that pixels are stored.
        first: the cells of the first frame, decoded.
        transforms: whether they are RGB that may be written as YBR_RCT.
    """
    precision = _precision(cells, first)
    same = _SAME_CODEC.get(transfer_syntax, JPEG_2000)
    if not _fits(_CODECS[same], cells, precision):
        same = JPEG_2000 if _fits(_CODECS[JPEG_2000], cells, precision) else RLE
    transforms = transforms and _CODECS[same].transforms
    photometric = "RGB" if transforms else cells.photometric
    return Encoder(same, compressors.Layout(cells, photometric, precision, transforms))


def encoder_in(transfer_syntax: str, cells: Cells, first: Unpacked) -> Encoder:
    """Choose how frames are written in a transfer syntax that was asked for.

    Args:
        transfer_syntax: of what is written.
        cells: how the header says that pixels are stored.
        first: the first frame, decoded.

    Raises:
        CannotTranscode: it cannot hold such pixels (PS3.5 8.2).
    """
    codec = _CODECS.get(transfer_syntax)
    if codec is None:
        raise CannotTranscode("There is no encoder for this transfer syntax.")
    precision = _precision(cells, first.cells)
    if (
        cells.is_float
        or cells.allocated not in codec.allocated
        or first.photometric not in codec.photometrics
        or (cells.is_signed and not codec.signed)
        or not _fits(codec, cells, precision)
        # A value that is off must not spill into other bits.
        or (codec.lossy and precision != cells.stored)
        or (codec.is_narrow and cells.allocated != 8 * -(-precision // 8))
    ):
        raise CannotTranscode("The pixels are of a kind that this transfer syntax does not hold.")
    transforms = first.photometric == "RGB" and codec.transforms
    layout = compressors.Layout(cells, first.photometric, precision, transforms)
    return Encoder(transfer_syntax, layout)


def precision_of(values: Pixels) -> int:
    """Bits that the values need, the sign's included."""
    low, high = int(values.min()), int(values.max())
    if values.dtype.kind == "i":
        return max(value.bit_length() for value in (high, ~low if low < 0 else low)) + 1
    return high.bit_length()


def _precision(cells: Cells, first: Pixels) -> int:
    # Some encoders wrote more bits than the header tells of.
    is_told = not cells.is_float and precision_of(first) <= cells.high_bit + 1
    return cells.high_bit + 1 if is_told else cells.allocated


def _fits(codec: _Codec, cells: Cells, precision: int) -> bool:
    return not codec.precisions or (not cells.is_float and precision in codec.precisions)


@dataclass(frozen=True)
class _Codec:
    """What a transfer syntax can hold.

    Attributes:
        compress: writes a frame.
        photometrics: the colour models that may be given to it.
        precisions: bits of a sample that it can state; empty when it holds cells as they are.
        signed: whether it has negative numbers, or keeps their bits.
        allocated: sizes of the cells.
        is_narrow: cells must be no larger than their values need.
        lossy: the Lossy Image Compression Method, if there is loss.
        transforms: RGB can be transformed, and need not be.
        becomes: how the colour models are named afterwards, if they are not as before.
    """

    compress: compressors.Compress
    photometrics: frozenset[str] = _ALL
    precisions: Collection[int] = ()
    signed: bool = True
    allocated: Collection[int] = (8, 16)
    is_narrow: bool = False
    lossy: str | None = None
    transforms: bool = False
    becomes: Mapping[str, str] = field(default_factory=dict)


_CELLS: Final = (1, 8, 16, 32, 64)
_BITS: Final = range(1, 17)
_CODECS: Final = {
    RLE: _Codec(compressors.rle, allocated=(1, 8, 16)),
    UNCOMPRESSED_FRAMES: _Codec(compressors.packed, allocated=_CELLS),
    DEFLATED_FRAMES: _Codec(compressors.deflated, allocated=_CELLS),
    f"{_FAMILY}50": _Codec(
        compressors.jpeg,
        _ALL - {"PALETTE COLOR"},
        precisions=(8,),
        signed=False,
        is_narrow=True,
        lossy="ISO_10918_1",
        becomes={"RGB": "YBR_FULL_422", "YBR_FULL": "YBR_FULL_422"},
    ),
    f"{_FAMILY}51": _Codec(
        compressors.jpeg_extended,
        _GREY,
        precisions=(8, 12),
        signed=False,
        is_narrow=True,
        lossy="ISO_10918_1",
    ),
    f"{_FAMILY}57": _Codec(compressors.jpeg_lossless, precisions=_BITS[1:]),
    f"{_FAMILY}70": _Codec(compressors.jpeg_lossless, precisions=_BITS[1:]),
    f"{_FAMILY}80": _Codec(compressors.jpeg_ls_lossless, precisions=_BITS[1:]),
    f"{_FAMILY}81": _Codec(
        compressors.jpeg_ls_near,
        _ALL - {"PALETTE COLOR"},
        # The difference may be no more than half of what there is (ISO/IEC 14495-1 C.2.3), and must
        # not lead from the greatest number to the least, which are neighbours as bits.
        precisions=_BITS[compressors.NEAR :],
        signed=False,
        lossy="ISO_14495_1",
    ),
    JPEG_2000: _Codec(
        compressors.jpeg_2000, precisions=_BITS, transforms=True, becomes={"RGB": "YBR_RCT"}
    ),
    f"{_FAMILY}91": _Codec(
        compressors.jpeg_2000_lossy,
        _ALL - {"PALETTE COLOR"},
        precisions=_BITS[1:],
        lossy="ISO_15444_1",
        transforms=True,
        becomes={"RGB": "YBR_ICT"},
    ),
    **dict.fromkeys(
        (f"{_FAMILY}201", f"{_FAMILY}202"),
        _Codec(
            compressors.high_throughput,
            precisions=_BITS,
            transforms=True,
            becomes={"RGB": "YBR_RCT"},
        ),
    ),
    f"{_FAMILY}203": _Codec(
        compressors.high_throughput_lossy,
        _ALL - {"PALETTE COLOR"},
        precisions=_BITS[1:],
        lossy="ISO_15444_15",
        transforms=True,
        becomes={"RGB": "YBR_ICT"},
    ),
    # A codestream of JPEG XL knows neither signs nor chrominance from elsewhere, and readers are to
    # believe it (PS3.5 8.2.15).
    f"{_FAMILY}110": _Codec(
        compressors.jpeg_xl, _ALL - {"YBR_FULL"}, precisions=_BITS, signed=False
    ),
    f"{_FAMILY}112": _Codec(
        compressors.jpeg_xl_lossy,
        _GREY | {"RGB"},
        precisions=_BITS[7:],
        signed=False,
        lossy="ISO_18181_1",
        becomes={"RGB": "XYB"},
    ),
}
LOSSLESS: Final = frozenset(syntax for syntax, codec in _CODECS.items() if not codec.lossy)
"""Transfer syntaxes that are written without loss."""
LOSSY: Final = frozenset(_CODECS) - LOSSLESS
"""Transfer syntaxes that are written with loss."""
