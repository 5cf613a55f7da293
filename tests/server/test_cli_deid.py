"""`readingroom deid`: files in, de-identified files and receipts out; what it explains."""

import json
import os
from pathlib import Path

import pydicom
import pytest
from click.testing import CliRunner, Result

from accounts.people import create_account
from server.cli import COMMANDS, commands
from server.cli.deid import deid
from server.config import load
from server.errors import CommandFailed
from server.services import Services, now
from tests.support.databases import ready
from tests.support.datasets import PLANTED, ct_slice, encoded

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
NAME = "Quillfeather^Zebedee.dcm"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READINGROOM_DATA", str(tmp_path / "data"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


@pytest.fixture
def sent(tmp_path: Path) -> Path:
    """A file whose name is a name, as scanners write them."""
    return file(tmp_path / NAME, encoded(ct_slice(1)))


def file(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(deid, [str(argument) for argument in arguments])


def written(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def assert_silent(text: str) -> None:
    assert [planted for planted in (*PLANTED, NAME, "Quill") if planted in text] == []


def test_a_file_is_deidentified_into_the_current_folder(sent: Path) -> None:
    result = run(sent)
    assert result.exit_code == 0
    [path] = written(Path.cwd())
    ds = pydicom.dcmread(path)
    assert path.name == f"{ds.SOPInstanceUID}.dcm"
    assert ds.PatientName == "Anonymized^^"
    assert ds.PixelData == ct_slice(1).PixelData
    assert [text for text in PLANTED if text.encode() in path.read_bytes()] == []
    said = result.output.splitlines()
    assert said[0] == f"file 1: {path.name}"
    assert said[1].startswith("  profile: readingroom-default ")
    assert said[2].startswith("  actions: cleaned: ")
    assert said[3].startswith("  rules: 2: ")
    assert said[4] == "  review: not needed"
    assert_silent(result.output)


def test_the_files_of_a_run_stay_together_and_those_of_another_are_apart(
    sent: Path, tmp_path: Path
) -> None:
    other = file(tmp_path / "2.dcm", encoded(ct_slice(2)))
    run(sent, other, "--into", tmp_path / "one" / "deep")
    run(sent, "--into", tmp_path / "two")
    first, second = (pydicom.dcmread(path) for path in written(tmp_path / "one" / "deep"))
    assert first.StudyInstanceUID == second.StudyInstanceUID
    assert first.StudyDate == second.StudyDate
    [apart] = (pydicom.dcmread(path) for path in written(tmp_path / "two"))
    assert apart.StudyInstanceUID != first.StudyInstanceUID


def test_the_key_of_an_account_gives_what_the_server_gives(sent: Path) -> None:
    services = Services(load())
    ready(services.database)
    owner = create_account(services.database, "reader@example.org", clock=now)
    with services.ingest.batch(owner.id, "STOW-RS") as batch:
        incoming = batch.receive()
        incoming.feed(sent.read_bytes())
        received = incoming.finish()
    services.database.dispose()
    assert run(sent, "--account", "reader@example.org").exit_code == 0
    [path] = written(Path.cwd())
    assert path.stem == received.sop_instance_uid
    assert pydicom.dcmread(path).StudyInstanceUID == received.study_instance_uid


def test_an_unknown_account_is_told(sent: Path) -> None:
    result = run(sent, "--account", "nobody@example.org")
    assert isinstance(result.exception, CommandFailed)
    assert written(Path.cwd()) == []


def test_what_fails_is_told_by_number_and_the_rest_goes_on(sent: Path, tmp_path: Path) -> None:
    cut = file(tmp_path / "Quillfeather-cut.dcm", encoded(ct_slice(2))[:-100])
    text = file(tmp_path / "Quillfeather.txt", b"Quillfeather")
    (tmp_path / "Quillfeather").mkdir()
    result = run(cut, tmp_path / "Quillfeather-not-there", text, sent, tmp_path / "Quillfeather")
    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert [line.split(":")[1] for line in lines] == [" file 1", " file 2", " file 3", " file 5"]
    assert all(line.startswith("readingroom: ") and line.endswith(".") for line in lines)
    assert "No such file" in lines[1]
    assert_silent(result.output)
    # Nothing is left of what was begun.
    assert len(written(Path.cwd())) == 1


def test_nothing_is_overwritten(sent: Path) -> None:
    result = run(sent, sent)
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "file 2: A file of its new name" in result.stderr
    [path] = written(Path.cwd())
    assert pydicom.dcmread(path).PatientID == "0"


def test_a_folder_that_cannot_be_written_is_told(sent: Path, tmp_path: Path) -> None:
    result = run(sent, "--into", file(tmp_path / "Quillfeather.folder", b""))
    assert isinstance(result.exception, CommandFailed)
    assert_silent(str(result.exception))


def test_json_holds_receipts_and_errors(sent: Path, tmp_path: Path) -> None:
    result = run("--json", sent, tmp_path / "nothing")
    assert result.exit_code == 1
    first, second = json.loads(result.stdout)
    [path] = written(Path.cwd())
    assert (first["file"], f"{first['sop_instance_uid']}.dcm") == (1, path.name)
    assert first["receipt"]["actions"]["mapped"] >= 4
    assert len(first["receipt"]["sha256"]) == 64
    assert second == {"file": 2, "error": "It cannot be read: No such file or directory."}
    assert_silent(result.output)


def test_what_must_be_looked_at_is_told(tmp_path: Path) -> None:
    ds = ct_slice()
    ds.BurnedInAnnotation = "YES"
    result = run(file(tmp_path / "1", encoded(ds)))
    assert "review: burned-in-annotation" in result.output


def test_an_operators_profile_is_applied(
    sent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = tmp_path / "profile.toml"
    changes.write_text('[literals]\nPatientName = "Teaching file^^"\n')
    monkeypatch.setenv("READINGROOM_PROFILE", str(changes))
    run(sent)
    [path] = written(Path.cwd())
    assert pydicom.dcmread(path).PatientName == "Teaching file^^"


def test_explaining_shows_each_element_and_writes_nothing(sent: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    result = run("--explain", sent)
    assert result.exit_code == 0
    assert sorted(tmp_path.rglob("*")) == before
    header, *lines = result.output.splitlines()
    assert header.split() == ["element", "VR", "rule", "by", "what", "happens", "before", "after"]
    [name] = [line for line in lines if line.startswith("(0010,0010)")]
    assert name.split("  ")[0] == "(0010,0010) PatientName"
    assert "DICOM Library: value, E.1-1: Z" in name
    assert name.split()[-3:] == ["literal", "Zebedee^Quillfeather", "Anonymized^^"]
    nested = [line for line in lines if line.startswith("(0008,9124)[1].(0400,0561)[1].")]
    assert len(nested) == 2
    assert lines[-1] == "review: not needed"


@pytest.mark.parametrize("extra", [["--json"], ["--into", "folder"], ["another"]])
def test_explaining_does_nothing_else(sent: Path, extra: list[str]) -> None:
    result = run("--explain", sent, *extra)
    assert result.exit_code == 2
    assert "table" in result.output
    assert written(Path.cwd()) == []


def test_explaining_what_cannot_be_deidentified_is_one_line(tmp_path: Path) -> None:
    result = run("--explain", file(tmp_path / NAME, b"Quillfeather" * 50))
    assert isinstance(result.exception, CommandFailed)
    assert_silent(str(result.exception))


def test_the_command_is_listed_and_described() -> None:
    assert "deid" in CliRunner().invoke(commands, ["--help"]).output
    assert "deid" in COMMANDS
    help_ = " ".join(run("--help").output.split())
    assert "ORIGINAL VALUES" in help_
    page = Path(__file__).parents[2] / "docs" / "reference" / "command-deid.md"
    text = page.read_text("utf-8")
    options = [name for option in deid.params for name in option.opts if name.startswith("--")]
    assert len(options) == 6
    assert [name for name in options if f"`{name}" not in text] == []


def test_files_can_be_read_by_whom_the_mask_of_the_process_lets(sent: Path) -> None:
    mask = os.umask(0o027)
    try:
        run(sent)
    finally:
        os.umask(mask)
    [path] = written(Path.cwd())
    assert path.stat().st_mode & 0o777 == 0o640
