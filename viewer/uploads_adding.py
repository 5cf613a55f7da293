"""The page "Add to a case": which series of the chosen studies, and to which of one's own cases.

    list of studies ─> choose series and a case ─┬> add ─> the editor of that case
                                                 ├> search: the same page, nothing is lost
                                                 └> a fault: the same page, nothing was added

Invariants: only the account's own series and cases are there; it works without script.
Not here: what is done to the case (`cases.adding`).
"""

from collections.abc import Sequence
from typing import Final

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from cases.adding import add_series, count_own_cases, find_own_cases
from cases.document import SERIES, Document, ShownSeries, ShownStudy
from cases.errors import CaseError
from cases.showing import StudyOfCase, shown
from store.access import OwnerScope
from store.errors import NoSuchSeries
from store.states import State
from viewer import words
from viewer.blueprint import Pages
from viewer.editor_checks import plan_of_owner
from viewer.studies import StudyEntry
from viewer.uploads_chosen import UNCHOSEN, back_to_list, chosen_studies

__all__ = ["add_adding"]

UNPROCESSABLE: Final = 422
LISTED: Final = 20
NO_SERIES: Final = "Choose at least one series."
NO_CASE: Final = "Choose a case."
THERE_ALREADY: Final = "Nothing was added: the case has them already."


def add_adding(blueprint: Blueprint, pages: Pages) -> None:
    """Put the page on the blueprint of uploads."""

    @blueprint.post("/uploads/add")
    def add() -> Response | str | tuple[str, int]:
        studies = chosen_studies(pages)
        if not studies:
            return back_to_list(UNCHOSEN, "hold")
        if request.form.get("do") != "add":
            return _draw(pages, studies)
        code, series = request.form.get("case", ""), _ticked(request.form.getlist("series"))
        if not series or not code:
            return _draw(pages, studies, NO_CASE if series else NO_SERIES), UNPROCESSABLE
        plan, who = plan_of_owner(pages, current_user.id), (pages.database, current_user.id)
        try:
            count = add_series(*who, code, series, plan=plan, clock=pages.clock)
        except (CaseError, NoSuchSeries) as error:
            return _draw(pages, studies, f"Nothing was added. {error}"), UNPROCESSABLE
        added = f"{words.plural(count, 'series', 'series')} added to the working copy."
        flash(added if count else THERE_ALREADY, "good" if count else "hold")
        return redirect(url_for("editor.edit", code=code), 303)


def _ticked(keys: Sequence[str]) -> list[tuple[str, str]]:
    """The series whose boxes were ticked, each as the UID of its study, a slash and its own."""
    pairs = (key.partition("/") for key in keys[:SERIES])
    return [(study_uid, uid) for study_uid, _, uid in pairs]


def _draw(pages: Pages, studies: Sequence[StudyEntry], fault: str = "") -> str:
    form, owner_id = request.form, current_user.id
    found, sought = _series_of(pages, studies), form.get("words", "")
    if "ticked" in form:
        ticked = set(form.getlist("series"))
    else:
        kept = (one for each in found for one in each.series if one.state != State.LEFT_OUT)
        ticked = {f"{one.study_uid}/{one.uid}" for one in kept}
    return render_template(
        "uploads_add.html",
        studies=found,
        ticked=ticked,
        cases=find_own_cases(pages.database, owner_id, sought, limit=LISTED),
        count=count_own_cases(pages.database, owner_id, sought),
        total=count_own_cases(pages.database, owner_id, ""),
        sought=sought,
        chosen=form.get("case", ""),
        fault=fault,
        listed=LISTED,
        now=pages.clock(),
        pages=pages,
    )


def _series_of(pages: Pages, studies: Sequence[StudyEntry]) -> list[StudyOfCase]:
    """All series of the studies, as many as a case can have."""
    room, wanted = SERIES, []
    for study in studies:
        found = pages.review.series(current_user.id, study.uid)[:room]
        room -= len(found)
        parts = tuple(ShownSeries(one.series_instance_uid) for one in found)
        wanted.append(ShownStudy(study.uid, study.title[:200], parts))
    return shown(pages.database, OwnerScope(current_user.id), Document(studies=tuple(wanted)))
