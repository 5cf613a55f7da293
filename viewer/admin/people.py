"""The section of people: finding them, their roles and plans, suspending and inviting them.

Invariants: every change is in the audit; the link of an invitation is on the one answer to the
press that made it.
Not here: the rules (`accounts.roles`, `accounts.plans`, `accounts.invitations`).
"""

from typing import Final

from flask import Blueprint, abort, render_template, request
from flask_login import current_user
from werkzeug.wrappers import Response

from accounts.directory import names_of, people
from accounts.errors import AccountError, LastAdministrator, NoSuchAccount
from accounts.invitations import invitations, invite
from accounts.plans import grant
from accounts.roles import Role, resume, set_role, suspend
from store.audit import Deed, record
from store.totals import by_owner
from viewer.admin.guard import SIZE, Page, done, pressed
from viewer.blueprint import Pages
from viewer.sign_in import STALE, ButtonForm

__all__ = ["add_people"]

UNPROCESSABLE: Final = 422
ROLES: Final = {"member": "Member", "moderator": "Moderator", "administrator": "Administrator"}
CHANGED: Final = "Changed. It counts from the next thing that they do."


def add_people(blueprint: Blueprint, pages: Pages) -> None:
    """Add the section."""

    @blueprint.get("/people", endpoint="people")
    def people_page() -> str:
        return _draw(pages)

    @blueprint.post("/people/invitations")
    def people_invite() -> str | tuple[str, int]:
        email = request.form.get("email", "").strip()
        if not ButtonForm().validate_on_submit():
            return _draw(pages, fault=STALE, email=email), UNPROCESSABLE
        try:
            secret = invite(
                pages.database,
                email,
                invited_by=int(current_user.id),
                random_bytes=pages.random_bytes,
                clock=pages.clock,
            )
        except AccountError as error:
            return _draw(pages, fault=str(error), email=email), UNPROCESSABLE
        _note(pages, "invite", "somebody")
        link = f"{pages.base()}/sign-up?invitation={secret}"
        # On this answer alone: a secret is not put into a cookie to be shown after a redirect.
        return _draw(pages, link=link, email=email)

    @blueprint.post("/people/<int:number>")
    def people_change(number: int) -> Response:
        pressed()
        try:
            what = _change(pages, number)
        except NoSuchAccount:
            abort(404)
        except LastAdministrator as error:
            return done(str(error), "people", "bad")
        _note(pages, what, f"account {number}")
        return done(CHANGED, "people", q=request.form.get("q") or None)


def _change(pages: Pages, number: int) -> str:
    """Do what the pressed button says; what that was."""
    given = request.form
    if given.get("role") in ROLES:
        set_role(pages.database, number, Role(given["role"]))
        return f"make {given['role']}"
    if given.get("plan") in ("free", "premium"):
        grant(pages.database, number, premium=given["plan"] == "premium")
        return f"grant {given['plan']}"
    if given.get("access") == "suspend":
        suspend(pages.database, number)
        return "suspend"
    if given.get("access") == "resume":
        resume(pages.database, number)
        return "resume"
    abort(400)


def _note(pages: Pages, what: str, which: str) -> None:
    record(pages.database, Deed(pages.clock(), int(current_user.id), what, which))


def _draw(pages: Pages, fault: str = "", email: str = "", link: str = "") -> str:
    wanted, page = request.args.get("q", ""), Page.asked()
    found, total = people(pages.database, wanted, limit=SIZE, offset=page.offset)
    invited = [one for one in invitations(pages.database) if one.used_at is None]
    return render_template(
        "admin_people.html",
        pages=pages,
        now=pages.clock(),
        people=found,
        wanted=wanted,
        page=Page(page.number, total),
        roles=ROLES,
        sizes={int(one.key): one.size for one in by_owner(pages.database)},
        invited=invited,
        names=names_of(pages.database, [one.invited_by for one in invited]),
        fault=fault,
        email=email,
        link=link,
    )
