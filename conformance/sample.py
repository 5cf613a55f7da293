"""The made-up study that most checks ask about, and what every made-up instance has.

Standard: PS3.3 C.7 (common modules), A.3 (CT), A.4 (MR).
Invariants: nobody's data; UIDs that no other run used; pixel values follow from their place, so
that they can be told again.
Not here: other kinds of object (`conformance.sample_images`, `_compressed`, `_objects`).
"""

from typing import Final

from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    generate_uid,
)

from conformance.encoding import new_file

__all__ = ["SIZE", "SLICES", "grey8", "grey16", "image", "instance", "main", "one_slice"]

SIZE: Final = 32
SLICES: Final = 3


def instance(
    modality: str,
    sop_class: str,
    *,
    study: str = "",
    series: str = "",
    number: int = 1,
    syntax: str = ExplicitVRLittleEndian,
) -> FileDataset:
    """Return a data set with patient, study and series, but without content."""
    ds = new_file(sop_class, syntax)
    ds.StudyInstanceUID, ds.SeriesInstanceUID = study or generate_uid(), series or generate_uid()
    ds.Modality, ds.SeriesNumber, ds.InstanceNumber = modality, 1, number
    ds.StudyDate, ds.StudyTime = "20240229", "101500"
    ds.SeriesDate, ds.SeriesTime = "20240229", "101600"
    ds.ContentDate, ds.ContentTime = "20240229", "101700"
    ds.AccessionNumber, ds.StudyID = "ACC1701", "ST42"
    ds.ReferringPhysicianName = "Referrer^Rita"
    ds.PatientName, ds.PatientID = "Conformance^Suite", "CONF-7"
    ds.PatientBirthDate, ds.PatientSex = "19700203", "O"
    ds.StudyDescription, ds.SeriesDescription = "CHEST", "AXIAL"
    ds.Manufacturer = "Conformance"
    return ds


def image(ds: FileDataset, pixels: bytes, *, bits: int = 16, samples: int = 1) -> FileDataset:
    """Add the pixels of a SIZE × SIZE image."""
    ds.Rows = ds.Columns = SIZE
    ds.BitsAllocated = 16 if bits > 8 else 8
    ds.BitsStored, ds.HighBit, ds.PixelRepresentation = bits, bits - 1, 0
    ds.SamplesPerPixel = samples
    ds.PhotometricInterpretation = "MONOCHROME2" if samples == 1 else "RGB"
    if samples > 1:
        ds.PlanarConfiguration = 0
    ds.PixelData = pixels
    ds["PixelData"].VR = "OW" if bits > 8 else "OB"
    return ds


def grey16(factor: int = 3, order: str = "little") -> bytes:
    """Return SIZE × SIZE 12-bit values in 16-bit cells."""
    values = ((place * factor) % 4096 for place in range(SIZE * SIZE))
    little = order == "little"
    return b"".join(value.to_bytes(2, "little" if little else "big") for value in values)


def grey8(factor: int = 1) -> bytes:
    """Return SIZE × SIZE 8-bit values: an even ramp in both directions."""
    places = ((row, column) for row in range(SIZE) for column in range(SIZE))
    return bytes((row * 4 + column * 3 * factor) % 256 for row, column in places)


def one_slice(
    study: str = "",
    series: str = "",
    number: int = 1,
    modality: str = "CT",
    syntax: str = ExplicitVRLittleEndian,
) -> FileDataset:
    """Return a CT or MR slice."""
    sop_class = CTImageStorage if modality == "CT" else MRImageStorage
    ds = instance(modality, sop_class, study=study, series=series, number=number, syntax=syntax)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.FrameOfReferenceUID = f"{ds.StudyInstanceUID[:60]}.9"
    ds.BodyPartExamined = "CHEST"
    ds.ImagePositionPatient = [-15.5, -15.5, number * 2.5]
    ds.ImageOrientationPatient, ds.PixelSpacing = [1, 0, 0, 0, 1, 0], [0.5, 0.5]
    ds.SliceThickness = 2.5
    ds.WindowCenter, ds.WindowWidth = 1500, 3000
    if modality == "CT":
        ds.RescaleIntercept, ds.RescaleSlope, ds.KVP = 0, 1, 120
    return image(ds, grey16(number), bits=12)


def main() -> list[FileDataset]:
    """A study of a CT series with three slices and an MR series with one, with requests."""
    study, ct, mr = generate_uid(), generate_uid(), generate_uid()
    slices = [one_slice(study, ct, number) for number in range(1, SLICES + 1)]
    other = one_slice(study, mr, 1, "MR")
    other.SeriesNumber, other.SeriesDescription = 2, "SAGITTAL"
    for ds in (*slices, other):
        request = Dataset()
        request.ScheduledProcedureStepID, request.RequestedProcedureID = "STEP5", "PROC6"
        ds.RequestAttributesSequence = [request]
        ds.PerformedProcedureStepStartDate = "20240229"
        ds.PerformedProcedureStepStartTime = "101530"
        region = Dataset()
        region.CodeValue, region.CodingSchemeDesignator = "51185008", "SCT"
        region.CodeMeaning = "Chest"
        ds.AnatomicRegionSequence = [region]
    return [*slices, other]
