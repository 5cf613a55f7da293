"""Words that must stay: descriptions, kernels and names as real scanners write them.

Collected by hand from published protocols, conformance statements and the standard; no word comes
from the engine's own vocabulary.
"""

import re
from collections.abc import Iterator

from tests.deid.build import Element
from tests.deid.planting.encode import Draft, Marks, header, image
from tests.deid.planting.key import Path, Planted, Safe
from tests.deid.planting.people import PEOPLE

_WITH_LETTER = re.compile(rb"(?=[0-9.]*[a-z])[0-9a-z]+(?:\.[0-9]+)*")

# by attribute: the values, one in a file
DESCRIPTIONS = (
    *("T1 AXIAL POST CONTRAST", "CHEST 1.0 B30f", "t2_tse_sag_p2_448", "AX T2 FLAIR FS"),
    *("SAG T1 SE PRE", "COR STIR LUMBAR SPINE", "ep2d_diff_3scan_trace_p2_ADC", "Localizer"),
    *("CT ABDOMEN W/O CONTRAST", "CT HEAD WITHOUT CONTRAST", "CTA CHEST PULMONARY EMBOLISM"),
    *("ANGIO CAROTID 0.75 B20f", "LUNG 1.5 HRCT", "Thorax 5.0 B70s", "ABD PELVIS VENOUS 3mm"),
    *("MPR cor 2mm", "3D VR HEAD", "MIP AXIAL THIN", "DYNAMIC LIVER ARTERIAL PHASE"),
    *("t1_vibe_dixon_tra_bh_W", "t1_mprage_sag_p2_iso", "gre_field_mapping", "BOLD fMRI rest"),
    *("DTI 32 directions", "SWI mIP", "PROSTATE ADC b800", "BREAST LEFT MLO", "R CC", "L CC"),
    *("KNEE LEFT LATERAL", "WRIST PA", "SHOULDER AP EXTERNAL ROTATION", "CHEST PA AND LATERAL"),
    *("PET WB FDG AC", "PET CORRECTED", "CT ATTENUATION CORRECTION", "Bone scan anterior"),
    *("Cardiac cine short axis", "4 CHAMBER VIEW", "2 chamber delayed enhancement", "MUGA"),
    *("OBSTETRIC ULTRASOUND 2nd trimester", "Carotid doppler right", "TTE parasternal long axis"),
    *("Cystography", "UPPER GI SERIES", "Lumbar myelogram", "FLUORO spot", "DSA cerebral"),
    *("Scout", "Topogram 0.6 T20f", "Smart Prep", "Dose Report", "Screen Save", "Reformatted"),
    *("COLON supine", "Cervical spine flexion extension", "Foot oblique", "Panoramic dental"),
    *("NEONATAL HEAD US", "ABDOMEN SUPINE PORTABLE", "Post biopsy clip", "Follow up 6 months"),
    *("Axial bone window", "Coronal soft tissue", "MRCP thick slab", "MR enterography"),
    *("Perfusion rCBV map", "Spectroscopy TE 35 ms", "ASL CBF", "Time of flight neck"),
)
TEXTS: dict[int, tuple[str, tuple[str, ...]]] = {
    0x0008103E: ("LO", DESCRIPTIONS),
    0x00081030: ("LO", DESCRIPTIONS),
    0x00181030: ("LO", DESCRIPTIONS),
    0x00204000: ("LT", ("Motion artifact", "Lossy compressed image", "Image rotated 90 deg")),
    0x00082111: ("ST", ("Lossy JPEG 2000 compression", "MPR thickness 3 mm", "ADC map")),
    0x00180010: ("LO", ("GADOVIST", "OMNIPAQUE 350", "Iohexol", "Gadobutrol", "ORAL & IV", "FDG")),
    0x00180024: ("SH", ("*tse2d1_15", "*fl3d1", "*ep_b1000", "tfl3d1_16ns", "*se2d1", "fse")),
    0x00181210: ("SH", ("B30f", "STANDARD", "BONE", "LUNG", "FC51", "Br40d", "I70f", "SOFT")),
    0x00181160: ("SH", ("BODY FILTER", "WEDGE_2", "HEAD FILTER", "FLAT", "LARGE BODY")),
    0x00181250: ("SH", ("HEAD", "8HRBRAIN", "BODY", "Q-Body", "BREAST", "KNEE", "C:SP1-3")),
    0x00181251: ("SH", ("BODY", "TxRx_Head", "Q-Body")),
    0x00181070: ("LO", ("Intravenous", "Oral")),
    0x00181400: ("LO", ("LUNG SHARP", "UNIQUE ADULT CHEST", "Standard processing")),
    0x00181180: ("SH", ("PARALLEL", "LEHR", "LEAP")),
    0x00180031: ("LO", ("Fluorodeoxyglucose", "Technetium Tc99m sestamibi", "FDG F^18^")),
    0x00181181: ("CS", ("PARA", "FANB")),
    0x00180015: ("CS", ("CHEST", "ABDOMEN", "HEAD", "LSPINE", "BREAST", "KNEE", "CSPINE")),
    0x00185101: ("CS", ("AP", "PA", "LL", "LLO", "MLO", "CC")),
    0x00185100: ("CS", ("HFS", "FFS", "HFP")),
    0x00180022: ("CS", ("AXIAL MODE", "HELICAL MODE", "FAST_GEMS", "PER", "PFF", "SP")),
    0x00180020: ("CS", ("SE", "GR", "IR", "EP", "RM")),
    0x00180021: ("CS", ("SK", "SP", "SS", "OSP", "MTC", "NONE")),
    0x00080008: ("CS", ("ORIGINAL\\PRIMARY\\AXIAL", "DERIVED\\SECONDARY\\MPR", "M\\NORM\\DIS2D")),
    0x00282112: ("DS", ("10",)),
    0x00281054: ("LO", ("HU", "US", "OD")),
    0x00281055: ("LO", ("WINDOW1\\WINDOW2", "LUNG", "NORMAL", "BONE", "ABDOMEN")),
    0x00541001: ("CS", ("BQML", "CNTS")),
    0x00541100: ("CS", ("NONE", "RANDOMS SUBTRACTION")),
    0x00541101: ("LO", ("measured, AC CT", "CT attenuation correction", "NONE")),
    0x00541103: ("LO", ("OSEM 2i 24s", "3D-RP", "PSF+TOF 3i21s", "VPFX", "FBP")),
    0x00541105: ("LO", ("Model-based", "convolution subtraction", "none")),
    0x00541102: ("CS", ("START", "NONE")),
    0x00540400: ("SH", ("stress", "rest", "TOMO")),
    0x0018115E: ("DS", ("2.5",)),
    0x00181704: ("DS", ("1.5",)),
    0x00186000: ("DS", ("12",)),
    0x00181020: ("LO", ()),
}
CODES = (
    *(("T-D3000", "SRT", "Chest"), ("T-A0100", "SRT", "Brain"), ("G-A101", "SRT", "Left")),
    *(("51185008", "SCT", "Thorax"), ("12738006", "SCT", "Brain"), ("7771000", "SCT", "Left")),
    *(("10200004", "SCT", "Liver"), ("80891009", "SCT", "Heart"), ("76752008", "SCT", "Breast")),
    *(("mm", "UCUM", "millimeter"), ("1", "UCUM", "no units"), ("Bq/ml", "UCUM", "Bq/ml")),
    *(("113076", "DCM", "Segmentation"), ("121071", "DCM", "Finding"), ("125007", "DCM", "")),
    *(("111030", "DCM", "Image Region"), ("112039", "DCM", "Tracking Identifier")),
    *(("C-B1031", "SRT", "Fluorodeoxyglucose F^18^"), ("G-5203", "SRT", "Frontal")),
    *(("R-10206", "SRT", "antero-posterior"), ("399067008", "SCT", "lateral projection")),
    *(("47973001", "SCT", "Artificial"), ("410668003", "SCT", "Length")),
)
VIEW_CODE = 0x00540220
ANATOMY = 0x00082218


