"""The API for programs: who may ask, what is answered, what is refused."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import update

import store.errors
import viewer.api
from deid import Reason, Receipt
from store.errors import CannotMask, StoreError
from store.ingest import Received
from store.masks import Rectangle
from store.schema import instance
from tests.support.datasets import ct_stack
from tests.viewer.conftest import Site
from viewer.errors import OUTCOMES, PageError, outcome_of, sentence_of

ROOT = Path(__file__).parents[2]


class Held:
    """A held series of two images, as a program sees it."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.study = site.put(*ct_stack(2))
        self.series = site.series(self.study)[0].series_instance_uid
        site.hold(self.series, Reason.MODALITY)
        self.review = f"/api/studies/{self.study}/review"
        self.decide = f"/api/studies/{self.study}/series/{self.series}/review"
        self.masks = f"/api/studies/{self.study}/series/{self.series}/masks"
        self.token = site.token(site.owner)

    def state(self) -> str:
        return self.site.series(self.study)[0].state


@pytest.fixture
def held(site: Site) -> Held:
    return Held(site)


BOX = {"x": 1, "y": 2, "width": 3, "height": 4}


def test_a_program_reads_states_and_reasons(held: Held) -> None:
    answer = held.site.visitor().get(held.review, headers=held.token)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.json == {
        "study": held.study,
        "series": [
            {
                "series": held.series,
                "number": 2,
                "description": "AXIAL HEAD",
                "modality": "CT",
                "instances": 2,
                "state": "held",
                "reasons": ["modality"],
                "reviewed_at": None,
            }
        ],
    }


def test_a_session_reads_but_changes_nothing(held: Held) -> None:
    client = held.site.visitor(held.site.owner)
    assert client.get(held.review).status_code == 200
    for address, document in (
        (held.decide, {"decision": "attest"}),
        (held.masks, {"rectangles": [BOX]}),
    ):
        answer = client.post(address, json=document)
        assert answer.status_code == 401
        assert answer.json == {"error": "This needs a token."}
    assert held.state() == "held"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
def test_a_stranger_is_told_to_bring_a_token(held: Held, headers: dict[str, str]) -> None:
    client = held.site.visitor()
    for answer in (
        client.get(held.review, headers=headers),
        client.post(held.decide, json={"decision": "attest"}, headers=headers),
        client.post(held.masks, json={"rectangles": [BOX]}, headers=headers),
        client.get(f"{held.masks[:-6]}/instances/1.2/receipt", headers=headers),
    ):
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert set(answer.json or {}) == {"error"}
    assert held.state() == "held"


def test_a_wrong_token_is_not_made_good_by_a_session(held: Held) -> None:
    client = held.site.visitor(held.site.owner)
    assert client.get(held.review, headers={"Authorization": "Bearer x"}).status_code == 401


def test_to_others_the_study_does_not_exist(held: Held) -> None:
    other, client = held.site.token(held.site.other), held.site.visitor()
    for answer in (
        client.get(held.review, headers=other),
        client.post(held.decide, json={"decision": "attest"}, headers=other),
        client.post(held.masks, json={"rectangles": [BOX]}, headers=other),
    ):
        assert answer.status_code == 404
        assert held.study not in answer.text
    assert held.state() == "held"


def test_decisions_are_taken_and_answered_with_the_new_state(held: Held) -> None:
    client = held.site.visitor()
    for decision, state in (("attest", "attested"), ("leave-out", "left-out"), ("hold", "held")):
        answer = client.post(held.decide, json={"decision": decision}, headers=held.token)
        assert answer.status_code == 200
        assert (answer.json or {})["state"] == state
        assert held.state() == state
    assert (answer.json or {})["reviewed_at"] == "2026-05-12T14:30:00+00:00"


def test_what_came_after_the_look_is_not_attested(held: Held) -> None:
    document = {"decision": "attest", "instances": 1}
    answer = held.site.visitor().post(held.decide, json=document, headers=held.token)
    assert answer.status_code == 409
    assert held.state() == "held"


@pytest.mark.parametrize(
    "document",
    [
        {},
        [],
        "attest",
        {"decision": "publish"},
        {"decision": None},
        {"decision": ["attest"]},
        {"decision": "attest", "instances": "2"},
        {"decision": "attest", "instances": True},
    ],
)
def test_another_decision_is_refused(held: Held, document: object) -> None:
    answer = held.site.visitor().post(held.decide, json=document, headers=held.token)
    assert answer.status_code == 422
    assert held.state() == "held"


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b'{"decision": "attest"}', "text/plain", 415),
        (b"decision=attest", "application/x-www-form-urlencoded", 415),
        (b"{", "application/json", 400),
        (b"", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[" * 60_000, "application/json", 400),
        (b"9" * 60_000, "application/json", 400),
        (b" " * 70_000 + b'{"decision": "attest"}', "application/json", 413),
    ],
    ids=["text", "form", "cut", "empty", "no text", "deep", "long number", "large"],
)
def test_a_body_that_is_no_small_json_is_refused(
    held: Held, body: bytes, content_type: str, status: int
) -> None:
    answer = held.site.visitor().post(
        held.decide, data=body, content_type=content_type, headers=held.token
    )
    assert answer.status_code == status
    assert set(answer.json or {}) == {"error"}
    assert held.state() == "held"


