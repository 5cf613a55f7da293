"""The editor without script: what Save and Publish do, and that nothing typed is lost."""

from dataclasses import dataclass, replace

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from accounts.plans import grant
from cases.cases import case_by_code, create_case
from cases.publishing import published, versions_of
from cases.storage import stored_by
from cases.working import Case
from store.audit import deeds
from tests.support.datasets import ct_slice
from tests.viewer.conftest import Site, make_app
from tests.viewer.forms import Fields, fields_of, send

STUDY = "1.2.826.0.1.3680043.8.498.5"


@dataclass
class Desk:
    """An author at the editor of a case of two series."""

    site: Site
    client: FlaskClient
    code: str
    study: str
    series: list[str]

    @property
    def page(self) -> str:
        return f"/cases/{self.code}/edit"

    def case(self) -> Case:
        return case_by_code(self.site.pages.database, self.code)

    def fields(self) -> Fields:
        return fields_of(self.client.get(self.page).text, "editor")

    def save(self, do: str = "save", **typed: str) -> TestResponse:
        fields = self.fields()
        for name, value in {**typed, "do": do}.items():
            fields[name] = value
        return send(self.client, self.page, fields)

    def publish(self, note: str = "") -> TestResponse:
        where = f"/cases/{self.code}/publish"
        fields = fields_of(self.client.get(where).text, where)
        fields["rights"] = "on"
        fields["note"] = note
        return send(self.client, where, fields)

    def press(self, page: str, form: str, **more: str) -> TestResponse:
        fields = fields_of(self.client.get(page).text, form)
        for name, value in more.items():
            fields[name] = value
        return send(self.client, form, fields)


def put(site: Site, study: str, *descriptions: str) -> tuple[str, list[str]]:
    """Store a study of these series; its UID and theirs, in the order of their numbers."""
    made = []
    for number, description in enumerate(descriptions, 1):
        data_set = ct_slice(study=study, series=f"{study}.{number}")
        data_set.SeriesNumber, data_set.SeriesDescription = number, description
        made.append(data_set)
    uid = site.put(*made)
    return uid, [one.series_instance_uid for one in site.series(uid)]


@pytest.fixture
def desk(site: Site) -> Desk:
    study, series = put(site, STUDY, "FLAIR axial", "T1 coronal")
    made = create_case(
        site.pages.database,
        site.owner.id,
        title="A fall",
        series=[(study, uid) for uid in series],
        clock=site.clock,
        random_bytes=site.pages.random_bytes,
    )
    return Desk(site, site.visitor(site.owner), made.code, study, series)


def test_all_that_is_typed_is_saved_and_is_there_again(desk: Desk) -> None:
    answer = desk.save(
        title="  Wrist pain ",
        modality="MR",
        body_part="WRIST",
        history="A fall.\r\n\r\nOn the hand.",
        diagnosis="**Torn**",
        closed="diagnosis",
        tags="ligament, wrist,ligament,",
        authors="Ferreira, Ines\r\n\r\nJon Berg",
        licence="CC-BY-4.0",
        downloadable="on",
        start_series=desk.series[1],
        start_frame="1",
        start_center="40",
        start_width="400",
        start_zoom="1,5",
    )
    assert (answer.status_code, answer.location) == (303, desk.page)
    case = desk.case()
    assert (case.title, case.modality, case.body_part) == ("Wrist pain", "MR", "WRIST")
    document = case.document
    assert document.history == "A fall.\n\nOn the hand."
    assert document.closed == ("diagnosis",)
    assert document.tags == ("ligament", "wrist")
    assert document.authors == ("Ferreira, Ines", "Jon Berg")
    assert (document.licence, document.downloadable) == ("CC-BY-4.0", True)
    assert document.start.series == desk.series[1]
    assert (document.start.frame, document.start.window, document.start.zoom) == (1, (40, 400), 1.5)
    assert document.series_uids() == [(desk.study, uid) for uid in desk.series]
    # Saved again without a change, it is the same.
    desk.save()
    assert desk.case().document == document


