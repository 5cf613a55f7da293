"""Which texts are warned of, and above all which are not."""

import pytest

from cases.suspicions import suspicions

NAME = "a person's name"
BIRTH = "a date of birth"
DATE = "a date by which a visit can be found"
NUMBER = "a number by which a patient can be found"
TELEPHONE = "a telephone number"
MAIL = "an e-mail address"


@pytest.mark.promise("F9")
@pytest.mark.parametrize(
    ("text", "found", "what"),
    [
        ("Referred by Dr. Okonkwo for a second look", "Dr. Okonkwo", NAME),
        ("Mr Tanaka fell from a ladder", "Mr Tanaka", NAME),
        ("Thanks to Prof. Anna van der Berg.", "Prof. Anna van der Berg.", NAME),
        ("Frau Müller-Lüdenscheidt", "Frau Müller-Lüdenscheidt", NAME),
        ("Mrs O’Brien", "Mrs O’Brien", NAME),
        ("Patient: Ann Lee, 45", "Patient: Ann Lee", NAME),
        ("patient name: SMITH", "patient name: SMITH", NAME),
        ("Surname: Øster", "Surname: Øster", NAME),
        ("T1 cor DOE^JANE", "DOE^JANE", NAME),
        ("DOB 3/4/61", "DOB 3/4/61", BIRTH),
        ("born on 12 May 1961", "born on 12 May 1961", BIRTH),
        ("Date of birth: 1961-05-12", "Date of birth: 1961-05-12", BIRTH),
        ("geb. 12.05.1961", "geb. 12.05.1961", BIRTH),
        ("birthdate 19610512", "birthdate 19610512", BIRTH),
        ("seen on 3/14/2024 in clinic", "3/14/2024", DATE),
        ("Follow-up of March 3rd, 2024", "March 3rd, 2024", DATE),
        ("Scanned 2024-03-14", "2024-03-14", DATE),
        ("MRN 00412", "MRN 00412", NUMBER),
        ("Accession no. A-20931", "Accession no. A-20931", NUMBER),
        ("patient id: 44 71 20", "patient id: 44 71 20", NUMBER),
        ("acc# 9912004", "acc# 9912004", NUMBER),
        ("NHS number 943 476 5919", "NHS number 943 476 5919", NUMBER),
        ("943 476 5919", "943 476 5919", NUMBER),
        ("078-05-1120", "078-05-1120", NUMBER),
        ("wrist 4471209", "4471209", NUMBER),
        ("RX4471209", "RX4471209", NUMBER),
        ("call 0151 234 5678", "call 0151 234 5678", TELEPHONE),
        ("Tel.: (0)30 901820", "Tel.: (0)30 901820", TELEPHONE),
        ("+44 20 7946 0958", "+44 20 7946 0958", TELEPHONE),
        ("(212) 555-0142", "(212) 555-0142", TELEPHONE),
        ("write to ann.lee@example.org", "ann.lee@example.org", MAIL),
    ],
)
def test_what_may_tell_who_somebody_is_is_warned_of(text: str, found: str, what: str) -> None:
    assert suspicions({"Findings": text}) == [f"Findings: “{found}” looks like {what}."]


@pytest.mark.parametrize(
    "text",
    [
        "The scapholunate interval measures 4.1 mm; its neighbours measure 1.8 mm.",
        "Lesion of 12 x 14 x 9 mm in segment 4/8, earlier 10/12/14 mm",
        "A 45-year-old man fell in 1998 and again in 2003-2004.",
        "Patient: woman, 45. Patient: Man of 60 years. Patient: Known hypertension.",
        "MR Brain, DR Chest, MR Wrist left, CT Abdomen; MRI Knee",
        "DR CHEST PA, MR Cor T2 3-5",
        "TR 4500 ms, TE 102 ms, TI 2500, b 1000, 256 x 256, 1024/1024",
        "Attenuation from -1000 to +3071 HU, window 400/40, +100 - 1000",
        "Series 901 - AX T2 FLAIR, image 10 of 160; series 12345",
        "ADC 1.05 x 10-3 mm2/s, 0.0010512345, SUVmax 12.4",
        "Looser zones, Milkman syndrome; see Dr and nurse notes",
        "Gustilo-Anderson IIIB, Weber B, Salter-Harris II, Mr",
        "The mean of 1,234,567 voxels; 5 000 000 cells",
        "PMID: 31415926, doi:10.1148/radiol.2019182716, NCT04000165, ISBN 978-0-323-35317-5",
        "See https://example.org/cases/12345678?at=2024-03-14 and [a paper](https://doi.org/10.1/12345678)",
        "Seen at [image 10](view:1/1234567).",
        "UID 2.25.12345678901234567890, 1.2.840.10008.5.1.4.1.1.2",
        "Name of series: T1; name: coronal",
        "Call it a day 2 of illness. Phone pictures, cell size 12 µm",
        "May 2024, 12 May, 5/2024, week 12/2024, T12-L1, C5/6, 3-4-5 triangle",
        "Fell off her horse in march 2020; Type 2 2020 classification",
        "Case 12 of 40, case no 3; Hospital course was uneventful for 10 days",
        "gradient ^13C, T2^* map, x^2",
        "",
    ],
)
def test_what_radiologists_write_every_day_is_not(text: str) -> None:
    assert suspicions({"Findings": text}) == []


def test_each_place_is_named_with_all_that_is_in_it() -> None:
    texts = {"Title": "Mr Tanaka, MRN 88123", "Name of series 2": "fine", "History": "Dr Who"}
    assert suspicions(texts) == [
        f"Title: “Mr Tanaka” looks like {NAME}.",
        f"Title: “MRN 88123” looks like {NUMBER}.",
        f"History: “Dr Who” looks like {NAME}.",
    ]


def test_a_harmless_find_does_not_hide_the_one_after_it() -> None:
    text = "Patient: Woman of 45. Patient: Ann Lee."
    assert suspicions({"T": text}) == [f"T: “Patient: Ann Lee.” looks like {NAME}."]


@pytest.mark.parametrize("letters", ["1", "A ", "1 ", "a.", "Mr A "])
def test_a_text_of_the_greatest_length_is_read_quickly(letters: str) -> None:
    # A pattern that goes back and forth over it would take minutes, and end by the time limit.
    suspicions({"T": (letters * 50_000)[:50_000]})
