"""Settings: from the file, the environment and flags, in that order."""

from dataclasses import fields
from pathlib import Path

import pytest

from server.config import Address, Settings, load, secret, to_environment
from server.errors import ConfigError


def test_flags_win_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "readingroom.toml"
    file.write_text('ae_title = "FILE"\nhttp = "127.0.0.1:1"\nweb_workers = 5\n')
    environment = {"READINGROOM_HTTP": "127.0.0.1:2", "READINGROOM_AE_TITLE": "ENVIRONMENT"}
    settings = load(file, environment, {"http": "127.0.0.1:3", "dimse": None})
    assert settings.http == Address("127.0.0.1", 3)
    assert settings.ae_title == "ENVIRONMENT"
    assert settings.web_workers == 5


def test_another_process_gets_the_same_settings() -> None:
    settings = load(environment={"READINGROOM_STORE_WARNING_STATUS": "yes"})
    assert load(environment=to_environment(settings)) == settings
    assert settings.store_warning_status is True


@pytest.mark.parametrize(
    ("name", "value"),
    [("HTTP", "8080"), ("HTTP", "host:port"), ("WEB_WORKERS", "many"), ("SECRET", None)],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_setting(name: str, value: str | None) -> None:
    if value is None:
        with pytest.raises(ConfigError, match="secret"):
            secret(load(environment={"READINGROOM_SECRET": "short"}))
    else:
        with pytest.raises(ConfigError):
            load(environment={f"READINGROOM_{name}": value})


def test_an_unknown_setting_in_the_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "readingroom.toml"
    file.write_text('htpp = "127.0.0.1:1"\n')
    with pytest.raises(ConfigError, match="htpp"):
        load(file, {})


def test_the_secret_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    settings = load(environment={"READINGROOM_DATA": str(tmp_path)})
    made = secret(settings)
    assert len(made) == 32
    assert secret(settings) == made
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


@pytest.mark.promise("F100")
def test_every_setting_is_in_the_reference() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/settings.md").read_text("utf-8")
    missing = [f.name for f in fields(Settings) if f"`{f.name}`" not in page]
    assert missing == []
    assert [f.name for f in fields(Settings) if f.metadata["help"] not in page] == []


@pytest.mark.parametrize(
    ("text", "loopback"),
    [("127.0.0.1:1", True), ("localhost:1", True), ("[::1]:1", True), ("0.0.0.0:1", False)],
)
def test_loopback_is_recognised(text: str, loopback: bool) -> None:
    assert Address.parse(text).is_loopback is loopback
    assert str(Address.parse(text)) == text
