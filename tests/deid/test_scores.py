"""The generator covers what it should, and every score can fail."""

import io
from collections import Counter
from pathlib import Path

import pydicom
import pytest

from deid.encoding import VRS
from tests.conftest import find_shared_data
from tests.deid.build import BASIC, LITTLE, SYNTAXES, instance
from tests.deid.conftest import sample
from tests.deid.engine import run
from tests.deid.planting.consistency import (
    Ledger,
    changed_values,
    marker_faults,
    measured,
    pixels_equal,
)
from tests.deid.planting.corpus import PARTS, part
from tests.deid.planting.encode import Draft, Marks, header, image
from tests.deid.planting.key import Category, Planted
from tests.deid.planting.people import PEOPLE, Person, spellings
from tests.deid.planting.reading import Reading, shows
from tests.deid.planting.rows import document, rows
from tests.deid.planting.scores import Outcome, Tally
from tests.deid.planting.scores import shows as shows_plant
from tests.deid.planting.texts import text_attributes
from tests.deid.planting.validity import new_kinds

MADE = tuple(name for name in PARTS if name not in ("real", "classes"))


def copied(name: str) -> Tally:
    """Score a tool that copies."""
    counted = Tally()
    for planted in part(name, (), find_shared_data()):
        counted.add(planted, Outcome(planted.data))
    return counted


@pytest.mark.parametrize("name", MADE)
def test_a_copy_leaks_everything(name: str) -> None:
    counted = copied(name)
    assert counted.leaked == counted.planted
    assert not counted.not_planted
    assert not counted.words_lost
    if name == "places":
        assert len(counted.faults) > 10_000


def test_a_refusal_leaks_nothing_but_is_counted() -> None:
    counted = Tally()
    planted = next(part("places", (), None))
    counted.add(planted, Outcome(None, "no"))
    assert not counted.leaked
    assert counted.refused == [(planted.name, "no")]
    assert counted.faults


def test_a_hold_covers_pixels_and_nothing_else() -> None:
    picture = next(part("pixels", (), None))
    text = next(part("texts", (), None))
    for planted, leaks in ((picture, False), (text, True)):
        counted = Tally()
        counted.add(planted, Outcome(planted.data, held=True))
        assert bool(counted.leaked) is leaks
    missed = Tally()
    missed.add(picture, Outcome(picture.data))
    assert missed.leaked[Category.PIXELS] == 1
    assert any("not held" in fault for fault in missed.faults)


def test_lost_words_are_counted() -> None:
    planted = next(part("safe", (), None))
    emptied = instance([], LITTLE)
    counted = Tally()
    counted.add(planted, Outcome(emptied))
    assert counted.words
    assert counted.words_kept == 0


def test_an_identity_in_another_value_is_a_fault() -> None:
    """A removed value may not be replaced by something that only looks harmless."""
    planted = next(part("places", (), None))
    swapped = planted.data.replace(b"Zq", b"Xq").replace(b"zq", b"xq")
    counted = Tally()
    counted.add(planted, Outcome(swapped))
    assert len(counted.faults) > 100


def test_every_row_is_planted_in_every_kind_of_place() -> None:
    wanted = {row.tag for row in rows() if row.vr not in ("TM", "SQ")}
    top, nested, unknown = set[int](), set[int](), set[int]()
    syntaxes = set()
    for planted in part("places", (), None):
        syntaxes.add(planted.name.split("/")[2])
        for plant in planted.plants:
            if "top" in planted.name:
                top.add(plant.path[0])
            if "items" in planted.name:
                nested.add(plant.path[-1])
            if "place/un/" in planted.name:
                unknown.add(plant.path[0])
    assert wanted - top == set()
    assert {t for t in wanted if t >> 16 != 0x0004} - nested == set()
    assert wanted - unknown == set()
    assert syntaxes == set(SYNTAXES)


def test_every_sop_class_is_planted_in() -> None:
    names = {planted.name for planted in part("classes", (), None)}
    wanted = {uid for uid in document()["sop_classes"] if ".104." not in uid}
    assert names == {f"class/{uid}" for uid in wanted}


def test_every_text_attribute_gets_many_spellings() -> None:
    forms: dict[int, set[str]] = {}
    for planted in part("texts", (), None):
        for plant in planted.plants:
            if plant.path:
                forms.setdefault(plant.path[-1], set()).add(plant.form)
    assert {tag for tag, _ in text_attributes()} == set(forms)
    assert len(text_attributes()) > 400
    assert min(map(len, forms.values())) >= 10


@pytest.mark.parametrize("who", PEOPLE, ids=lambda who: who.family)
def test_every_spelling_shows_and_its_absence_does_not(who: Person) -> None:
    found = spellings(who)
    assert len({s.form for s in found if s.category is Category.NAMES}) >= 10
    for spelling in found:
        assert shows(spelling.text.encode(), spelling.shown_by), spelling.form
        assert not shows(b"T1 CHEST 5 mm post", spelling.shown_by), spelling.form