@pytest.mark.promise("F16", "F17")
def test_title_applies_at_save_and_text_when_it_is_published(desk: Desk) -> None:
    desk.save(history="Before")
    desk.publish()
    desk.save(title="Another title", history="After")
    shown = published(desk.site.pages.database, desk.case().id)
    assert (shown.title, shown.document.history) == ("Another title", "Before")
    page = desk.client.get(desk.page).text
    assert "1\u00a0change since version 1" in page
    assert "<del>Before</del><ins>After</ins>" in page
    desk.publish("Says more")
    shown = published(desk.site.pages.database, desk.case().id)
    assert (shown.document.history, shown.note) == ("After", "Says more")


@pytest.mark.promise("F6", "F7", "F8")
def test_series_are_moved_named_and_left_out_without_script(desk: Desk) -> None:
    first, second = desk.series
    page = desk.client.get(desk.page).text
    assert 'placeholder="1 - FLAIR axial"' in page
    link = "[x](view:1/1)"
    moved = desk.save(f"down/{desk.study}/{first}", title="Typed meanwhile", findings=link)
    assert moved.status_code == 200
    assert desk.case().title == "A fall"
    fields = fields_of(moved.text, "editor")
    assert fields["title"] == "Typed meanwhile"
    assert fields["findings"] == "[x](view:2/1)"
    assert fields.getlist("series") == [f"{desk.study}/{uid}" for uid in (second, first)]
    fields.setlist("series_name", ["Coronal", ""])
    fields.setlist("show", [f"{desk.study}/{second}"])
    fields["do"] = "save"
    send(desk.client, desk.page, fields)
    [study] = desk.case().document.studies
    assert [(one.uid, one.name) for one in study.series] == [(second, "Coronal")]
    lost = "Findings: the link “x” leads to a series that the case does not show."
    assert lost in desk.client.get(desk.page).text
    # What is left out can be taken in again.
    assert desk.fields().getlist("series") == [f"{desk.study}/{uid}" for uid in (second, first)]


def test_studies_are_added_moved_and_taken_out(desk: Desk) -> None:
    other, [one] = put(desk.site, "1.2.826.0.1.3680043.8.498.6", "Follow-up")
    added = fields_of(desk.save("add", add=other).text, "editor")
    assert added.getlist("study") == [desk.study, other]
    assert f"{other}/{one}" in added.getlist("show")
    added["do"] = f"up/{other}"
    moved = fields_of(send(desk.client, desk.page, added).text, "editor")
    assert moved.getlist("study") == [other, desk.study]
    moved["do"] = f"remove/{desk.study}"
    left = fields_of(send(desk.client, desk.page, moved).text, "editor")
    left["do"] = "save"
    send(desk.client, desk.page, left)
    assert desk.case().document.series_uids() == [(other, one)]


def test_a_study_of_somebody_else_cannot_be_added(desk: Desk) -> None:
    theirs = desk.site.put(ct_slice(study="1.2.3", series="1.2.3.1"), owner=desk.site.other)
    page = desk.save("add", add=theirs)
    assert theirs not in fields_of(page.text, "editor").getlist("study")
    fields = desk.fields()
    fields.add("study", theirs)
    fields.add("study_name", "")
    fields["do"] = "save"
    send(desk.client, desk.page, fields)
    assert [study.uid for study in desk.case().document.studies] == [desk.study]


UNSAVED: dict[str, tuple[str, str]] = {
    "title": ("x" * 201, "one line of at most 200 characters"),
    "history": ("x" * 50_001, "at most 50000 characters"),
    "modality": ("XX", "not one of the modalities"),
    "tags": ("y" * 51, "at most 50 characters"),
    "licence": ("GPL", "not one of the licences"),
    "start_frame": ("first", "is not a number"),
    "start_center": ("40", "A window has a centre"),
    "start_zoom": ("inf", "is not a number"),
}


def test_what_cannot_be_saved_is_said_and_stays_typed(desk: Desk) -> None:
    for name, (typed, said) in UNSAVED.items():
        fields = {"findings": "Kept", "start_series": desk.series[0], name: typed}
        answer = desk.save(**fields)
        assert answer.status_code == 422, name
        assert said in answer.text, name
        assert "Everything that you typed is still here." in answer.text
        again = fields_of(answer.text, "editor")
        assert again["findings"] == "Kept"
        # A list shows nothing that is not on it.
        assert name in ("modality", "licence") or again[name] == typed
    assert desk.case().saved == 0


