"""Every route, asked by every kind of caller: what is not open to one is not there for it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from os import urandom
from pathlib import Path
from typing import Any, get_args

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from accounts.people import Account, create_account
from accounts.plans import grant
from accounts.roles import Role, set_role
from accounts.terms import accept
from cases.cases import create_case
from cases.playlists import add_case, create_playlist
from cases.publishing import publish
from cases.reports import report_case
from cases.sharing import Wanted, create_share
from server import sign_in_limit
from server.app import create_app
from server.config import load
from server.services import Services, now
from store.db import metadata
from tests.server.matrix import ANY, MEMBERS, Caller, Target
from tests.server.matrix_rows import ELSEWHERE, PLACES, POLICIES
from tests.support.databases import ready
from tests.support.datasets import ct_slice, encoded

TITLE = "Zwieback of the fibula"
PASSWORD = "a long enough password"
CLOSED = (401, 404, 410)
ROOT = Path(__file__).parents[2]
CALLERS: tuple[Caller, ...] = get_args(Caller)
TARGETS: tuple[Target, ...] = get_args(Target)


@dataclass
class World:
    """A server with a case of each kind, and everybody who may come."""

    app: Flask
    clients: dict[Caller, FlaskClient]
    targets: dict[Target, dict[str, Any]]
    shares: dict[tuple[Caller, Target], str]
    services: Services

    def path(self, rule: Rule, caller: Caller, target: Target) -> str:
        values = {**PLACES, **self.targets[target]}
        values["share"] = self.shares.get((caller, target), "n" * 43)
        if "/playlist" in rule.rule:
            values["code"] = values["playlist"]
        wanted = {name: values[name] for name in rule.arguments - set(rule.defaults or ())}
        built = rule.build(wanted, append_unknown=False)
        assert built, rule
        return built[1]

    def ask(self, rule: Rule, method: str, caller: Caller, target: Target) -> TestResponse:
        query = {}
        if secret := self.shares.get((caller, target)):
            query = {"share": secret}
        client = self.clients[caller]
        return client.open(self.path(rule, caller, target), method=method, query_string=query)

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything in the database that somebody could want to change."""
        found = {}
        with self.services.database.read() as connection:
            for table in metadata.sorted_tables:
                if table.name in MOVING:
                    continue
                rows = connection.execute(select(table)).all()
                found[table.name] = sorted((tuple(row) for row in rows), key=repr)
        return found


#: What a look may change: when somebody was seen, and that a link was used.
MOVING = ("session", "share", "share_opening")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("matrix")
    patch = pytest.MonkeyPatch()
    # Each of the many forms is refused here; who is slowed down for that is tested elsewhere.
    patch.setattr(sign_in_limit, "WRONG_A_MINUTE", 10_000)
    services = Services(
        load(
            environment={
                "READINGROOM_DATA": str(folder),
                "READINGROOM_RATE_LIMIT": "0",
                "READINGROOM_SIGN_UP": "open",
            }
        )
    )
    ready(services.database)
    people = {name: _person(services, name) for name in ("owner", "member", "moderator", "admin")}
    set_role(services.database, people["moderator"].id, Role.MODERATOR)
    set_role(services.database, people["admin"].id, Role.ADMINISTRATOR)
    grant(services.database, people["owner"].id, premium=True)
    app = create_app(services)
    clients: dict[Caller, FlaskClient] = {
        "stranger": app.test_client(),
        "member": _signed_in(app, "member"),
        "owner": _signed_in(app, "owner"),
        "share of another case": app.test_client(),
        "ended share": app.test_client(),
        "share": app.test_client(),
        "moderator": _signed_in(app, "moderator"),
        "administrator": _signed_in(app, "admin"),
    }
    owner = people["owner"].id
    other = _case(services, owner, 9, private=False)
    targets: dict[Target, dict[str, Any]] = {}
    shares: dict[tuple[Caller, Target], str] = {}
    for number, target in enumerate(TARGETS):
        values = _case(services, owner, number, private=target == "private")
        targets[target] = values
        shares[("share", target)] = _share(services, owner, values["code"])
        shares[("share of another case", target)] = _share(services, owner, other["code"])
        shares[("ended share", target)] = _share(services, owner, values["code"], ended=True)
        if target == "hidden":
            _hide(services, values["code"])
    yield World(app, clients, targets, shares, services)
    services.database.dispose()
    patch.undo()


