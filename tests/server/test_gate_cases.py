"""What is seen through the roots of cases and share links, and by strangers, over HTTP."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import update
from werkzeug.test import TestResponse

from accounts.people import create_account
from accounts.schema import account
from cases import share_tries
from cases.cases import Case, create_case, delete_case
from cases.errors import NoSuchCase
from cases.publishing import publish
from cases.schema import case
from cases.sharing import Wanted, create_share, delete_share
from server.app import create_app
from server.config import Settings
from server.gate import SHARE, AccountGate
from server.services import Services, now
from store.access import Caller
from store.changes import bump
from store.errors import NoSuchRoot
from store.watching import Watch
from tests.server.conftest import Site
from tests.support.databases import ready
from tests.support.datasets import ct_slice, encoded

ZIP = "?accept=application/zip"
# Each kind of resource, below a root.
PATHS = (
    "/studies",
    "/studies/{study}/series",
    "/studies/{study}/instances",
    "/studies/{study}/metadata",
    "/studies/{study}/series/{series}/instances/{instance}/frames/1",
    "/studies/{study}/series/{series}/instances/{instance}/bulkdata/7FE00010",
    "/studies/{study}/series/{series}/thumbnail",
    "/studies/{study}/series/{series}/instances/{instance}/rendered",
    "/studies/{study}",
    "/studies/{study}" + ZIP,
    "/wado?requestType=WADO&studyUID={study}&seriesUID={series}&objectUID={instance}",
)
CALLERS = ("stranger", "other", "moderator", "owner")
SEEN_BY = {
    "pending": {"owner"},
    "published": set(CALLERS),
    "private": {"owner"},
    "hidden": {"owner", "moderator"},
    "deleted": set(),
}


@dataclass
class Library:
    """A site with a study of three images that its owner has made a case of."""

    site: Site
    case: Case
    uids: dict[str, str]
    headers: dict[str, dict[str, str]]

    def get(self, root: str, path: str, caller: str = "stranger", **more: str) -> TestResponse:
        headers = self.headers[caller] | {name.replace("_", "-"): v for name, v in more.items()}
        return self.site.client.get(f"{root}{path.format(**self.uids)}", headers=headers)

    @property
    def root(self) -> str:
        return f"/cases/{self.case.code}/dicomweb"

    def publish(self) -> None:
        publish(self.site.services.database, self.site.owner.id, self.case.code, clock=now)

    def set(self, **columns: object) -> None:
        with self.site.services.database.write() as connection:
            connection.execute(update(case).where(case.c.id == self.case.id).values(columns))
            bump(connection, self.case.owner_id)

    def put_into(self, state: str) -> None:
        if state != "pending":
            self.publish()
        if state == "private":
            self.set(private=True)
        if state == "hidden":
            self.set(hidden_at=now())
        if state == "deleted":
            delete_case(self.site.services.database, self.site.owner.id, self.case.code)

    def share(self, **wanted: object) -> tuple[int, str]:
        share, secret = create_share(
            self.site.services.database,
            self.site.owner.id,
            "case",
            self.case.code,
            Wanted("Trainees", **wanted),  # type: ignore[arg-type]
            clock=now,
            random_bytes=os.urandom,
        )
        return share.id, secret


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One for all tests; to make one takes longer than all of them."""
    services = Services(Settings(data=tmp_path_factory.mktemp("site")))
    ready(services.database)
    owner = create_account(services.database, "ines@example.org", clock=now)
    other = create_account(services.database, "otto@example.org", clock=now)
    yield Site(create_app(services), services, owner, other)
    services.database.dispose()


@pytest.fixture(scope="module")
def uids(site: Site) -> dict[str, str]:
    with site.services.ingest.batch(site.owner.id, "STOW-RS") as batch:
        for number in range(3):
            incoming = batch.receive()
            incoming.feed(encoded(ct_slice(number, size=32)))
            received = incoming.finish()
        batch.commit()
    return {
        "study": received.study_instance_uid,
        "series": received.series_instance_uid,
        "instance": received.sop_instance_uid,
    }


