"""The archive of a case: whole, in its order and under its names, and only where it is allowed."""

import json
import os
from datetime import timedelta
from hashlib import sha256
from io import BytesIO
from pathlib import PurePosixPath
from zipfile import ZipFile

import pydicom
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cases.cases import case_by_code, create_case
from cases.document import ShownSeries, ShownStudy
from cases.downloads import plain_name
from cases.publishing import publish
from cases.share_list import shares_of
from cases.sharing import Wanted, create_share, delete_share
from tests.support.datasets import ct_slice, ct_stack
from tests.viewer.conftest import Site
from tests.viewer.published import add_case, add_playlist, change, publish_again, save_again

ROOT = "http://localhost"


@pytest.fixture
def stranger(site: Site) -> FlaskClient:
    return site.visitor()


def opened(answer: TestResponse) -> ZipFile:
    assert answer.status_code == 200
    assert answer.mimetype == "application/zip"
    assert answer.content_length == len(answer.data)
    archive = ZipFile(BytesIO(answer.data))
    assert archive.testzip() is None
    return archive


def share_of(site: Site, code: str, kind: str = "case", **wanted: bool) -> str:
    database, owner_id = site.pages.database, site.owner.id
    wish = Wanted("Trainees", **wanted)  # type: ignore[arg-type]
    _, secret = create_share(
        database,
        owner_id,
        "case" if kind == "case" else "playlist",
        code,
        wish,
        clock=site.clock,
        random_bytes=os.urandom,
    )
    return secret


def two_studies(site: Site) -> str:
    """A case of two studies, the later one first, the series of the other in another order."""
    series = "1.2.3.91.{}".format
    files = [*ct_stack(3, study="1.2.3.91", series=series(1), size=16)]
    files += ct_stack(2, study="1.2.3.91", series=series(2), size=16)
    first = site.put(*files)
    second = site.put(ct_slice(study="1.2.3.92", series="1.2.3.92.1", size=16))
    one, other = [one.series_instance_uid for one in site.series(first)]
    [last] = [one.series_instance_uid for one in site.series(second)]
    made = create_case(
        site.pages.database,
        site.owner.id,
        title="Wrist: before/after",
        series=[(first, one), (first, other), (second, last)],
        clock=site.clock,
        random_bytes=os.urandom,
    )
    studies = (
        ShownStudy(second, "After the fall", (ShownSeries(last, "../../etc/passwd"),)),
        ShownStudy(first, "", (ShownSeries(other, "Scout: ?"), ShownSeries(one, "Axial"))),
    )
    save_again(site, made.code, body_part="WRIST", modality="CT", studies=studies)
    save_again(site, made.code, downloadable=True, authors=("Ines Ferreira",))
    publish(site.pages.database, site.owner.id, made.code, clock=site.clock)
    return made.code


@pytest.mark.promise("F82")
def test_a_case_is_one_archive_in_its_order_and_under_its_names(
    site: Site, stranger: FlaskClient
) -> None:
    code = two_studies(site)
    answer = stranger.get(f"/cases/{code}/download.zip")
    archive = opened(answer)
    said = answer.headers["Content-Disposition"]
    assert said == f'attachment; filename="Wrist before after - {code} - v1.zip"'
    *names, manifest = archive.namelist()
    folders = list(dict.fromkeys(str(PurePosixPath(name).parent) for name in names))
    second = folders[1].partition("/")[0]
    assert folders == [
        "01 After the fall/01 etc passwd",
        f"{second}/01 Scout",
        f"{second}/02 Axial",
    ]
    told = json.loads(archive.read(manifest))
    assert told["case"]["address"] == f"{ROOT}/cases/{code}"
    assert (told["case"]["version"], told["case"]["authors"]) == (1, ["Ines Ferreira"])
    assert told["studies"][0]["name"] == "After the fall"
    assert [one["name"] for one in told["files"]] == names
    assert len(names) == 6
    for one in told["files"]:
        data = archive.read(one["name"])
        assert (len(data), sha256(data).hexdigest()) == (one["bytes"], one["sha256"])
        ds = pydicom.dcmread(BytesIO(data))
        assert ds.SOPInstanceUID == one["SOPInstanceUID"]
        assert ds.pixel_array.shape == (16, 16)


@pytest.mark.promise("F19", "F82")
def test_the_menu_says_how_much_it_is_of_the_whole_and_of_each_study(
    site: Site, stranger: FlaskClient
) -> None:
    code = two_studies(site)
    page = stranger.get(f"/cases/{code}").text
    whole = f"/cases/{code}/download.zip"
    assert f'href="{whole}" download' in page
    assert "<small>6\u00a0files, 0.1\u00a0MB</small>" in page
    for number, files in ((1, "1\u00a0file"), (2, "5\u00a0files")):
        assert f'href="{whole}?study={number}" download' in page
        assert f"<small>{files}, " in page
        archive = opened(stranger.get(f"{whole}?study={number}"))
        assert f"{len(archive.namelist()) - 1}\u00a0" in files
    for wrong in ("0", "3", "x", ""):
        assert stranger.get(f"{whole}?study={wrong}").status_code == 404


