"""The picture that stands for a case without images: of its video or waveform, else a sign."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient
from pydicom import dcmread

import store.ffmpeg
from cases.cases import case_by_code, create_case
from cases.document import StartState
from cases.publishing import publish
from store.codestream import jpeg_header
from store.icons import icon
from tests.viewer.conftest import Site
from tests.viewer.published import add_case, publish_again


@pytest.fixture
def stranger(site: Site) -> FlaskClient:
    return site.visitor()


def published_of(site: Site, path: Path) -> str:
    """A published case of one file; its code."""
    study = site.put(dcmread(path))
    [series] = site.series(study)
    uid = series.series_instance_uid
    if series.state == "held":
        site.pages.review.decide(site.owner.id, study, uid, "attest", site.owner.id)
    made = create_case(
        site.pages.database,
        site.owner.id,
        title="A case",
        series=[(study, uid)],
        clock=site.clock,
        random_bytes=site.pages.random_bytes,
    )
    publish(site.pages.database, site.owner.id, made.code, clock=site.clock)
    return made.code


def size_of(picture: bytes) -> tuple[int, int]:
    header = jpeg_header(picture)
    assert header is not None
    return header.columns, header.rows


@pytest.mark.parametrize(
    ("name", "size"),
    [("video/h264-640x480.dcm", (640, 480)), ("waveforms/waveform_ecg.dcm", None)],
)
def test_video_and_waveforms_are_drawn(
    site: Site, stranger: FlaskClient, shared_data: Path, name: str, size: tuple[int, int] | None
) -> None:
    code = published_of(site, shared_data / "kinds" / name)
    answer = stranger.get(f"/cases/{code}/picture.jpg")
    assert answer.mimetype == "image/jpeg"
    found = size_of(answer.data)
    assert found == size if size else max(found) == 640
    said = stranger.get(f"/oembed?url=http://localhost/cases/{code}").get_json()
    assert (said["thumbnail_width"], said["thumbnail_height"]) == found
    # On its card, too.
    assert f"/cases/{code}/picture.jpg" in stranger.get("/").text


def test_without_the_program_a_video_has_a_sign(
    site: Site, stranger: FlaskClient, shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store.ffmpeg, "_program", lambda: None)
    code = published_of(site, shared_data / "kinds/video/h264-640x480.dcm")
    assert stranger.get(f"/cases/{code}/picture.jpg").data == icon("VIDEO")
    said = stranger.get(f"/oembed?url=http://localhost/cases/{code}").get_json()
    assert (said["thumbnail_width"], said["thumbnail_height"]) == (256, 256)


@pytest.mark.parametrize(
    ("name", "kind"), [("sr/reportsi.dcm", "SR"), ("documents/encapsulated-pdf.dcm", "OT")]
)
def test_reports_and_documents_have_a_sign(
    site: Site, stranger: FlaskClient, shared_data: Path, name: str, kind: str
) -> None:
    path = shared_data / "kinds" / name
    code = published_of(site, path)
    assert stranger.get(f"/cases/{code}/picture.jpg").data == icon(dcmread(path).Modality or kind)


def test_the_author_chooses_the_picture_with_what_the_case_opens_with(
    site: Site, stranger: FlaskClient
) -> None:
    code = add_case(site)
    uid = case_by_code(site.pages.database, code).document.series_uids()[0][1]
    seen = set()
    for start in (StartState(uid, 1), StartState(uid, 3), StartState(uid, 3, (40.0, 80.0))):
        publish_again(site, code, start=start)
        seen.add(stranger.get(f"/cases/{code}/picture.jpg").headers["ETag"])
    assert len(seen) == 3
    page = site.visitor(site.owner).get(f"/cases/{code}/edit").text
    assert "Also the picture of the case in lists." in page
