"""The section of the audit log: who did what to which.

Not here: the log (`store.audit`).
"""

from flask import Blueprint, render_template, request

from accounts.directory import names_of
from store.audit import find_deeds, kinds_of_deeds
from viewer.admin.guard import SIZE, Page
from viewer.blueprint import Pages

__all__ = ["add_audit"]


def add_audit(blueprint: Blueprint, pages: Pages) -> None:
    """Add the section."""

    @blueprint.get("/audit")
    def audit() -> str:
        page, asked = Page.asked(), request.args
        who = asked.get("who", None, int)
        what, which = asked.get("what", ""), asked.get("which", "").strip()
        found, total = find_deeds(
            pages.database,
            account_id=who,
            what=what,
            which=which,
            limit=SIZE,
            offset=page.offset,
        )
        return render_template(
            "admin_audit.html",
            pages=pages,
            deeds=found,
            page=Page(page.number, total),
            asked={"who": who, "what": what, "which": which},
            verbs=kinds_of_deeds(pages.database),
            names=names_of(pages.database, [one.account_id for one in found] + [who]),
        )
