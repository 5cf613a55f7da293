"""Plants identities in what objects say: reports, presentation states, waveforms, RT, documents.

Standard: PS3.3 C.17.3 (SR), C.10.5 (graphic annotations), C.10.10 (waveform annotations), C.8.8
(RT), C.24 (encapsulated documents), PS3.16 TID 1001 to 1010 (observers, subjects).
"""

from collections.abc import Callable, Iterator

from tests.deid.build import BASIC, SYNTAXES, Element
from tests.deid.planting.encode import Draft, Marks, Rows, header, image
from tests.deid.planting.key import After, Category, Groups, Path, Plant, Planted, Safe
from tests.deid.planting.people import PEOPLE, Person, names, spellings
from tests.deid.planting.rows import ENCAPSULATED_DOCUMENT
from tests.deid.planting.safe import code_item, safe_code
from tests.deid.planting.texts import plant_text, text_attributes, whole_file

COMPREHENSIVE = "1.2.840.10008.5.1.4.1.1.88.33"
KEY_OBJECTS = "1.2.840.10008.5.1.4.1.1.88.59"
DOSE = "1.2.840.10008.5.1.4.1.1.88.67"
GSPS = "1.2.840.10008.5.1.4.1.1.11.1"
ECG = "1.2.840.10008.5.1.4.1.1.9.1.1"
RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"
RTPLAN = "1.2.840.10008.5.1.4.1.1.481.5"
SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
DOCUMENTS = {
    "1.2.840.10008.5.1.4.1.1.104.1": ("application/pdf", b"%PDF-1.4 (", b") Tj %%EOF"),
    "1.2.840.10008.5.1.4.1.1.104.2": ("text/xml", b"<ClinicalDocument><name>", b"</name>"),
    "1.2.840.10008.5.1.4.1.1.104.3": ("model/stl", b"solid ", b" facet"),
    "1.2.840.10008.5.1.4.1.1.104.4": ("model/obj", b"o ", b"\nv 1 2 3"),
    "1.2.840.10008.5.1.4.1.1.104.5": ("model/mtl", b"newmtl ", b"\n"),
}
_CLEANED = {tag for tag, _ in text_attributes()}
_CONTENT = 0x0040A730
_NAME_CODE = 0x0040A043
_CONCEPT_CODE = 0x0040A168
_OF_PEOPLE = 6
# PS3.16: the first ones are observers and subjects (TID 1001 to 1010), the others are findings
CONCEPTS = (
    *(("121008", "DCM", "Person Observer Name"), ("121029", "DCM", "Subject Name")),
    *(("121009", "DCM", "Person Observer's Organization Name"), ("121013", "DCM", "Device Name")),
    *(("121030", "DCM", "Subject ID"), ("121031", "DCM", "Subject Birth Date")),
    *(("121071", "DCM", "Finding"), ("121077", "DCM", "Conclusion"), ("121111", "DCM", "Summary")),
    *(("121106", "DCM", "Comment"), ("121060", "DCM", "History"), ("121064", "DCM", "Findings")),
)

Fill = Callable[[Draft, Person, int], None]


def in_contents() -> Iterator[Planted]:
    """Yield the files."""
    marks = Marks(5)
    kinds: tuple[tuple[str, str, Fill], ...] = (
        ("basic-sr", BASIC, _report),
        ("comprehensive-sr", COMPREHENSIVE, _report),
        ("key-objects", KEY_OBJECTS, _report),
        ("dose-sr", DOSE, _report),
        ("gsps", GSPS, _presentation),
        ("ecg", ECG, _waveform),
        ("rtstruct", RTSTRUCT, _structures),
        ("rtplan", RTPLAN, _plan),
        ("seg", SEGMENTATION, _segments),
    )
    for kind, sop_class, fill in kinds:
        for number, who in enumerate(PEOPLE):
            syntax = SYNTAXES[number % 4]
            name = f"content/{kind}/{number}"
            draft = Draft(name, marks, syntax, sop_class, number % 2 == 1)
            draft.add(header(who))
            draft.add([(0x00080060, "CS", b"SR")])
            draft.plants += whole_file(who)
            fill(draft, who, number)
            yield draft.finish()
    yield from _documents(marks)


def _text(
    draft: Draft, who: Person, path: Path, vr: str, number: int, word: str = "thorax"
) -> Element:
    """Plant the next spelling of somebody that fits."""
    room = 16 if vr == "SH" else 64
    fitting = [s for s in spellings(who) if len(s.text) + len(word) < room and "\n" not in s.text]
    spelling = fitting[(number * 7 + len(draft.plants)) % len(fitting)]
    element, plant, safe = plant_text(path, vr, spelling, (word, ""))
    draft.plants.append(_as_content(plant))
    # the words beside it stay, unless a row without an option for clean text says otherwise
    if path[-1] in _CLEANED:
        draft.safe += safe
    return element


def _as_content(plant: Plant) -> Plant:
    shown = plant.planted, plant.mark, plant.shown_by, plant.after
    return Plant(Category.CONTENT, plant.form, plant.path, *shown)


