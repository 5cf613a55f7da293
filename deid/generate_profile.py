"""Generates ``profile.json`` and ``vocabulary.txt`` from the tables that they stand on.

Standard: PS3.15 Table E.1-1 (actions and options), PS3.3 A (modules of each IOD) and C (types of
attributes), PS3.16 (the words of the vocabulary).

Invariants: the same inputs give the same bytes; nothing is fetched.

Not here: what the rows mean (``deid.profile``, ``deid.rules``). How to run it: ``deid/README.md``.
"""

import argparse
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, TypedDict, cast

from pydicom._dicom_dict import DicomDictionary
from pydicom.datadict import dictionary_keyword, dictionary_VR, tag_for_keyword
from pydicom.sr._cid_dict import cid_concepts
from pydicom.sr._concepts_dict import concepts

HERE: Final = Path(__file__).parent
NAME: Final = "readingroom-default"
VERSION: Final = "2"

IMPLEMENTATION_CLASS_UID: Final = "2.25.263903126402338171137184934170404867313"

# Rows that neither table has: a birth date is a birth date in any calendar, and a date that is
# text cannot be shifted; the text of a structured report is as free as a description.
OWN_ROWS: Final[dict[str, dict[str, object]]] = {
    "00100033": {"basic": "X"},
    "00100034": {"basic": "X"},
    "0040A160": {"basic": "D", "options": ["descriptors"]},
}
# Free text of a row that has no option column: cleaned like a descriptor.
ALSO_DESCRIPTORS: Final = ("00700006",)
# Type 1C on condition of another attribute that the profile empties or removes: Responsible Person
# Role, Clinical Trial Protocol Ethics Committee Name.
CONDITION_GONE: Final = ("00102298", "00120081")
# Sequences that are content: every leaf has a row or a rule of its own (rule 7).
CONTENT: Final = ("0040B020",)

# Unlisted text that is a setting of the device or a label inside of the object by its definition
# in PS3.3: short numbers and abbreviations stay there, while in other text only safe words do.
TECHNICAL: Final = [
    "SequenceName",
    "PulseSequenceName",
    "ImagedNucleus",
    "ReceiveCoilName",
    "TransmitCoilName",
    "MultiCoilElementName",
    "MultiCoilConfiguration",
    "ConvolutionKernel",
    "FilterType",
    "TypeOfFilters",
    "CollimatorGridName",
    "PlateType",
    "PhosphorType",
    "ProcessingFunction",
    "PostprocessingFunction",
    "TransducerData",
    "ExposureControlModeDescription",
    "DetectorDescription",
    "AcquisitionDeviceProcessingCode",
    "ReconstructionMethod",
    "AttenuationCorrectionMethod",
    "ScatterCorrectionMethod",
    "RescaleType",
    "ModalityLUTType",
    "LUTExplanation",
    "LUTLabel",
    "WindowCenterWidthExplanation",
    "StackID",
    "DimensionDescriptionLabel",
    "PositionReferenceIndicator",
    "EnergyWindowName",
    "EventTimerNames",
    "TriggerSourceOrType",
    "AlgorithmVersion",
    "MetaboliteMapDescription",
    "Radiopharmaceutical",
    "ContrastBolusRoute",
    "ImageDisplayFormat",
    "MIMETypeOfEncapsulatedDocument",
    "ListOfMIMETypes",
    "ToleranceTableLabel",
    "WedgeID",
    "CodingSchemeVersion",
    "BeamName",
    "SegmentLabel",
    "TrackingID",
    "StageName",
    "ViewName",
    "ApplicatorID",
    "AccessoryCode",
    "BlockName",
    "CompensatorID",
    "MediaDisposition",
    "OpticalPathIdentifier",
    "ObjectiveLensPower",
    "ColorSpace",
]

# Whole values of technical text that stay whoever is called like a word of them (PS3.3 C.24.2).
TERMS: Final = [
    "application/pdf",
    "application/octet-stream",
    "application/sla",
    "application/xml",
    "application/zip",
    "image/jpeg",
    "image/png",
    "model/gltf-binary",
    "model/mtl",
    "model/obj",
    "model/stl",
    "text/html",
    "text/plain",
    "text/xml",
]

