"""All samples by name."""

from collections.abc import Callable
from functools import partial
from typing import Final

from pydicom.dataset import FileDataset

from conformance import sample_images as images
from conformance import sample_objects as objects
from conformance.sample import main
from conformance.sample_compressed import NAMES, compressed, rle_frames

__all__ = ["SAMPLES"]

SAMPLES: Final[dict[str, Callable[[], list[FileDataset]]]] = {
    "main": main,
    "seen": main,
    "implicit": images.implicit,
    "big-endian": images.big_endian,
    "deflated": images.deflated,
    "multi-frame": images.multi_frame,
    "colour": images.colour,
    "wide": images.wide,
    "segmentation": images.segmentation,
    "every-vr": images.every_vr,
    "odd-values": images.odd_values,
    "unicode": images.unicode,
    "latin": images.latin,
    "report": objects.report,
    "presentation-state": objects.presentation_state,
    "key-object": objects.key_object,
    "document": objects.document,
    "waveform": objects.waveform,
    "rle-frames": rle_frames,
    **{name: partial(compressed, name) for name in NAMES},
}
