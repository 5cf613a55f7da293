"""The attributes of the synthetic CT slices, as a table.

Standard: PS3.3 A.3 (CT image), with the general, acquisition and procedure modules.
Invariants: nothing here describes a real person or place; the size (about 200 elements with those
in sequences and the private ones) is that of a slice from a current scanner.
Not here: what differs from slice to slice, and the pixels (``bench.data``).
"""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

STUDY_DATE = "20240305"
FIELDS: dict[str, object] = {
    "SpecificCharacterSet": "ISO_IR 100",
    "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL", "CT_SOM5 SPI"],
    "InstanceCreationDate": STUDY_DATE,
    "InstanceCreationTime": "101502.118000",
    "StudyDate": STUDY_DATE,
    "SeriesDate": STUDY_DATE,
    "AcquisitionDate": STUDY_DATE,
    "ContentDate": STUDY_DATE,
    "AcquisitionDateTime": STUDY_DATE + "101455.250000",
    "StudyTime": "100934.506000",
    "SeriesTime": "101440.020000",
    "AcquisitionTime": "101455.250000",
    "ContentTime": "101455.250000",
    "Modality": "CT",
    "Manufacturer": "Bench Imaging",
    "InstitutionName": "Hospital of the Bench",
    "InstitutionAddress": "1 Example Road, Nowhere",
    "ReferringPhysicianName": "Referrer^Example^^Dr",
    "StationName": "CTBENCH01",
    "StudyDescription": "CT thorax abdomen with contrast",
    "SeriesDescription": "Thorax 3.0 B31f",
    "InstitutionalDepartmentName": "Radiology",
    "PhysiciansOfRecord": "Recorder^Example",
    "PerformingPhysicianName": "Performer^Example",
    "NameOfPhysiciansReadingStudy": "Reader^Example",
    "OperatorsName": "Operator^Example",
    "AdmittingDiagnosesDescription": "Follow-up",
    "ManufacturerModelName": "Model 64",
    "IrradiationEventUID": "2.25.71406358212211",
    "PatientBirthDate": "19600102",
    "PatientSex": "F",
    "OtherPatientIDs": ["BENCH-ALT-1", "BENCH-ALT-2"],
    "PatientAge": "064Y",
    "PatientSize": "1.68",
    "PatientWeight": "71",
    "MedicalAlerts": "none",
    "Allergies": "none known",
    "EthnicGroup": "unknown",
    "Occupation": "example",
    "AdditionalPatientHistory": "Made-up history for a benchmark.",
    "PregnancyStatus": 4,
    "PatientComments": "No such person.",
    "ContrastBolusAgent": "Iodinated contrast",
    "BodyPartExamined": "CHEST",
    "ScanOptions": "HELIX",
    "SliceThickness": "3",
    "KVP": "120",
    "DataCollectionDiameter": "500",
    "DeviceSerialNumber": "000001",
    "SoftwareVersions": "bench 1.0",
    "ProtocolName": "Thorax^ThoraxRoutine (Adult)",
    "ContrastBolusVolume": "90",
    "ContrastBolusStartTime": "101430.000000",
    "ContrastBolusTotalDose": "90",
    "ContrastFlowRate": "3",
    "ContrastFlowDuration": "30",
    "ContrastBolusIngredient": "IODINE",
    "ContrastBolusIngredientConcentration": "350",
    "ReconstructionDiameter": "380",
    "DistanceSourceToDetector": "1085.6",
    "DistanceSourceToPatient": "595",
    "GantryDetectorTilt": "0",
    "TableHeight": "148",
    "RotationDirection": "CW",
    "ExposureTime": "500",
    "XRayTubeCurrent": "212",
    "Exposure": "106",
    "FilterType": "FLAT",
    "GeneratorPower": "42",
    "FocalSpots": "1.2",
    "DateOfLastCalibration": STUDY_DATE,
    "TimeOfLastCalibration": "070102.000000",
    "ConvolutionKernel": ["B31f", "3"],
    "PatientPosition": "HFS",
    "AcquisitionType": "SPIRAL",
    "RevolutionTime": 0.5,
    "SingleCollimationWidth": 0.6,
    "TotalCollimationWidth": 38.4,
    "TableSpeed": 92.2,
    "TableFeedPerRotation": 46.1,
    "SpiralPitchFactor": 1.2,
    "DataCollectionCenterPatient": [0.0, 0.0, 0.0],
    "ReconstructionTargetCenterPatient": [0.0, 0.0, 0.0],
    "ExposureModulationType": "XYZ_EC",
    "EstimatedDoseSaving": 21.5,
    "CTDIvol": 7.16,
    "CalciumScoringMassFactorDevice": [0.7, 0.7, 0.7],
    "StudyID": "1",
    "SeriesNumber": "4",
    "AcquisitionNumber": "3",
    "ImageOrientationPatient": ["1", "0", "0", "0", "1", "0"],
    "PositionReferenceIndicator": "",
    "ImageComments": "Synthetic noise in a circle.",
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
    "BitsAllocated": 16,
    "BitsStored": 12,
    "HighBit": 11,
    "PixelRepresentation": 0,
    "SmallestImagePixelValue": 0,
    "LargestImagePixelValue": 4095,
    "WindowCenter": ["40", "-600"],
    "WindowWidth": ["400", "1200"],
    "RescaleIntercept": "-1024",
    "RescaleSlope": "1",
    "RescaleType": "HU",
    "WindowCenterWidthExplanation": ["SOFT", "LUNG"],
    "LossyImageCompression": "00",
    "StudyStatusID": "COMPLETED",
    "RequestingPhysician": "Requester^Example",
    "RequestingService": "Oncology",
    "RequestedProcedureDescription": "CT thorax abdomen",
    "StudyComments": "Benchmark study.",
    "AdmissionID": "ADM-BENCH",
    "CurrentPatientLocation": "Ward 0",
    "PerformedStationAETitle": "CTBENCH01",
    "PerformedStationName": "CTBENCH01",
    "PerformedLocation": "Room 0",
    "PerformedProcedureStepStartDate": STUDY_DATE,
    "PerformedProcedureStepStartTime": "100940.000000",
    "PerformedProcedureStepEndDate": STUDY_DATE,
    "PerformedProcedureStepEndTime": "101530.000000",
    "PerformedProcedureStepID": "PPS-BENCH",
    "PerformedProcedureStepDescription": "CT thorax abdomen",
    "CommentsOnThePerformedProcedureStep": "none",
    "RequestedProcedureID": "RP-BENCH",
    "ReasonForTheRequestedProcedure": "Benchmark",
    "RequestedProcedurePriority": "ROUTINE",
    "IssueDateOfImagingServiceRequest": STUDY_DATE,
}


