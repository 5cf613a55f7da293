"""Reads an operator's changes of the profile: other literals, stricter rows.

    [literals]
    PatientName = "Teaching file^^"

    [stricter]
    SeriesDescription = "remove"      # or "empty", or "dummy"

Invariants: a file that cannot be applied stops the start; nothing in it can make a row looser.
Not here: what the changes mean (`deid.profile`).
"""

import re
import tomllib
from pathlib import Path
from typing import Any

from pydicom.datadict import tag_for_keyword

from deid.errors import ProfileError
from deid.profile import Profile, default_profile
from server.errors import ConfigError

__all__ = ["load_profile"]

TABLES = ("literals", "stricter")


def load_profile(file: Path | None) -> Profile:
    """The default profile with the changes of a TOML file.

    Raises:
        ConfigError: the file cannot be read, or says something that is not possible.
    """
    if file is None:
        return default_profile()
    try:
        document = tomllib.loads(file.read_text("utf-8"))
    except OSError:
        raise ConfigError("The profile file cannot be read.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise ConfigError("The profile file is not TOML.") from None
    unknown = document.keys() - set(TABLES)
    if unknown:
        raise ConfigError(f"The profile file has the tables {' and '.join(TABLES)} only.")
    literals, stricter = (_by_tag(document.get(table, {})) for table in TABLES)
    try:
        return default_profile().changed(literals, stricter)
    except ProfileError as error:
        raise ConfigError(str(error)) from None


def _by_tag(table: Any) -> dict[int, str]:  # noqa: ANN401 - whatever the file holds
    if not isinstance(table, dict) or not all(isinstance(v, str) for v in table.values()):
        raise ConfigError("The profile file has keywords or tags, and a text for each.")
    return {_tag(name): value for name, value in table.items()}


def _tag(name: str) -> int:
    if re.fullmatch("[0-9A-Fa-f]{8}", name):
        return int(name, 16)
    tag = tag_for_keyword(name)
    if tag is None:
        raise ConfigError("The profile file names an attribute that PS3.6 does not have.")
    return tag
