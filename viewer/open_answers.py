"""Answers to strangers, which caches may keep for all of them as long as they ask each time.

Invariants: what is kept is shown only after the server was asked again, so what is hidden or taken
back is gone with the next look; what somebody with a session sees is theirs alone.
Not here: answers of DICOMweb (`dicomweb.answers`).
"""

from hashlib import blake2b
from typing import cast

from flask import Response, make_response, request
from flask_login import current_user

__all__ = ["answered", "for_readers"]


def for_readers(body: str | bytes, media_type: str = "text/html; charset=utf-8") -> Response:
    """Answer with a body, or with the word that it has not changed.

    Args:
        body: the whole answer.
        media_type: what it is.
    """
    data = body.encode() if isinstance(body, str) else body
    response = make_response(data)
    response.headers["Content-Type"] = media_type
    return answered(response, blake2b(data, digest_size=16).hexdigest())


def answered(response: Response, etag: str) -> Response:
    """Say who may keep an answer, and leave its body out for those who have it."""
    response.vary.add("Cookie")
    if current_user.is_authenticated and response.mimetype == "text/html":
        # It may hold what is private, and holds what protects forms: nobody keeps it.
        response.headers["Cache-Control"] = "private, no-store"
        return response
    if current_user.is_authenticated:
        response.headers["Cache-Control"] = "private, no-cache"
    else:
        response.headers["Cache-Control"] = "public, no-cache"
    response.set_etag(etag)
    return cast(Response, response.make_conditional(request))
