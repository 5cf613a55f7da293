"""Plants identities beside and inside of pictures: segments of compressed frames, overlays, icons.

Standard: ISO 10918-1 B (JPEG markers), ISO 14495-1 (JPEG-LS), ISO 15444-1 A (JPEG 2000 markers),
PS3.5 A.4 (fragments), G (RLE header); PS3.3 C.9.2 (overlays), C.7.6.1.1.6 (icons).
"""

import struct
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path as FilePath

import pydicom
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.encaps import generate_fragments

from tests.deid.build import SYNTAXES, Element
from tests.deid.planting.encode import Draft, Marks, Rows, header, image, order_of
from tests.deid.planting.key import After, Category, Plant, Planted
from tests.deid.planting.people import PEOPLE
from tests.deid.planting.texts import whole_file

PIXELS = 0x7FE00010
JPEG = ("50", "51", "53", "55", "57", "70")
JPEG_LS = ("80", "81")
JPEG_2000 = ("90", "91", "92", "93", "201", "202", "203")
_JPEG_ROOT = "1.2.840.10008.1.2.4."
_ITEM = b"\xfe\xff\x00\xe0"
_END = b"\xfe\xff\xdd\xe0\0\0\0\0"
# Bundled with pydicom, for when the shared files are not here.
SAMPLES = (
    *("SC_rgb_jpeg_gdcm.dcm", "JPEG-lossy.dcm", "JPGExtended.dcm", "MR_small_jp2klossless.dcm"),
    *("JPEG2000.dcm", "MR_small_jpeg_ls_lossless.dcm", "JPEGLSNearLossless_08.dcm"),
    *("SC_rgb_dcmtk_+eb+cr.dcm", "MR_small_RLE.dcm", "693_J2KI.dcm"),
)
Insert = Callable[[bytes, bytes], bytes]


def samples(folder: FilePath | None) -> list[FilePath]:
    """Return files with compressed frames, one for each transfer syntax where there are many."""
    if folder is not None:
        return sorted((folder / "syntaxes").glob("*.dcm"))
    found = (get_testdata_file(name, download=False) for name in SAMPLES)
    return [FilePath(name) for name in found if isinstance(name, str)]


def in_frames(folder: FilePath | None) -> Iterator[Planted]:
    """Yield compressed images with segments that no decoder needs."""
    marks = Marks(9)
    for path in samples(folder):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ds = pydicom.dcmread(path, force=True)
        syntax = str(ds.file_meta.get("TransferSyntaxUID", ""))
        for form, insert in _inserts(syntax).items():
            planted = _planted(ds, syntax, path.stem, form, insert, marks)
            if planted is not None:
                yield planted


def _inserts(syntax: str) -> dict[str, Insert]:
    number = syntax.removeprefix(_JPEG_ROOT)
    if number in JPEG or number in JPEG_LS:
        return {
            "COM": lambda frame, text: _after_start(frame, _jpeg(0xFE, text)),
            "APP1 Exif": lambda f, t: _after_start(f, _jpeg(0xE1, b"Exif\0\0MM\0*" + t)),
            "APP13": lambda f, t: _after_start(f, _jpeg(0xED, b"Photoshop 3.0\0" + t)),
            "APP15 and fill bytes": lambda f, t: _after_start(f, b"\xff\xff" + _jpeg(0xEF, t)),
            "COM before the scan": lambda f, t: _before_scan(f, _jpeg(0xFE, t)),
            "behind the end": lambda f, t: f.rstrip(b"\0") + t + bytes(len(t) % 2),
        }
    if number in JPEG_2000:
        return {
            "COM": _j2k_comment,
            "COM with binary": lambda f, t: _j2k_comment(f, t, registration=0),
            "COM in a tile-part": _j2k_tile_comment,
            "behind the end": lambda f, t: f.rstrip(b"\0") + t,
        }
    return {}


def _jpeg(marker: int, text: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(text) + 2) + text


