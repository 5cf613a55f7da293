"""Images without compression: other syntaxes, several frames, colour, one bit, every VR.

Standard: PS3.5 10 (transfer syntaxes), PS3.3 A.14 (XA), A.32 (VL), A.51 (Segmentation).
"""

from typing import Final

from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    SegmentationStorage,
    VLPhotographicImageStorage,
    XRayAngiographicImageStorage,
)

from conformance.sample import SIZE, grey8, grey16, image, instance, one_slice

__all__ = [
    "FRAMES",
    "SEGMENTS",
    "big_endian",
    "colour",
    "deflated",
    "every_vr",
    "implicit",
    "latin",
    "multi_frame",
    "odd_values",
    "segmentation",
    "unicode",
    "wide",
]

FRAMES: Final = 5
SEGMENTS: Final = 3


def implicit() -> list[FileDataset]:
    """A slice in Implicit VR Little Endian."""
    return [one_slice(syntax=ImplicitVRLittleEndian)]


def big_endian() -> list[FileDataset]:
    """A slice in Explicit VR Big Endian."""
    ds = one_slice(syntax=ExplicitVRBigEndian)
    ds.PixelData = grey16(1, "big")
    return [ds]


def deflated() -> list[FileDataset]:
    """A slice in Deflated Explicit VR Little Endian."""
    return [one_slice(syntax=DeflatedExplicitVRLittleEndian)]


def multi_frame() -> list[FileDataset]:
    """An angiogram of five frames of eight bits."""
    ds = instance("XA", XRayAngiographicImageStorage)
    ds.NumberOfFrames, ds.FrameTime = FRAMES, 100
    ds.FrameIncrementPointer = 0x00181063
    frames = b"".join(grey8(number) for number in range(1, FRAMES + 1))
    return [image(ds, frames, bits=8)]


def colour() -> list[FileDataset]:
    """A colour photograph."""
    ds = instance("XC", VLPhotographicImageStorage)
    return [image(ds, b"".join(bytes([v, 255 - v, 64]) for v in grey8()), bits=8, samples=3)]


def wide() -> list[FileDataset]:
    """A slice that is twice as wide as high, bright on its left side and dark on its right."""
    ds = one_slice()
    ds.Columns = 2 * SIZE
    row = b"\xff\x0f" * SIZE + b"\x00\x00" * SIZE
    ds.PixelData = row * SIZE
    return [ds]


def segmentation() -> list[FileDataset]:
    """A binary segmentation: frames of one bit, which share bytes."""
    ds = instance("SEG", SegmentationStorage)
    ds.ImageType = ["DERIVED", "PRIMARY"]
    ds.SegmentationType, ds.ContentLabel = "BINARY", "SEGMENT"
    ds.LossyImageCompression = "00"
    ds.NumberOfFrames = SEGMENTS
    segment = Dataset()
    segment.SegmentNumber, segment.SegmentLabel = 1, "Lung"
    segment.SegmentAlgorithmType = "MANUAL"
    ds.SegmentSequence = [segment]
    # 9 × 5 pixels: 45 bits of each frame, so that frames do not begin with bytes.
    pattern = [(frame * 7 + place * place) % 3 == 0 for frame in range(3) for place in range(45)]
    data = bytearray((len(pattern) + 7) // 8)
    for place, bit in enumerate(pattern):
        data[place // 8] |= bit << place % 8
    if len(data) % 2:
        data.append(0)
    image(ds, bytes(data), bits=8)
    ds.Rows, ds.Columns = 5, 9
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 1, 1, 0
    return [ds]


def every_vr() -> list[FileDataset]:
    """A slice with an attribute of nearly every value representation, empty ones and sequences."""
    ds = one_slice()
    ds.SelectorATValue = [0x00080005, 0x0020000D]
    ds.SelectorFDValue, ds.SelectorFLValue = [1.5, -2.25], [0.5]
    ds.SelectorSLValue, ds.SelectorSSValue = [-70000, 5], [-3]
    ds.SelectorULValue, ds.SelectorUSValue = [4294967295], [65535, 0]
    ds.SelectorSVValue, ds.SelectorUVValue = [-(2**62)], [2**63]
    ds.SelectorDSValue, ds.SelectorISValue = ["1.50", "-2"], ["+7", "12"]
    ds.SelectorODValue, ds.SelectorOLValue = b"\0" * 16, b"\1\0\0\0"
    ds.SelectorOVValue, ds.SelectorUIValue = b"\2" + b"\0" * 7, "1.2.840.10008.1.1"
    ds.SelectorOFValue = b"\0\0\x80?"
    ds.SelectorOBValue, ds.SelectorOWValue = b"\1\2\3\4", b"\5\0\6\0"
    ds.SelectorCSValue = ["ONE", "", "THREE"]
    ds.SelectorURValue = "http://example.org/"
    ds.ImageComments, ds.AcquisitionDateTime = "", ""
    ds.ReferencedImageSequence = []
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "51185008", "SCT", "Chest"
    ds.AnatomicRegionSequence = [item, Dataset()]
    return [ds]


def odd_values() -> list[FileDataset]:
    """A slice with values that real devices send: not a number, padding, an empty number."""
    ds = one_slice()
    ds.SelectorFDValue = [float("nan"), 1.0]
    ds.SelectorFLValue = [float("inf")]
    ds.TableHeight = ""
    ds.PatientID = ""
    return [ds]


def unicode() -> list[FileDataset]:
    """A slice with a name in three groups, in UTF-8."""
    ds = one_slice()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientName = "Ærø^Ståle=山田^太郎=やまだ^たろう"
    ds.StudyDescription = "Kopf und Hals, Übersicht"
    return [ds]


def latin() -> list[FileDataset]:
    """A slice with accents in Latin-1."""
    ds = one_slice()
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.PatientName = "Müller^Zoë"
    ds.StudyDescription = "Tête et cou"
    return [ds]
