"""Part 10 files of data sets.

Standard: PS3.10 7.1 (file meta information), PS3.5 A.4 (encapsulated pixel data).
"""

from io import BytesIO

import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset, write_file_meta_info
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    generate_uid,
)

__all__ = ["decode", "encode", "new_file"]


def new_file(sop_class: str, syntax: str = ExplicitVRLittleEndian) -> FileDataset:
    """Return an empty data set with a new SOP Instance UID."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = UID(syntax), UID(sop_class)
    meta.MediaStorageSOPInstanceUID = generate_uid()
    ds = FileDataset(
        None,  # type: ignore[arg-type]
        {},
        b"\0" * 128,
        meta,
        is_implicit_VR=syntax == ImplicitVRLittleEndian,
        is_little_endian=syntax != ExplicitVRBigEndian,
    )
    ds.SOPClassUID, ds.SOPInstanceUID = UID(sop_class), meta.MediaStorageSOPInstanceUID
    return ds


def encode(ds: FileDataset) -> bytes:
    """Return the Part 10 file."""
    out = BytesIO()
    if UID(ds.file_meta.TransferSyntaxUID).is_transfer_syntax:
        ds.save_as(out, enforce_file_format=True)
    else:  # newer than pydicom's dictionary
        body = DicomBytesIO()
        body.is_implicit_VR, body.is_little_endian = False, True
        write_file_meta_info(body, ds.file_meta)
        write_dataset(body, ds)
        out.write(b"\0" * 128 + b"DICM" + body.getvalue())
    return out.getvalue()


def decode(data: bytes) -> FileDataset:
    """Return the data set of a Part 10 file; raises when it is none."""
    return pydicom.dcmread(BytesIO(data))