def _after_start(frame: bytes, segment: bytes) -> bytes:
    return frame[:2] + segment + frame[2:]


def _before_scan(frame: bytes, segment: bytes) -> bytes:
    at = frame.find(b"\xff\xda")
    return frame[:at] + segment + frame[at:]


def _j2k_comment(frame: bytes, text: bytes, registration: int = 1) -> bytes:
    """Behind SIZ, which comes first."""
    at = 4 + struct.unpack_from(">H", frame, 4)[0]
    return frame[:at] + _j2k(text, registration) + frame[at:]


def _j2k(text: bytes, registration: int) -> bytes:
    return struct.pack(">HHH", 0xFF64, len(text) + 4, registration) + text


def _j2k_tile_comment(frame: bytes, text: bytes) -> bytes:
    """In the header of the first tile-part, whose length grows."""
    at = frame.find(b"\xff\x90\x00\x0a")
    segment = _j2k(text, 1)
    size = struct.unpack_from(">L", frame, at + 6)[0]
    grown = struct.pack(">L", size + len(segment) if size else 0)
    return frame[: at + 6] + grown + frame[at + 10 : at + 12] + segment + frame[at + 12 :]


def _planted(
    ds: Dataset, syntax: str, name: str, form: str, insert: Insert, marks: Marks
) -> Planted | None:
    who = PEOPLE[0]
    raw = ds.get_item(PIXELS)
    value = raw.value if raw is not None else None
    fragments = list(generate_fragments(value)) if value else []
    if len(fragments) < 2 or not fragments[1].startswith((b"\xff\xd8", b"\xff\x4f", b"\x01\0\0\0")):
        return None
    mark = marks.word()
    frames = fragments[1:]
    # the last fragment ends the last frame
    at = -1 if "behind" in form else 0
    frames[at] = insert(frames[at], b"Patient " + mark + b" " + who.family.encode())
    draft = Draft(f"frame/{name}/{form}", marks, syntax, str(ds.SOPClassUID))
    draft.add([*header(who), *_described(ds)])
    draft.plants += whole_file(who)
    draft.plants.append(
        Plant(Category.SEGMENTS, f"{form} in {syntax}", (PIXELS,), mark, mark.lower())
    )
    made = draft.finish(may_be_refused=form == "behind the end")
    data = made.data + _encapsulated(frames, cut=form == "APP13")
    return Planted(made.name, data, made.plants, may_be_refused=made.may_be_refused)


def _described(ds: Dataset) -> Rows:
    """The elements that say how the pixels are encoded, as they were sent."""
    found: Rows = [(0x00280301, "CS", b"NO"), (0x00080008, "CS", b"ORIGINAL\\PRIMARY")]
    for tag in range(0x00280002, 0x00280108):
        element = ds.get_item(tag)
        vr = getattr(element, "VR", None)
        if element is not None and vr and isinstance(element.value, bytes):
            found.append((tag, vr, element.value))
    return found


def _encapsulated(frames: list[bytes], *, cut: bool) -> bytes:
    """Encode fragments behind an empty offset table; ``cut``: the first frame in two of them."""
    if cut:
        # in the middle of the planted segment
        frames = [frames[0][:24], frames[0][24:], *frames[1:]]
    items = [b"", *(frame + bytes(len(frame) % 2) for frame in frames)]
    body = b"".join(_ITEM + struct.pack("<L", len(item)) + item for item in items)
    return b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff" + body + _END


