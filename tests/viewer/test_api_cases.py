"""The API for cases: programs make, edit, publish and delete them, for their own account only."""

from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient

from accounts.plans import Plan, grant
from accounts.tokens import TokenScope, create_token
from cases.storage import private_room
from tests.support.datasets import ct_slice
from tests.viewer.conftest import Site

STUDY = "1.2.826.0.1.3680043.8.498.5"


@dataclass
class Program:
    """A program with a token of the owner's, and a study of two series."""

    site: Site
    client: FlaskClient
    headers: dict[str, str]
    study: str
    series: list[str]

    def send(self, method: str, path: str = "", said: object = None) -> tuple[int, Any]:
        where = f"/api/cases{path}"
        sent = {} if said is None else {"json": said}
        answer = self.client.open(where, method=method, headers=self.headers, **sent)  # type: ignore[arg-type]
        assert answer.headers["Cache-Control"] == "private, no-store"
        return answer.status_code, answer.json if answer.data else None

    def made(self) -> dict[str, Any]:
        status, case = self.send("POST", said={"title": "A fall", "studies": [self.study]})
        assert status == 201
        assert isinstance(case, dict)
        return case

    def token_that_may(self, scope: TokenScope) -> dict[str, str]:
        secret = create_token(
            self.site.pages.database,
            self.site.owner.id,
            random_bytes=self.site.pages.random_bytes,
            clock=self.site.clock,
            scopes=[scope],
        )
        return {"Authorization": f"Bearer {secret}"}


@pytest.fixture
def program(site: Site) -> Program:
    study = site.put(*(ct_slice(study=STUDY, series=f"{STUDY}.{n}") for n in (1, 2)))
    series = [one.series_instance_uid for one in site.series(study)]
    return Program(site, site.visitor(), site.token(site.owner), study, series)


def test_a_case_is_made_edited_published_restored_and_deleted(program: Program) -> None:
    case = program.made()
    path = f"/{case['code']}"
    assert case["version"] is None
    assert (case["blockers"], case["saved"]) == ([], 0)
    [study] = case["document"]["studies"]
    assert [one["uid"] for one in study["series"]] == program.series
    study["series"] = [{"uid": program.series[1], "name": "Axial"}]
    document = {
        "history": "A fall.",
        "closed": ["diagnosis"],
        "tags": ["wrist"],
        "studies": [study],
        "start": {"series": program.series[1], "frame": 1, "window": [40, 400], "zoom": 1.5},
    }
    status, case = program.send("PUT", path, {"saved": 0, "modality": "CT", "document": document})
    assert status == 200
    assert (case["title"], case["modality"], case["saved"]) == ("A fall", "CT", 1)
    assert case["document"]["start"]["window"] == [40, 400]
    assert program.send("GET", path) == (200, case)

    assert program.send("POST", f"{path}/publish", {"rights": True})[1]["version"] == 1
    said = {"saved": 1, "document": {"history": "Worse"}}
    assert program.send("PUT", path, said)[1]["changed"] is True
    _, case = program.send("POST", f"{path}/publish", {"rights": True, "note": "Worse"})
    assert (case["version"], case["changed"]) == (2, False)
    _, listed = program.send("GET", f"{path}/versions")
    assert [(one["version"], one["note"]) for one in listed["versions"]] == [(2, "Worse"), (1, "")]
    _, first = program.send("GET", f"{path}/versions/1")
    assert (first["document"]["history"], first["document"]["tags"]) == ("A fall.", ["wrist"])
    _, case = program.send("POST", f"{path}/versions/1/restore")
    assert (case["document"]["history"], case["changed"]) == ("A fall.", True)
    assert program.send("POST", f"{path}/discard")[1]["document"]["history"] == "Worse"
    _, found = program.send("GET", "?limit=1")
    assert (found["total"], [one["code"] for one in found["cases"]]) == (1, [case["code"]])
    assert program.send("DELETE", path) == (204, None)
    assert program.send("GET", path)[0] == 404
    assert len(program.site.series(program.study)) == 2


def test_single_series_make_a_case(program: Program) -> None:
    named = {"study": program.study, "series": program.series[1]}
    status, case = program.send("POST", said={"series": [named]})
    assert status == 201
    [study] = case["document"]["studies"]
    assert [one["uid"] for one in study["series"]] == [program.series[1]]


NO_CASES: list[object] = [
    {},
    [],
    "case",
    {"studies": []},
    {"studies": ["1.2.3"]},
    {"studies": [None]},
    {"studies": "1.2.3"},
    {"series": [{"study": 1, "series": 2}]},
    {"series": ["1.2.3"]},
    {"title": 5, "studies": ["1.2.3"]},
    {"private": "yes"},
]


def test_what_makes_no_case_is_refused_in_one_sentence(program: Program) -> None:
    for said in NO_CASES:
        status, answer = program.send("POST", said=said)
        assert status == 422, said
        assert set(answer) == {"error"}, said
    assert program.send("GET")[1]["total"] == 0


BAD_EDITS: list[Any] = [
    [],
    {"document": []},
    {"document": {"no-such": 1}},
    {"document": {"history": 5}},
    {"document": {"history": "x" * 50_001}},
    {"document": {"closed": ["nothing"]}},
    {"document": {"closed": "diagnosis"}},
    {"document": {"tags": [1]}},
    {"document": {"licence": "GPL"}},
    {"document": {"downloadable": "yes"}},
    {"document": {"studies": [1]}},
    {"document": {"studies": [{"uid": "1.2", "series": [{"uid": 5}]}]}},
    {"document": {"start": []}},
    {"document": {"start": {"frame": "1"}}},
    {"document": {"start": {"frame": True}}},
    {"document": {"start": {"window": [1]}}},
    {"document": {"start": {"window": [1, "2"]}}},
    {"document": {"start": {"zoom": "1"}}},
    {"title": None},
    {"modality": "XX"},
    {"saved": "0"},
    {"private": 1},
]


