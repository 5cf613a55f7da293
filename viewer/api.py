"""The API for programs: what is held for review, decisions, masks, receipts.

Invariants: answers are JSON, errors are `{"error": "one sentence"}`; a study of somebody else does
not exist; only a token changes something, since a session's cookie comes along with a forged
request, too; a request's body is small and bounded.
Not here: the forms that do the same for people (`viewer.review`), DICOMweb (`dicomweb`).
"""

import json
from typing import Any, Final, cast, get_args

from flask import Blueprint, Response, make_response, request

from store.access import Caller, OwnerScope
from store.errors import StoreError, TooManyRequests
from store.masks import mask_series
from store.review import Decision, SeriesReview
from viewer.blueprint import Pages
from viewer.errors import (
    BadValue,
    BodyTooLarge,
    NotFound,
    NotJson,
    PageError,
    Unauthenticated,
    WrongMediaType,
    outcome_of,
    sentence_of,
)
from viewer.rectangles import read_json
from viewer.studies import is_uid
from viewer.words import utc

__all__ = ["create_api_blueprint"]

BODY_BYTES: Final = 64 * 1024
DECISIONS: Final = get_args(Decision)
JSON: Final = "application/json"
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
        found = pages.review.series(_reader(pages), study)
        if not found:
            raise NotFound(NOTHING)
        return {"study": study, "series": [_described(one) for one in found]}

    @blueprint.post(f"{series_rule}/review")
    def decide(study: str, series: str) -> dict[str, object]:
        owner_id = _storer(pages)
        decision, seen = _decision(_document())
        review = pages.review
        return _described(review.decide(owner_id, study, series, decision, owner_id, seen=seen))

    @blueprint.post(f"{series_rule}/masks")
    def mask(study: str, series: str) -> dict[str, object]:
        owner_id = _storer(pages)
        rectangles = read_json(_document())
        scope = OwnerScope(owner_id)
        made = mask_series(pages.archive, pages.ingest, scope, owner_id, study, series, rectangles)
        return {
            "study": study,
            "series": series,
            "instances": [received.sop_instance_uid for received in made],
        }

    @blueprint.get(f"{series_rule}/instances/<instance>/receipt")
    def receipt(study: str, series: str, instance: str) -> Response:
        found = pages.review.receipt(_reader(pages), study, series, instance)
        if not found:
            raise NotFound(NOTHING)
        return Response(found, mimetype=JSON)

    blueprint.register_error_handler(PageError, _refused)
    blueprint.register_error_handler(StoreError, _refused)
    blueprint.after_request(_keep_private)
    return blueprint


def _caller() -> Caller:
    return Caller(request.headers.get("Authorization"), address=request.remote_addr or "")


def _reader(pages: Pages) -> int:
    """The account whose token or session the request has."""
    scope = pages.gate.reader(_caller())
    if scope is None or scope.owner_id is None:
        raise Unauthenticated("This needs a token, or a session.")
    return scope.owner_id


def _storer(pages: Pages) -> int:
    """The account whose token the request has."""
    owner_id = pages.gate.storer(_caller())
    if owner_id is None:
        raise Unauthenticated("This needs a token.")
    return owner_id


def _document() -> object:
    if request.mimetype != JSON:
        raise WrongMediaType("The request must be application/json.")
    if (request.content_length or 0) > BODY_BYTES:
        raise BodyTooLarge(f"The request may have {BODY_BYTES} bytes at most.")
    try:
        return json.loads(request.stream.read(BODY_BYTES + 1))
    except (ValueError, RecursionError):
        raise NotJson("The request is not a JSON document.") from None


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


def _refused(error: Exception) -> Response:
    response = make_response({"error": sentence_of(error)}, outcome_of(error).status)
    if isinstance(error, Unauthenticated):
        response.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, TooManyRequests):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _keep_private(response: Response) -> Response:
    response.headers.setdefault("Cache-Control", "private, no-store")
    return response
