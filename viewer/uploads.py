"""What people do with what arrived: make a case of it, delete it; and the list of their cases.

Invariants: only the account's own studies are chosen from; what is deleted was named first, with
the cases that lose it; every form carries the protection against forged requests and works without
script.
Not here: the list of studies itself (`viewer.blueprint`), adding to a case
(`viewer.uploads_adding`), the editor (`viewer.editor`).
"""

from dataclasses import dataclass

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from cases.cases import TITLE_CHARACTERS, cases_of_owner, count_of_owner, create_case
from cases.errors import CaseError
from cases.showing import SeriesOfCase, picture_of, shown
from cases.vocabulary import body_part_words, modality_words
from cases.working import Case
from store.access import OwnerScope
from store.audit import Deed, record
from store.removing import remove
from viewer import words
from viewer.blueprint import LAST_PAGE, Pages, only_signed_in
from viewer.editor_checks import Countdown, countdown_of, plan_of_owner
from viewer.editor_studies import series_to_show
from viewer.studies import PER_PAGE
from viewer.study_states import count_by_state
from viewer.uploads_adding import add_adding
from viewer.uploads_chosen import UNCHOSEN, back_to_list, chosen_studies

__all__ = ["CaseEntry", "create_uploads_blueprint"]


@dataclass(frozen=True)
class CaseEntry:
    """A case as a row of the list of one's cases.

    Attributes:
        case: the case.
        picture: the series that stands for it; None when it shows none.
        countdown: to when it is deleted; None for never.
    """

    case: Case
    picture: SeriesOfCase | None
    countdown: Countdown | None


def create_uploads_blueprint(pages: Pages) -> Blueprint:
    """What is done from the list of studies, for people who are signed in."""
    blueprint = Blueprint("uploads", __name__)
    said = {"words": words, "modality_words": modality_words, "body_part_words": body_part_words}
    blueprint.context_processor(lambda: said)
    blueprint.before_request(only_signed_in)
    _add_list(blueprint, pages)
    _add_making(blueprint, pages)
    add_adding(blueprint, pages)
    _add_deleting(blueprint, pages)
    return blueprint


def _add_list(blueprint: Blueprint, pages: Pages) -> None:
    @blueprint.get("/uploads/cases")
    def cases() -> str:
        number = min(LAST_PAGE, max(1, request.args.get("page", 1, int)))
        total = count_of_owner(pages.database, current_user.id)
        entries = _page_of_cases(pages, current_user.id, number)
        if not entries and number > 1:
            abort(404)
        now, before = pages.clock(), (number - 1) * PER_PAGE
        return render_template(
            "uploads_cases.html",
            entries=entries,
            number=number,
            first=before + 1,
            last=before + len(entries),
            total=total,
            cases_total=total,
            counts=count_by_state(pages.database, current_user.id, now),
            pages=pages,
            now=now,
        )


def _add_making(blueprint: Blueprint, pages: Pages) -> None:
    @blueprint.post("/cases")
    def make_case() -> Response:
        chosen = chosen_studies(pages)
        if not chosen:
            return back_to_list(UNCHOSEN, "hold")
        try:
            made = create_case(
                pages.database,
                current_user.id,
                title=chosen[0].title[:TITLE_CHARACTERS],
                series=[
                    (study.uid, uid)
                    for study in chosen
                    for uid in series_to_show(pages, current_user.id, study.uid)
                ],
                clock=pages.clock,
                random_bytes=pages.random_bytes,
            )
        except CaseError as error:
            return back_to_list(str(error), "bad")
        return redirect(url_for("editor.edit", code=made.code), 303)


def _add_deleting(blueprint: Blueprint, pages: Pages) -> None:
    @blueprint.post("/uploads/delete")
    def delete() -> Response | str:
        chosen = chosen_studies(pages)
        if not chosen:
            return back_to_list(UNCHOSEN, "hold")
        if "sure" not in request.form:
            return render_template("uploads_delete.html", studies=chosen, pages=pages)
        for study in chosen:
            _remove(pages, current_user.id, study.uid)
        return back_to_list(f"{words.plural(len(chosen), 'study', 'studies')} deleted.", "good")


def _page_of_cases(pages: Pages, owner_id: int, number: int) -> list[CaseEntry]:
    found = cases_of_owner(pages.database, owner_id, limit=PER_PAGE, offset=(number - 1) * PER_PAGE)
    scope, plan, entries = OwnerScope(owner_id), plan_of_owner(pages, owner_id), []
    for case in found:
        studies = shown(pages.database, scope, case.document)
        picture = picture_of(case.document, studies)
        entries.append(CaseEntry(case, picture, countdown_of(pages, case, plan)))
    return entries


def _remove(pages: Pages, owner_id: int, study_uid: str) -> None:
    if remove(pages.ingest, OwnerScope(owner_id), study_uid):
        record(pages.database, Deed(pages.clock(), owner_id, "delete study", study_uid))
