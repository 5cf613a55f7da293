"""What people do with what arrived: narrow the list down, make cases, delete; the list of cases."""

from datetime import timedelta

import pytest

from cases.cases import cases_of_owner, create_case, save_case
from cases.document import Document, ShownSeries, ShownStudy
from cases.publishing import publish
from cases.working import Case
from store.audit import deeds
from tests.support.datasets import ct_slice
from tests.viewer.conftest import Site
from tests.viewer.forms import fields_of, send
from viewer.study_states import SETTLED


def put(site: Site, number: int, *, count: int = 1) -> str:
    """Store a study of so many series; the number is from 1 to 5."""
    root = f"1.2.{number}"
    made = []
    for place in range(1, count + 1):
        data_set = ct_slice(study=root, series=f"{root}.{place}")
        data_set.SeriesNumber = place
        data_set.StudyDescription = ("CT HEAD", "CT KNEE", "CT CHEST", "CT WRIST", "CT FOOT")[
            number - 1
        ]
        made.append(data_set)
    return site.put(*made)


def make(site: Site, *studies: str, title: str = "A case") -> Case:
    """A case of all series of studies."""
    found = [(study, one.series_instance_uid) for study in studies for one in site.series(study)]
    return create_case(
        site.pages.database,
        site.owner.id,
        title=title,
        series=found,
        clock=site.clock,
        random_bytes=site.pages.random_bytes,
    )


def listed(site: Site, show: str) -> set[str]:
    """The studies on the page of a state, by UID."""
    page = site.visitor(site.owner).get(f"/uploads?show={show}").text
    return set(fields_of_choices(page))


def fields_of_choices(page: str) -> list[str]:
    return [piece.split('"', 1)[0] for piece in page.split('name="study" value="')[1:]]


def test_the_list_is_narrowed_down_to_a_state_and_counted(site: Site) -> None:
    ready, held, used, left = (put(site, number) for number in range(1, 5))
    site.hold(site.series(held)[0].series_instance_uid, "modality")
    site.pages.review.decide(
        site.owner.id, left, site.series(left)[0].series_instance_uid, "leave-out", site.owner.id
    )
    make(site, used)
    site.clock.now += SETTLED + timedelta(seconds=1)
    arriving = put(site, 5)
    assert listed(site, "all") == {ready, held, used, left, arriving}
    assert listed(site, "arriving") == {arriving}
    assert listed(site, "held") == {held}
    assert listed(site, "ready") == {ready}
    assert listed(site, "cases") == {used}
    assert listed(site, "no-such-state") == listed(site, "all")
    page = site.visitor(site.owner).get("/uploads").text
    for called, count in (("All", 5), ("Arriving", 1), ("Held", 1), ("Ready", 1), ("In cases", 1)):
        assert f'{called} <span class="n">{count}</span>' in page


def test_others_studies_and_cases_count_for_nobody_else(site: Site) -> None:
    study = put(site, 1)
    make(site, study)
    page = site.visitor(site.other).get("/uploads?show=cases").text
    assert study not in page
    assert "None of your studies" in page or "appears here" in page


def test_a_study_says_which_case_it_is_in(site: Site) -> None:
    study = put(site, 1)
    site.clock.now += SETTLED * 2
    code = make(site, study, title="Wrist pain").code
    page = site.visitor(site.owner).get("/uploads").text
    assert "In a case</span>" in page
    assert f'href="/cases/{code}/edit" title="Wrist pain">Wrist pain</a>' in page
    assert "</svg>Ready</span>" not in page


@pytest.mark.promise("F11")
def test_a_case_is_made_of_the_studies_that_were_chosen(site: Site) -> None:
    first, second = put(site, 1, count=2), put(site, 2)
    put(site, 3)
    uids = [one.series_instance_uid for one in site.series(first)]
    site.pages.review.decide(site.owner.id, first, uids[1], "leave-out", site.owner.id)
    client = site.visitor(site.owner)
    fields = fields_of(client.get("/uploads").text, "/cases")
    fields.setlist("study", [second, first])
    answer = send(client, "/cases", fields)
    [case] = cases_of_owner(site.pages.database, site.owner.id)
    assert (answer.status_code, answer.location) == (303, f"/cases/{case.code}/edit")
    assert case.title == "CT KNEE"
    assert [study.uid for study in case.document.studies] == [second, first]
    assert [one.uid for one in case.document.studies[1].series] == [uids[0]]
    assert case.version is None


