"""Synthetic people, and the ways in which their names, dates and numbers are written into text.

Invariants: nobody is called like this; names are no imaging words, except where that is the point.

Not here: names in other character sets (``charsets``).
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import chain

from tests.deid.planting.key import Category, Groups

MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)


@dataclass(frozen=True)
class Person:
    """A patient, with what a header says of them."""

    family: str
    given: str
    middle: str
    patient_id: str
    accession: str
    birth: date
    study: date
    phone: str
    street: str
    physician: str

    @property
    def pn(self) -> str:
        """The name as a PN value."""
        return "^".join((self.family, self.given, self.middle)).rstrip("^")

    @property
    def identifiers(self) -> tuple[str, ...]:
        """What must stand nowhere in the output, in lower case."""
        names = (self.family, self.given, self.physician, self.patient_id, self.accession)
        return tuple(name.lower() for name in names if len(name) > 4)


def _person(names: str, number: str, accession: str, days: tuple[date, date], *rest: str) -> Person:
    family, given, middle = names.split("^")
    return Person(family, given, middle, number, accession, *days, *rest)


PEOPLE = (
    _person(
        *("Quxley^Zebulon^Thaddeus", "QX-771204", "A20240317-0042"),
        (date(1931, 11, 5), date(2024, 3, 17)),
        *("+1 (555) 014-2099", "14 Vexbury Lane", "Ombrinski"),
    ),
    _person(
        *("ZABRISKOVA-OKONDER^ANNELIESE^", "4471902263", "ACC7719002"),
        (date(1958, 2, 9), date(2019, 12, 28)),
        *("030/55501826", "Zwolfgasse 77b", "Pfzander"),
    ),
    _person(
        *("Van der Quelm^Joos^", "PAT 0099182", "9918220031"),
        (date(2001, 7, 30), date(2021, 8, 3)),
        *("0049 30 5550182-11", "9 rue des Zouvrards", "Ybrant"),
    ),
    _person(
        *("o'zbrennan^siobhane^maeve", "MRN0004410927", "X-2016.4410"),
        (date(1977, 10, 14), date(2016, 5, 21)),
        *("555.014.7781", "2200 Quillby Road", "McZorbin"),
    ),
    # called like imaging words: in text they are names all the same
    _person(
        *("Brain^Axial^Coronal", "556677-8899", "SN88120093"),
        (date(1966, 9, 23), date(2010, 11, 7)),
        *("555-0199-233", "31 Abdomen Quollstreet", "Contrast"),
    ),
)


@dataclass(frozen=True)
class Spelling:
    """One way of writing something, and what shows it."""

    category: Category
    form: str
    text: str
    shown_by: Groups


def spellings(who: Person) -> tuple[Spelling, ...]:
    """Return everything that can be written of a person."""
    found = (names(who), days(who.study, "study"), days(who.birth, "birth"))
    return tuple(chain(*found, numbers(who), contacts(who)))


def folded(text: str) -> str:
    """Write without diacritics, hyphens and apostrophes."""
    plain = unicodedata.normalize("NFD", text)
    return "".join(c for c in plain if c.isalnum() or c == " ")


def names(who: Person) -> Iterator[Spelling]:
    """Yield the spellings of names."""
    family, given, doctor = who.family, who.given, who.physician
    first = given[:1]
    by_name = _parts(family, given)
    by_family = _parts(family)
    forms = {
        "Given Family": (f"{given} {family}", by_name),
        "Family Given": (f"{family} {given}", by_name),
        "FAMILY, GIVEN": (f"{family}, {given}".upper(), by_name),
        "given.family": (f"{given}.{family}".lower(), by_name),
        "G. Family": (f"{first}. {family}", by_family),
        "GFamily": (f"{first}{family}", by_family),
        "Family G": (f"{family} {first}", by_family),
        "Family^Given": (f"{family}^{given}", by_name),
        "Dr Physician": (f"Dr {doctor}", _parts(doctor)),
        "Prof. Physician": (f"Prof. Dr. med. {doctor}", _parts(doctor)),
        "Family's": (f"{family}'s", by_family),
        "without diacritics": (folded(f"{family} {given}"), _parts(folded(family), given)),
        "FAMILY_GIVEN_01": (f"{family}_{given}_01".upper(), by_name),
        "family with digits": (f"{family}{who.birth.year}".lower(), by_family),
        "given with digits": (f"{given}2", _parts(given)),
        "GivenFamily": (f"{given}{family}", by_name),
        "family-given": (f"{family}-{given}".lower(), by_name),
        "letters apart": (" ".join(family.upper()), by_family),
        "over two lines": (f"{given}\r\n{family}", by_name),
        "in a path": (f"/data/{family}/{given}/t1.dcm", by_name),
        "in brackets": (f"[{family}] ({given})", by_name),
        "as salutation": (f"Mrs {family}", by_family),
        "cut short": (f"{family[:7]}~1".upper(), _parts(family[:7])),
        "without its first letter": (family[1:].lower(), _parts(family[1:])),
        "in an entity": (f"&lt;{family.replace(chr(39), '&#39;')}&gt;", _parts(family[1:])),
        "hyphenated": (f"{family[:4]}-\r\n{family[4:]}", _parts(family)),
        "with the sex": (f"{family} {given[:1]} F", by_family),
        "in quotes": (f'"{given}" {family}'.upper(), by_name),
        "as a file": (f"{family}.{given}.20200101.jpg".lower(), by_name),
        "equals sign": (f"name={family};{given}", by_name),
    }
    for form, (text, shown_by) in forms.items():
        yield Spelling(Category.NAMES, form, text, shown_by)


def _parts(*given: str) -> Groups:
    """One group for each part of a name that is long enough to tell somebody by."""
    parts = [p for text in given for p in (text, folded(text), *text.split("-"), *text.split(" "))]
    return tuple((p.lower().encode(),) for p in dict.fromkeys(parts) if len(p) > 3)


def days(day: date, whose: str) -> Iterator[Spelling]:
    """Yield the spellings of a date."""
    y, m, d = day.year, day.month, day.day
    month, short = MONTHS[m - 1], MONTHS[m - 1][:3]
    yy = y % 100
    forms = {
        "yyyymmdd": f"{y}{m:02}{d:02}",
        "yyyy-mm-dd": f"{y}-{m:02}-{d:02}",
        "yyyy/mm/dd": f"{y}/{m:02}/{d:02}",
        "yyyy.mm.dd": f"{y}.{m:02}.{d:02}",
        "dd.mm.yyyy": f"{d:02}.{m:02}.{y}",
        "d.m.yy": f"{d}.{m}.{yy:02}",
        "mm/dd/yyyy": f"{m:02}/{d:02}/{y}",
        "m/d/yy": f"{m}/{d}/{yy:02}",
        "dd-mm-yyyy": f"{d:02}-{m:02}-{y}",
        "ddmmyyyy": f"{d:02}{m:02}{y}",
        "yymmdd": f"{yy:02}{m:02}{d:02}",
        "dd Mon yyyy": f"{d} {short} {y}",
        "dd-MON-yy": f"{d:02}-{short.upper()}-{yy:02}",
        "ddMonyyyy": f"{d:02}{short}{y}",
        "d-m-yy": f"{d}-{m}-{yy:02}",
        "Mon-d-yy": f"{short}-{d}-{yy:02}",
        "yyyy mm dd": f"{y} {m:02} {d:02}",
        "dd / mm / yyyy": f"{d:02} / {m:02} / {y}",
        "mmddyyyy": f"{m:02}{d:02}{y}",
        "m-d-yyyy": f"{m}-{d}-{y}",
        "d.roman.yyyy": f"{d}.{_ROMAN[m - 1]}.{y}",
        "d mois yyyy": f"{d} {_FRENCH[m - 1]} {y}",
        "d de mes de yyyy": f"{d} de {_SPANISH[m - 1]} de {y}",
        "yyyy_mmdd": f"{y}_{m:02}{d:02}",
        "yyyyddd": f"{y}{day:%j}",
        "yyyy:mm:dd": f"{y}:{m:02}:{d:02}",
        "yyyymmddhhmmss": f"{y}{m:02}{d:02}101112.000+0100",
        "d of Month yyyy": f"{d}{_ordinal(d)} of {month} {y}",
        "MON d 'yy": f"{short.upper()} {d} '{yy:02}",
        "Month dth, yyyy": f"{month} {d}{_ordinal(d)}, {y}",
        "Month d yyyy": f"{month} {d} {y}",
        "d Month yyyy": f"{d}. {month} {y}",
        "yyyy Mon dd": f"{y} {short} {d:02}",
    }
    for form, text in forms.items():
        yield Spelling(Category.DATES, f"{whose} {form}", text, _date_shows(text))
    around = {
        "with a time": (f"{y}-{m:02}-{d:02}", "{}T23:59:58"),
        "after a label": (f"{d:02}/{m:02}/{y}", "DOB:{}"),
        "with words around": (f"{d:02}.{m:02}.{y}", "prior {} compared"),
        "with underscores": (f"{y}_{m:02}_{d:02}", "scan_{}"),
    }
    for form, (text, frame) in around.items():
        yield Spelling(Category.DATES, f"{whose} {form}", frame.format(text), _date_shows(text))


def _date_shows(text: str) -> Groups:
    """All in one word, or day, month and year each."""
    words = "".join(c if c.isalnum() else " " for c in text.lower()).split()
    return ("".join(words).encode(),), tuple(word.encode() for word in words)


_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
_FRENCH = (
    *("janvier", "fevrier", "mars", "avril", "mai", "juin", "juillet", "aout", "septembre"),
    *("octobre", "novembre", "decembre"),
)
_SPANISH = (
    *("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre"),
    *("octubre", "noviembre", "diciembre"),
)


def _ordinal(day: int) -> str:
    if 10 < day < 20:
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def numbers(who: Person) -> Iterator[Spelling]:
    """Yield the spellings of patient ID and accession number, and of UIDs."""
    for name, value in (("patient ID", who.patient_id), ("accession number", who.accession)):
        plain = "".join(filter(str.isalnum, value))
        digits = max("".join(c if c.isdigit() else " " for c in value).split(), key=len)
        shown_by = tuple((n.lower().encode(),) for n in dict.fromkeys((plain, digits)))
        forms = {
            "as it is": value,
            "lower case": value.lower(),
            "without separators": plain,
            "after a label": f"MRN:{value}",
            "after number sign": f"no.#{plain}",
            "with a suffix": f"{value}_001.dcm",
            "in groups": " ".join(plain[i : i + 3] for i in range(0, len(plain), 3)),
            "only digits": digits,
            "with leading zeros": f"000{plain}",
            "in pairs": "-".join(digits[i : i + 2] for i in range(0, len(digits), 2)),
            "with underscores": f"_{plain}_",
            "with a letter": f"{plain}A",
            "in brackets": f"({value})",
            "digits in groups": " ".join(digits[i : i + 3] for i in range(0, len(digits), 3)),
            "digits with dots": ".".join(digits[i : i + 3] for i in range(0, len(digits), 3)),
        }
        for form, text in forms.items():
            yield Spelling(Category.NUMBERS, f"{name} {form}", text, shown_by)
    uid = "1.2.840.113619.2.55.3.604688119.971"
    yield Spelling(Category.NUMBERS, "UID", f"see {uid}", ((uid.encode(),),))
    yield Spelling(Category.NUMBERS, "UID in a URN", f"urn:oid:{uid}", ((uid.encode(),),))
    yield Spelling(Category.NUMBERS, "age above 89", "93 year old", ((b"93", b"year"),))
    yield Spelling(Category.NUMBERS, "age above 89, short", "age: 94y", ((b"94y",), (b"94",)))
    yield Spelling(Category.NUMBERS, "social security", "SSN 219-09-9984", ((b"219099984",),))
    yield Spelling(Category.NUMBERS, "licence plate", "B-ZQ 4711", ((b"4711",), (b"bzq4711",)))


def contacts(who: Person) -> Iterator[Spelling]:
    """Yield the spellings of telephone numbers and addresses."""
    digits = "".join(filter(str.isdigit, who.phone))
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    as_digits: Groups = ((digits.encode(),), tuple(g.encode() for g in groups))
    family = who.family.split(" ")[-1].split("-")[0].lower()
    street = [w for w in who.street.split() if len(w) > 4]
    house = next(w for w in who.street.split() if w[0].isdigit())
    # one telling word of the address is enough, unless it is an imaging word as well
    words = tuple((w.lower().encode(),) for w in street if w != "Abdomen")
    yield Spelling(Category.CONTACTS, "telephone as it is", who.phone, as_digits)
    for form, between in (("dashes", "-"), ("dots", "."), ("spaces", " "), ("nothing", "")):
        text = between.join(groups)
        yield Spelling(Category.CONTACTS, f"telephone with {form}", text, as_digits)
    short = f"({digits[:3]}){digits[3:]}"
    yield Spelling(Category.CONTACTS, "telephone with brackets", short, as_digits)
    pairs = " ".join(digits[i : i + 2] for i in range(0, len(digits), 2))
    yield Spelling(Category.CONTACTS, "telephone in pairs", pairs, ((digits.encode(),),))
    yield Spelling(Category.CONTACTS, "telephone with label", f"Tel.:{digits}", as_digits)
    yield Spelling(Category.CONTACTS, "mobile", f"call +{digits} ext. 123", as_digits)
    at = f"{family}@zmail.example"
    yield Spelling(Category.CONTACTS, "e-mail", at, ((b"zmail",), (family.encode(), b"@")))
    yield Spelling(Category.CONTACTS, "address", who.street, (*words, (house.encode(), b"road")))
    town = f"{who.street}, 4711 Zwexham"
    yield Spelling(Category.CONTACTS, "address with town", town, (*words, (b"zwexham",)))
    hidden = f"{family} (at) zmail dot example"
    yield Spelling(Category.CONTACTS, "e-mail spelt out", hidden, ((b"zmail",), (family.encode(),)))
    link = f"https://pacs.zwexham.example/{family}"
    yield Spelling(Category.CONTACTS, "web address", link, ((b"zwexham",), (family.encode(), b":")))
