"""The wheel does what the source tree does, without it."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import requests

from tests.support.server import ROOT, RunningServer

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's contents, in a folder of their own; its dependencies are the tests' own."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "-w",
        str(folder),
        str(ROOT),
    ]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    [wheel] = folder.glob("readingroom-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


class Installed(RunningServer):
    site: Path

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "PYTHONPATH": str(self.site)}


def test_the_wheel_serves_pages_dicomweb_and_dimse(installed: Path, tmp_path: Path) -> None:
    server = Installed(tmp_path)
    server.site = installed
    server.start()
    try:
        where = subprocess.run(
            [sys.executable, "-c", "import server, sys; sys.stdout.write(server.__file__)"],
            env=server.environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert Path(where).is_relative_to(installed)
        page = requests.get(f"{server.base}/sign-in", timeout=20)
        assert page.status_code == 200
        assets = [word for word in page.text.split('"') if word.startswith("/assets/")]
        assert assets
        for address in assets:
            assert requests.get(server.base + address, timeout=20).status_code == 200
        assert "sample images" in server.command("demo")
        studies = server.session().get(f"{server.root}/studies", timeout=20).json()
        assert len(studies) >= 6
    finally:
        assert server.stop() == 0


def test_the_wheel_holds_no_sources_of_the_client_and_no_tests(installed: Path) -> None:
    names = {path.relative_to(installed).as_posix() for path in installed.rglob("*")}
    assert not {name for name in names if "node_modules" in name or name.endswith(".ts")}
    assert not {name for name in names if name.startswith(("tests", "bench", "conformance"))}
    assert [name for name in names if name.startswith("viewer/static/dist/")]
    assert [name for name in names if name.endswith("/LICENSE")]