def test_the_button_of_a_row_is_about_that_study_alone(site: Site) -> None:
    first, second = put(site, 1), put(site, 2)
    client = site.visitor(site.owner)
    fields = fields_of(client.get("/uploads").text, "/cases")
    fields.setlist("study", [second])
    fields["only"] = first
    send(client, "/cases", fields)
    [case] = cases_of_owner(site.pages.database, site.owner.id)
    assert [study.uid for study in case.document.studies] == [first]


@pytest.mark.parametrize("chosen", [[], ["1.2.3"], ["*"], ["' OR 1=1"]])
def test_without_a_study_of_ones_own_nothing_is_made_or_deleted(
    site: Site, chosen: list[str]
) -> None:
    theirs = site.put(ct_slice(), owner=site.other)
    put(site, 1)
    client = site.visitor(site.owner)
    for where in ("/cases", "/uploads/delete"):
        fields = fields_of(client.get("/uploads").text, "/cases")
        fields.setlist("study", [*chosen, theirs])
        fields["sure"] = "yes"
        assert send(client, where, fields).location == "/uploads"
        assert "Choose at least one study first." in client.get("/uploads").text
    assert cases_of_owner(site.pages.database, site.owner.id) == []
    assert len(site.series(theirs, site.other)) == 1


def test_studies_are_deleted_after_a_page_that_says_what_goes(site: Site) -> None:
    first, second, third = (put(site, number) for number in (1, 2, 3))
    case = make(site, first, second, title="Loses one")
    publish(site.pages.database, site.owner.id, case.code, clock=site.clock)
    client = site.visitor(site.owner)
    fields = fields_of(client.get("/uploads").text, "/cases")
    fields.setlist("study", [first, third])
    asked = send(client, "/uploads/delete", fields)
    assert asked.status_code == 200
    assert "Delete 2\u00a0studies" in asked.text
    assert (
        f'<a href="/cases/{case.code}/edit">Loses one</a> <span class="meta">published'
        in asked.text
    )
    assert site.series(first)
    sure = fields_of(asked.text, "/uploads/delete")
    assert send(client, "/uploads/delete", sure).location == "/uploads"
    assert "2\u00a0studies deleted." in client.get("/uploads").text
    assert site.series(first) == site.series(third) == []
    assert site.series(second)
    done = {(one.what, one.which) for one in deeds(site.pages.database, site.owner.id)}
    assert {("delete study", first), ("delete study", third)} <= done


@pytest.mark.parametrize("where", ["/cases", "/uploads/delete"])
def test_no_form_acts_without_its_protection_or_a_session(site: Site, where: str) -> None:
    study = put(site, 1)
    data = {"study": study, "sure": "yes"}
    assert site.visitor(site.owner).post(where, data=data).status_code == 403
    assert site.visitor().post(where, data=data).status_code in (302, 401)
    assert site.series(study)


@pytest.mark.promise("F13", "F14", "F15", "N11")
def test_my_cases_are_listed_with_all_their_states(site: Site) -> None:
    study = put(site, 1)
    pending = make(site, study, title="Never shown")
    shown = make(site, study, title="Shown")
    publish(site.pages.database, site.owner.id, shown.code, clock=site.clock)
    uid = site.series(study)[0].series_instance_uid
    save_case(
        site.pages.database,
        site.owner.id,
        shown.code,
        title="Shown",
        modality="CT",
        body_part="HEAD",
        document=Document(history="New", studies=(ShownStudy(study, series=(ShownSeries(uid),)),)),
        saved=0,
        clock=site.clock,
    )
    site.clock.now += timedelta(days=12)
    page = site.visitor(site.owner).get("/uploads/cases").text
    of_pending, of_shown = (
        next(row for row in page.split("<tr>") if f"/cases/{code}/edit" in row)
        for code in (pending.code, shown.code)
    )
    assert "</svg>Pending</span>" in of_pending
    assert '<span class="meta">kept</span>' in of_shown
    # Its owner was never told, so it stays at least as long as the notice says.
    assert '<span class="count" data-near>' in of_pending
    assert "3\u00a0days</time>" in of_pending
    assert "</svg>Published</span>" in of_shown
    assert "</svg>Working copy</span>" in of_shown
    assert "Computed tomography" in of_shown
    assert site.visitor(site.owner).get("/uploads/cases?page=2").status_code == 404


