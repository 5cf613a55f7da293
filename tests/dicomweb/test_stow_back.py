"""A viewer stores what it made of a study into that study."""

import pathlib
from typing import Any

import pytest
from flask import Flask
from pydicom.dataset import Dataset
from werkzeug.test import TestResponse

from tests.dicomweb.conftest import Caller
from tests.dicomweb.storing_back import MADE, TODAY, dcmjs_body, encode, seen

STUDY_TAGS = (
    *("00080020", "00080030", "00080050", "00080090", "00081030"),
    *("00100010", "00100020", "00100030", "00100040", "0020000D", "00200010"),
)
SERIES = ("ct-3slice-liver", "mr-wrist-coronal")


@pytest.fixture(params=SERIES)
def study(request: pytest.FixtureRequest, caller: Caller, shared_data: pathlib.Path) -> str:
    """The path of a stored study."""
    paths = sorted((shared_data / "series" / request.param).rglob("*.dcm"))[:3]
    return caller.stored([path.read_bytes() for path in paths])[0].split("/series/")[0]


def _images(caller: Caller, study: str) -> list[Dataset]:
    return seen(caller.get(f"{study}/metadata").get_json(force=True))


def _post(caller: Caller, ds: Dataset, path: str) -> TestResponse:
    return caller.post(*dcmjs_body(encode(ds)), path)


def _studies(caller: Caller) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = caller.get("/studies?includefield=all").get_json(force=True)
    return found


def _leaves(of: dict[str, Any], tag: str) -> list[str]:
    found = []
    for name, attribute in of.items():
        for value in attribute.get("Value", ()):
            if attribute["vr"] == "SQ":
                found += _leaves(value, tag)
            elif name == tag:
                found.append(value)
    return found


@pytest.mark.parametrize("modality", MADE)
@pytest.mark.parametrize("into", ["studies", "study"])
def test_it_lands_in_the_study_it_was_made_of(
    caller: Caller, study: str, modality: str, into: str
) -> None:
    images = _images(caller, study)
    (before,) = _studies(caller)
    made = MADE[modality](images)

    first = _post(caller, made, study if into == "study" else "/studies")
    again = _post(caller, made, study if into == "study" else "/studies")

    assert first.status_code == again.status_code == 200, first.text
    assert first.data == again.data
    (after,) = _studies(caller)
    assert {tag: after.get(tag) for tag in STUDY_TAGS} == {t: before.get(t) for t in STUDY_TAGS}
    assert after["00201208"]["Value"] == [before["00201208"]["Value"][0] + 1]
    (url,) = (
        item["00081190"]["Value"][0] for item in first.get_json(force=True)["00081199"]["Value"]
    )
    assert f"/dicomweb{study}/series/" in url
    (stored,) = caller.get(url.partition("/dicomweb")[2] + "/metadata").get_json(force=True)
    for tag in STUDY_TAGS:
        assert stored.get(tag, {}).get("Value") == after.get(tag, {}).get("Value"), tag
    known = {image.SOPInstanceUID for image in images}
    referenced = _leaves(stored, "00081155")
    assert referenced
    assert set(referenced) <= known
    assert set(_leaves(stored, "0020000E")) - {stored["0020000E"]["Value"][0]} == {
        images[0].SeriesInstanceUID
    }
    if "FrameOfReferenceUID" in made:
        assert stored["00200052"]["Value"] == [images[0].FrameOfReferenceUID]
    # The study's dates were moved when it came; those of the report are not its patient's.
    assert stored["00080023"]["Value"] == [TODAY]


@pytest.mark.parametrize("modality", MADE)
def test_it_is_what_it_was(caller: Caller, study: str, modality: str) -> None:
    images = _images(caller, study)
    made = MADE[modality](images)
    url = _post(caller, made, study).get_json(force=True)["00081199"]["Value"][0]["00081190"]
    path = url["Value"][0].partition("/dicomweb")[2]
    (stored,) = caller.get(f"{path}/metadata").get_json(force=True)
    sent = made.to_json_dict()

    changed = {
        tag
        for tag, of in sent.items()
        if tag != "7FE00010" and _plain(of) != _plain(stored.get(tag, {}))
    }

    # New UIDs, one of them in the content of the report; and what made it.
    assert changed <= {"00080018", "0020000E", "0040A730", "00080070", "00081090"}


def _plain(attribute: dict[str, Any]) -> list[Any]:
    """The values, numbers as numbers; an empty one is none."""
    return [
        {tag: _plain(of) for tag, of in value.items()}
        if attribute["vr"] == "SQ"
        else float(value)
        if attribute["vr"] in ("DS", "IS")
        else value
        for value in attribute.get("Value", [])
    ]


@pytest.mark.parametrize("modality", MADE)
def test_second_one_joins_the_series_of_the_first(
    caller: Caller, study: str, modality: str
) -> None:
    """By the Series UID that the viewer made, and by the one it reads now."""
    images = _images(caller, study)
    one, two, three = (MADE[modality](images) for _ in range(3))
    two.SeriesInstanceUID = one.SeriesInstanceUID
    answers = [_post(caller, ds, study) for ds in (one, two)]
    url = answers[0].get_json(force=True)["00081199"]["Value"][0]["00081190"]["Value"][0]
    series = url.partition("/dicomweb")[2].partition("/instances/")[0]
    three.SeriesInstanceUID = series.rpartition("/")[2]
    answers.append(_post(caller, three, study))

    assert [a.status_code for a in answers] == [200] * 3
    assert len(caller.get(f"{series}/instances").get_json(force=True)) == 3


def test_it_joins_a_study_of_an_upload(
    app: Flask, caller: Caller, shared_data: pathlib.Path
) -> None:
    """The study's UIDs were made with the key of an upload, which nobody names any more."""
    ingest = app.extensions["ingest"]
    upload = ingest.keys.new_upload(1, ingest.clock())
    with ingest.batch(1, came_by="web", upload_id=upload) as batch:
        for path in sorted((shared_data / "series" / SERIES[0]).rglob("*.dcm")):
            incoming = batch.receive()
            incoming.feed(path.read_bytes())
            incoming.finish()
        batch.commit()
    (before,) = _studies(caller)
    study = f"/studies/{before['0020000D']['Value'][0]}"
    images = _images(caller, study)

    for modality, make in MADE.items():
        made = make(images)
        for place in ("/studies", study):
            assert _post(caller, made, place).status_code == 200, modality

    (after,) = _studies(caller)
    assert {tag: after.get(tag) for tag in STUDY_TAGS} == {t: before.get(t) for t in STUDY_TAGS}
    assert after["00201208"]["Value"] == [before["00201208"]["Value"][0] + 3]
    known = {image.SOPInstanceUID for image in images}
    for of in caller.get(f"{study}/metadata").get_json(force=True):
        if of["00080060"]["Value"][0] in MADE:
            assert set(_leaves(of, "00081155")) <= known


def test_metadata_that_came_from_here_are_taken_back(caller: Caller, study: str) -> None:
    """A report sent as JSON, of which everything but the UIDs is as it was read."""
    from tests.dicomweb.metadata_store import JSON, body, json_part

    made = MADE["SR"](_images(caller, study))
    response = caller.post(body([json_part(made.to_json_dict())]), JSON, study)

    assert response.status_code == 200, response.text
    assert len(_studies(caller)) == 1
    assert _post(caller, made, study).data == response.data