@pytest.fixture(scope="module")
def headers(site: Site) -> dict[str, dict[str, str]]:
    moderator = create_account(site.services.database, "mona@example.org", clock=now)
    with site.services.database.write() as connection:
        row = update(account).where(account.c.id == moderator.id)
        connection.execute(row.values(moderator=True))
    people = {"owner": site.owner, "other": site.other, "moderator": moderator}
    return {"stranger": {}} | {name: site.token(person) for name, person in people.items()}


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are kept are slow to check, as they should be."""
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(share_tries, "_hasher", quick)


@pytest.fixture
def library(
    site: Site, uids: dict[str, str], headers: dict[str, dict[str, str]]
) -> Iterator[Library]:
    made = create_case(
        site.services.database,
        site.owner.id,
        title="Wrist pain",
        series=[(uids["study"], uids["series"])],
        clock=now,
        random_bytes=os.urandom,
    )
    yield Library(site, made, uids, headers)
    with suppress(NoSuchCase):
        delete_case(site.services.database, site.owner.id, made.code)


@pytest.mark.parametrize("state", SEEN_BY)
def test_the_root_of_a_case_is_there_for_whoever_sees_the_case(
    library: Library, state: str
) -> None:
    library.put_into(state)
    unknown = library.get("/cases/k7m2qxvb/dicomweb", "/studies")
    assert unknown.status_code == 404
    for caller in CALLERS:
        for path in PATHS:
            response = library.get(library.root, path, caller)
            if caller in SEEN_BY[state]:
                assert response.status_code == 200, (caller, path)
            else:
                # Nobody learns from it whether there is such a case.
                assert response.status_code == 404, (caller, path)
                assert response.data == unknown.data


@pytest.mark.parametrize("state", SEEN_BY)
def test_a_stranger_finds_at_the_servers_root_what_is_published(
    library: Library, state: str
) -> None:
    assert library.get("/dicomweb", "/studies").status_code == 204
    library.put_into(state)
    for path in PATHS:
        found = library.get("/dicomweb", path).status_code
        nothing = 204 if path in PATHS[:3] else 404
        assert found == (200 if state == "published" else nothing), path
        # Accounts see there what is theirs, and that of others at its own root.
        assert library.get("/dicomweb", path, "other").status_code == nothing
        assert library.get("/dicomweb", path, "owner").status_code == 200


def test_what_changes_is_seen_with_the_next_request(library: Library) -> None:
    """Also where answers are kept: they are those of the same scope, and of the same path."""
    for root, hidden in (("/dicomweb", 204), (library.root, 404)):
        library.set(version=None, hidden_at=None)
        assert library.get(root, "/studies").status_code == hidden
        library.publish()
        search = library.get(root, "/studies")
        frame = library.get(root, PATHS[4])
        assert (search.status_code, frame.status_code) == (200, 200)
        for path, answer in (("/studies", search), (PATHS[4], frame)):
            again = library.get(root, path, If_None_Match=answer.headers["ETag"])
            assert again.status_code == 304
        library.set(hidden_at=now())
        assert library.get(root, "/studies").status_code == hidden
        for path, answer in (("/studies", search), (PATHS[4], frame)):
            gone = library.get(root, path, If_None_Match=answer.headers["ETag"])
            assert gone.status_code == (hidden if path == "/studies" else 404)
            assert "ETag" not in gone.headers


def test_nothing_is_stored_or_deleted_through_the_root_of_a_case_or_a_link(
    library: Library,
) -> None:
    library.publish()
    _, secret = library.share(downloadable=True)
    for root in (library.root, f"/share/{secret}/dicomweb"):
        for caller in CALLERS:
            headers = library.headers[caller]
            refused = 401 if caller == "stranger" else 403
            stored = library.site.client.post(f"{root}/studies", headers=headers, data=b"")
            assert stored.status_code == refused
            place = f"{root}/studies/{library.uids['study']}"
            assert library.site.client.delete(place, headers=headers).status_code == refused
    assert library.get("/dicomweb", PATHS[3], "owner").status_code == 200


def test_caches_keep_for_everybody_only_what_is_for_everybody(library: Library) -> None:
    library.publish()
    _, secret = library.share()

    def said(root: str, path: str, caller: str = "stranger") -> str:
        return library.get(root, path, caller).headers["Cache-Control"]

    for path in (PATHS[3], PATHS[4], PATHS[6]):
        for caller in ("stranger", "other"):
            assert said(library.root, path, caller) == "public, no-cache"
        assert said("/dicomweb", path) == "public, no-cache"
        assert said(library.root, path, "owner").startswith("private, ")
        assert said(f"/share/{secret}/dicomweb", path) == "private, no-cache"
    library.set(hidden_at=now())
    assert said(library.root, PATHS[4], "moderator") == "private, no-cache"
    assert library.get(library.root, PATHS[4]).headers["Cache-Control"] == "no-store"


def test_pages_of_other_sites_read_what_is_published_and_what_is_shared(library: Library) -> None:
    library.publish()
    _, secret = library.share()
    for root in ("/dicomweb", library.root, f"/share/{secret}/dicomweb"):
        response = library.get(root, PATHS[3], Origin="https://viewer.example")
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert response.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert "Set-Cookie" not in response.headers


def test_addresses_in_answers_keep_to_the_root(library: Library) -> None:
    library.publish()
    _, secret = library.share()
    for root in (library.root, f"/share/{secret}/dicomweb"):
        [found] = library.get(root, "/studies").get_json(force=True)
        assert found["00081190"]["Value"] == [
            f"http://localhost{root}/studies/{library.uids['study']}"
        ]
        metadata = library.get(root, PATHS[3]).get_data(as_text=True)
        assert f"http://localhost{root}/studies/" in metadata
        assert "http://localhost/dicomweb" not in metadata


def test_a_share_link_opens_its_case_and_nothing_else(library: Library) -> None:
    share, secret = library.share()
    root = f"/share/{secret}/dicomweb"
    for path in PATHS:
        assert library.get(root, path).status_code == 200, path
        assert library.get(root, path, "other").status_code == 200, path
    assert library.get(library.root, "/studies").status_code == 404
    assert library.get(f"/share/{secret[:-1]}/dicomweb", "/studies").status_code == 404
    assert library.get(root, PATHS[3], Authorization="Bearer wrong").status_code == 200
    etag = library.get(root, PATHS[4]).headers["ETag"]
    delete_share(library.site.services.database, library.site.owner.id, share, clock=now)
    for path in PATHS:
        assert library.get(root, path, If_None_Match=etag).status_code == 404, path


def test_a_share_link_ends_at_its_time(library: Library) -> None:
    _, secret = library.share(expires_at=now() + timedelta(hours=1))
    database, ahead = library.site.services.database, timedelta()
    gate = AccountGate(database, lambda: None, clock=lambda: now() + ahead)
    caller = Caller(root={SHARE: secret})
    scope = gate.reader(caller)
    assert scope is not None
    assert Watch(database, scope, library.uids["study"]).holds(gate.renewed(scope))
    began = Watch(database, scope, library.uids["study"])
    ahead = timedelta(hours=2)
    assert not began.holds(gate.renewed(scope))
    with pytest.raises(NoSuchRoot):
        gate.reader(caller)


def test_a_share_link_with_a_password_wants_it(library: Library) -> None:
    _, secret = library.share(password="under the lamp")
    root = f"/share/{secret}/dicomweb"
    assert library.get(root, "/studies").status_code == 401
    right = library.site.client.get(f"{root}/studies", auth=("anybody", "under the lamp"))
    assert right.status_code == 200
    wrong = library.site.client.get(f"{root}/studies", auth=("anybody", "under the desk"))
    assert wrong.status_code == 401


def test_a_moderator_who_was_suspended_sees_no_hidden_case(library: Library) -> None:
    library.put_into("hidden")
    assert library.get(library.root, "/studies", "moderator").status_code == 200
    suspended = update(account).where(account.c.moderator)
    with library.site.services.database.write() as connection:
        connection.execute(suspended.values(active=False))
    assert library.get(library.root, "/studies", "moderator").status_code in (401, 404)
    with library.site.services.database.write() as connection:
        connection.execute(suspended.values(active=True))
