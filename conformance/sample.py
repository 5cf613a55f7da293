"""The made-up series that the suite stores: three CT slices of nobody.

Standard: PS3.3 A.3 (CT Image IOD), PS3.10 7 (file format).
"""

from io import BytesIO

from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

__all__ = ["BOUNDARY", "SIZE", "multipart", "series"]

SIZE = 32
SLICES = 3
BOUNDARY = "conformance-suite"


def series() -> list[FileDataset]:
    """The slices, with UIDs that no other run used."""
    study, series_uid = generate_uid(), generate_uid()
    return [_slice(study, series_uid, number) for number in range(1, SLICES + 1)]


def multipart(files: list[bytes], part_type: str = "application/dicom") -> bytes:
    """A multipart/related body with `BOUNDARY`."""
    head = f"--{BOUNDARY}\r\nContent-Type: {part_type}\r\n\r\n".encode()
    return b"".join(head + data + b"\r\n" for data in files) + f"--{BOUNDARY}--\r\n".encode()


def encode(ds: FileDataset) -> bytes:
    """The Part 10 file."""
    out = BytesIO()
    ds.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _slice(study: str, series_uid: str, number: int) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, CTImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    ds = FileDataset(None, {}, b"\0" * 128, meta)  # type: ignore[arg-type]
    ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
    ds.StudyInstanceUID, ds.SeriesInstanceUID = study, series_uid
    ds.FrameOfReferenceUID = f"{study[:60]}.9"
    ds.Modality, ds.SeriesNumber, ds.InstanceNumber = "CT", 1, number
    ds.StudyDate, ds.StudyTime = "20240229", "101500"
    ds.AccessionNumber = ds.StudyID = ds.ReferringPhysicianName = ""
    ds.PatientName, ds.PatientID = "Conformance^Suite", "CONFORMANCE"
    ds.PatientBirthDate = ds.PatientSex = ""
    ds.ImagePositionPatient = [0, 0, number]
    ds.ImageOrientationPatient, ds.PixelSpacing = [1, 0, 0, 0, 1, 0], [1, 1]
    ds.Rows = ds.Columns = SIZE
    ds.BitsAllocated = ds.BitsStored = 16
    ds.HighBit, ds.PixelRepresentation = 15, 0
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.RescaleIntercept, ds.RescaleSlope = 0, 1
    values = ((row * SIZE + column) * number for row in range(SIZE) for column in range(SIZE))
    ds.PixelData = b"".join((value % 4096).to_bytes(2, "little") for value in values)
    return ds
