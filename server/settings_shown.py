"""The settings in force, as administrators see them.

Invariants: of a secret nothing is shown but whether there is one.
Not here: reading them (`server.config`).
"""

from dataclasses import fields
from typing import Final

from server.config import Settings
from viewer.site import SettingShown

__all__ = ["settings_shown"]

SET: Final = "(set)"


def settings_shown(settings: Settings) -> tuple[SettingShown, ...]:
    """All of them, in the order of the table."""
    usual = Settings()
    return tuple(
        SettingShown(
            one.name,
            _value(getattr(settings, one.name), one.metadata["secret"]),
            one.metadata["help"],
            getattr(settings, one.name) == getattr(usual, one.name),
        )
        for one in fields(Settings)
    )


def _value(value: object, is_secret: bool) -> str:
    if is_secret:
        return SET if value else ""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
