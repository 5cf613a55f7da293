"""The section of retention: what the next runs will delete.

Invariants: nothing is changed by looking.
Not here: the rules (`cases.retention`).
"""

from datetime import timedelta
from typing import Final

from flask import Blueprint, render_template, request

from cases.retention import Rules, preview
from viewer.blueprint import Pages

__all__ = ["add_retention"]

DAYS: Final = (1, 3, 7, 14, 30)


def add_retention(blueprint: Blueprint, pages: Pages) -> None:
    """Add the section."""

    @blueprint.get("/retention")
    def retention() -> str:
        now, days = pages.clock(), request.args.get("days", 7, int)
        days = days if days in DAYS else 7
        rules = Rules(pages.site.pending_days, pages.site.pending_notice_days)
        fates = preview(pages.database, now + timedelta(days=days), rules=rules, now=now)
        return render_template(
            "admin_retention.html",
            pages=pages,
            now=now,
            fates=fates,
            rules=rules,
            days=days,
            choices=[(number, now + timedelta(days=number)) for number in DAYS],
            near=now + timedelta(days=3),
        )
