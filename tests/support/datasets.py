"""Data sets made in code, with identities planted in them."""

from io import BytesIO

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    generate_uid,
)

__all__ = ["PLANTED", "ct_slice", "ct_stack", "encoded"]

PLANTED = (
    "Zebedee^Quillfeather",
    "Quillfeather",
    "ZQX-99417-PATIENT",
    "ZQX-ACC-88213",
    "Ottermouth General Hospital",
    "Brackenbury",
    "19710317",
    "Ruritania Street 77",
)
"""Text that is in every data set made here and must be in nothing that is stored."""


def ct_slice(
    number: int = 1,
    *,
    study: str = "1.2.826.0.1.3680043.8.498.1",
    series: str = "1.2.826.0.1.3680043.8.498.1.2",
    size: int = 64,
    frames: int | None = None,
    transfer_syntax: str = ExplicitVRLittleEndian,
) -> FileDataset:
    """A CT image of a patient with a name, in a given study and series."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = transfer_syntax  # type: ignore[assignment]
    meta.MediaStorageSOPClassUID = CTImageStorage
    preamble = b"Quillfeather".ljust(128, b"\0")
    ds = FileDataset(None, {}, preamble, meta)  # type: ignore[arg-type]
    syntax = meta.TransferSyntaxUID
    ds.set_original_encoding(syntax.is_implicit_VR, syntax.is_little_endian, "ISO_IR 100")
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.SOPClassUID = CTImageStorage
    ds.SOPInstanceUID = generate_uid(entropy_srcs=[study, series, str(number)])
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.StudyInstanceUID, ds.SeriesInstanceUID = study, series
    ds.FrameOfReferenceUID = f"{study}.99"
    ds.Modality, ds.BodyPartExamined = "CT", "HEAD"
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = "20240229"
    ds.StudyTime = ds.SeriesTime = ds.ContentTime = "101500"
    ds.AccessionNumber, ds.StudyID = "ZQX-ACC-88213", "ZQX-STUDY-5"
    ds.PatientName, ds.PatientID = "Zebedee^Quillfeather", "ZQX-99417-PATIENT"
    ds.PatientBirthDate, ds.PatientSex, ds.PatientAge = "19710317", "M", "052Y"
    ds.PatientAddress = "Ruritania Street 77"
    ds.ReferringPhysicianName = "Brackenbury^Ottilie"
    ds.InstitutionName = "Ottermouth General Hospital"
    ds.StudyDescription = "CT HEAD WITHOUT CONTRAST Quillfeather"
    ds.SeriesDescription, ds.SeriesNumber, ds.InstanceNumber = "AXIAL HEAD", 2, number
    ds.Manufacturer = "Ottermouth General Hospital"
    _place(ds, number, size)
    _plant_nested(ds)
    _fill_pixels(ds, number, size, frames)
    return ds


def ct_stack(count: int, **kwargs: object) -> list[FileDataset]:
    """A series of that many slices."""
    return [ct_slice(number, **kwargs) for number in range(1, count + 1)]  # type: ignore[arg-type]


def encoded(ds: FileDataset) -> bytes:
    """The Part 10 file."""
    out = BytesIO()
    ds.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _place(ds: Dataset, number: int, size: int) -> None:
    ds.ImagePositionPatient = [0, 0, 2.5 * number]
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing, ds.SliceThickness = [0.5, 0.5], 2.5
    ds.Rows = ds.Columns = size
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.RescaleIntercept, ds.RescaleSlope = -1024, 1
    ds.WindowCenter, ds.WindowWidth = 40, 400


def _plant_nested(ds: Dataset) -> None:
    inner = Dataset()
    inner.PatientName, inner.PatientID = "Zebedee^Quillfeather", "ZQX-99417-PATIENT"
    outer = Dataset()
    outer.ReferencedSOPClassUID = CTImageStorage
    outer.ReferencedSOPInstanceUID = "1.2.9.77"
    outer.OriginalAttributesSequence = Sequence([inner])
    ds.DerivationImageSequence = Sequence([outer])
    block = ds.private_block(0x0009, "OTTERMOUTH PRIVATE", create=True)
    block.add_new(0x10, "LO", "Zebedee Quillfeather")


def _fill_pixels(ds: Dataset, number: int, size: int, frames: int | None) -> None:
    rng = np.random.default_rng(number)
    ramp = np.add.outer(np.arange(size), np.arange(size)) * 8 + 200 + number
    count = frames or 1
    noise = rng.integers(0, 64, (count, size, size))
    if frames is not None:
        ds.NumberOfFrames = frames
    pixels = ((ramp[None] + noise) % 4096).astype("<u2")
    ds.PixelData = pixels.tobytes()