def test_who_saves_over_another_window_sees_both_and_loses_nothing(desk: Desk) -> None:
    fields = desk.fields()
    desk.save(history="Of the other window")
    fields["history"] = "Of this window"
    fields["do"] = "save"
    answer = send(desk.client, desk.page, fields)
    assert answer.status_code == 409
    assert "<del>the other</del><ins>this</ins>" in answer.text
    assert desk.case().document.history == "Of the other window"
    again = fields_of(answer.text, desk.page)
    again["do"] = "edit"
    edited = fields_of(send(desk.client, desk.page, again).text, "editor")
    assert edited["history"] == "Of this window"
    again["do"] = "save"
    assert send(desk.client, desk.page, again).status_code == 303
    assert desk.case().document.history == "Of this window"
    assert desk.case().document.series_uids() == [(desk.study, uid) for uid in desk.series]


def test_a_lost_session_loses_nothing(desk: Desk) -> None:
    fields = desk.fields()
    fields["discussion"] = 'Line one\r\nline <two> & "three"'
    fields["do"] = "save"
    answer = send(desk.site.visitor(), desk.page, fields)
    assert answer.status_code == 401
    assert desk.case().saved == 0
    back = desk.site.visitor(desk.site.owner)
    kept = fields_of(answer.text, desk.page)
    kept["do"] = "edit"
    # Its protection was of a session that is over: the page comes again, with what was typed.
    stale = send(back, desk.page, kept)
    assert stale.status_code == 422
    ready = fields_of(stale.text, "editor")
    ready["do"] = "save"
    assert send(back, desk.page, ready).status_code == 303
    assert desk.case().document.discussion == 'Line one\nline <two> & "three"'


def test_the_longest_texts_of_any_script_pass(desk: Desk) -> None:
    longest = "\u8a3a" * 50_000
    texts = dict.fromkeys(("history", "findings", "discussion"), longest)
    assert desk.save(**texts).status_code == 303
    assert desk.case().document.findings == longest


def test_to_others_the_case_does_not_exist(desk: Desk) -> None:
    client = desk.site.visitor(desk.site.other)
    for where in ("edit", "publish", "preview", "versions", "delete"):
        assert client.get(f"/cases/{desk.code}/{where}").status_code == 404, where
        assert client.get(f"/cases/22222222/{where}").status_code == 404, where
        assert desk.site.visitor().get(f"/cases/{desk.code}/{where}").status_code == 302, where
    fields = desk.fields()
    theirs = fields_of(client.get("/account").text, "/sign-out")
    fields["csrf_token"] = theirs["csrf_token"]
    for where in ("edit", "publish", "discard", "delete", "versions/1/restore"):
        assert send(client, f"/cases/{desk.code}/{where}", fields).status_code == 404, where
    assert desk.case().title == "A fall"


def test_no_form_acts_without_its_protection(desk: Desk) -> None:
    for where in ("publish", "discard", "delete", "versions/1/restore"):
        data = {"rights": "on", "sure": "yes"}
        assert desk.client.post(f"/cases/{desk.code}/{where}", data=data).status_code == 403, where
    assert desk.case().version is None


@pytest.mark.promise("F13", "F57", "F86")
def test_nothing_is_published_without_the_authors_word(desk: Desk) -> None:
    where = f"/cases/{desk.code}/publish"
    answer = desk.press(where, where)
    assert answer.status_code == 422
    assert "Tick this to publish." in answer.text
    assert desk.case().version is None
    assert desk.publish().location == desk.page
    assert desk.case().version == 1
    done = [one for one in deeds(desk.site.pages.database) if one.what == "publish case"]
    assert "rights affirmed" in done[0].which


def test_what_is_in_the_way_is_said_before_and_keeps_it_from_being_published(desk: Desk) -> None:
    desk.site.hold(desk.series[0], "modality")
    assert "1 - FLAIR axial" in desk.client.get(desk.page).text.split("Before you publish")[1]
    answer = desk.publish()
    assert answer.status_code == 422
    assert "Not published." in answer.text
    assert desk.case().version is None


def test_publish_saves_first_and_then_asks(desk: Desk) -> None:
    answer = desk.save("publish", history="Typed last")
    assert answer.location == f"/cases/{desk.code}/publish"
    assert desk.case().document.history == "Typed last"


def test_what_may_name_somebody_is_pointed_out(desk: Desk) -> None:
    desk.save(history="Seen by Dr. Quillfeather, patient ID 99417234")
    for where in ("edit", "publish"):
        assert "looks like" in desk.client.get(f"/cases/{desk.code}/{where}").text