def _person(draft: Draft, path: Path, tag: int) -> Element:
    mark = draft.marks.word()
    name = mark + b"^Prudence^^Dr"
    plant = Plant(
        Category.CONTENT, "PN in content", (*path, tag), name, mark.lower(), after=After.GONE
    )
    draft.plants.append(plant)
    return tag, "PN", name


def _code(draft: Draft, path: Path, who: Person, number: int) -> Rows:
    """A code: standard; standard with a meaning of one's own; private with a name in it."""
    family = who.family.encode()
    if number % 3 == 0:
        code = CONCEPTS[number // 3 % len(CONCEPTS)]
        draft.safe += safe_code(path, code)
        return code_item(*code)
    scheme = b"DCM" if number % 3 == 1 else b"99ACME"
    meaning = b"Read by " + family
    form = f"{'standard' if number % 3 == 1 else 'private'} code with a name in its meaning"
    draft.plants.append(
        Plant(
            *(Category.CONTENT, form, (*path, 0x00080104), meaning),
            shown_by=tuple(group for group in _shown(who)),
        )
    )
    return [
        (0x00080100, "SH", b"121071"),
        (0x00080102, "SH", scheme),
        (0x00080104, "LO", meaning),
    ]


def _shown(who: Person) -> tuple[tuple[bytes, ...], ...]:
    return next(s for s in names(who) if s.form == "Family's").shown_by


def _value(draft: Draft, who: Person, path: Path, kind: str, number: int) -> Rows:
    """The value of a content item of one value type, with a plant in it."""
    uid, mark = draft.marks.uid(), Category.CONTENT
    day = f"{who.study:%Y%m%d}".encode()
    moved: tuple[bytes, Groups, After] = (b"", ((day,),), After.MOVED)
    if kind == "TEXT":
        found = [_text(draft, who, (*path, 0x0040A160), "UT", number, "lung")]
        if number % len(CONCEPTS) < _OF_PEOPLE:
            draft.safe.pop()  # what such a concept says goes as a whole
        return found
    if kind == "PNAME":
        return [_person(draft, path, 0x0040A123)]
    if kind == "CODE":
        inner = _code(draft, (*path, _CONCEPT_CODE, 0), who, number)
        return [(_CONCEPT_CODE, "SQ", [inner])]
    if kind == "UIDREF":
        plant = Plant(mark, "UIDREF", (*path, 0x0040A124), uid, uid, after=After.NEW_UID)
        draft.plants.append(plant)
        return [(0x0040A124, "UI", uid)]
    if kind == "DATE":
        draft.plants.append(Plant(mark, "DATE", (*path, 0x0040A121), day, *moved))
        return [(0x0040A121, "DA", day)]
    if kind == "DATETIME":
        draft.plants.append(Plant(mark, "DATETIME", (*path, 0x0040A120), day, *moved))
        return [(0x0040A120, "DT", day + b"101112.5")]
    reference: Rows = [(0x00081150, "UI", b"1.2.840.10008.5.1.4.1.1.2"), (0x00081155, "UI", uid)]
    plant = Plant(mark, "IMAGE", (*path, 0x00081199, 0, 0x00081155), uid, uid, after=After.NEW_UID)
    draft.plants.append(plant)
    return [(0x00081199, "SQ", [reference])]


_KINDS = ("TEXT", "PNAME", "CODE", "UIDREF", "DATE", "TEXT", "DATETIME", "IMAGE", "TEXT")


def _items(draft: Draft, who: Person, path: Path, depth: int, start: int) -> list[Rows]:
    """Content items of all value types; the last one contains more of them."""
    found = []
    for number, kind in enumerate(_KINDS):
        here = (*path, _CONTENT, number)
        concept = _code(draft, (*here, _NAME_CODE, 0), who, (start + number) * 3)
        item: Rows = [
            (0x0040A010, "CS", b"CONTAINS"),
            (0x0040A040, "CS", kind.encode()),
            (_NAME_CODE, "SQ", [concept]),
            *_value(draft, who, here, kind, start + number),
        ]
        if depth and kind == "CODE":
            item.append((_CONTENT, "SQ", _items(draft, who, here, depth - 1, start + 5)))
        found.append(item)
    return found


def _report(draft: Draft, who: Person, number: int) -> None:
    verifier = (0x0040A073, 0)
    observer: Rows = [
        _person(draft, verifier, 0x0040A075),
        (0x0040A027, "LO", b"Zwexham Hospital"),
        (0x0040A030, "DT", f"{who.study:%Y%m%d}121314".encode()),
    ]
    draft.plants.append(
        Plant(
            *(Category.CONTENT, "LO organisation of the verifier", (*verifier, 0x0040A027)),
            *(b"Zwexham Hospital", b"", ((b"zwexham",),)),
        )
    )
    author: Rows = [(0x0040A084, "CS", b"PSN"), _person(draft, (0x0040A078, 0), 0x0040A123)]
    title = _code(draft, (_NAME_CODE, 0), who, number + 1)
    draft.add(
        [
            (0x0040A040, "CS", b"CONTAINER"),
            (_NAME_CODE, "SQ", [title]),
            (0x0040A073, "SQ", [observer]),
            (0x0040A078, "SQ", [author]),
            (_CONTENT, "SQ", _items(draft, who, (), 2, number)),
        ]
    )


def _presentation(draft: Draft, who: Person, number: int) -> None:
    texts = [
        [_text(draft, who, (0x00700001, 0, 0x00700008, n, 0x00700006), "ST", n, "lesion")]
        for n in range(12)
    ]
    graphics: Rows = [(0x00700002, "CS", b"LAYER1"), (0x00700008, "SQ", list(texts))]
    layer: Rows = [_text(draft, who, (0x00700060, 0, 0x00700068), "LO", number, "text")]
    draft.add(
        [
            (0x00700001, "SQ", [graphics]),
            (0x00700060, "SQ", [layer]),
            (0x00700080, "CS", b"LABEL"),
            _text(draft, who, (0x00700081,), "LO", number, "lesion"),
            _person(draft, (), 0x00700084),
        ]
    )


def _waveform(draft: Draft, who: Person, number: int) -> None:
    notes: list[Rows] = []
    for n in range(12):
        path = (0x0040B020, n)
        notes.append([_text(draft, who, (*path, 0x00700006), "ST", n, "sinus")])
    concept = (0x0040B020, 12, _NAME_CODE, 0)
    notes.append([(_NAME_CODE, "SQ", [_code(draft, concept, who, number + 1)])])
    channel: Rows = [_text(draft, who, (0x54000100, 0, 0x003A0200, 0, 0x003A0203), "SH", 1, "V1")]
    group: Rows = [
        _text(draft, who, (0x54000100, 0, 0x003A0020), "SH", number, "ECG"),
        (0x003A0200, "SQ", [channel]),
        (0x54001010, "OW", bytes(range(64))),
    ]
    draft.add([(0x0040B020, "SQ", notes), (0x54000100, "SQ", [group])])


def _structures(draft: Draft, who: Person, number: int) -> None:
    rois: list[Rows] = []
    observations: list[Rows] = []
    for n in range(8):
        rois.append(
            [
                _text(draft, who, (0x30060020, n, 0x30060026), "LO", n, "liver"),
                _text(draft, who, (0x30060020, n, 0x30060028), "ST", n, "lung"),
            ]
        )
        observations.append(
            [
                _text(draft, who, (0x30060080, n, 0x30060085), "SH", n, "GTV"),
                _person(draft, (0x30060080, n), 0x300600A6),
            ]
        )
    draft.add(
        [
            _text(draft, who, (0x30060002,), "SH", number, "PTV"),
            _text(draft, who, (0x30060004,), "LO", number, "pelvis"),
            _text(draft, who, (0x30060006,), "ST", number, "breast"),
            (0x30060020, "SQ", rois),
            (0x30060080, "SQ", observations),
            _person(draft, (), 0x300E0008),
        ]
    )


def _plan(draft: Draft, who: Person, number: int) -> None:
    beams: list[Rows] = []
    for n in range(6):
        path = (0x300A00B0, n)
        beams.append(
            [
                _text(draft, who, (*path, 0x300A00C2), "LO", n, "left"),
                _text(draft, who, (*path, 0x300A00C3), "ST", n, "lateral"),
            ]
        )
    draft.add(
        [
            _text(draft, who, (0x300A0002,), "SH", number, "AP"),
            _text(draft, who, (0x300A0003,), "LO", number, "breast"),
            _text(draft, who, (0x300A0004,), "ST", number, "pelvis"),
            (0x300A00B0, "SQ", beams),
        ]
    )


def _segments(draft: Draft, who: Person, number: int) -> None:
    del number
    segments: list[Rows] = []
    for n in range(6):
        path = (0x00620002, n)
        segments.append(
            [
                _text(draft, who, (*path, 0x00620005), "LO", n, "liver"),
                _text(draft, who, (*path, 0x00620006), "ST", n, "kidney"),
                _text(draft, who, (*path, 0x00620020), "UT", n, "tumor"),
            ]
        )
    draft.add([(0x00620002, "SQ", segments), *image(">" if draft.syntax.endswith(".2.2") else "<")])


def _documents(marks: Marks) -> Iterator[Planted]:
    """Documents cannot be cleaned: they are held, or refused."""
    for number, (sop_class, (mime, before, behind)) in enumerate(DOCUMENTS.items()):
        who = PEOPLE[number % len(PEOPLE)]
        draft = Draft(f"document/{number}", marks, SYNTAXES[number % 2], sop_class)
        mark = marks.word()
        draft.add(header(who))
        draft.add(
            [
                (0x00080060, "CS", b"DOC"),
                (0x00420012, "LO", mime.encode()),
                (ENCAPSULATED_DOCUMENT, "OB", before + mark + b" " + who.pn.encode() + behind),
                _text(draft, who, (0x00420010,), "ST", number, "report"),
            ]
        )
        draft.plants.append(
            Plant(
                *(Category.DOCUMENTS, mime, (ENCAPSULATED_DOCUMENT,), mark, mark.lower()),
                after=After.HELD,
            )
        )
        yield draft.finish(may_be_refused=True, held=True)


__all__ = ["Safe", "in_contents"]
