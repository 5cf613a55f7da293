"""What the operator says about the site is read, and refused where it cannot be used."""

from pathlib import Path

import pytest

from server.config import load
from server.errors import ConfigError
from server.site import site_of

PREFIX = "READINGROOM_"


@pytest.mark.parametrize(
    "sources", ["*", "'self'", "'none'", "https://a.example.org", "'self' https://*.b.org:8443"]
)
def test_origins_may_embed(sources: str) -> None:
    settings = load(environment={f"{PREFIX}EMBED_ANCESTORS": sources})
    assert site_of(settings).embed_ancestors == sources


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EMBED_ANCESTORS", "*; script-src *"),
        ("EMBED_ANCESTORS", "https://a.org\r\nX: y"),
        ("EMBED_ANCESTORS", ""),
        ("SIGN_UP", "everybody"),
        ("TERMS", "/nowhere/terms.md"),
    ],
)
def test_what_cannot_be_used_stops_the_start(name: str, value: str) -> None:
    with pytest.raises(ConfigError):
        site_of(load(environment={PREFIX + name: value}))


def test_the_operators_terms_take_the_place_of_ours(tmp_path: Path) -> None:
    file = tmp_path / "terms.md"
    file.write_text("# Our rules", "utf-8")
    assert site_of(load(environment={f"{PREFIX}TERMS": str(file)})).terms == "# Our rules"
