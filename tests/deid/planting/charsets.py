"""Plants names in every character set that DICOM has, with and without escape sequences.

Standard: PS3.3 C.12.1.1.2 (defined terms), PS3.5 6.1 (repertoires), 6.2.1 (PN representations).
"""

import re
import unicodedata
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from pydicom.charset import convert_encodings, encode_string

from tests.deid.build import SYNTAXES, Element
from tests.deid.planting.encode import Draft, Marks, header, image, order_of
from tests.deid.planting.key import After, Category, Groups, Path, Plant, Planted, Safe
from tests.deid.planting.people import PEOPLE
from tests.deid.planting.reading import shows

_ESCAPE = re.compile(rb"\x1b[$()*+,\-./]*[0-~]")
_SHORTEST = 3


@dataclass(frozen=True)
class Named:
    """Somebody whose name needs a character set; groups of a PN are parted by ``=``."""

    charset: str
    name: str


NAMED = (
    Named("ISO_IR 100", "Müßigbröd^Jörgön"),
    Named("ISO_IR 100", "Lefèvrenne^Zoëlle-Réjane"),
    Named("ISO_IR 101", "Wałęszowski^Żbigniewa"),
    Named("ISO_IR 109", "Ċirkewwazi^Ġorġina"),
    Named("ISO_IR 110", "Ķeguļēnsk^Mārtiņšu"),
    Named("ISO_IR 144", "Щукаренкова^Люксемина"),
    Named("ISO_IR 127", "زبرقاني^لنزارد"),
    Named("ISO_IR 126", "Ξυφαρίδης^Διονυσία"),
    Named("ISO_IR 138", "שרונזון^דבורית"),
    Named("ISO_IR 148", "Çağlayışık^Şükrüyen"),
    Named("ISO_IR 166", "จันทร์ฉาย^วิไลลักษณ์"),
    Named("ISO_IR 13", "ﾔﾏｸﾞﾁｻﾜ^ﾀﾛｳﾏﾙ"),
    Named("\\ISO 2022 IR 87", "Yamagutsch^Tarough=山口沢^太郎丸=やまぐちさわ^たろうまる"),
    Named("ISO 2022 IR 13\\ISO 2022 IR 87", "ﾔﾏｸﾞﾁｻﾜ^ﾀﾛｳﾏﾙ=山口沢^太郎丸=やまぐちさわ^たろうまる"),
    Named("\\ISO 2022 IR 159", "Tangutsch^Weighough=鄧傜^鄧佖"),
    Named("\\ISO 2022 IR 149", "Hongzzil^Gildungz=洪吉洞^東海吉=홍길두^동해길"),
    Named("\\ISO 2022 IR 58", "Zhangzz^Xiaodungz=张晓东^晓明"),
    Named("GB18030", "Wangzzin^Xiaodongz=王小东^晓冬"),
    Named("GBK", "Wangzzin^Xiaodongz=王小东^晓冬"),
    Named("ISO_IR 192", "Wangzzin^Xiaodongz=王小东^晓冬=ㄨㄤˊ^ㄒㄧㄠˇ"),
    Named("ISO_IR 192", "Ångströmsen^Øyvindur"),
    Named("ISO_IR 192", "Щукаренкова^Люксемина"),
    Named("ISO_IR 192", "Nguyễnphúc^Hươngthảo"),
    Named("ISO 2022 IR 100\\ISO 2022 IR 144", "Brönsteyn^Lüxemina=Щукаренкова^Люксемина"),
    Named("ISO 2022 IR 6\\ISO 2022 IR 126", "Xypharidis^Dionysiax=Ξυφαρίδης^Διονυσία"),
    Named("ISO 2022 IR 6\\ISO 2022 IR 127", "Zebrqanih^Lanzardeh=زبرقاني^لنزارد"),
    # what no character set is stated for, and what stands there all the same
    Named("", "Müßigbröd^Jörgön"),
)
# Attributes: descriptions, unlisted text of several VRs, comments.
PLACES = {
    0x0008103E: "LO",
    0x00181030: "LO",
    0x00204000: "LT",
    0x00082111: "ST",
    0x00181400: "LO",
    0x00540400: "SH",
    0x0018A001: "SQ",
    0x00287FE0: "UR",
    0x00620006: "ST",
    0x00620020: "UT",
    0x00700081: "LO",
    0x00180031: "LO",
    0x300A00C2: "LO",
}
_BELOW = 0x00081115


def in_charsets() -> Iterator[Planted]:
    """Yield a file for each of them in two encodings, and one whose items have the set."""
    marks = Marks(4)
    for number, who in enumerate(NAMED):
        for syntax in (SYNTAXES[number % 2], SYNTAXES[2 + number % 2]):
            yield _file(who, number, syntax, marks, in_items=False)
        yield _file(who, number, SYNTAXES[number % 4], marks, in_items=True)


