"""Profile, the file with all that is one's own, deleting the account: parts of the account page.

Invariants: a file is handed to its owner only; an account is deleted only by somebody who knows
its password, or has just read its mail; every form carries the protection against forged requests
and works without script.
Not here: what is written and deleted (`cases.export`, `cases.leaving`).
"""

from typing import Any, Final

from flask import (
    Blueprint,
    abort,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import Field, PasswordField, StringField
from wtforms.validators import Length, ValidationError

from accounts.errors import AccountError, InvalidValue, LastAdministrator
from accounts.messages import send
from accounts.people import account_with_password
from accounts.plans import plan_of
from accounts.profile import CHANNEL_CHARACTERS, NAME_CHARACTERS, change_profile, checked_channel
from accounts.recent_mail import mails_since
from cases.exports import KEPT_FOR
from cases.leaving import holdings_of, leave
from cases.storage import PrivateRoom, largest_cases, stored_by
from store.jobs import JobState
from viewer.blueprint import Pages
from viewer.deeds import noted
from viewer.proofs import LIFETIME, is_proof, make_proof
from viewer.sign_in import ButtonForm
from viewer.texts import gigabytes

__all__ = ["ProfileForm", "add_own_data", "own_data"]

UNPROCESSABLE: Final = 422
PROFILE, DATA = "profile", "data"
DELETE: Final = "delete the account"
MOST_MAILS: Final = 8
WRONG: Final = "That is not the password of this account."
STALE: Final = "This page, or its link, was open for too long. Ask for a new link."
_SUBJECT: Final = "Deleting your account"
_BODY: Final = """\
Somebody who is signed in to your account, you as we hope, asked for this link. It leads to the page
on which the account is deleted, with all that is yours:

{link}

It works for an hour, in a browser that is signed in. If it was not you, change your password and
end the other sessions on your account page.
"""


class ProfileForm(FlaskForm):  # type: ignore[misc]
    """How a person is named as an author, and where their cases are listed."""

    name = StringField(
        validators=[Length(max=NAME_CHARACTERS, message="A name has at most 100 characters.")]
    )
    channel = StringField(
        validators=[Length(max=CHANNEL_CHARACTERS, message="It has at most 40 characters.")]
    )

    def validate_channel(self, field: Field) -> None:
        """It can be an address."""
        try:
            checked_channel(field.data or "")
        except InvalidValue as error:
            raise ValidationError(str(error)) from None


class DeleteForm(FlaskForm):  # type: ignore[misc]
    """The password, or the proof from a mail."""

    password = PasswordField()


def own_data(pages: Pages) -> dict[str, Any]:
    """What the account page is told for these parts."""
    stored = stored_by(pages.database, current_user.id)
    plan = plan_of(current_user, private_bytes=pages.site.private_bytes)
    job = pages.exports.last(pages.jobs, current_user.id)
    path = pages.exports.ready(job, pages.clock())
    written_at = None if job is None else job.finished_at
    return {
        "stored": stored,
        "plan": plan,
        "room": PrivateRoom(stored.counted, plan.private_bytes),
        "largest": largest_cases(pages.database, current_user.id),
        "size": gigabytes,
        "export": job,
        "export_size": None if path is None else path.stat().st_size,
        "export_until": None if written_at is None else written_at + KEPT_FOR,
        "is_written": job is not None and job.state in (JobState.QUEUED, JobState.RUNNING),
        "profile_form": ProfileForm(
            formdata=None, data={"name": current_user.name, "channel": current_user.channel or ""}
        ),
    }


def add_own_data(blueprint: Blueprint, pages: Pages, draw: Any) -> None:  # noqa: ANN401 - the page
    """Add the routes to the account page's blueprint.

    Args:
        blueprint: of the account page.
        pages: what the pages work on.
        draw: draws the account page, with forms that are not to be empty.
    """

    @blueprint.post("/profile")
    def save_profile() -> Response | tuple[str, int]:
        form = ProfileForm()
        if form.validate_on_submit():
            try:
                name, channel = form.name.data or "", form.channel.data or ""
                change_profile(pages.database, current_user.id, name=name, channel=channel)
            except AccountError as error:
                form.channel.errors = (str(error),)
            else:
                noted(pages, "change profile", f"account {current_user.id}")
                flash("Your profile is saved.", PROFILE)
                return redirect(url_for("account.page", _anchor=PROFILE), 303)
        return draw(pages, profile_form=form), UNPROCESSABLE

    @blueprint.post("/export")
    def export() -> Response:
        if not ButtonForm().validate_on_submit():
            abort(403)
        pages.exports.ask_for(pages.jobs, current_user.id)
        return redirect(url_for("account.page", _anchor=DATA), 303)

    @blueprint.get("/export/<int:number>")
    def download(number: int) -> Response:
        job = pages.exports.last(pages.jobs, current_user.id)
        path = pages.exports.ready(job, pages.clock())
        if job is None or path is None or job.id != number:
            abort(404)
        day = f"{job.finished_at:%Y-%m-%d}"
        name = f"readingroom-{day}.zip"
        answer = send_file(
            path.absolute(), "application/zip", as_attachment=True, download_name=name
        )
        answer.headers["Cache-Control"] = "private, no-store"
        return answer

    _add_deletion(blueprint, pages)


def _add_deletion(blueprint: Blueprint, pages: Pages) -> None:
    @blueprint.get("/delete")
    def delete() -> str:
        return _draw_deletion(pages, DeleteForm(formdata=None))

    @blueprint.post("/delete/link")
    def send_link() -> Response:
        if not ButtonForm().validate_on_submit():
            abort(403)
        now, email = pages.clock(), current_user.email
        if mails_since(pages.database, email, now - LIFETIME) < MOST_MAILS:
            proof = make_proof(current_app.secret_key or "", DELETE, current_user.id, now)
            link = f"{pages.mail_base()}/account/delete?proof={proof}"
            body = _BODY.format(link=link)
            of = current_user.id
            send(pages.database, email, _SUBJECT, body, account_id=of, clock=pages.clock)
        return redirect(url_for("account.delete", sent="yes"), 303)

    @blueprint.post("/delete")
    def delete_now() -> Response | tuple[str, int]:
        form = DeleteForm()
        if not form.validate_on_submit():
            abort(403)
        if not _is_confirmed(pages, form.password.data or ""):
            form.password.errors = (STALE if _proof() else WRONG,)
            return _draw_deletion(pages, form), UNPROCESSABLE
        who = current_user.id
        try:
            leave(pages.database, who, jobs=pages.jobs, clock=pages.clock, by=who)
        except LastAdministrator as error:
            form.password.errors = (str(error),)
            return _draw_deletion(pages, form), UNPROCESSABLE
        return redirect(url_for("site.goodbye"), 303)


def _draw_deletion(pages: Pages, form: DeleteForm) -> str:
    return render_template(
        "account_delete.html",
        form=form,
        holdings=holdings_of(pages.database, current_user.id),
        stored=gigabytes(stored_by(pages.database, current_user.id).total),
        proven=_is_proven(pages),
        proof=_proof(),
        site=pages.site,
    )


def _proof() -> str:
    return request.values.get("proof", "")


def _is_proven(pages: Pages) -> bool:
    key = current_app.secret_key or ""
    return is_proof(_proof(), key, DELETE, current_user.id, pages.clock())


def _is_confirmed(pages: Pages, password: str) -> bool:
    if _is_proven(pages):
        return True
    known = account_with_password(pages.database, current_user.email, password)
    return known is not None and known.id == current_user.id