def safe_texts() -> Iterator[Planted]:
    """Yield files without plants, in which every word must stay."""
    marks = Marks(2)
    most = max(len(values) for _, values in TEXTS.values())
    for number in range(most):
        draft = Draft(f"safe/{number}", marks)
        draft.add([*header(PEOPLE[number % 4]), *image()])
        for tag, (vr, values) in TEXTS.items():
            if values:
                value = values[number % len(values)].encode()
                draft.add([(tag, vr, value)])
                draft.safe.append(Safe((tag,), words_that_stay(value)))
        for tag in (VIEW_CODE, ANATOMY):
            code = CODES[(number + (tag & 1)) % len(CODES)]
            draft.add([(tag, "SQ", [code_item(*code)])])
            draft.safe += safe_code((tag, 0), code)
        yield draft.finish()


def words_that_stay(value: bytes) -> tuple[bytes, ...]:
    """Return the words with a letter in them."""
    return tuple(_WITH_LETTER.findall(value.lower()))


def code_item(value: str, scheme: str, meaning: str) -> list[Element]:
    """Return the elements of a code."""
    found: list[Element] = [
        (0x00080100, "SH", value.encode()),
        (0x00080102, "SH", scheme.encode()),
        (0x00080104, "LO", meaning.encode()),
    ]
    return found if meaning else found[:2]


def safe_code(path: Path, code: tuple[str, str, str]) -> Iterator[Safe]:
    """Yield what must stay of a code."""
    for tag, text in zip((0x00080100, 0x00080102, 0x00080104), code, strict=True):
        words = words_that_stay(text.encode())
        if words:
            yield Safe((*path, tag), words)
