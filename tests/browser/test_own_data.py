"""Taking along what is one's own, and leaving, in Chromium, with mail that is really sent."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.support.datasets import ct_stack, encoded
from tests.support.multipart import related
from tests.support.server import OWNER, RunningServer
from tests.support.smtp import MailServer, mail_server

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def smtp() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, smtp: MailServer) -> Iterator[RunningServer]:
    running = RunningServer(tmp_path_factory.mktemp("server"))
    running.settings = {
        "READINGROOM_SMTP": f"smtp://127.0.0.1:{smtp.port}",
        "READINGROOM_MAIL_FROM": "readingroom@example.org",
        "READINGROOM_PUBLIC_BASE": running.base,
    }
    running.start()
    yield running
    running.stop()


def mailed(smtp: MailServer, subject: str) -> str:
    """The text of a mail, once it has come."""
    end = time.monotonic() + 60
    while True:
        for to, mail in list(smtp.mails):
            if mail["Subject"] == subject:
                assert to == [OWNER]
                return str(mail.get_content())
        assert time.monotonic() < end, f"no mail: {subject}"
        time.sleep(0.1)


@pytest.mark.promise("F107", "F111")
def test_an_author_takes_everything_along_and_leaves(
    page: Page, server: RunningServer, smtp: MailServer, tmp_path: Path
) -> None:
    server.command("account", "create", "second@example.org", "--admin")
    body, kind = related([encoded(ds) for ds in ct_stack(3)])
    stored = server.session().post(
        f"{server.root}/studies", data=body, headers={"Content-Type": kind}
    )
    assert stored.status_code == 200
    assert len(server.session().get(f"{server.root}/studies").json()) == 1

    page.goto(f"{server.base}/account")
    page.get_by_role("button", name="Make the file").click()
    assert "your account page" in mailed(smtp, "All that is yours is ready to download")
    page.reload()
    with page.expect_download() as taken:
        page.get_by_role("link", name="Download").click()
    taken.value.save_as(tmp_path / "mine.zip")
    names = ZipFile(tmp_path / "mine.zip").namelist()
    assert len([name for name in names if name.endswith(".dcm")]) == 3

    page.get_by_role("link", name="Delete the account").click()
    page.get_by_role("button", name=re.compile("^Send a link")).click()
    expect(page.get_by_role("status").first).to_contain_text("on its way")
    link = re.search(r"http\S+proof=\S+", mailed(smtp, "Deleting your account"))
    assert link
    page.goto(link[0])
    page.get_by_role("button", name="Delete the account for good").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The account is deleted")

    assert server.session().get(f"{server.root}/studies").status_code == 401
    stranger = requests.get(f"{server.root}/studies", timeout=10)
    assert stranger.status_code == 204 or stranger.json() == []
    page.goto(f"{server.base}/account")
    page.wait_for_url("**/sign-in**")
    end = time.monotonic() + 60
    while any(path.stat().st_size for path in (server.data / "blobs").glob("2*/*/*")):
        assert time.monotonic() < end, "files are still there"
        time.sleep(0.2)
