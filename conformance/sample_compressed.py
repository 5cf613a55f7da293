"""Images in compressed transfer syntaxes.

Standard: PS3.5 A.4 (encapsulation), 8.2 (codecs).
Invariants: `frames.json` holds one frame for each syntax, Base64, encoded from `grey16(3)` (from
`grey8()` for the baseline JPEG), so that whoever runs the suite needs no encoder; RLE is pydicom's.
"""

import base64
import json
from functools import cache
from pathlib import Path
from typing import Final

from pydicom.dataset import FileDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, RLELossless, XRayAngiographicImageStorage

from conformance.sample import grey8, grey16, image, instance, one_slice

__all__ = ["LOSSLESS", "LOSSY", "MEDIA_TYPES", "NAMES", "compressed", "frame_of", "rle_frames"]

_FAMILY: Final = "1.2.840.10008.1.2.4."
RLE: Final = str(RLELossless)
NAMES: Final = {
    "jpeg-lossless": f"{_FAMILY}70",
    "jpeg-lossless-p14": f"{_FAMILY}57",
    "jpeg-ls": f"{_FAMILY}80",
    "jpeg-2000": f"{_FAMILY}90",
    "htj2k": f"{_FAMILY}201",
    "jpeg-xl": f"{_FAMILY}110",
    "rle": RLE,
    "jpeg-baseline": f"{_FAMILY}50",
    "jpeg-ls-near": f"{_FAMILY}81",
    "jpeg-2000-lossy": f"{_FAMILY}91",
}
"""The samples, and the transfer syntax of each."""

LOSSY: Final = ("jpeg-baseline", "jpeg-ls-near", "jpeg-2000-lossy")
LOSSLESS: Final = tuple(name for name in NAMES if name not in LOSSY)
# PS3.18 Table 8.7.3-5
MEDIA_TYPES: Final = {
    "jpeg-lossless": "image/jpeg",
    "jpeg-lossless-p14": "image/jpeg",
    "jpeg-ls": "image/jls",
    "jpeg-2000": "image/jp2",
    "htj2k": "image/jphc",
    "jpeg-xl": "image/jxl",
    "rle": "image/dicom-rle",
    "jpeg-baseline": "image/jpeg",
    "jpeg-ls-near": "image/jls",
    "jpeg-2000-lossy": "image/jp2",
}


@cache
def _frames() -> dict[str, str]:
    found: dict[str, str] = json.loads(Path(__file__).with_name("frames.json").read_text())
    return found


def frame_of(name: str) -> bytes:
    """Return the compressed frame of a sample other than RLE."""
    return base64.b64decode(_frames()[NAMES[name]])


def compressed(name: str) -> list[FileDataset]:
    """Return the sample of this name."""
    if name == "rle":
        ds = one_slice()
        ds.PixelData = grey16(3)
        ds.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
        return [ds]
    ds = one_slice(syntax=NAMES[name])
    if name == "jpeg-baseline":
        image(ds, b"", bits=8)
        ds.WindowCenter, ds.WindowWidth = 128, 256
    else:
        image(ds, b"", bits=12)
    _encapsulate(ds, [frame_of(name)])
    if name in LOSSY:
        ds.LossyImageCompression, ds.LossyImageCompressionRatio = "01", 4
    return [ds]


def rle_frames() -> list[FileDataset]:
    """Three frames of one multi-frame image in RLE."""
    ds = instance("XA", XRayAngiographicImageStorage)
    ds.NumberOfFrames, ds.FrameTime = 3, 100
    ds.FrameIncrementPointer = 0x00181063
    image(ds, b"".join(grey8(number) for number in (1, 2, 3)), bits=8)
    ds.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    return [ds]


def _encapsulate(ds: FileDataset, frames: list[bytes]) -> None:
    ds.file_meta.TransferSyntaxUID = UID(ds.file_meta.TransferSyntaxUID)
    ds.PixelData = encapsulate(frames)
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