def test_values_of_every_vr_are_planted() -> None:
    seen = Counter[str]()
    for planted in part("places", (), None):
        seen.update(plant.form.split(" ")[0] for plant in planted.plants)
    text = {vr for vr, _ in VRS.values()} - {"SQ", "TM"}
    numeric = {"AT", "FD", "FL", "OD", "OF", "OL", "OV", "SL", "SS", "SV", "UL", "UV", "OW"}
    assert text - numeric <= set(seen)


def changed(data: bytes, **values: object) -> bytes:
    """Change a few elements with pydicom."""
    ds = pydicom.dcmread(io.BytesIO(data))
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    buffer = io.BytesIO()
    ds.save_as(buffer, enforce_file_format=False)
    return buffer.getvalue()


def test_a_changed_measurement_is_seen() -> None:
    before = Reading(sample("CT_small.dcm"))
    assert len(list(measured(before))) > 20
    assert not list(changed_values(before, before))
    changes = {"KVP": "121", "PixelSpacing": ["1", "1"], "RescaleSlope": "9", "Rows": 127}
    for keyword, value in changes.items():
        after = Reading(changed(sample("CT_small.dcm"), **{keyword: value}))
        assert list(changed_values(before, after)), keyword
    flipped = bytearray(sample("CT_small.dcm"))
    flipped[-200] ^= 1
    assert not pixels_equal(before, Reading(bytes(flipped)))


def test_torn_uids_and_dates_are_seen() -> None:
    def made(uid: str, day: str, reference: str = "1.2.3.9") -> Reading:
        return Reading(
            instance(
                [
                    (0x00080018, "UI", uid.encode()),
                    (0x00080020, "DA", day.encode()),
                    (0x00081140, "SQ", [[(0x00081155, "UI", reference.encode())]]),
                ],
                sop_class=BASIC,
            )
        )

    fine = Ledger()
    fine.add(made("1.2.3.1", "20200101"), made("2.25.1", "20200202", "2.25.9"))
    fine.add(made("1.2.3.2", "20200103", "1.2.3.1"), made("2.25.2", "20200204", "2.25.1"))
    assert fine.resolved == 1
    assert not fine.split
    assert not fine.merged
    assert not fine.broken
    assert not fine.torn

    split, merged, broken, torn = Ledger(), Ledger(), Ledger(), Ledger()
    split.add(made("1.2.3.1", "20200101"), made("2.25.1", "20200202", "2.25.9"))
    split.add(made("1.2.3.1", "20200101"), made("2.25.2", "20200202", "2.25.9"))
    assert split.split
    merged.add(made("1.2.3.1", "20200101"), made("2.25.9", "20200202", "2.25.9"))
    assert merged.merged
    broken.add(made("1.2.3.1", "20200101", "1.2.3.1"), made("2.25.1", "20200202", "2.25.9"))
    broken.add(made("1.2.3.2", "20200101"), made("2.25.2", "20200202", "1.2.3.9"))
    assert len(broken.broken) == 2
    torn.add(made("1.2.3.1", "20200101"), made("2.25.1", "20200202", "2.25.9"))
    torn.add(made("1.2.3.2", "20200101"), made("2.25.2", "20200203", "2.25.9"))
    assert torn.torn
    unmoved = Ledger()
    unmoved.add(made("1.2.3.1", "20200101"), made("2.25.1", "20200101", "2.25.9"))
    assert unmoved.torn


def test_false_markers_are_seen() -> None:
    before = Reading(sample("CT_small.dcm"))
    output = run(sample("CT_small.dcm")).data
    assert not list(marker_faults(before, Reading(output)))
    assert list(marker_faults(before, before))
    for keyword, value in (
        ("BurnedInAnnotation", "NO"),
        ("PatientIdentityRemoved", "NO"),
        ("LongitudinalTemporalInformationModified", "UNMODIFIED"),
        ("DeidentificationMethod", ""),
        ("DeidentificationMethodCodeSequence", []),
    ):
        assert list(marker_faults(before, Reading(changed(output, **{keyword: value})))), keyword


def test_a_new_kind_of_error_is_seen(tmp_path: Path) -> None:
    data = sample("CT_small.dcm")
    worse = changed(data, PatientOrientation="", Modality="")
    found = new_kinds([("same", data, data), ("worse", data, worse)], tmp_path)
    assert set(found) == {"worse"}
    assert not list(tmp_path.iterdir())


def test_a_plant_that_did_not_take_place_is_a_fault() -> None:
    draft = Draft("x", Marks(99))
    draft.add([*header(PEOPLE[0]), *image()])
    good = next(part("places", (), None)).plants
    planted = Planted("x", draft.finish().data, good)
    counted = Tally()
    counted.add(planted, Outcome(planted.data))
    assert len(counted.not_planted) == len(good)
    assert not any(shows_plant(plant, Reading(planted.data)) for plant in good)
