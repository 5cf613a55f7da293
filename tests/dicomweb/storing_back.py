"""What a viewer makes of a study that it sees, with the attributes that it was given.

OHIF (by way of dcmjs) takes patient and study over from the metadata of the image, and makes new
Series and SOP Instance UIDs, below 2.25 as well.
"""

from io import BytesIO
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

TAKEN_OVER = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "PatientAge"),
    *("StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "StudyDescription"),
    *("AccessionNumber", "ReferringPhysicianName", "PatientWeight"),
)
TODAY, NOW = "20260412", "143000"
COMPREHENSIVE_3D_SR = UID("1.2.840.10008.5.1.4.1.1.88.34")
SEGMENTATION = UID("1.2.840.10008.5.1.4.1.1.66.4")
GREYSCALE_PRESENTATION_STATE = UID("1.2.840.10008.5.1.4.1.1.11.1")


def code(value: str, scheme: str, meaning: str) -> Sequence:
    """A coded concept."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return Sequence([item])


def seen(metadata: list[dict[str, Any]]) -> list[Dataset]:
    """The images as the viewer knows them."""
    for of in metadata:
        of.pop("7FE00010", None)
    return [Dataset.from_json(of) for of in metadata]


def _begun(image: Dataset, sop_class: UID, modality: str) -> Dataset:
    ds = Dataset()
    for keyword in TAKEN_OVER:
        if keyword in image:
            ds[keyword] = image[keyword]
    ds.SOPClassUID = sop_class
    ds.SOPInstanceUID, ds.SeriesInstanceUID = generate_uid(None), generate_uid(None)
    ds.Modality, ds.SeriesNumber, ds.InstanceNumber = modality, 99, 1
    ds.SeriesDescription = "Measurements"
    ds.SeriesDate = ds.ContentDate = ds.InstanceCreationDate = TODAY
    ds.SeriesTime = ds.ContentTime = NOW
    ds.Manufacturer, ds.ManufacturerModelName = "dcmjs", "dcmjs-0.1"
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = sop_class
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    return ds


def _reference(image: Dataset) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = image.SOPClassUID
    item.ReferencedSOPInstanceUID = image.SOPInstanceUID
    return item


def _referenced_series(images: list[Dataset], keyword: str) -> Sequence:
    item = Dataset()
    item.SeriesInstanceUID = images[0].SeriesInstanceUID
    setattr(item, keyword, Sequence([_reference(image) for image in images]))
    return Sequence([item])


def _content(kind: str, relation: str, concept: Sequence | None) -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType = relation, kind
    if concept is not None:
        item.ConceptNameCodeSequence = concept
    return item


def structured_report(images: list[Dataset]) -> Dataset:
    """A length, measured on the first image (PS3.16 TID 1500)."""
    image = images[0]
    ds = _begun(image, COMPREHENSIVE_3D_SR, "SR")
    ds.CompletionFlag, ds.VerificationFlag = "PARTIAL", "UNVERIFIED"
    ds.ReferencedPerformedProcedureStepSequence = Sequence()
    ds.PerformedProcedureCodeSequence = Sequence()
    study = Dataset()
    study.StudyInstanceUID = image.StudyInstanceUID
    study.ReferencedSeriesSequence = _referenced_series(images[:1], "ReferencedSOPSequence")
    ds.CurrentRequestedProcedureEvidenceSequence = Sequence([study])
    ds.ValueType, ds.ContinuityOfContent = "CONTAINER", "SEPARATE"
    ds.ConceptNameCodeSequence = code("126000", "DCM", "Imaging Measurement Report")
    tracking = _content("UIDREF", "HAS OBS CONTEXT", code("112040", "DCM", "Tracking UID"))
    tracking.UID = generate_uid(None)
    length = _content("NUM", "CONTAINS", code("410668003", "SCT", "Length"))
    value = Dataset()
    value.NumericValue = "12.5"
    value.MeasurementUnitsCodeSequence = code("mm", "UCUM", "millimeter")
    length.MeasuredValueSequence = Sequence([value])
    line = _content("SCOORD", "INFERRED FROM", None)
    line.GraphicType, line.GraphicData = "POLYLINE", [1.0, 2.0, 3.0, 4.0]
    shown = _content("IMAGE", "SELECTED FROM", None)
    shown.ReferencedSOPSequence = Sequence([_reference(image)])
    line.ContentSequence = Sequence([shown])
    length.ContentSequence = Sequence([line])
    group = _content("CONTAINER", "CONTAINS", code("125007", "DCM", "Measurement Group"))
    group.ContinuityOfContent = "SEPARATE"
    group.ContentSequence = Sequence([tracking, length])
    ds.ContentSequence = Sequence([group])
    return ds


def segmentation(images: list[Dataset]) -> Dataset:
    """A segment on every image."""
    image = images[0]
    ds = _begun(image, SEGMENTATION, "SEG")
    ds.FrameOfReferenceUID = image.FrameOfReferenceUID
    ds.PositionReferenceIndicator = ""
    ds.ImageType = ["DERIVED", "PRIMARY"]
    ds.ReferencedSeriesSequence = _referenced_series(images, "ReferencedInstanceSequence")
    ds.Rows, ds.Columns, ds.NumberOfFrames = image.Rows, image.Columns, len(images)
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated = ds.BitsStored = 1
    ds.HighBit = ds.PixelRepresentation = 0
    ds.SegmentationType, ds.ContentLabel, ds.LossyImageCompression = "BINARY", "SEG", "00"
    ds.ContentDescription = ds.ContentCreatorName = ""
    segment = Dataset()
    segment.SegmentNumber, segment.SegmentLabel = 1, "Liver"
    segment.SegmentAlgorithmType = "MANUAL"
    segment.SegmentedPropertyCategoryCodeSequence = code("123037004", "SCT", "Anatomical Structure")
    segment.SegmentedPropertyTypeCodeSequence = code("10200004", "SCT", "Liver")
    ds.SegmentSequence = Sequence([segment])
    ds.PerFrameFunctionalGroupsSequence = Sequence()
    for number, of in enumerate(images, 1):
        group, derivation, position, content, segment = (Dataset() for _ in range(5))
        derivation.SourceImageSequence = Sequence([_reference(of)])
        group.DerivationImageSequence = Sequence([derivation])
        position.ImagePositionPatient = of.ImagePositionPatient
        group.PlanePositionSequence = Sequence([position])
        content.DimensionIndexValues = [1, number]
        group.FrameContentSequence = Sequence([content])
        segment.ReferencedSegmentNumber = 1
        group.SegmentIdentificationSequence = Sequence([segment])
        ds.PerFrameFunctionalGroupsSequence.append(group)
    bits = np.arange(image.Rows * image.Columns * len(images)) % 3 == 0
    packed = np.packbits(bits, bitorder="little").tobytes()
    ds.PixelData = packed + bytes(len(packed) % 2)
    ds["PixelData"].VR = "OB"
    return ds


def presentation_state(images: list[Dataset]) -> Dataset:
    """A window for the images, and a line of text."""
    ds = _begun(images[0], GREYSCALE_PRESENTATION_STATE, "PR")
    ds.PresentationCreationDate, ds.PresentationCreationTime = TODAY, NOW
    ds.ContentLabel, ds.ContentDescription, ds.ContentCreatorName = "WINDOW", "", ""
    ds.ReferencedSeriesSequence = _referenced_series(images, "ReferencedImageSequence")
    window = Dataset()
    window.WindowCenter, window.WindowWidth = "40", "400"
    ds.SoftcopyVOILUTSequence = Sequence([window])
    text = Dataset()
    text.UnformattedTextValue, text.AnchorPoint = "lesion", [0.5, 0.5]
    text.AnchorPointAnnotationUnits, text.AnchorPointVisibility = "DISPLAY", "N"
    annotation = Dataset()
    annotation.ReferencedImageSequence = Sequence([_reference(images[0])])
    annotation.GraphicLayer, annotation.TextObjectSequence = "LAYER", Sequence([text])
    ds.GraphicAnnotationSequence = Sequence([annotation])
    ds.PresentationLUTShape = "IDENTITY"
    return ds


MADE = {"SR": structured_report, "SEG": segmentation, "PR": presentation_state}


def encode(ds: Dataset) -> bytes:
    """The Part 10 file."""
    out = BytesIO()
    ds.save_as(out, enforce_file_format=True)
    return out.getvalue()


def dcmjs_body(file: bytes) -> tuple[bytes, str]:
    """A body and its Content-Type, as dcmjs's client makes them."""
    boundary = "3c1f6a8e-52ad-4a0e-9d2b-6a2e7d7f0b11"
    head = f"\r\n--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    body = head + file + f"\r\n--{boundary}--".encode()
    return body, f'multipart/related; type="application/dicom"; boundary="{boundary}"'