@pytest.mark.promise("N9")
def test_versions_are_listed_compared_and_restored(desk: Desk) -> None:
    desk.save(history="First")
    desk.publish()
    desk.save(history="Second")
    desk.publish("Better")
    where = f"/cases/{desk.code}/versions"
    assert "<del>First</del><ins>Second</ins>" in desk.client.get(f"{where}?old=1&new=2").text
    assert "Nothing is different." in desk.client.get(where).text
    assert desk.client.get(f"{where}?old=7").status_code == 404
    assert desk.press(where, f"{where}/1/restore").status_code == 303
    assert desk.case().document.history == "First"
    database = desk.site.pages.database
    assert published(database, desk.case().id).document.history == "Second"
    discard = f"/cases/{desk.code}/discard"
    asked = desk.press(desk.page, discard)
    assert asked.status_code == 200
    assert desk.case().document.history == "First"
    assert send(desk.client, discard, fields_of(asked.text, discard)).status_code == 303
    assert desk.case().document.history == "Second"
    assert [one.number for one in versions_of(database, desk.case().id)] == [2, 1]


@pytest.mark.promise("F24")
def test_private_needs_a_plan_that_has_it(desk: Desk) -> None:
    page = desk.client.get(desk.page).text
    assert "Private cases are not part of your plan." in page
    assert desk.save(readers="private").status_code == 422
    assert not desk.case().private
    grant(desk.site.pages.database, desk.site.owner.id, premium=True)
    assert "not part of your plan" not in desk.client.get(desk.page).text
    assert desk.save(readers="private").status_code == 303
    assert desk.case().private
    assert desk.save(readers="public").status_code == 303
    assert not desk.case().private


@pytest.mark.promise("F37")
def test_the_editor_warns_and_adds_nothing_to_a_private_case_once_its_room_is_full(
    desk: Desk,
) -> None:
    site, database = desk.site, desk.site.pages.database
    grant(database, site.owner.id, premium=True)
    assert desk.save(readers="private").status_code == 303
    other, _ = put(site, "1.2.3", "Another")
    used = stored_by(database, site.owner.id).total

    def with_room(room: int) -> Desk:
        pages = replace(site.pages, site=replace(site.pages.site, private_bytes=room))
        visitor = replace(site, app=make_app(pages)).visitor(site.owner)
        return replace(desk, client=visitor)

    assert "Storage and plan" not in desk.client.get(desk.page).text
    near, full = with_room(int(used / 0.85)), with_room(used)
    assert "85&nbsp;% of your room" in near.client.get(desk.page).text
    assert "Storage for private cases is full." in full.client.get(desk.page).text
    # What is here can be edited, and opened; another study is not added.
    assert full.save(title="Goes on").status_code == 303
    added = fields_of(full.save("add", add=other).text, "editor")
    added["do"] = "save"
    refused = send(full.client, desk.page, added)
    assert refused.status_code == 422
    assert "Not saved. Storage for private cases is full. Nothing was deleted." in refused.text
    assert full.save(readers="public").status_code == 303
    assert "Storage and plan" not in full.client.get(desk.page).text


def test_a_case_is_deleted_after_a_question_and_its_series_stay(desk: Desk) -> None:
    where = f"/cases/{desk.code}/delete"
    assert "Its images stay in your uploads." in desk.client.get(where).text
    assert desk.press(where, where).location == "/uploads/cases"
    assert desk.client.get(desk.page).status_code == 404
    assert len(desk.site.series(desk.study)) == 2


@pytest.mark.promise("F14")
def test_the_editor_counts_down_to_when_a_pending_case_goes(desk: Desk) -> None:
    assert "14\u00a0days</time></span>, unless published" in desk.client.get(desk.page).text
    desk.publish()
    assert "unless published" not in desk.client.get(desk.page).text


def test_what_people_type_is_text_on_every_page(desk: Desk) -> None:
    hostile = '"><script>alert(1)</script>'
    desk.save(title=hostile, history=hostile, tags=hostile, authors=hostile, study_name=hostile)
    for where in ("edit", "publish", "delete", "versions"):
        assert "<script>alert" not in desk.client.get(f"/cases/{desk.code}/{where}").text, where
