"""Objects that are no images: a report, a presentation state, a key object, a document, an ECG.

Standard: PS3.3 A.35.1 (Basic Text SR), A.33.1 (GSPS), A.35.4 (KO), A.45.1 (Encapsulated PDF),
A.34.3 (12-lead ECG).
"""

from typing import Final

from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import (
    BasicTextSRStorage,
    CTImageStorage,
    EncapsulatedPDFStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
    TwelveLeadECGWaveformStorage,
    generate_uid,
)

from conformance.sample import instance

__all__ = [
    "PDF",
    "WAVEFORM",
    "document",
    "key_object",
    "presentation_state",
    "report",
    "waveform",
]

WAVEFORM: Final = bytes(place % 251 for place in range(40_000))
PDF: Final = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 72 72]>>endobj\n"
    b"trailer<</Root 1 0 R/Size 4>>\n%%EOF\n"
)


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def _references(study: str, series: str, image: str) -> list[Dataset]:
    sop, in_series, in_study = Dataset(), Dataset(), Dataset()
    sop.ReferencedSOPClassUID, sop.ReferencedSOPInstanceUID = CTImageStorage, image
    in_series.SeriesInstanceUID, in_series.ReferencedSOPSequence = series, [sop]
    in_study.StudyInstanceUID, in_study.ReferencedSeriesSequence = study, [in_series]
    return [in_study]


def report(study: str = "", series: str = "", image: str = "") -> list[FileDataset]:
    """A text report, about an image when one is named."""
    ds = instance("SR", BasicTextSRStorage, study=study)
    ds.CompletionFlag, ds.VerificationFlag = "COMPLETE", "UNVERIFIED"
    ds.PerformedProcedureCodeSequence = []
    ds.ReferencedPerformedProcedureStepSequence = []
    ds.ValueType, ds.ContinuityOfContent = "CONTAINER", "SEPARATE"
    ds.ConceptNameCodeSequence = [_code("18782-3", "LN", "Radiology Report")]
    text = Dataset()
    text.RelationshipType, text.ValueType = "CONTAINS", "TEXT"
    text.ConceptNameCodeSequence = [_code("121071", "DCM", "Finding")]
    text.TextValue = "normal chest"
    ds.ContentSequence = [text]
    if image:
        evidence = _references(study, series, image)
        ds.CurrentRequestedProcedureEvidenceSequence = evidence
        shown, sop = Dataset(), evidence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
        shown.RelationshipType, shown.ValueType = "CONTAINS", "IMAGE"
        shown.ReferencedSOPSequence = [sop]
        ds.ContentSequence.append(shown)
    return [ds]


def key_object(study: str = "", series: str = "", image: str = "") -> list[FileDataset]:
    """A key object selection."""
    ds = instance("KO", KeyObjectSelectionDocumentStorage, study=study)
    ds.ValueType, ds.ContinuityOfContent = "CONTAINER", "SEPARATE"
    ds.ConceptNameCodeSequence = [_code("113000", "DCM", "Of Interest")]
    evidence = _references(ds.StudyInstanceUID, series or generate_uid(), image or generate_uid())
    ds.CurrentRequestedProcedureEvidenceSequence = evidence
    shown = Dataset()
    shown.RelationshipType, shown.ValueType = "CONTAINS", "IMAGE"
    shown.ReferencedSOPSequence = evidence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence
    ds.ContentSequence = [shown]
    return [ds]


def presentation_state(study: str = "", series: str = "", image: str = "") -> list[FileDataset]:
    """A presentation state with a window."""
    ds = instance("PR", GrayscaleSoftcopyPresentationStateStorage, study=study)
    ds.ContentLabel, ds.ContentDescription = "STATE", ""
    ds.PresentationCreationDate, ds.PresentationCreationTime = "20240229", "110000"
    sop, in_series = Dataset(), Dataset()
    sop.ReferencedSOPClassUID = CTImageStorage
    sop.ReferencedSOPInstanceUID = image or generate_uid()
    in_series.SeriesInstanceUID = series or generate_uid()
    in_series.ReferencedImageSequence = [sop]
    ds.ReferencedSeriesSequence = [in_series]
    area = Dataset()
    area.DisplayedAreaTopLeftHandCorner = [1, 1]
    area.DisplayedAreaBottomRightHandCorner = [32, 32]
    area.PresentationSizeMode, area.PresentationPixelAspectRatio = "SCALE TO FIT", [1, 1]
    ds.DisplayedAreaSelectionSequence = [area]
    window = Dataset()
    window.WindowCenter, window.WindowWidth = 1000, 2000
    ds.SoftcopyVOILUTSequence = [window]
    ds.PresentationLUTShape = "IDENTITY"
    return [ds]


def document() -> list[FileDataset]:
    """An encapsulated PDF with an empty page."""
    ds = instance("DOC", EncapsulatedPDFStorage)
    ds.ConversionType, ds.BurnedInAnnotation = "SYN", "NO"
    ds.DocumentTitle, ds.MIMETypeOfEncapsulatedDocument = "", "application/pdf"
    ds.ConceptNameCodeSequence = []
    ds.EncapsulatedDocument = PDF + b"\0" * (len(PDF) % 2)
    return [ds]


def waveform() -> list[FileDataset]:
    """An ECG: its bulk data lie in a sequence."""
    ds = instance("ECG", TwelveLeadECGWaveformStorage)
    ds.AcquisitionDateTime = "20240229101700"
    group = Dataset()
    group.WaveformOriginality = "ORIGINAL"
    group.NumberOfWaveformChannels, group.NumberOfWaveformSamples = 2, len(WAVEFORM) // 4
    group.SamplingFrequency = 500
    group.ChannelDefinitionSequence = [_channel(), _channel()]
    group.WaveformBitsAllocated, group.WaveformSampleInterpretation = 16, "SS"
    group.WaveformData = WAVEFORM
    group["WaveformData"].VR = "OW"
    ds.WaveformSequence = [group]
    return [ds]


def _channel() -> Dataset:
    channel = Dataset()
    channel.ChannelSourceSequence = [_code("2:1", "MDC", "Lead I")]
    channel.WaveformBitsStored = 16
    return channel
