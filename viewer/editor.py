"""The editor of a case: what is typed, and Save.

    edit ─> save ─┬> saved: title, modality and body part apply, all else is in the working copy
                  ├> moved, added, taken out: the page again, nothing saved
                  ├> somebody else saved: both are shown, the author chooses
                  └> signed out, or a fault: the page again, nothing typed is lost

Invariants: the page is for the owner of the case, to all others it does not exist; whatever becomes
of a form, what was typed into it is on the page that answers; it works without script.
Not here: publishing and versions (`viewer.editor_versions`), the rules (`cases`).
"""

from typing import Final, cast

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from cases.cases import save_case
from cases.document import LICENCES, SECTIONS
from cases.errors import CaseError, Changed
from cases.publishing import blockers, versions_of
from cases.storage import private_room
from cases.vocabulary import BODY_PARTS, MODALITIES
from cases.working import Case
from viewer import words
from viewer.blueprint import Pages
from viewer.editor_changes import drawn_changes
from viewer.editor_checks import countdown_of, lost_links_of, plan_of_owner, suspicions_of
from viewer.editor_forms import Typed
from viewer.editor_studies import edited_studies, series_to_show, studies_to_add
from viewer.editor_versions import add_versions, own_case, unpublished_changes
from viewer.sign_in import STALE, ButtonForm

__all__ = ["create_editor_blueprint"]

UNAUTHORIZED: Final = 401
CONFLICT: Final = 409
UNPROCESSABLE: Final = 422
#: Five texts of the longest kind, in any script, as a form encodes them.
FORM_BYTES: Final = 4 * 1024 * 1024
ANSWERS: Final = ("save", "publish", "edit")
SAVED: Final = "Saved. Only you see it until you publish it."
SAVED_PUBLISHED: Final = (
    "Saved. Title, modality and body part apply now; all else reaches readers when you publish."
)


def create_editor_blueprint(pages: Pages) -> Blueprint:
    """The editor, for the owners of cases."""
    blueprint = Blueprint("editor", __name__, url_prefix="/cases/<code>")
    lists = {"sections": SECTIONS, "licences": LICENCES}
    lists |= {"modalities": MODALITIES, "body_parts": BODY_PARTS}
    blueprint.context_processor(lambda: {"words": words, "pages": pages, **lists})

    _guard(blueprint)
    _add_editing(blueprint, pages)
    add_versions(blueprint, pages)
    return blueprint


def _guard(blueprint: Blueprint) -> None:
    @blueprint.before_request
    def only_signed_in() -> Response | tuple[str, int] | None:
        # Before anything reads the form: texts are longer than other forms are.
        request.max_form_memory_size = FORM_BYTES
        if current_user.is_authenticated:
            return None
        if request.method == "POST" and request.endpoint == "editor.save":
            return render_template("editor_signed_out.html"), UNAUTHORIZED
        return cast(Response, current_app.login_manager.unauthorized())  # type: ignore[attr-defined]


def _add_editing(blueprint: Blueprint, pages: Pages) -> None:
    @blueprint.get("/edit")
    def edit(code: str) -> str:
        case = own_case(pages, code)
        return _draw(pages, case, Typed.of(case))

    @blueprint.post("/edit")
    def save(code: str) -> Response | str | tuple[str, int]:
        case, typed = own_case(pages, code), Typed.read(request.form)
        done = request.form.get("do", "save")
        if not ButtonForm().validate_on_submit():
            return _draw(pages, case, typed, STALE), UNPROCESSABLE
        if done not in ANSWERS:
            return _draw(pages, case, _after(pages, typed, done), unsaved=True)
        if done == "edit":
            return _draw(pages, case, typed, unsaved=True)
        try:
            _save(pages, case, typed)
        except Changed:
            return _draw_conflict(pages, case, typed), CONFLICT
        except CaseError as error:
            return _draw(pages, case, typed, f"Not saved. {error}"), UNPROCESSABLE
        if done == "publish":
            return redirect(url_for("editor.ask_publish", code=code), 303)
        flash(SAVED_PUBLISHED if case.version else SAVED, "good")
        return redirect(url_for("editor.edit", code=code), 303)


def _after(pages: Pages, typed: Typed, done: str) -> Typed:
    """What is typed after a press of a button that moves, adds or takes out."""
    if done != "add":
        return typed.after(done)
    uid = request.form.get("add", "")
    return typed.with_study(uid, series_to_show(pages, current_user.id, uid))


def _save(pages: Pages, case: Case, typed: Typed) -> None:
    save_case(
        pages.database,
        current_user.id,
        case.code,
        title=typed.title,
        modality=typed.modality,
        body_part=typed.body_part,
        document=typed.document(),
        saved=typed.saved,
        clock=pages.clock,
        private=typed.readers == "private",
        plan=plan_of_owner(pages, case.owner_id),
    )


def _draw(pages: Pages, case: Case, typed: Typed, fault: str = "", *, unsaved: bool = False) -> str:
    owner_id, plan = current_user.id, plan_of_owner(pages, current_user.id)
    studies = edited_studies(pages, owner_id, typed)
    return render_template(
        "editor.html",
        case=case,
        typed=typed,
        fault=fault,
        unsaved=unsaved or bool(fault),
        studies=studies,
        seen=[study.seen for study in studies],
        addable=studies_to_add(pages, owner_id, typed),
        changes=unpublished_changes(pages, case),
        blockers=blockers(pages.database, case),
        versions=versions_of(pages.database, case.id),
        suspicions=suspicions_of(pages, case),
        lost_links=lost_links_of(case),
        plan=plan,
        room=private_room(pages.database, owner_id, plan) if case.private else None,
        countdown_to=countdown_of(pages, case, plan),
        now=pages.clock(),
    )


def _draw_conflict(pages: Pages, case: Case, typed: Typed) -> str:
    """What was saved elsewhere, and how what was typed here differs from it."""
    return render_template(
        "editor_conflict.html",
        case=case,
        typed=typed,
        changes=drawn_changes(pages.database, case.owner_id, case.document, typed.document()),
    )