def test_what_cannot_be_saved_is_refused_in_one_sentence(program: Program) -> None:
    before = program.made()
    for said in BAD_EDITS:
        sent = {"saved": 0, **said} if isinstance(said, dict) else said
        status, answer = program.send("PUT", f"/{before['code']}", sent)
        assert status == 422, said
        assert set(answer) == {"error"}, said
    assert program.send("GET", f"/{before['code']}") == (200, before)


def test_who_has_not_seen_the_last_save_changes_nothing(program: Program) -> None:
    path = f"/{program.made()['code']}"
    assert program.send("PUT", path, {"saved": 0, "title": "One"})[0] == 200
    assert program.send("PUT", path, {"saved": 0, "title": "Two"})[0] == 409
    assert program.send("PUT", path, {"title": "Two"})[0] == 409
    assert program.send("GET", path)[1]["title"] == "One"


def test_publishing_needs_the_word_and_what_is_ready(program: Program) -> None:
    path = f"/{program.made()['code']}/publish"
    for said in ({}, {"rights": False}, {"rights": "yes"}):
        assert program.send("POST", path, said)[0] == 422
    program.site.hold(program.series[0], "modality")
    status, answer = program.send("POST", path, {"rights": True})
    assert status == 409
    assert "AXIAL HEAD" in answer["error"]


def test_private_needs_a_plan_that_has_it(program: Program) -> None:
    path = f"/{program.made()['code']}"
    asked = {"title": "Private", "studies": [program.study], "private": True}
    assert program.send("POST", said=asked)[0] == 403
    assert program.send("PUT", path, {"saved": 0, "private": True})[0] == 403
    grant(program.site.pages.database, program.site.owner.id, premium=True)
    assert program.send("POST", said=asked)[1]["private"] is True
    assert program.send("PUT", path, {"saved": 0, "private": True})[1]["private"] is True
    assert program.send("PUT", path, {"saved": 1, "private": False})[1]["private"] is False


@pytest.mark.promise("F112")
def test_the_list_says_how_much_room_is_left(program: Program) -> None:
    def told() -> dict[str, str]:
        answer = program.client.get("/api/cases", headers=program.headers)
        return {name: answer.headers.get(name, "") for name in ("RateLimit-Policy", "RateLimit")}

    assert told() == {"RateLimit-Policy": "", "RateLimit": ""}
    database, owner_id = program.site.pages.database, program.site.owner.id
    grant(database, owner_id, premium=True)
    limit = program.site.pages.site.private_bytes
    policy = f'"private cases";q={limit};qu="content-bytes"'
    before = told()
    assert before["RateLimit-Policy"] == policy
    assert before["RateLimit"].startswith('"private cases";r=')
    program.send("POST", said={"title": "A fall", "studies": [program.study], "private": True})
    used = private_room(database, owner_id, Plan("premium", True, True, limit)).used
    assert used > 0
    assert told()["RateLimit"] == f'"private cases";r={limit - used}'


def test_to_others_the_case_does_not_exist(program: Program) -> None:
    path = f"/{program.made()['code']}"
    program.headers = program.site.token(program.site.other)
    assert program.send("GET")[1] == {"total": 0, "cases": []}
    for method, rest, said in (
        ("GET", "", None),
        ("PUT", "", {"saved": 0, "title": "Taken"}),
        ("DELETE", "", None),
        ("POST", "/publish", {"rights": True}),
        ("POST", "/discard", None),
        ("GET", "/versions", None),
        ("GET", "/versions/1", None),
        ("POST", "/versions/1/restore", None),
    ):
        assert program.send(method, path + rest, said)[0] == 404, (method, rest)
    theirs = {"studies": [program.study]}
    assert program.send("POST", said=theirs)[0] == 422
    named = {"series": [{"study": program.study, "series": program.series[0]}]}
    assert program.send("POST", said=named)[0] == 404


def test_a_token_does_only_what_it_may(program: Program) -> None:
    path = f"/{program.made()['code']}"
    program.headers = program.token_that_may(TokenScope.READ)
    assert program.send("GET", path)[0] == 200
    assert program.send("PUT", path, {"saved": 0})[0] == 403
    assert program.send("DELETE", path)[0] == 403
    program.headers = program.token_that_may(TokenScope.STORE)
    assert program.send("GET", path)[0] == 403
    assert program.send("PUT", path, {"saved": 0})[0] == 200
    assert program.send("DELETE", path)[0] == 403
    program.headers = program.token_that_may(TokenScope.DELETE)
    assert program.send("DELETE", path)[0] == 204


def test_a_session_reads_and_a_stranger_does_not(program: Program) -> None:
    path = f"/{program.made()['code']}"
    program.headers = {}
    for method, said in (("GET", None), ("PUT", {"saved": 0}), ("DELETE", None)):
        assert program.send(method, path, said)[0] == 401
    program.client = program.site.visitor(program.site.owner)
    assert program.send("GET", path)[0] == 200
    assert program.send("PUT", path, {"saved": 0})[0] == 401
    assert program.send("POST", f"{path}/publish", {"rights": True})[0] == 401
    assert program.send("DELETE", path)[0] == 401