@pytest.mark.promise("F82")
def test_where_its_owner_does_not_allow_it_there_is_no_archive(
    site: Site, stranger: FlaskClient
) -> None:
    code = add_case(site, downloadable=True)
    old = f"/cases/{code}/versions/1/download.zip"
    publish_again(site, code, downloadable=False)
    other = site.visitor(site.other)
    for page in (f"/cases/{code}", f"/cases/{code}/versions/1"):
        assert "download.zip" not in stranger.get(page).text
    for path in (old, f"/cases/{code}/download.zip", f"/cases/{code}/download.zip?copy=1"):
        for reader in (stranger, other):
            assert reader.get(path).status_code == 403
        opened(site.visitor(site.owner).get(path))
    for gone in ({"hidden_at": site.clock()}, {"private": True}, {"version": None}):
        change(site, code, downloadable=True, **gone)
        assert stranger.get(f"/cases/{code}/download.zip").status_code == 404


def test_its_owner_has_the_working_copy_too(site: Site) -> None:
    code, owner = two_studies(site), site.visitor(site.owner)
    studies = case_by_code(site.pages.database, code).document.studies
    save_again(site, code, studies=studies[:1])
    assert len(opened(owner.get(f"/cases/{code}/download.zip")).namelist()) == 7
    assert len(opened(owner.get(f"/cases/{code}/download.zip?copy=1")).namelist()) == 2


@pytest.mark.promise("N6", "F82")
def test_a_link_gives_the_archive_only_if_it_says_so(site: Site, stranger: FlaskClient) -> None:
    code = add_case(site, "Private", private=True)
    add_playlist(site)
    look, fetch = share_of(site, code), share_of(site, code, downloadable=True)
    path = f"/share/{look}/cases/{code}/download.zip"
    assert stranger.get(path).status_code == 403
    assert "download.zip" not in stranger.get(f"/share/{look}").text
    path = f"/share/{fetch}/cases/{code}/download.zip"
    assert f'href="{path}"' in stranger.get(f"/share/{fetch}").text
    answer = stranger.get(path)
    assert len(opened(answer).namelist()) == 4
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "address" not in json.loads(opened(answer).read("manifest.json"))["case"]
    delete_share(
        site.pages.database,
        site.owner.id,
        shares_of(site.pages.database)[0].id,
        clock=site.clock,
    )
    assert stranger.get(path).status_code == 404


def test_a_link_to_a_playlist_does_not_give_what_others_keep(
    site: Site, stranger: FlaskClient
) -> None:
    kept = add_case(site, "Kept", owner=site.other)
    given = add_case(site, "Given", owner=site.other, downloadable=True)
    mine = add_case(site, "Mine")
    secret = share_of(site, add_playlist(site, kept, given, mine), "playlist", downloadable=True)
    found = {
        code: stranger.get(f"/share/{secret}/cases/{code}/download.zip").status_code
        for code in (kept, given, mine)
    }
    assert found == {kept: 403, given: 200, mine: 200}


def test_an_archive_ends_with_its_case(site: Site, stranger: FlaskClient) -> None:
    code = two_studies(site)
    answer = stranger.get(f"/cases/{code}/download.zip", buffered=False)
    pieces = answer.iter_encoded()
    first = next(pieces)
    change(site, code, hidden_at=site.clock())
    site.clock.now += timedelta(seconds=1)
    rest = b"".join(pieces)
    assert len(first + rest) < (answer.content_length or 0)
    assert b"manifest.json" not in rest


def test_what_is_known_is_not_sent_again(site: Site, stranger: FlaskClient) -> None:
    code = two_studies(site)
    path = f"/cases/{code}/download.zip"
    first = stranger.get(path)
    assert first.headers["Cache-Control"] == "public, no-cache"
    again = stranger.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    publish_again(site, code, authors=("Another",))
    assert stranger.get(path).headers["ETag"] != first.headers["ETag"]


def test_names_hold_nothing_that_a_file_system_could_mistake() -> None:
    harmful = {
        "../../etc/passwd": "etc passwd",
        "C:\\CON\0": "C CON",
        " .hidden. ": "hidden",
        "a\u202eb\nc\td": "a b c d",
        "Ménière": "Ménière",
        "x" * 200: "x" * 60,
        "???": "",
    }
    assert {text: plain_name(text) for text in harmful} == harmful
