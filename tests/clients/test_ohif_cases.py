"""OHIF, on another address, opens a published case and a share link by their roots."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from accounts.people import first_account
from cases.cases import Case, create_case
from cases.publishing import publish
from cases.sharing import Wanted, create_share, delete_share
from server.config import load
from server.services import Services, now
from tests.clients import ohif
from tests.support.server import RunningServer, storescu

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

LIVER = "series/ct-3slice-liver"


@dataclass
class Library:
    """A case of a small CT, and what its owner does with it."""

    server: RunningServer
    services: Services
    case: Case

    @property
    def study(self) -> str:
        return self.case.document.studies[0].uid


@pytest.fixture(scope="module")
def library(server: RunningServer, shared_data: Path) -> Iterator[Library]:
    assert storescu(server, shared_data / LIVER).returncode == 0
    services = Services(load(environment={"READINGROOM_DATA": str(server.data)}))
    owner = first_account(services.database)
    assert owner is not None
    found = server.session().get(f"{server.root}/series").json()
    pairs = [(one["0020000D"]["Value"][0], one["0020000E"]["Value"][0]) for one in found]
    made = create_case(
        services.database,
        owner.id,
        title="Liver",
        series=pairs,
        clock=now,
        random_bytes=os.urandom,
    )
    yield Library(server, services, made)
    services.database.dispose()


@pytest.mark.promise("F95", "N6")
def test_a_share_link_opens_in_ohif_until_it_is_deleted(browser: Browser, library: Library) -> None:
    database, owner_id = library.services.database, library.case.owner_id
    link, secret = create_share(
        database,
        owner_id,
        "case",
        library.case.code,
        Wanted("Trainees"),
        clock=now,
        random_bytes=os.urandom,
    )
    root = f"{library.server.base}/share/{secret}/dicomweb"
    with ohif.served(root) as site, ohif.opened(browser, site, root, "") as viewer:
        viewer.open_study(library.study)
        viewer.wait_for_frames(3)
        assert viewer.faults == []
        delete_share(database, owner_id, link.id, clock=now)
        viewer.answers.clear()
        with viewer.page.expect_response(lambda answer: answer.status == 404):
            viewer.page.goto(f"{site.base}/viewer?StudyInstanceUIDs={library.study}")
        assert viewer.frames() == []


@pytest.mark.promise("F95")
def test_a_published_case_opens_in_ohif(browser: Browser, library: Library) -> None:
    publish(library.services.database, library.case.owner_id, library.case.code, clock=now)
    root = f"{library.server.base}/cases/{library.case.code}/dicomweb"
    with ohif.served(root) as site, ohif.opened(browser, site, root, "") as viewer:
        # It lists the one study that the case has.
        viewer.open_list()
        expect(viewer.rows()).to_have_count(1, timeout=ohif.LONG)
        viewer.open_study(library.study)
        viewer.wait_for_frames(3)
        assert viewer.faults == []
