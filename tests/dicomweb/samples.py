"""Makes the DICOM files that these tests send, in code."""

from io import BytesIO

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    MPEG4HP41,
    UID,
    CTImageStorage,
    EncapsulatedPDFStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
    VideoPhotographicImageStorage,
)

STUDY = "1.2.826.0.1.3680043.8.498.1"
SECRETS = (b"SECRETNAME", b"SECRETID", b"1.2.826.0.1.3680043.8.498")


def make_slice(
    number: int = 1,
    *,
    series: int = 1,
    study: str = STUDY,
    frames: int = 1,
    size: int = 16,
    syntax: str = ExplicitVRLittleEndian,
) -> Dataset:
    """A CT image whose pixels tell its number, with an identity in it."""
    ds = Dataset()
    ds.SOPClassUID = CTImageStorage
    ds.SOPInstanceUID = f"{study}.{series}.{number}"
    ds.StudyInstanceUID = study
    ds.SeriesInstanceUID = f"{study}.{series}"
    ds.PatientName = "SECRETNAME^GIVEN"
    ds.PatientID = "SECRETID"
    ds.StudyDate = "20200102"
    ds.StudyTime = "101500"
    ds.AccessionNumber = "SECRETACC"
    ds.Modality = "CT"
    ds.SeriesNumber = series
    ds.InstanceNumber = number
    ds.Rows = ds.Columns = size
    ds.BitsAllocated = ds.BitsStored = 16
    ds.HighBit = 15
    ds.PixelRepresentation = 0
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.RescaleSlope, ds.RescaleIntercept = 1, -1024
    ds.WindowCenter, ds.WindowWidth = 40, 400
    if frames > 1:
        ds.NumberOfFrames = frames
    pixels = np.arange(frames * size * size, dtype="<u2") + 100 * number
    ds.PixelData = pixels.tobytes()
    ds["PixelData"].VR = "OW"
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = UID(syntax)
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    return ds


def encode(ds: Dataset) -> bytes:
    """The Part 10 file."""
    out = BytesIO()
    ds.save_as(out, enforce_file_format=True)
    return out.getvalue()


def make_file(number: int = 1, *, series: int = 1, frames: int = 1, size: int = 16) -> bytes:
    """The Part 10 file of a slice."""
    return encode(make_slice(number, series=series, frames=frames, size=size))


def make_implicit_file(number: int = 1) -> bytes:
    """The same in Implicit VR Little Endian."""
    return encode(make_slice(number, syntax=ImplicitVRLittleEndian))


def multipart(files: list[bytes], boundary: str = "b0undary") -> bytes:
    """A multipart body with a part for each file."""
    head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    return b"".join(head + file + b"\r\n" for file in files) + f"--{boundary}--\r\n".encode()


MULTIPART = 'multipart/related; type="application/dicom"; boundary=b0undary'


def split_multipart(content_type: str, body: bytes) -> list[tuple[dict[str, str], bytes]]:
    """Take an answer apart, more strictly than any client does."""
    boundary = content_type.partition("boundary=")[2].partition(";")[0].strip('"').encode()
    assert body.startswith(b"--" + boundary + b"\r\n")
    assert body.endswith(b"\r\n--" + boundary + b"--\r\n")
    inner = body[len(boundary) + 4 : -len(boundary) - 8]
    parts = []
    for part in inner.split(b"\r\n--" + boundary + b"\r\n"):
        head, _, content = part.partition(b"\r\n\r\n")
        lines = [line.split(": ", 1) for line in head.decode("latin-1").split("\r\n")]
        parts.append((dict(lines), content))
    return parts


def make_rle_file(number: int = 1, *, frames: int = 2) -> bytes:
    """An image whose frames are compressed without loss."""
    ds = make_slice(number, frames=frames)
    ds.compress(RLELossless, generate_instance_uid=False)
    return encode(ds)


def make_video_file(stream: bytes, fragment: int = 4096) -> bytes:
    """A video, its bit stream in fragments of some length."""
    ds = make_slice(1, frames=30, syntax=MPEG4HP41)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = VideoPhotographicImageStorage
    ds.Modality = "XC"
    ds.BitsAllocated = ds.BitsStored = 8
    ds.HighBit = 7
    ds.SamplesPerPixel = 3
    ds.PhotometricInterpretation = "YBR_PARTIAL_420"
    ds.PlanarConfiguration = 0
    ds.CineRate = 30
    pieces = [stream[at : at + fragment] for at in range(0, len(stream), fragment)]
    ds.PixelData = encapsulate_fragments(pieces)
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    return encode(ds)


def encapsulate_fragments(pieces: list[bytes]) -> bytes:
    """An encapsulated value with an empty offset table."""
    item = b"\xfe\xff\x00\xe0"
    found = [item + len(piece).to_bytes(4, "little") + piece for piece in (b"", *pieces)]
    return b"".join(found) + b"\xfe\xff\xdd\xe0\0\0\0\0"


def make_document(content: bytes, media_type: str = "application/pdf", number: int = 1) -> Dataset:
    """A document in an instance."""
    ds = make_slice(number)
    for name in ("Rows", "Columns", "PixelData", "BitsAllocated", "BitsStored", "HighBit"):
        delattr(ds, name)
    for name in ("SamplesPerPixel", "PixelRepresentation", "PhotometricInterpretation"):
        delattr(ds, name)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = EncapsulatedPDFStorage
    ds.Modality = "DOC"
    ds.EncapsulatedDocument = content
    ds.MIMETypeOfEncapsulatedDocument = media_type
    return ds
