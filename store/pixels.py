"""Decodes one frame into an array of stored values.

Standard: PS3.5 8.1 (pixel cells), 8.2 and A.4 (compressed frames), Annex G (RLE), PS3.3 C.7.6.3.1.2
(photometric interpretation).

Invariants: the arrays hold stored values, before any rescaling; colour comes out as RGB, palette
colour as indices. A frame costs no more memory than its bytes make plausible. Whatever a codec
does with damaged or hostile input, the caller sees only CannotDecode.

Not here: where a frame lies (store.frames), decompressing (store.codecs), how stored values become
grey or colour on a screen (store.render).
"""

from __future__ import annotations

import numpy as np

from store.cells import Cells, Pixels, significant
from store.codecs import unpack
from store.headers import Attributes

__all__ = ["decode"]


def decode(ds: Attributes, frame: bytes, transfer_syntax: str) -> Pixels:
    """Decode one frame to its stored values: (rows, columns), or (rows, columns, 3) in RGB.

    Args:
        ds: the header; pixel data are not needed.
        frame: the fragments of one frame, joined, or its native little-endian bytes.
        transfer_syntax: of the frame.

    Raises:
        CannotDecode: damaged, in conflict with the header, or in a syntax without a codec.
    """
    cells = Cells.of(ds)
    unpacked = unpack(cells, frame, transfer_syntax)
    values = significant(unpacked.cells, cells.stored, cells.high_bit, cells.is_signed)
    if cells.samples == 3 and unpacked.photometric.startswith("YBR"):
        return _rgb(values, unpacked.photometric, cells.stored)
    return values


def _rgb(values: Pixels, photometric: str, stored: int) -> Pixels:
    """Convert from luminance and chrominance (ITU-R BT.601, as PS3.3 C.7.6.3.1.2 has it)."""
    centre = 1 << (stored - 1)
    luminance, blue, red = (values[..., n].astype(np.float32) for n in range(3))
    blue -= centre
    red -= centre
    if "PARTIAL" in photometric:
        luminance = (luminance - centre / 8) * (255 / 219)
        blue *= 255 / 224
        red *= 255 / 224
    rgb = np.stack(
        (
            luminance + 1.402 * red,
            luminance - 0.344136 * blue - 0.714136 * red,
            luminance + 1.772 * blue,
        ),
        axis=-1,
    )
    converted: Pixels = np.clip(np.rint(rgb), 0, (1 << stored) - 1).astype(values.dtype)
    return converted