@pytest.fixture
def masked(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[object]]:
    """What was asked to be masked; it is answered with one new instance."""
    asked: list[Sequence[object]] = []

    def record(*arguments: object) -> list[Received]:
        asked.append(arguments)
        return [
            Received("1.1", "1.2", "1.3", "1.4", "sent-study", "sent-instance", duplicate=False)
        ]

    monkeypatch.setattr(viewer.api, "mask_series", record)
    return asked


def test_masks_are_made_and_the_new_uids_answered(
    held: Held, masked: list[Sequence[object]]
) -> None:
    document = {"rectangles": [BOX, {**BOX, "x": 70}]}
    answer = held.site.visitor().post(held.masks, json=document, headers=held.token)
    assert answer.json == {"study": held.study, "series": held.series, "instances": ["1.3"]}
    *_, owner_id, study, series, rectangles = masked[0]
    assert (owner_id, study, series) == (held.site.owner.id, held.study, held.series)
    assert rectangles == (Rectangle(1, 2, 3, 4), Rectangle(70, 2, 3, 4))


@pytest.mark.parametrize(
    "rectangles",
    [
        None,
        [],
        {},
        [BOX] * 101,
        [1],
        [{"x": 1, "y": 2, "width": 3}],
        [{**BOX, "frame": 1}],
        [{**BOX, "x": "1"}],
        [{**BOX, "x": 1.5}],
        [{**BOX, "x": True}],
        [{**BOX, "x": -1}],
        [{**BOX, "width": 0}],
        [{**BOX, "height": 10**9}],
    ],
)
def test_rectangles_that_cannot_be_are_refused(
    held: Held, masked: list[Sequence[object]], rectangles: object
) -> None:
    document = {"rectangles": rectangles}
    answer = held.site.visitor().post(held.masks, json=document, headers=held.token)
    assert answer.status_code == 422
    assert masked == []


def test_what_cannot_be_masked_says_why(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> list[Received]:
        raise CannotMask("A video cannot be blacked out.")

    monkeypatch.setattr(viewer.api, "mask_series", refuse)
    answer = held.site.visitor().post(held.masks, json={"rectangles": [BOX]}, headers=held.token)
    assert (answer.status_code, answer.json) == (409, {"error": "A video cannot be blacked out."})


def test_a_receipt_is_given_to_the_owner_only(held: Held) -> None:
    receipt = Receipt("made-up", "7", "ab" * 32, {"emptied": 12}, {"4": 12})
    with held.site.pages.database.write() as connection:
        connection.execute(update(instance).values(receipt=receipt.to_json()))
        uid = connection.execute(instance.select()).first()
        assert uid is not None
    address = f"{held.masks[:-6]}/instances/{uid.sop_instance_uid}/receipt"
    client = held.site.visitor()
    answer = client.get(address, headers=held.token)
    assert answer.mimetype == "application/json"
    assert answer.json == json.loads(receipt.to_json())
    assert client.get(address, headers=held.site.token(held.site.other)).status_code == 404
    assert client.get(f"{held.masks[:-6]}/instances/1.2.3/receipt", headers=held.token).json == {
        "error": viewer.api.NOTHING
    }


@pytest.mark.parametrize("uid", ["1.2.3", "x", "1" * 65, "1%00", "%25", "1,2", "²"])
def test_an_unknown_study_is_not_found(held: Held, uid: str) -> None:
    answer = held.site.visitor().get(f"/api/studies/{uid}/review", headers=held.token)
    assert answer.status_code == 404
    assert answer.json == {"error": viewer.api.NOTHING}


def test_errors_of_the_application_are_json_here_too(held: Held) -> None:
    client = held.site.visitor()
    assert set(client.get("/api/nothing").json or {}) == {"error"}
    wrong = client.delete(held.review)
    assert (wrong.status_code, set(wrong.json or {})) == (405, {"error"})
    assert "GET" in wrong.headers["Allow"]
    broken = client.get("/api/broken")
    assert (broken.status_code, set(broken.json or {})) == (500, {"error"})
    assert "Quillfeather" not in broken.text


def classes(root: type[Exception]) -> Iterator[type[Exception]]:
    yield root
    for kind in root.__subclasses__():
        yield from classes(kind)


@pytest.mark.parametrize(
    "kind",
    [*classes(StoreError), *classes(PageError)],
    ids=lambda kind: kind.__name__,
)
def test_every_error_has_a_row_of_its_own(kind: type[Exception]) -> None:
    if kind.__module__ in (store.errors.__name__, "viewer.errors"):
        assert kind in OUTCOMES
    error = kind("One sentence.")
    assert sentence_of(error).endswith(".")
    assert 400 <= outcome_of(error).status < 600


def test_every_route_is_documented(site: Site) -> None:
    text = (ROOT / "docs" / "reference" / "api.md").read_text("utf-8")
    rules = [rule for rule in site.app.url_map.iter_rules() if rule.endpoint.startswith("api.")]
    missing = [
        rule.rule for rule in rules if rule.rule.replace("<", "{").replace(">", "}") not in text
    ]
    assert rules
    assert missing == []