def ct_header() -> Dataset:
    """Return the part of a slice's data set that all slices share."""
    ds = Dataset()
    for keyword, value in FIELDS.items():
        setattr(ds, keyword, value)
    ds.ReferencedStudySequence = Sequence([_reference("1.2.840.10008.3.1.2.3.1", "2.25.9001")])
    ds.ReferencedPerformedProcedureStepSequence = Sequence(
        [_reference("1.2.840.10008.3.1.2.3.3", "2.25.9002")]
    )
    ds.ReferencedImageSequence = Sequence(
        [_reference("1.2.840.10008.5.1.4.1.1.2", f"2.25.91{number:02}") for number in range(3)]
    )
    ds.ProcedureCodeSequence = Sequence([_code("CTTHOABD", "CT thorax abdomen")])
    ds.RequestAttributesSequence = Sequence([_request()])
    _add_private(ds)
    return ds


def _reference(sop_class_uid: str, sop_instance_uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class_uid
    item.ReferencedSOPInstanceUID = sop_instance_uid
    return item


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue = value
    item.CodingSchemeDesignator = "99BENCH"
    item.CodeMeaning = meaning
    return item


def _request() -> Dataset:
    """Return one item that itself holds sequences, two levels deep."""
    context = _code("CONTRAST", "Contrast given")
    context.ContextGroupExtensionCreatorUID = "2.25.9300"
    protocol = _code("THORAX", "Thorax routine")
    protocol.ProtocolContextSequence = Sequence([context])
    item = Dataset()
    item.RequestedProcedureID = "RP-BENCH"
    item.RequestedProcedureDescription = "CT thorax abdomen"
    item.ScheduledProcedureStepID = "SPS-BENCH"
    item.ScheduledProcedureStepDescription = "CT thorax abdomen"
    item.ScheduledProtocolCodeSequence = Sequence([protocol])
    item.RequestedProcedureCodeSequence = Sequence([_code("CTTHOABD", "CT thorax abdomen")])
    return item


def _add_private(ds: Dataset) -> None:
    """Add two private blocks, as large scanners do: short texts, numbers and a binary block."""
    block = ds.private_block(0x0029, "BENCH CT HEADER", create=True)
    for offset in range(0x10, 0x18):
        block.add_new(offset, "LO", f"private text {offset:02x}")
    block.add_new(0x20, "OB", bytes(2048))
    block = ds.private_block(0x7005, "BENCH CT RECON", create=True)
    for offset in range(0x10, 0x1C):
        block.add_new(offset, "DS", str(offset))
    block.add_new(0x1D, "UI", "2.25.9400")
