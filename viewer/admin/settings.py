"""The section of settings: those in force, secrets left out.

Not here: reading them (`server.config`); they are changed in a file, and not here.
"""

from flask import Blueprint, render_template

from viewer.blueprint import Pages

__all__ = ["add_settings"]


def add_settings(blueprint: Blueprint, pages: Pages) -> None:
    """Add the section."""

    @blueprint.get("/settings")
    def settings() -> str:
        return render_template("admin_settings.html", pages=pages, settings=pages.settings)
