"""The review page: what is held and why, what its owner decides, and nobody else."""

import re
from collections.abc import Sequence

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

import viewer.review
from deid import Reason, Receipt
from store.errors import CannotMask
from store.masks import Rectangle
from store.review import State
from store.schema import instance
from tests.support.datasets import PLANTED, ct_slice, ct_stack
from tests.viewer.conftest import Site, press
from viewer import review_words

STUDY = "1.2.826.0.1.3680043.8.498.5"
NO_FIELDS: dict[str, str | list[str]] = {}


class Study:
    """A study with a series of three images that is held, and one of a single image."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.uid = site.put(
            *ct_stack(3, study=STUDY, series=f"{STUDY}.1"),
            ct_slice(study=STUDY, series=f"{STUDY}.2", frames=4),
        )
        self.held, self.free = [part.series_instance_uid for part in site.series(self.uid)]
        site.hold(self.held, Reason.SECONDARY_CAPTURE, Reason.BURNED_IN_ANNOTATION)
        self.page = f"/uploads/{self.uid}/review"
        self.decide = f"{self.page}/{self.held}"
        self.masks = f"{self.page}/{self.held}/masks"

    def state(self, series_uid: str | None = None) -> str:
        wanted = series_uid or self.held
        parts = self.site.series(self.uid)
        return next(part.state for part in parts if part.series_instance_uid == wanted)


@pytest.fixture
def study(site: Site) -> Study:
    return Study(site)


@pytest.fixture
def owner(site: Site) -> FlaskClient:
    return site.visitor(site.owner)


@pytest.fixture
def masked(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[object]]:
    """What was asked to be masked; nothing is."""
    asked: list[Sequence[object]] = []

    def record(*arguments: object) -> list[object]:
        asked.append(arguments)
        return []

    monkeypatch.setattr(viewer.review, "mask_series", record)
    return asked


def flat(page: str) -> str:
    return re.sub(r"\s+", " ", page.replace("\u00a0", " ").replace("&nbsp;", " "))


def test_the_list_says_what_is_held_and_leads_to_its_review(
    study: Study, owner: FlaskClient
) -> None:
    study.site.clock.now = study.site.clock.now.replace(minute=59)
    page = flat(owner.get("/uploads").text)
    assert 'data-tone="hold"' in page
    assert "Held for review" in page
    assert "1 of 2 series held" in page
    assert f'href="{study.page}"' in page
    assert "</svg>Ready" not in page


def test_what_is_left_out_is_counted_apart(study: Study, owner: FlaskClient) -> None:
    study.site.clock.now = study.site.clock.now.replace(minute=59)
    press(owner, study.page, study.decide, decision="leave-out")
    page = flat(owner.get("/uploads").text)
    assert "1 series · 1 left out" in page
    assert "</svg>Ready" in page
    press(owner, study.page, f"{study.page}/{study.free}", decision="leave-out")
    page = flat(owner.get("/uploads").text)
    assert "2 left out" in page
    assert "</svg>Ready" not in page


def test_the_page_opens_what_waits_and_says_why_and_what_to_do(
    study: Study, owner: FlaskClient
) -> None:
    page = flat(owner.get(study.page).text)
    for reason in (Reason.SECONDARY_CAPTURE, Reason.BURNED_IN_ANNOTATION):
        assert review_words.reason(reason).sentence in page
        assert review_words.reason(reason).advice in page
    assert "1 of 1 held series" in page
    assert f'href="/viewer/{study.uid}?series={study.held}"' in page
    for series_uid in (study.held, study.free):
        assert f"/dicomweb/studies/{study.uid}/series/{series_uid}/thumbnail" in page
    assert "3 images" in page


def test_no_page_of_review_shows_an_identity_or_has_inline_code(
    study: Study, owner: FlaskClient
) -> None:
    page = owner.get(study.page).text
    assert [text for text in PLANTED if text in page] == []
    assert " style=" not in page
    assert "<script>" not in page


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_words(reason: Reason) -> None:
    words = review_words.REASONS[reason]
    assert words.sentence.endswith(".")
    assert words.advice.endswith(".")


@pytest.mark.parametrize("state", list(State))
def test_every_state_has_words(state: State) -> None:
    assert review_words.STATES[state].sentence.endswith(".")


def test_a_reason_without_words_is_shown_by_its_name() -> None:
    assert review_words.reason("face-in-picture").sentence == "Face in picture."
    assert review_words.state("lost").name == "Lost"


def test_a_stranger_is_sent_to_sign_in_and_decides_nothing(study: Study) -> None:
    stranger = study.site.visitor()
    assert stranger.get(study.page).location.startswith("/sign-in")
    for address in (study.decide, study.masks):
        assert stranger.post(address, data={"decision": "attest"}).status_code == 401
    assert study.state() == "held"


def test_to_others_the_study_does_not_exist(study: Study) -> None:
    other = study.site.visitor(study.site.other)
    assert other.get(study.page).status_code == 404
    fields = {"decision": "attest", "looked": "on"}
    assert press(other, "/uploads", study.decide, **fields).status_code == 404
    fields = {"do": "mask", "sure": "on", "x": "1", "y": "1", "width": "5", "height": "5"}
    assert press(other, "/uploads", study.masks, **fields).status_code == 404
    assert study.state() == "held"


@pytest.mark.parametrize("uid", ["1.2.3", "x", "1" * 65, "1.2\0", "%"])
def test_an_unknown_series_is_not_found(study: Study, owner: FlaskClient, uid: str) -> None:
    assert owner.get(study.page, query_string={"series": uid}).status_code == 404


def test_a_forged_form_decides_nothing(
    study: Study, owner: FlaskClient, masked: list[Sequence[object]]
) -> None:
    fields = {"decision": "attest", "looked": "on"}
    assert owner.post(study.decide, data=fields).status_code == 403
    fields = {"do": "mask", "sure": "on", "x": "1", "y": "1", "width": "5", "height": "5"}
    assert owner.post(study.masks, data=fields).status_code == 422
    assert study.state() == "held"
    assert masked == []


def test_attesting_needs_to_have_looked(study: Study, owner: FlaskClient) -> None:
    answer = press(owner, study.page, study.decide, decision="attest")
    assert answer.status_code == 422
    assert viewer.review.UNLOOKED in answer.text
    assert study.state() == "held"


def test_attesting_opens_the_series_and_says_so_once(study: Study, owner: FlaskClient) -> None:
    fields = {"decision": "attest", "looked": "on", "seen": "3"}
    answer = press(owner, study.page, study.decide, **fields)
    assert answer.status_code == 303
    assert answer.location == f"{study.page}?series={study.held}"
    assert study.state() == "attested"
    said = viewer.review.DECIDED["attest"]
    assert said in owner.get(answer.location).text
    assert said not in owner.get(answer.location).text


def test_what_came_after_the_look_is_not_attested(study: Study, owner: FlaskClient) -> None:
    fields = {"decision": "attest", "looked": "on", "seen": "2"}
    answer = press(owner, study.page, study.decide, **fields)
    assert answer.status_code == 409
    assert "has changed since you looked" in answer.text
    assert study.state() == "held"


def test_a_series_is_left_out_and_taken_back(study: Study, owner: FlaskClient) -> None:
    press(owner, study.page, study.decide, decision="leave-out")
    assert study.state() == "left-out"
    assert "Take back in" in owner.get(f"{study.page}?series={study.held}").text
    press(owner, study.page, study.decide, decision="hold")
    assert study.state() == "held"


def test_the_message_leads_to_the_next_that_waits(study: Study, owner: FlaskClient) -> None:
    study.site.hold(study.free, Reason.MODALITY)
    answer = press(owner, study.page, study.decide, decision="leave-out")
    page = owner.get(answer.location).text
    assert f'<a href="{study.page}?series={study.free}">Next:' in page


@pytest.mark.parametrize("decision", ["", "publish", "held"])
def test_another_decision_is_refused(study: Study, owner: FlaskClient, decision: str) -> None:
    assert press(owner, study.page, study.decide, decision=decision).status_code == 400
    assert study.state() == "held"


@pytest.mark.parametrize(
    ("image", "shown"), [("2", "Image 2 of 3"), ("99", "Image 3 of 3"), ("0", "Image 1 of 3")]
)
def test_pictures_are_shown_one_by_one(
    study: Study, owner: FlaskClient, image: str, shown: str
) -> None:
    page = flat(owner.get(study.page, query_string={"image": image}).text)
    assert shown in page
    assert "64 × 64 pixels" in page
    assert page.count("/frames/1/rendered") == 1


def test_frames_of_one_instance_are_pictures_of_their_own(study: Study, owner: FlaskClient) -> None:
    page = owner.get(study.page, query_string={"series": study.free, "image": "3"}).text
    assert "Image 3 of 4" in flat(page)
    assert "/frames/3/rendered" in page


def test_a_series_without_pictures_has_no_form_for_masks(site: Site) -> None:
    ds = ct_slice()
    del ds.PixelData, ds.Rows, ds.Columns
    page = f"/uploads/{site.put(ds)}/review"
    assert 'id="masks"' not in site.visitor(site.owner).get(page).text


def test_a_video_has_no_form_for_masks(study: Study, owner: FlaskClient) -> None:
    assert 'id="masks"' in owner.get(study.page).text
    study.site.hold(study.held, Reason.VIDEO)
    assert 'id="masks"' not in owner.get(study.page).text


def masks(study: Study, owner: FlaskClient, *rows: str, **fields: str) -> tuple[int, str, str]:
    """Send rows like "1 2 3 4"; status, where it led to, and the page."""
    columns = list(zip(*(row.split(" ") for row in rows), strict=True)) or [()] * 4
    typed = {side: list(c) for side, c in zip(("x", "y", "width", "height"), columns, strict=True)}
    answer = press(owner, study.page, study.masks, **typed, **fields)
    return answer.status_code, answer.location or "", answer.text


def test_rectangles_are_shown_on_the_picture_before_anything_is_done(
    study: Study, owner: FlaskClient, masked: list[Sequence[object]]
) -> None:
    status, there, _ = masks(study, owner, "4 5 20 10", "30 40 8 8", do="look", image="2")
    assert status == 303
    page = owner.get(there).text
    assert 'rect x="4" y="5" width="20" height="10"' in page
    assert 'rect x="30" y="40" width="8" height="8"' in page
    assert "Image 2 of 3" in flat(page)
    assert 'name="x" inputmode="numeric" autocomplete="off" maxlength="6"' in page
    assert 'value="30"' in page
    # Another picture is looked at without typing anything again.
    assert re.search(r'rel="next" href="[^"]*image=3[^"]*x=4', page)
    assert masked == []


def test_masking_needs_to_be_confirmed(
    study: Study, owner: FlaskClient, masked: list[Sequence[object]]
) -> None:
    status, _, page = masks(study, owner, "4 5 20 10", do="mask")
    assert status == 422
    assert viewer.review.UNCONFIRMED in page
    assert 'value="20"' in page
    assert masked == []


def test_masking_asks_for_all_rectangles_and_leads_back(
    study: Study, owner: FlaskClient, masked: list[Sequence[object]]
) -> None:
    status, there, _ = masks(study, owner, "4 5 20 10", "   ", "60 60 9 99", do="mask", sure="on")
    assert status == 303
    assert there == f"{study.page}?series={study.held}"
    *_, owner_id, study_uid, series_uid, rectangles = masked[0]
    assert (owner_id, study_uid, series_uid) == (study.site.owner.id, study.uid, study.held)
    assert rectangles == (Rectangle(4, 5, 20, 10), Rectangle(60, 60, 9, 99))
    assert viewer.review.MASKED in owner.get(there).text


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("1 2 3 ", "whole numbers"),
        ("1 2 3 a", "whole numbers"),
        ("1.5 2 3 4", "whole numbers"),
        ("-1 2 3 4", "whole numbers"),
        ("² 2 3 4", "whole numbers"),
        ("1 2 0 4", "no area"),
        ("64 2 3 4", "outside the picture, which is 64 × 64"),
        ("2 64 3 4", "outside the picture"),
        ("99999999999 2 3 4", "whole numbers"),
    ],
)
@pytest.mark.parametrize("do", ["look", "mask"])
def test_a_rectangle_that_cannot_be_one_comes_back_with_its_fault(
    study: Study,
    owner: FlaskClient,
    masked: list[Sequence[object]],
    row: str,
    said: str,
    do: str,
) -> None:
    status, _, page = masks(study, owner, "1 1 5 5", row, do=do, sure="on")
    assert status == 422
    assert said in flat(page)
    assert 'aria-describedby="box-2"' in page
    assert 'aria-describedby="box-1"' not in page
    assert masked == []


def test_masking_nothing_is_refused(
    study: Study, owner: FlaskClient, masked: list[Sequence[object]]
) -> None:
    status, _, page = masks(study, owner, do="mask", sure="on")
    assert status == 422
    assert viewer.review.NO_RECTANGLE in page
    assert masked == []


def test_what_cannot_be_masked_says_so_and_keeps_what_was_typed(
    study: Study, owner: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object) -> list[object]:
        raise CannotMask("A video cannot be blacked out.")

    monkeypatch.setattr(viewer.review, "mask_series", refuse)
    status, _, page = masks(study, owner, "4 5 20 10", do="mask", sure="on")
    assert status == 422
    assert "A video cannot be blacked out." in page
    assert 'value="20"' in page


def test_the_receipt_counts_and_names_the_profile(study: Study, owner: FlaskClient) -> None:
    receipt = Receipt("made-up", "7", "ab12" * 16, {"emptied": 1200}, {"4": 1200})
    with study.site.pages.database.write() as connection:
        connection.execute(update(instance).values(receipt=receipt.to_json()))
    page = flat(owner.get(study.page).text)
    assert "made-up 7" in page
    assert "ab12ab12ab12<" in page
    assert '<td>Emptied</td><td class="num">3,600</td>' in page
    assert review_words.RULES["4"] in page
    assert "Receipt of this image" in page


def test_a_series_without_receipts_shows_none(study: Study, owner: FlaskClient) -> None:
    with study.site.pages.database.write() as connection:
        connection.execute(update(instance).values(receipt=""))
    assert "receipt" not in owner.get(study.page).text.lower()