def _person(services: Services, name: str) -> Account:
    account = create_account(services.database, f"{name}@example.org", password=PASSWORD, clock=now)
    accept(services.database, account.id, services.settings.terms_version, of_age=True, clock=now)
    return account


def _signed_in(app: Flask, name: str) -> FlaskClient:
    client = app.test_client()
    page = client.get("/sign-in").get_data(as_text=True)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token
    sent = {"email": f"{name}@example.org", "password": PASSWORD, "csrf_token": token[1]}
    assert client.post("/sign-in", data=sent).status_code in (302, 303)
    assert client.get("/uploads").status_code == 200
    return client


def _case(services: Services, owner: int, number: int, *, private: bool) -> dict[str, Any]:
    ds = ct_slice(study=f"1.2.3.{number + 1}", series=f"1.2.3.{number + 1}.1")
    with services.ingest.batch(owner, "STOW-RS") as batch:
        incoming = batch.receive()
        incoming.feed(encoded(ds))
        stored = incoming.finish()
        batch.commit()
    pair = (stored.study_instance_uid, stored.series_instance_uid)
    database, title = services.database, f"{TITLE} {number}"
    made = create_case(
        database,
        owner,
        title=title,
        series=[pair],
        clock=now,
        random_bytes=urandom,
        private=private,
    )
    publish(database, owner, made.code, clock=now)
    listed = create_playlist(
        database,
        owner,
        title=title,
        visibility="private" if private else "public",
        clock=now,
        random_bytes=urandom,
    )
    add_case(database, owner, listed.code, made.code, clock=now)
    return {
        "title": title,
        "code": made.code,
        "case": made.code,
        "playlist": listed.code,
        "study": pair[0],
        "study_uid": pair[0],
        "series": pair[1],
        "series_uid": pair[1],
        "instance": stored.sop_instance_uid,
    }


def _share(services: Services, owner: int, code: str, *, ended: bool = False) -> str:
    then = now() - timedelta(days=30 if ended else 0)
    wanted = Wanted("for trainees", expires_at=then + timedelta(days=1), downloadable=True)
    _, secret = create_share(
        services.database, owner, "case", code, wanted, clock=lambda: then, random_bytes=urandom
    )
    return secret


def _hide(services: Services, code: str) -> None:
    report_case(services.database, code, kind="anonymity", clock=now)


def _pages(app: Flask) -> Iterator[tuple[Rule, str]]:
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, rule.endpoint)):
        # The roots of DICOMweb take every method, and have tests of their own.
        if "/dicomweb" not in rule.rule:
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield rule, method


def test_every_route_has_a_row_and_every_row_a_route(world: World) -> None:
    routes = {f"{method} {rule.rule}" for rule, method in _pages(world.app)}
    assert routes == set(POLICIES) | set(ELSEWHERE)
    assert not set(POLICIES) & set(ELSEWHERE)
    for path in ELSEWHERE.values():
        assert (ROOT / path).is_file(), path


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.promise("F24", "F58", "N6")
def test_a_caller_reaches_what_is_open_to_it_and_nothing_else(world: World, caller: Caller) -> None:
    """Forms come without the token of their page: those who may send them are told so."""
    before, wrong = world.rows(), []
    for rule, method in _pages(world.app):
        if (name := f"{method} {rule.rule}") in ELSEWHERE:
            continue
        # What a form of this kind does, it does to nobody's case.
        once = method != "GET" and POLICIES[name] in (ANY, MEMBERS)
        for target in TARGETS[:1] if once else TARGETS:
            answer = world.ask(rule, method, caller, target)
            is_open = caller in POLICIES[name][target]
            what = f"{name} of {target}: {answer.status_code}"
            if answer.status_code >= 500:
                wrong.append(what)
            elif is_open == _is_closed(answer):
                wrong.append(f"{what}, but should be {'open' if is_open else 'closed'}")
            elif not is_open and _shows(answer, world.targets[target]):
                wrong.append(f"{what}, and shows it")
    assert not wrong, "\n".join(wrong)
    assert world.rows() == before


def _is_closed(answer: TestResponse) -> bool:
    if answer.status_code in (302, 303):
        return "/sign-in" in answer.location
    # A form that may be sent, but lacks the token of its page, is refused with 400, 403 or 422.
    return answer.status_code in CLOSED


def _shows(answer: TestResponse, target: dict[str, Any]) -> bool:
    # Who is sent to sign in comes back to the address that was asked for.
    body = b"" if answer.status_code in (302, 303) else answer.get_data()
    return any(str(target[name]).encode() in body for name in ("title", "study"))
