"""The API for programs: what is held for review, decisions, masks, receipts.

Invariants: answers are JSON; a study of somebody else does not exist.
Not here: who calls and how refusals are answered (`viewer.programs`), cases (`viewer.api_cases`),
the forms that do the same for people (`viewer.review`), DICOMweb (`dicomweb`).
"""

from typing import Any, Final, cast, get_args

from flask import Blueprint, Response

from store.access import OwnerScope
from store.masks import mask_series
from store.review import Decision, SeriesReview
from viewer.blueprint import Pages
from viewer.errors import BadValue, NotFound
from viewer.programs import JSON, answer_programs, reader_of, sent_document, storer_of
from viewer.rectangles import read_json
from viewer.studies import is_uid
from viewer.words import utc

__all__ = ["create_api_blueprint"]

DECISIONS: Final = get_args(Decision)
NOTHING: Final = "There is nothing of this name among your studies."


def create_api_blueprint(pages: Pages, *, url_prefix: str) -> Blueprint:
    """The routes of the API."""
    blueprint = Blueprint("api", __name__, url_prefix=url_prefix)
    series_rule = "/studies/<study>/series/<series>"

    @blueprint.url_value_preprocessor
    def check(_endpoint: str | None, uids: dict[str, Any] | None) -> None:
        if not all(is_uid(uid) for uid in (uids or {}).values()):
            raise NotFound(NOTHING)

    @blueprint.get("/studies/<study>/review")
    def review(study: str) -> dict[str, object]:
        found = pages.review.series(reader_of(pages), study)
        if not found:
            raise NotFound(NOTHING)
        return {"study": study, "series": [_described(one) for one in found]}

    @blueprint.post(f"{series_rule}/review")
    def decide(study: str, series: str) -> dict[str, object]:
        owner_id = storer_of(pages)
        decision, seen = _decision(sent_document())
        review = pages.review
        return _described(review.decide(owner_id, study, series, decision, owner_id, seen=seen))

    @blueprint.post(f"{series_rule}/masks")
    def mask(study: str, series: str) -> dict[str, object]:
        owner_id = storer_of(pages)
        rectangles = read_json(sent_document())
        scope = OwnerScope(owner_id)
        made = mask_series(pages.archive, pages.ingest, scope, owner_id, study, series, rectangles)
        return {
            "study": study,
            "series": series,
            "instances": [received.sop_instance_uid for received in made],
        }

    @blueprint.get(f"{series_rule}/instances/<instance>/receipt")
    def receipt(study: str, series: str, instance: str) -> Response:
        found = pages.review.receipt(reader_of(pages), study, series, instance)
        if not found:
            raise NotFound(NOTHING)
        return Response(found, mimetype=JSON)

    answer_programs(blueprint)
    return blueprint


def _decision(document: object) -> tuple[Decision, int | None]:
    """What was decided, and how many instances there were to look at, if that is told."""
    said = document if isinstance(document, dict) else {}
    decision, seen = said.get("decision"), said.get("instances")
    if decision not in DECISIONS:
        raise BadValue(f"The decision must be one of {', '.join(DECISIONS)}.")
    if seen is not None and type(seen) is not int:
        raise BadValue("The number of instances must be a whole number.")
    return cast(Decision, decision), seen


def _described(found: SeriesReview) -> dict[str, object]:
    return {
        "series": found.series_instance_uid,
        "number": found.number,
        "description": found.description,
        "modality": found.modality,
        "instances": found.instances,
        "state": found.state,
        "reasons": [str(reason) for reason in found.reasons],
        "reviewed_at": found.reviewed_at and utc(found.reviewed_at).isoformat(),
    }