def test_an_empty_list_of_cases_says_how_to_make_one(site: Site) -> None:
    page = site.visitor(site.owner).get("/uploads/cases").text
    assert "Your cases appear here" in page
    assert site.visitor().get("/uploads/cases").status_code == 302


def test_chosen_series_go_into_the_working_copy_of_one_of_the_cases(site: Site) -> None:
    first, second = put(site, 1), put(site, 2, count=3)
    made = make(site, first, title="Wrist pain")
    client = site.visitor(site.owner)
    fields = fields_of(client.get("/uploads").text, "/cases")
    fields.setlist("study", [second])
    asked = send(client, "/uploads/add", fields)
    fields = fields_of(asked.text, "/uploads/add")
    uids = [one.series_instance_uid for one in site.series(second)]
    assert fields.getlist("series") == [f"{second}/{uid}" for uid in uids]
    assert fields["case"] == made.code  # the only one is chosen
    fields.setlist("series", [f"{second}/{uids[2]}", f"{second}/{uids[0]}"])
    fields["do"] = "add"
    answer = send(client, "/uploads/add", fields)
    assert (answer.status_code, answer.location) == (303, f"/cases/{made.code}/edit")
    assert "2\N{NO-BREAK SPACE}series added to the working copy" in client.get(answer.location).text
    [case] = cases_of_owner(site.pages.database, site.owner.id)
    assert [study.uid for study in case.document.studies] == [first, second]
    assert [one.uid for one in case.document.studies[1].series] == [uids[2], uids[0]]
    # Again, nothing is there twice.
    answer = send(client, "/uploads/add", fields)
    assert "the case has them already" in client.get(answer.location).text


def test_of_many_cases_one_is_found_by_its_title_and_what_was_ticked_stays(site: Site) -> None:
    study = put(site, 1, count=2)
    for number in range(22):
        make(site, study, title=f"Case {number}")
        site.clock.now += timedelta(minutes=1)
    client = site.visitor(site.owner)
    fields = fields_of(client.get("/uploads").text, "/cases")
    fields.setlist("study", [study])
    page = send(client, "/uploads/add", fields).text
    assert page.count('name="case"') == 20
    assert page.index("Case 21<") < page.index("Case 20<")
    assert "Case 1<" not in page
    fields = fields_of(page, "/uploads/add")
    fields.setlist("series", fields.getlist("series")[1:])
    fields["do"], fields["words"] = "search", "case 1"
    page = send(client, "/uploads/add", fields).text
    assert "Case 1<" in page
    assert "Case 20<" not in page
    assert fields_of(page, "/uploads/add").getlist("series") == fields.getlist("series")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("case", "", "Choose a case."),
        ("case", "2222abcd", "There is no such case among yours."),
        ("series", "", "Choose at least one series."),
        ("series", "1.2/1.2.3", "One of the series is not among your studies."),
    ],
)
def test_what_cannot_be_added_is_said_on_the_same_page(
    site: Site, name: str, value: str, said: str
) -> None:
    study = put(site, 1)
    made = make(site, study)
    client = site.visitor(site.owner)
    fields = fields_of(client.get("/uploads").text, "/cases")
    fields |= {"ticked": "yes", "do": "add", "study": study, "case": made.code, "series": "1/2"}
    fields[name] = value
    if not value:
        del fields[name]
    answer = send(client, "/uploads/add", fields)
    assert answer.status_code == 422
    assert said in answer.text
    fields.setlist("study", [])
    assert send(client, "/uploads/add", fields).location == "/uploads"
