"""Plants identities around the data set: preamble, file meta information, padding, trailing bytes.

Standard: PS3.10 7.1 (preamble, file meta information), 7.2 (data set trailing padding).
"""

from collections.abc import Iterator

from tests.deid.build import DEFLATED, SYNTAXES
from tests.deid.planting.encode import Draft, Marks, header, image, order_of
from tests.deid.planting.key import Category, Plant, Planted
from tests.deid.planting.people import PEOPLE
from tests.deid.planting.texts import whole_file

META = {
    0x00020012: "UI",
    0x00020013: "SH",
    0x00020016: "AE",
    0x00020017: "AE",
    0x00020018: "AE",
    0x00020026: "UR",
    0x00020027: "UR",
    0x00020028: "UR",
    0x00020100: "UI",
    0x00020102: "OB",
}
PADDING = 0xFFFCFFFC


def in_containers() -> Iterator[Planted]:
    """Yield the files."""
    marks = Marks(7)
    for number, syntax in enumerate(SYNTAXES):
        who = PEOPLE[number]
        draft = Draft(f"file/meta/{syntax}", marks, syntax)
        draft.add([*header(who), *image(order_of(syntax))])
        draft.plants += whole_file(who)
        for tag, vr in META.items():
            mark = marks.uid() if vr == "UI" else marks.word()
            value = b"http://" + mark if vr == "UR" else mark
            draft.meta.append((tag, vr, value))
            _plant(draft, "file meta information", (tag,), mark)
        mark = marks.word()
        draft.preamble = (mark + b" " + who.pn.encode()).ljust(128, b"\0")
        _plant(draft, "preamble", (), mark)
        mark = marks.word()
        draft.add([(PADDING, "OB", mark + bytes(100) + mark)])
        _plant(draft, "data set trailing padding", (PADDING,), mark)
        yield draft.finish()
        yield from _behind(syntax, marks)


def _behind(syntax: str, marks: Marks) -> Iterator[Planted]:
    """What stands behind the data set: bytes that are no element."""
    for name, size in (("bytes", 0), ("zeros-and-bytes", 64)):
        draft = Draft(f"file/{name}-behind/{syntax}", marks, syntax)
        draft.add([*header(PEOPLE[0]), *image(order_of(syntax))])
        mark = marks.word()
        draft.tail = bytes(size) + mark
        _plant(draft, f"{name} behind the data set", (), mark)
        yield draft.finish(may_be_refused=True)
    if syntax != DEFLATED:
        return
    # behind the end of the deflated stream
    draft = Draft("file/behind-the-stream", marks, syntax)
    draft.add([*header(PEOPLE[0]), *image()])
    mark = marks.word()
    _plant(draft, "bytes behind the deflated stream", (), mark)
    made = draft.finish(may_be_refused=True)
    yield Planted(made.name, made.data + mark, made.plants, may_be_refused=True)


def _plant(draft: Draft, form: str, path: tuple[int, ...], mark: bytes) -> None:
    draft.plants.append(Plant(Category.FILE, form, path, mark, mark.lower()))


def hidden() -> Iterator[Planted]:
    """Yield files with identities in elements that hold no text; one place each."""
    marks = Marks(8)
    who = PEOPLE[0]
    places: tuple[tuple[int, str, bytes], ...] = (
        (0x00282000, "OB", b"prof" + who.pn.encode() + b" "),
        (0x00080005, "CS", b"ISO_IR 100\\QUXLEY"),
        (0x00281201, "OW", who.pn.encode().ljust(32, b"\0")),
        (0x00283006, "OW", who.pn.encode().ljust(32, b"\0")),
        (0x54001010, "OW", who.pn.encode().ljust(32, b"\0")),
        (0x00082128, "IS", b"QX771204"),
        (0x00189074, "DT", b"ZebulonQuxley"),
        (0x00180050, "DS", b"QX-771204"),
        (0x00280030, "DS", b"0.5\\Quxley"),
        (0x00080118, "UI", b"1.2.Quxley"),
        (0x00081190, "UR", b"http://pacs.example/quxley"),
        (0x00287FE0, "UR", b"http://pacs.example/QX-771204"),
        (0x30020003, "SH", b"Quxley"),
        (0x00080060, "CS", b"QUXLEY"),
        (0x00180015, "CS", b"QUXLEY"),
        (0x00200060, "CS", b"ZEBULON"),
        (0x00081072, "LO", b"Quxley"),
        (0x00001031, "US", b"Quxley"),
    )
    for tag, vr, value in places:
        for syntax in SYNTAXES[:2]:
            draft = Draft(f"hidden/{vr}-{tag:08x}/{syntax}", marks, syntax)
            draft.add([*header(who), *image()])
            draft.add([(tag, vr, value)])
            draft.plants += whole_file(who)
            shown = ((b"quxl",), (b"zebulon",), (b"771204",))
            form = f"header name or ID in {vr}"
            draft.plants.append(Plant(Category.NAMES, form, (tag,), value, b"", shown))
            yield draft.finish(may_be_refused=True)
