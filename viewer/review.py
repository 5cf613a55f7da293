"""The review page of a study: its series, why they are held, and what their owner decides.

    Uploads ─> review of a study ─┬> attest, leave out, hold again ─> the page, with what was done
                                  └> rectangles ─> look at them ─> mask ─> the page

Invariants: the page is for the owner of the study, to all others it does not exist; every form
carries the protection against forged requests and works without script.
Not here: what a decision does (`store.review`), masking (`store.masks`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, cast

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from store.access import OwnerScope
from store.errors import Outdated, StoreError
from store.masks import mask_series
from store.review import Decision, SeriesReview
from viewer import review_words, words
from viewer.blueprint import Pages, only_signed_in
from viewer.errors import sentence_of
from viewer.pictures import Pictures, pictures_of
from viewer.rectangles import SIDES, RectangleForm, read_form
from viewer.sign_in import STALE, ButtonForm
from viewer.studies import StudyEntry, find_study

__all__ = ["create_review_blueprint"]

CONFLICT: Final = 409
UNPROCESSABLE: Final = 422
NO_FAULTS: Final[Mapping[str, str]] = MappingProxyType({})
UNLOOKED: Final = "Tick this once you have looked."
UNCONFIRMED: Final = "Tick this when the old pictures may go."
UNUSABLE: Final = "Nothing was changed: not every rectangle can be used."
NO_RECTANGLE: Final = "Give at least one rectangle."
DECIDED: Final[Mapping[Decision, str]] = MappingProxyType(
    {
        "attest": "Attested. This is kept with your account and today’s date.",
        "leave-out": "Left out. Only you can see this series.",
        "hold": "Taken back. What you decided about this series no longer counts.",
    }
)
MASKED: Final = "Masked. The pictures of before are deleted."


@dataclass(frozen=True)
class Shown:
    """What the page is about: a study, its series, and the series and picture that are open."""

    study: StudyEntry
    parts: tuple[SeriesReview, ...]
    current: SeriesReview
    pictures: Pictures

    @property
    def held(self) -> list[SeriesReview]:
        """The series that wait for a decision."""
        return [part for part in self.parts if part.state == "held"]

    @property
    def next_held(self) -> SeriesReview | None:
        """The first one that waits after the open one, or from the start."""
        place = self.parts.index(self.current)
        others = (*self.parts[place + 1 :], *self.parts[:place])
        return next((part for part in others if part.state == "held"), None)


def create_review_blueprint(pages: Pages) -> Blueprint:
    """The review page and its forms, for people who are signed in."""
    blueprint = Blueprint("review", __name__, url_prefix="/uploads/<study_uid>/review")
    blueprint.context_processor(lambda: {"words": words, "review_words": review_words})
    blueprint.before_request(only_signed_in)

    @blueprint.get("")
    def page(study_uid: str) -> str:
        shown = _shown(pages, study_uid, request.args.get("series"))
        return _draw(pages, shown, _rectangles(shown, request.args))

    @blueprint.post("/<series_uid>")
    def decide(study_uid: str, series_uid: str) -> Response | tuple[str, int]:
        shown = _shown(pages, study_uid, series_uid)
        if not ButtonForm().validate_on_submit():
            abort(403)
        decision = cast(Decision, request.form.get("decision"))
        form = _rectangles(shown, request.args)
        if decision == "attest" and "looked" not in request.form:
            return _draw(pages, shown, form, {"looked": UNLOOKED}), UNPROCESSABLE
        if decision not in DECIDED:
            abort(400)
        owner_id, seen = current_user.id, request.form.get("seen", None, int)
        try:
            pages.review.decide(owner_id, study_uid, series_uid, decision, owner_id, seen=seen)
        except Outdated as error:
            # It was looked at without what has come since.
            return _draw(pages, shown, form, {"decision": sentence_of(error)}), CONFLICT
        return _done(study_uid, series_uid, DECIDED[decision])

    @blueprint.post("/<series_uid>/masks")
    def mask(study_uid: str, series_uid: str) -> Response | tuple[str, int]:
        shown = _shown(pages, study_uid, series_uid)
        form = _rectangles(shown, request.form)
        look = request.form.get("do") != "mask"
        faults = _faults_of(form, look)
        if not faults and look:
            return redirect(_address(shown, form), 303)
        if not faults:
            faults = _mask(pages, shown, form)
        if faults:
            return _draw(pages, shown, form, faults), UNPROCESSABLE
        return _done(study_uid, series_uid, MASKED)

    return blueprint


def _shown(pages: Pages, study_uid: str, series_uid: str | None) -> Shown:
    """What the request asks for, of the account's own; without a series, the first that waits."""
    scope = OwnerScope(current_user.id)
    study = find_study(pages.database, scope, study_uid, pages.clock())
    parts = pages.review.series(current_user.id, study_uid) if study else []
    wanted = [part for part in parts if part.series_instance_uid == series_uid]
    if study is None or not parts or (series_uid and not wanted):
        abort(404)
    first = sorted(parts, key=lambda part: part.state != "held")[:1]
    current = (wanted or first)[0]
    number = request.values.get("image", 1, int)
    uid = current.series_instance_uid
    pictures = pictures_of(pages.database, scope, study_uid, uid, number)
    return Shown(study, tuple(parts), current, pictures)


def _draw(
    pages: Pages, shown: Shown, form: RectangleForm, faults: Mapping[str, str] = NO_FAULTS
) -> str:
    uid = shown.current.series_instance_uid
    return render_template(
        "review.html",
        pages=pages,
        shown=shown,
        form=form,
        faults=faults,
        receipts=pages.review.receipts(current_user.id, shown.study.uid, uid),
        picture_number=lambda number: _address(shown, form, number),
    )


def _address(shown: Shown, form: RectangleForm, number: int | None = None) -> str:
    """The page with another picture open; what was typed goes along."""
    typed: dict[str, Any] = {
        side: [row[place] for row in form.filled] for place, side in enumerate(SIDES)
    }
    uid, image = shown.current.series_instance_uid, number or shown.pictures.number
    return url_for("review.page", study_uid=shown.study.uid, series=uid, image=image, **typed)


def _rectangles(shown: Shown, fields: MultiDict[str, str]) -> RectangleForm:
    columns = [fields.getlist(side) for side in SIDES]
    return read_form(columns, shown.pictures.widest, shown.pictures.highest)


def _faults_of(form: RectangleForm, look: bool) -> dict[str, str]:
    """What keeps the rectangles from being looked at, or from being masked."""
    if not ButtonForm().validate_on_submit():
        return {"masks": STALE}
    if form.faults:
        return {"masks": UNUSABLE}
    if not look and not form.rectangles:
        return {"masks": NO_RECTANGLE}
    return {} if look or "sure" in request.form else {"sure": UNCONFIRMED}


def _mask(pages: Pages, shown: Shown, form: RectangleForm) -> dict[str, str]:
    """Mask the series; what kept it from being masked."""
    owner_id = current_user.id
    study_uid, series_uid = shown.study.uid, shown.current.series_instance_uid
    door = (pages.archive, pages.ingest, OwnerScope(owner_id), owner_id)
    try:
        mask_series(*door, study_uid, series_uid, form.rectangles)
    except StoreError as error:
        return {"masks": sentence_of(error)}
    return {}


def _done(study_uid: str, series_uid: str, sentence: str) -> Response:
    flash(sentence, "good")
    return redirect(url_for("review.page", study_uid=study_uid, series=series_uid), 303)
