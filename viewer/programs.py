"""What all routes of the API share: who calls, what was sent, how refusals are answered.

Invariants: only a token changes something, since a session's cookie comes along with a forged
request, too; a request's body is JSON, small and bounded; errors are `{"error": "one sentence"}`.
Not here: the routes (`viewer.api`, `viewer.api_cases`).
"""

import json
from typing import Any, Final

from flask import Blueprint, Response, make_response, request

from cases.errors import CaseError
from store.access import Caller
from store.errors import StoreError, TooManyRequests
from viewer.blueprint import Pages
from viewer.errors import (
    BodyTooLarge,
    NotJson,
    PageError,
    Unauthenticated,
    WrongMediaType,
    outcome_of,
    sentence_of,
)

__all__ = ["JSON", "answer_programs", "reader_of", "remover_of", "sent_document", "storer_of"]

BODY_BYTES: Final = 64 * 1024
JSON: Final = "application/json"


def answer_programs(blueprint: Blueprint) -> None:
    """Have a blueprint answer as the API does."""
    for kind in (PageError, StoreError, CaseError):
        blueprint.register_error_handler(kind, _refused)
    blueprint.after_request(_keep_private)


def reader_of(pages: Pages) -> int:
    """The account whose token or session the request has."""
    scope = pages.gate.reader(_caller())
    if scope is None or scope.owner_id is None:
        raise Unauthenticated("This needs a token, or a session.")
    return scope.owner_id


def storer_of(pages: Pages) -> int:
    """The account whose token, which may store, the request has."""
    owner_id = pages.gate.storer(_caller())
    if owner_id is None:
        raise Unauthenticated("This needs a token.")
    return owner_id


def remover_of(pages: Pages) -> int:
    """The account whose token, which may delete, the request has."""
    scope = pages.gate.remover(_caller())
    if scope is None or scope.owner_id is None:
        raise Unauthenticated("This needs a token.")
    return scope.owner_id


def sent_document(most: int = BODY_BYTES) -> Any:  # noqa: ANN401 - whatever JSON can be
    """The JSON document of the request's body.

    Args:
        most: how many bytes it may have.
    """
    if request.mimetype != JSON:
        raise WrongMediaType("The request must be application/json.")
    if (request.content_length or 0) > most:
        raise BodyTooLarge(f"The request may have {most} bytes at most.")
    body = request.stream.read(most + 1)
    if len(body) > most:
        raise BodyTooLarge(f"The request may have {most} bytes at most.")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise NotJson("The request is not a JSON document.") from None


def _caller() -> Caller:
    return Caller(request.headers.get("Authorization"), address=request.remote_addr or "")


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
