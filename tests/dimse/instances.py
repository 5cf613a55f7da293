"""Instances made up for these tests, as data sets, as encoded bytes and as files."""

from io import BytesIO
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, generate_uid

PLANTED_NAME = "Plantedfamily^Plantedgiven"
PLANTED_ID = "PLANTED-ID-4711"
PLANTED_AE = "PLANTEDAETITLE"


def ct(number: int = 1, *, side: int = 64, sop_class: str = CTImageStorage) -> Dataset:
    """A slice of a made-up CT, with planted identities."""
    ds = Dataset()
    ds.SOPClassUID = sop_class
    ds.SOPInstanceUID = generate_uid()
    ds.StudyDate = "20200102"
    ds.AccessionNumber = "PLANTED-ACC"
    ds.Modality = "CT"
    ds.PatientName = PLANTED_NAME
    ds.PatientID = PLANTED_ID
    ds.StudyInstanceUID = generate_uid(entropy_srcs=["study"])
    ds.SeriesInstanceUID = generate_uid(entropy_srcs=["series"])
    ds.SeriesNumber = 1
    ds.InstanceNumber = number
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows = ds.Columns = side
    ds.BitsAllocated = ds.BitsStored = 16
    ds.HighBit = 15
    ds.PixelRepresentation = 0
    pixels = np.arange(side * side, dtype=np.uint16) + number
    ds.PixelData = pixels.tobytes()
    return ds


def encoded(ds: Dataset, transfer_syntax: str = ExplicitVRLittleEndian) -> bytes:
    """The bare data set, as C-STORE sends it."""
    syntax = UID(transfer_syntax)
    stream = DicomBytesIO()
    stream.is_implicit_VR = syntax.is_implicit_VR
    stream.is_little_endian = syntax.is_little_endian
    write_dataset(stream, ds)
    return stream.getvalue()


def part10(ds: Dataset, transfer_syntax: str = ExplicitVRLittleEndian) -> bytes:
    """The instance as a file's bytes."""
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = UID(transfer_syntax)
    stream = BytesIO()
    ds.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def series(folder: Path, count: int, *, side: int = 64) -> list[Dataset]:
    """Write a series of files; returns its data sets."""
    slices = [ct(number, side=side) for number in range(1, count + 1)]
    for number, ds in enumerate(slices):
        (folder / f"{number:04}.dcm").write_bytes(part10(ds))
    return slices
