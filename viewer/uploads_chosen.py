"""Which studies were ticked in the list, and what is said when something was done with them.

Invariants: only the account's own are found, and only for a form of ours.
Not here: what is done with them (`viewer.uploads`, `viewer.uploads_adding`).
"""

from typing import Final

from flask import abort, flash, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from store.access import OwnerScope
from viewer.blueprint import Pages
from viewer.sign_in import ButtonForm
from viewer.studies import StudyEntry, find_studies

__all__ = ["UNCHOSEN", "back_to_list", "chosen_studies"]

UNCHOSEN: Final = "Choose at least one study first."


def chosen_studies(pages: Pages) -> list[StudyEntry]:
    """What was ticked, of the account's own; a button of a row is about that study alone."""
    if not ButtonForm().validate_on_submit():
        abort(403)
    only = request.form.getlist("only")
    scope, uids = OwnerScope(current_user.id), only or request.form.getlist("study")
    return find_studies(pages.database, scope, uids, pages.clock())


def back_to_list(sentence: str, tone: str) -> Response:
    """The list of studies, with a sentence above it."""
    flash(sentence, tone)
    return redirect(url_for("pages.uploads"), 303)