SC = "1.2.840.10008.5.1.4.1.1.7"
# SOP class, modality and further elements of what must be held for review (rule 8)
HELD: dict[str, tuple[str, str, Rows]] = {
    "burned-in": ("1.2.840.10008.5.1.4.1.1.2", "CT", [(0x00280301, "CS", b"YES")]),
    "ultrasound": ("1.2.840.10008.5.1.4.1.1.6.1", "US", []),
    "endoscopy": ("1.2.840.10008.5.1.4.1.1.77.1.1", "ES", []),
    "photograph": ("1.2.840.10008.5.1.4.1.1.77.1.4", "XC", []),
    "other": (SC, "OT", []),
    "capture": (SC, "SC", []),
    "capture-of-ct": (SC, "CT", []),
    "multi-frame-capture": ("1.2.840.10008.5.1.4.1.1.7.4", "MR", []),
    "digitized": (SC, "CT", [(0x00080064, "CS", b"DF")]),
    "regions": ("1.2.840.10008.5.1.4.1.1.2", "CT", [(0x00186011, "SQ", [])]),
}


def in_pixels() -> Iterator[Planted]:
    """Yield images that say who they are of: in the pixels, in overlays, icons and unused bits."""
    marks = Marks(10)
    for name, (sop_class, modality, more) in HELD.items():
        for syntax in SYNTAXES:
            draft = _picture(f"pixels/{name}/{syntax}", marks, syntax, sop_class, modality)
            region: list[Element] = [(0x00186012, "US", b"\1\1")]
            draft.add([(t, v, [region] if v == "SQ" else value) for t, v, value in more])
            mark = _paint(draft)
            _plant(draft, f"burned in: {name}", (PIXELS,), mark)
            yield draft.finish(held=True)
    for syntax in SYNTAXES:
        draft = _picture(f"overlays/{syntax}", marks, syntax, "1.2.840.10008.5.1.4.1.1.2", "CT")
        for tag in (0x60003000, 0x60024000, 0x60001500, 0x601E0022, 0x60FE3000, 0x60001301):
            mark = marks.word()
            draft.add([(tag, "OW" if tag & 0xFFFF == 0x3000 else "LO", mark)])
            _plant(draft, "overlay", (tag,), mark)
        mark = marks.word()
        icon: Rows = [*image(order_of(syntax))[:-1], (PIXELS, "OW", mark.ljust(32, b"\0"))]
        draft.add([(0x00880200, "SQ", [icon])])
        _plant(draft, "icon", (0x00880200, 0, PIXELS), mark)
        draft.plants += whole_file(PEOPLE[0])
        yield draft.finish()
        yield _old_overlay(marks, syntax)


def _old_overlay(marks: Marks, syntax: str) -> Planted:
    """An overlay in the bits that the pixels leave unused (PS3.3 C.9.2, retired in 2004)."""
    draft = _picture(f"overlay-bits/{syntax}", marks, syntax, "1.2.840.10008.5.1.4.1.1.2", "CT")
    order = order_of(syntax)
    for tag, value in ((0x00280101, 12), (0x00280102, 11), (0x60000100, 16), (0x60000102, 12)):
        draft.add([(tag, "US", struct.pack(order + "H", value))])
    drawn = struct.pack(order + "16H", *(0xA000 + 273 * n for n in range(16)))
    draft.add([(PIXELS, "OW", drawn)])
    draft.plants.append(
        Plant(
            *(Category.PIXELS, "overlay in unused bits of the pixels", (PIXELS,), drawn),
            shown_by=((drawn.lower(),),),
        )
    )
    return draft.finish()


def _picture(name: str, marks: Marks, syntax: str, sop_class: str, modality: str) -> Draft:
    draft = Draft(name, marks, syntax, sop_class)
    draft.add([*header(PEOPLE[0]), *image(order_of(syntax))])
    draft.add([(0x00080060, "CS", modality.encode())])
    return draft


def _paint(draft: Draft) -> bytes:
    mark = draft.marks.word()
    draft.add([(PIXELS, "OW", mark.ljust(32, b"\0"))])
    return mark


def _plant(draft: Draft, form: str, path: tuple[int, ...], mark: bytes) -> None:
    held = After.HELD if "burned in" in form else After.GONE
    draft.plants.append(Plant(Category.PIXELS, form, path, mark, mark.lower(), after=held))