# PS3.16 8: coding schemes that somebody other than a site or a vendor keeps.
SCHEMES: Final = [
    "DCM",
    "SRT",
    "SNM3",
    "SCT",
    "99SDM",
    "LN",
    "UCUM",
    "FMA",
    "NCIT",
    "NCIt",
    "RADLEX",
    "UMLS",
    "BI",
    "BARI",
    "NCDR",
    "NEU",
    "MDC",
    "MSH",
    "MeSH",
    "MA",
    "UBERON",
    "HRA",
    "ITIS_TSN",
    "RXNORM",
    "RxNorm",
    "NDC",
    "PUBCHEM_CID",
    "C4",
    "C5",
    "HPC",
    "I9",
    "I9C",
    "I9P",
    "I10",
    "I10C",
    "I10P",
    "ICD10",
    "ICD-10",
    "ICD-10-CM",
    "ICD-10-PCS",
    "ICD-11",
    "ICDO3",
    "ICD-O-2",
    "ICD-O-3",
    "ICF",
    "ISO3166_1",
    "ISO639_1",
    "ISO639_2",
    "RFC3066",
    "RFC5646",
    "POS",
    "NPI",
    "DICOM_UID",
    "PATHLEX",
    "IBSI",
    "IHERADTF",
    "ASTM-SIGPURPOSE",
    "MPEG7CS",
    "NICIP",
    "CD2",
    "CDT",
    "CVX",
    "JC8",
    "JJ1017",
    "ACR",
    "E100",
    "E2084",
    "GTS",
]

# Concepts of structured reports that say who somebody is: what they have as a value goes.
IDENTIFYING_CONCEPTS: Final = [
    "121008",
    "121009",
    "121012",
    "121013",
    "121014",
    "121015",
    "121016",
    "121017",
    "121022",
    "121023",
    "121024",
    "121025",
    "121026",
    "121027",
    "121028",
    "121029",
    "121030",
    "121031",
    "121036",
    "121095",
    "121114",
    "121152",
    "121153",
    "111706",
    "128774",
    "184099003",
    "371484003",
    "398225001",
    "21112-8",
    "184095009",
    "184096005",
    "397635003",
]
AGE_CONCEPTS: Final = ["121033", "397669002", "424144002", "30525-0", "21612-7", "29553-5"]

# Rule 8: what may show a name in its pixels.
HELD: Final = {
    "modalities": ["US", "IVUS", "BDUS", "ES", "XC", "OT", "SC", "HC", "DOC"],
    "conversion_types": ["DV", "DF", "SD", "SI"],
    "secondary_capture": [
        "1.2.840.10008.5.1.4.1.1.7",
        *(f"1.2.840.10008.5.1.4.1.1.7.{number}" for number in (1, 2, 3, 4)),
    ],
    "documents": [f"1.2.840.10008.5.1.4.1.1.104.{number}" for number in (1, 2, 3, 4, 5)],
    "video": [f"1.2.840.10008.5.1.4.1.1.77.1.{number}.1" for number in (1, 2, 4)],
}

CODES: Final = ("113100", "113105", "113107")

# PS3.16 context groups whose words are safe: anatomy, laterality, modalities, views, contrast,
# planes, positions, phases, units of imaging.
CONTEXT_GROUPS: Final = (
    *(2, 4, 5, 6, 7, 11, 12, 13, 19, 20, 21, 23, 25, 26, 27, 29, 33, 62, 63, 83, 84, 85),
    *(244, 245, 246, 247, 501, 502, 1000, 1010, 3102, 3104, 3010, 3015, 3108, 3110, 3112),
    *(4009, 4010, 4011, 4012, 4013, 4014, 4015, 4017, 4028, 4029, 4030, 4031, 4032, 4033, 4040),
    *(4042, 6096, 7150, 7151, 7180, 7201, 7202, 7203, 7204, 10003),
)

UNITS: Final = "mm cm m ms s sec min hz khz mhz kv kvp ma mas mgy gy bq mbq kbq mci ml cc l g kg t"

_CONCEPTS: Final = cast(dict[str, dict[str, dict[str, tuple[str, list[int]]]]], concepts)


class Attribute(TypedDict):
    """One line of a PS3.3 module table."""

    keyword: str
    type: str
    path: list[str]


