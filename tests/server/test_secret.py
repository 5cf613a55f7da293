"""`readingroom secret`: rotation that survives being cut short, and new keys after a loss."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from server.cli.secret import secret
from server.config import load
from server.secret_file import alone
from server.services import Services, now
from store.errors import StoreBusy, WrongSecret
from store.keys import KeyRing

FIRST, SECOND = "the first secret, of 32 characters", "the second secret, of 32 characters"


@pytest.fixture(autouse=True)
def _data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READINGROOM_DATA", str(tmp_path / "data"))


@pytest.fixture
def keys(tmp_path: Path) -> list[bytes]:
    """The keys of two owners and an upload, in a database that was just made."""
    services = fresh()
    from tests.support.databases import ready

    ready(services.database)
    services.keys.new_upload(1, now())
    return read_keys(services)


def fresh() -> Services:
    """What a process that starts now has."""
    return Services(load())


def read_keys(services: Services) -> list[bytes]:
    ring = services.keys
    found = [ring.key_of(1), ring.key_of(2), ring.key_of_upload(1, 1)]
    services.database.dispose()
    return found


def run(*arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(secret, arguments, input=text)


def files(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "data").glob("secret*"))


def test_rotation_changes_the_file_and_no_key(keys: list[bytes], tmp_path: Path) -> None:
    path = tmp_path / "data" / "secret"
    before = path.read_bytes()
    result = run("rotate", "--json")
    assert json.loads(result.output) == {"keys": 3, "setting": False}
    assert path.read_bytes() != before
    assert path.stat().st_mode & 0o777 == 0o600
    assert files(tmp_path) == ["secret"]
    assert read_keys(fresh()) == keys
    path.write_bytes(before)
    with pytest.raises(WrongSecret):
        fresh().keys.key_of(1)


def test_the_new_secret_can_be_given(keys: list[bytes], tmp_path: Path) -> None:
    result = run("rotate", "--stdin", text=f"{FIRST}\n")
    assert result.exit_code == 0
    assert "`secret`" in result.output
    assert FIRST not in result.output
    assert (tmp_path / "data" / "secret").read_text() == FIRST
    assert read_keys(fresh()) == keys
    assert run("rotate", "--stdin", text="short\n").exit_code != 0
    assert read_keys(fresh()) == keys


@pytest.mark.parametrize("when", ["linked", "swapped", "wrapped"])
def test_a_rotation_that_was_cut_short_loses_no_key(
    keys: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    def stop(*_: object) -> None:
        raise StoreBusy("The machine stops here.")

    with monkeypatch.context() as patch:
        if when == "linked":
            patch.setattr(os, "replace", stop)
        elif when == "swapped":
            # The first call only looks whether all is well, the second one wraps anew.
            calls = iter((KeyRing.rewrap, stop))
            patch.setattr(KeyRing, "rewrap", lambda *a: next(calls)(*a))
        else:
            real = iter((lambda _: None, stop))
            patch.setattr("server.cli.secret.finish_rotation", lambda s: next(real)(s))
        assert run("rotate").exit_code != 0
    assert files(tmp_path) == ["secret", "secret.previous"]
    assert read_keys(fresh()) == keys
    started = fresh()
    late = started.keys.key_of(3)
    started.database.dispose()
    assert run("rotate").exit_code == 0
    assert files(tmp_path) == ["secret"]
    assert read_keys(fresh()) == keys
    assert fresh().keys.key_of(3) == late


@pytest.mark.parametrize("command", ["rotate", "reset"])
def test_one_command_at_a_time_changes_the_secret(
    keys: list[bytes], tmp_path: Path, command: str
) -> None:
    before = (tmp_path / "data" / "secret").read_bytes()
    with alone(load()):
        refused = run(command, *(["--yes"] if command == "reset" else []))
    assert "Another" in str(refused.exception)
    assert (tmp_path / "data" / "secret").read_bytes() == before
    assert read_keys(fresh()) == keys


def test_a_running_process_needs_no_restart(keys: list[bytes]) -> None:
    running, since_before = fresh(), fresh()
    assert since_before.keys.key_of(1) == keys[0]
    assert run("rotate").exit_code == 0
    assert read_keys(running) == keys
    late = since_before.keys.key_of(3)
    since_before.database.dispose()
    assert fresh().keys.key_of(3) == late


def test_a_secret_from_a_setting_is_rotated_by_the_operator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("READINGROOM_SECRET", FIRST)
    keys = request.getfixturevalue("keys")
    assert "--stdin" in str(run("rotate").exception)
    result = run("rotate", "--stdin", text=f"{SECOND}\n")
    assert result.exit_code == 0
    assert "READINGROOM_SECRET" in result.output
    assert SECOND not in result.output
    assert files(tmp_path) == []
    with pytest.raises(WrongSecret):
        fresh().keys.key_of(1)
    monkeypatch.setenv("READINGROOM_SECRET", SECOND)
    assert read_keys(fresh()) == keys


def test_after_a_loss_new_keys_are_begun_deliberately(keys: list[bytes], tmp_path: Path) -> None:
    (tmp_path / "data" / "secret").unlink()
    with pytest.raises(WrongSecret):
        fresh().keys.key_of(1)
    assert run("rotate").exit_code != 0
    assert run("reset", text="n\n").exit_code != 0
    with pytest.raises(WrongSecret):
        fresh().keys.key_of(1)
    result = run("reset", "--yes", "--json")
    assert json.loads(result.output) == {"owners": 2, "uploads": 1}
    assert fresh().keys.key_of(1) not in keys
    result = run("reset", "--yes", "--json")
    assert json.loads(result.output) == {"owners": 0, "uploads": 0}