def _file(who: Named, number: int, syntax: str, marks: Marks, *, in_items: bool) -> Planted:
    where = "items" if in_items else "whole"
    draft = Draft(f"charset/{number}/{where}/{syntax}", marks, syntax)
    base = header(PEOPLE[number % 4])
    draft.add([*base, *image(order_of(syntax))])
    charset: Element = (0x00080005, "CS", who.charset.encode())
    pn: Element = (0x00100010, "PN", encoded(who, who.name))
    if in_items:
        draft.add([(0x00080005, "CS", b"ISO_IR 100")])
        inner: list[Element] = [charset, (0x0040A123, "PN", pn[2])]
        _texts(draft, who, (_BELOW, 0), inner)
        draft.add([(_BELOW, "SQ", [inner])])
    else:
        draft.add([charset, pn])
        _texts(draft, who, (), draft.elements)
    draft.plants += [
        Plant(Category.CHARSETS, f"{who.charset} anywhere", (), n, shown_by=((n,),))
        for (n,) in parts(who)
        if len(n) > 5
    ]
    return draft.finish()


def _texts(draft: Draft, who: Named, prefix: Path, into: list[Element]) -> None:
    forms = written(who)
    for number, (tag, vr) in enumerate(PLACES.items()):
        if vr in ("SQ", "UR"):
            continue
        form, text = forms[(number + len(draft.name)) % len(forms)]
        raw = encoded(who, text)
        shown_by = tuple(group for group in _needles(who) if shows(raw, (group,)))
        path = (*prefix, tag)
        planted = raw if number % 2 else b"CHEST " + raw
        if not shown_by:
            continue
        if not number % 2:
            draft.safe.append(Safe(path, (b"chest",)))
        into.append((tag, vr, planted))
        name = f"{who.charset or 'no character set'}: {form} in {vr}"
        draft.plants.append(
            Plant(Category.CHARSETS, name, path, planted, shown_by=shown_by, after=After.CLEANED)
        )


def written(who: Named) -> list[tuple[str, str]]:
    """Return ways to write the name in text."""
    found = []
    for group in who.name.split("="):
        family, given = group.split("^")
        found += [
            ("Family^Given", group),
            ("Given Family", f"{given} {family}"),
            ("FamilyGiven", f"{family}{given}"),
            ("Family alone", family),
            ("upper case", family.upper()),
            ("lower case", f"{given} {family}".lower()),
            ("Given, Family", f"{given}, {family}"),
            ("G. Family", f"{given[0]}. {family}"),
            ("with digits", f"{family}_01"),
            ("without diacritics", folded(f"{given} {family}")),
        ]
    if who.charset == "ISO_IR 192":
        found.append(("decomposed", unicodedata.normalize("NFD", who.name.replace("^", " "))))
    return [(form, text) for form, text in found if _fits(who, text)]


def folded(text: str) -> str:
    """Write without combining marks."""
    plain = unicodedata.normalize("NFD", text)
    return "".join(c for c in plain if not unicodedata.combining(c))


def encoded(who: Named, text: str) -> bytes:
    """Encode in the person's character set; without one, in Latin-1, as careless senders do."""
    if not who.charset:
        return text.encode("latin-1", "replace")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parts_of_pn = text.split("=")
        encodings = convert_encodings(who.charset.split("\\"))
        return b"=".join(encode_string(part, encodings) for part in parts_of_pn)


def _fits(who: Named, text: str) -> bool:
    try:
        return b"?" not in encoded(who, text)
    except (UnicodeError, ValueError):
        return False


def parts(who: Named) -> tuple[tuple[bytes, ...], ...]:
    """Return what shows the person: each part of the name as bytes without escapes."""
    names = [part for group in who.name.split("=") for part in group.split("^")]
    found = (_ESCAPE.sub(b"", encoded(who, name)).lower() for name in names)
    return tuple((needle,) for needle in dict.fromkeys(found) if len(needle) >= _SHORTEST)


def _needles(who: Named) -> Groups:
    """The same in any case, without diacritics, and as UTF-8, which a tool may write instead."""
    names = [part for group in who.name.split("=") for part in group.split("^")]
    texts = [f(n) for n in names for f in (str, str.upper, str.lower, folded, _folded_lower)]
    raw = [_ESCAPE.sub(b"", encoded(who, t)) for t in texts if _fits(who, t)]
    raw += [unicodedata.normalize(f, t).encode() for t in texts for f in ("NFC", "NFD")]
    return tuple((n.lower(),) for n in dict.fromkeys(raw) if len(n) >= _SHORTEST)


def _folded_lower(text: str) -> str:
    return folded(text).lower()
