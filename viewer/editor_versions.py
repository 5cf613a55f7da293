"""What the owner of a case does with its versions: look ahead, publish, compare, go back, delete.

Invariants: nothing is published without the author's word that the rights are theirs and that
nobody can be recognised; what cannot be undone is asked for on a page that says what goes.
Not here: the editor itself (`viewer.editor`), the rules (`cases.publishing`).
"""

from typing import Final

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from cases.cases import case_of_owner, delete_case
from cases.document import Document
from cases.errors import CaseError, NoSuchCase, NoSuchVersion
from cases.publishing import blockers, discard, publish, published, restore, versions_of
from cases.working import Case
from store.audit import Deed, record
from viewer.blueprint import Pages
from viewer.case_pages import preview_page
from viewer.editor_changes import DrawnChange, drawn_changes
from viewer.editor_checks import suspicions_of
from viewer.sign_in import ButtonForm

__all__ = ["add_versions", "own_case", "unpublished_changes"]

UNPROCESSABLE: Final = 422
WORKING_COPY: Final = 0
UNAFFIRMED: Final = "Tick this to publish."


def own_case(pages: Pages, code: str) -> Case:
    """The account's case of this code; to all others there is none."""
    try:
        return case_of_owner(pages.database, current_user.id, code)
    except NoSuchCase:
        abort(404)


def unpublished_changes(pages: Pages, case: Case) -> list[DrawnChange]:
    """What differs in the working copy from what readers see; empty when they see nothing."""
    if case.version is None:
        return []
    shown = published(pages.database, case.id)
    return drawn_changes(pages.database, case.owner_id, shown.document, case.document)


def add_versions(blueprint: Blueprint, pages: Pages) -> None:
    """Put the pages about versions on the editor's blueprint."""
    _add_publishing(blueprint, pages)
    _add_list(blueprint, pages)
    _add_deleting(blueprint, pages)


def _add_publishing(blueprint: Blueprint, pages: Pages) -> None:
    @blueprint.get("/preview")
    def preview(code: str) -> str:
        case = own_case(pages, code)
        root = f"{request.script_root}/cases/{code}/dicomweb"
        return render_template("case.html", page=preview_page(pages, case, root), pages=pages)

    @blueprint.get("/publish")
    def ask_publish(code: str) -> str:
        return _draw_publish(pages, own_case(pages, code))

    @blueprint.post("/publish")
    def publish_case(code: str) -> Response | tuple[str, int]:
        case = _pressed(pages, code)
        if "rights" not in request.form:
            return _draw_publish(pages, case, rights_fault=UNAFFIRMED), UNPROCESSABLE
        note = request.form.get("note", "")
        try:
            number = publish(pages.database, current_user.id, code, clock=pages.clock, note=note)
        except CaseError as error:
            return _draw_publish(pages, case, fault=str(error)), UNPROCESSABLE
        flash(f"Published as version {number}.", "good")
        return redirect(url_for("editor.edit", code=code), 303)


def _add_list(blueprint: Blueprint, pages: Pages) -> None:
    @blueprint.get("/versions")
    def versions(code: str) -> str:
        case = own_case(pages, code)
        listed = versions_of(pages.database, case.id)
        newest = listed[0].number if listed else WORKING_COPY
        old = request.args.get("old", newest, int)
        new = request.args.get("new", WORKING_COPY, int)
        changes = drawn_changes(
            pages.database, case.owner_id, _document(pages, case, old), _document(pages, case, new)
        )
        return render_template(
            "editor_versions.html", case=case, versions=listed, old=old, new=new, changes=changes
        )

    @blueprint.post("/versions/<int:number>/restore")
    def restore_version(code: str, number: int) -> Response:
        _pressed(pages, code)
        try:
            restore(pages.database, current_user.id, code, number, clock=pages.clock)
        except NoSuchVersion:
            abort(404)
        flash(f"The working copy is version {number} again. Readers see it once published.", "good")
        return redirect(url_for("editor.edit", code=code), 303)

    @blueprint.post("/discard")
    def ask_discard(code: str) -> Response | str:
        case = _pressed(pages, code)
        if case.version is None:
            abort(404)
        if "sure" not in request.form:
            changes = unpublished_changes(pages, case)
            return render_template("editor_discard.html", case=case, changes=changes)
        discard(pages.database, current_user.id, code, clock=pages.clock)
        flash(f"Discarded. The working copy is version {case.version} again.", "good")
        return redirect(url_for("editor.edit", code=code), 303)


def _add_deleting(blueprint: Blueprint, pages: Pages) -> None:
    @blueprint.get("/delete")
    def ask_delete(code: str) -> str:
        case = own_case(pages, code)
        listed = versions_of(pages.database, case.id)
        return render_template("editor_delete.html", case=case, versions=listed)

    @blueprint.post("/delete")
    def delete(code: str) -> Response:
        case = _pressed(pages, code)
        delete_case(pages.database, current_user.id, code)
        record(pages.database, Deed(pages.clock(), current_user.id, "delete case", code))
        flash(f"{case.title or 'The case'} is deleted. Its images stay in your uploads.", "good")
        return redirect(url_for("uploads.cases"), 303)


def _pressed(pages: Pages, code: str) -> Case:
    """The account's case that a button was pressed about."""
    case = own_case(pages, code)
    if not ButtonForm().validate_on_submit():
        abort(403)
    return case


def _document(pages: Pages, case: Case, number: int) -> Document:
    if number == WORKING_COPY:
        return case.document
    try:
        return published(pages.database, case.id, number).document
    except NoSuchVersion:
        abort(404)


def _draw_publish(pages: Pages, case: Case, *, fault: str = "", rights_fault: str = "") -> str:
    return render_template(
        "editor_publish.html",
        case=case,
        note=request.form.get("note", ""),
        affirmed="rights" in request.form,
        fault=fault,
        rights_fault=rights_fault,
        blockers=blockers(pages.database, case),
        suspicions=suspicions_of(pages, case),
        changes=unpublished_changes(pages, case),
    )