def main() -> None:
    """Write both files beside this script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reference", type=Path, help="folder of the two tables")
    parser.add_argument("standard", type=Path, help="highdicom/_standard of an unpacked wheel")
    parser.add_argument("--into", type=Path, default=HERE, help="folder to write to")
    arguments = parser.parse_args()
    rows = make_rows(arguments.reference)
    types = make_types(arguments.standard, {cast(str, row["tag"]) for row in rows})
    words = ("\n".join(sorted(make_vocabulary())) + "\n").encode("ascii")
    # The profile's hash is to name the vocabulary too.
    vocabulary = {"vocabulary_sha256": hashlib.sha256(words).hexdigest()}
    profile = header() | vocabulary | {"rows": rows} | types
    (arguments.into / "profile.json").write_text(dump(profile), encoding="utf-8")
    (arguments.into / "vocabulary.txt").write_bytes(words)


def header() -> dict[str, object]:
    """The part that is not generated: who it is, what is written."""
    return {
        "name": NAME,
        "version": VERSION,
        "sources": [
            "DICOM PS3.15 2024b Table E.1-1, and rows that later editions added",
            "DICOM Library, Terms of Service (2024), II.4",
            "Types: DICOM PS3.3, as tables of highdicom (MIT)",
            "Vocabulary: DICOM PS3.16, as tables of pydicom (MIT), and protocol words",
        ],
        "implementation_class_uid": IMPLEMENTATION_CLASS_UID,
        "codes": list(CODES),
        "units": UNITS.split(),
        "technical": sorted(f"{tag_for_keyword(keyword):08X}" for keyword in TECHNICAL),
        "terms": TERMS,
        "schemes": SCHEMES,
        "concepts": {"identifying": IDENTIFYING_CONCEPTS, "age": AGE_CONCEPTS},
        "held": HELD,
        "deleted": ["odd groups", "0000", "0002", "50xx", "60xx", "group lengths", "unknown"],
    }


def make_rows(reference: Path) -> list[dict[str, object]]:
    """Unite the two tables, one row per tag."""
    standard = json.loads((reference / "ps3.15-table-e1-1.json").read_text("utf-8"))
    library = json.loads((reference / "dicomlibrary-anonymization-table.json").read_text("utf-8"))
    rows: dict[str, dict[str, object]] = {}
    for row in [*standard["rows"], *standard["added_after_2024b"]["rows"]]:
        options = row.get("options", {})
        rows[row["tag"]] = new_row(row["tag"], row.get("vr", ""), row["name"])
        rows[row["tag"]]["basic"] = row["basic"]
        kept = [
            short
            for name, short in (
                ("clean_descriptors", "descriptors"),
                ("retain_long_modified_dates", "dates"),
            )
            if options.get(name) == "C"
        ]
        if kept:
            rows[row["tag"]]["options"] = kept
    for row in library["rows"]:
        entry = rows.setdefault(row["tag"], new_row(row["tag"], "", row["name"]))
        entry["library"] = row["rule"]
        if "value" in row:
            entry["value"] = row["value"]
    for tag, own in OWN_ROWS.items():
        rows[tag] = new_row(tag, "", "") | own | {"source": "own"}
    for tag in ALSO_DESCRIPTORS:
        rows[tag]["options"] = ["descriptors"]
    for tag in CONTENT:
        rows[tag]["content"] = True
    return [rows[tag] for tag in sorted(rows)]


def new_row(tag: str, vr: str, name: str) -> dict[str, object]:
    """Start a row; PS3.6 fills in what the tables leave out."""
    row: dict[str, object] = {"tag": tag, "name": name, "vr": vr}
    if re.fullmatch("[0-9A-F]{8}", tag):
        number = int(tag, 16)
        try:
            row["vr"] = dictionary_VR(number)
            row["name"] = dictionary_keyword(number)
        except KeyError:
            pass  # newer than the dictionary: deleted as unknown, the row documents it
    return row


def make_types(standard: Path, tags: set[str]) -> dict[str, object]:
    """Reduce PS3.3 to the types of the profile's attributes, by module.

    A module is ``{parent sequence or "": {tag: "1" | "2"}}``; ``"2!"`` marks an attribute at top
    level that must be present even when it is empty. Where several paths with one parent
    disagree, the strictest type counts.
    """
    attributes = json.loads((standard / "module_attribute_map.json").read_text("utf-8"))
    modules: dict[str, dict[str, dict[str, str]]] = {}
    for name in sorted(attributes):
        table: dict[str, dict[str, str]] = {}
        for parent, tag, kind in typed(attributes[name]):
            if tag in CONDITION_GONE or (
                tag not in tags and not (kind.startswith("1") and is_text(tag))
            ):
                continue
            here = table.setdefault(parent, {})
            here[tag] = min(kind, here.get(tag, kind))
        if table:
            modules[name] = {
                parent: {
                    tag: short_type(parent, table[parent][tag]) for tag in sorted(table[parent])
                }
                for parent in sorted(table)
            }
    iods = json.loads((standard / "iod_module_map.json").read_text("utf-8"))
    classes = json.loads((standard / "sop_class_iod_map.json").read_text("utf-8"))
    return {
        "modules": modules,
        # a module that is not mandatory ends with "?"
        "iods": {
            iod: sorted(
                module["key"] + ("" if module["usage"] == "M" else "?")
                for module in iods[iod]
                if module["key"] in modules
            )
            for iod in sorted(set(classes.values()))
        },
        "sop_classes": {uid: classes[uid] for uid in sorted(classes)},
    }


def typed(attributes: Iterable[Attribute]) -> Iterator[tuple[str, str, str]]:
    """Yield parent, tag and type of what must be present or may not be empty."""
    for attribute in attributes:
        tag = tag_for_keyword(attribute["keyword"])
        if tag is None or attribute["type"] not in ("1", "1C", "2", "2C"):
            continue
        path = attribute["path"]
        parent = tag_for_keyword(path[-1]) if path else None
        if path and parent is None:
            continue
        yield f"{parent:08X}" if parent is not None else "", f"{tag:08X}", attribute["type"]


def is_text(tag: str) -> bool:
    """Tell whether an attribute is text that cleaning may leave empty."""
    return dictionary_VR(int(tag, 16)) in ("LO", "LT", "SH", "ST", "UC", "UR", "UT", "AE")


def short_type(parent: str, kind: str) -> str:
    """Drop the conditions: what is present counts, and only a plain Type 2 is inserted."""
    return "2!" if kind == "2" and not parent else kind[0]


def make_vocabulary() -> set[str]:
    """Collect the safe words, in lower case."""
    # What is never written in lower case, in any code meaning, is an eponym or an abbreviation.
    ordinary = set(re.findall(r"\b[a-z]{3,}\b", " ".join(all_meanings())))
    words = read_words("words_protocol.txt")
    words |= attribute_words()
    for meaning in meanings():
        words.update(set(re.findall("[a-z]{3,}", meaning.lower())) & ordinary)
    return words - read_words("words_names.txt")


def meanings() -> Iterator[str]:
    """Yield the code meanings of the context groups."""
    for group in CONTEXT_GROUPS:
        for scheme, keywords in cid_concepts.get(group, {}).items():
            for keyword in keywords:
                for meaning, _ in _codes(scheme, keyword):
                    yield meaning


def attribute_words() -> set[str]:
    """The words of the names of PS3.6, which labels inside of objects are made of."""
    names = (entry[2] for entry in DicomDictionary.values() if entry[0] != "NONE")
    return {word for name in names for word in re.findall("[a-z]{3,}", name.lower())}


def read_words(name: str) -> set[str]:
    """Read a word list that is kept by hand."""
    lines = (HERE / name).read_text("ascii").splitlines()
    return {word for line in lines if not line.startswith("#") for word in line.split()}


def all_meanings() -> Iterator[str]:
    """Yield every code meaning there is."""
    for scheme, keywords in _CONCEPTS.items():
        for keyword in keywords:
            for meaning, _ in _codes(scheme, keyword):
                yield meaning


def _codes(scheme: str, keyword: str) -> Iterator[tuple[str, list[int]]]:
    yield from _CONCEPTS[scheme].get(keyword, {}).values()


def dump(profile: dict[str, object]) -> str:
    """Encode as JSON with one row per line, so that a difference reads."""
    lines = []
    for key, value in profile.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            body = ",\n".join("  " + compact(item) for item in value)
            lines.append(f'"{key}": [\n{body}\n]')
        elif isinstance(value, dict):
            body = ",\n".join(f"  {json.dumps(name)}: {compact(value[name])}" for name in value)
            lines.append(f'"{key}": {{\n{body}\n}}')
        else:
            lines.append(f'"{key}": {compact(value)}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def compact(value: object) -> str:
    """Encode without spaces."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True)


if __name__ == "__main__":
    main()
