"""Slows down who tries passwords: after some wrong ones from an address, it has to wait.

Invariants: only what failed is counted, so that a class behind one address can sign in at once.
Not here: checking passwords (`viewer.sign_in`), counting (`server.limits`).
"""

from typing import Final

from flask import Flask, Response, request
from werkzeug.exceptions import TooManyRequests

from server.limits import PerMinute

__all__ = ["limit_sign_in"]

WRONG_A_MINUTE: Final = 20
SIGN_IN: Final = "sign_in."
FAILED: Final = (410, 422)


def limit_sign_in(app: Flask) -> None:
    """Count what fails on the pages for signing in, and refuse when it is too much."""
    wrong = PerMinute(WRONG_A_MINUTE)

    def signs_in() -> bool:
        return request.method == "POST" and (request.endpoint or "").startswith(SIGN_IN)

    def refuse() -> None:
        if signs_in() and (seconds := wrong.wait(request.remote_addr or "")) is not None:
            raise TooManyRequests(retry_after=seconds)

    def count(response: Response) -> Response:
        if signs_in() and response.status_code in FAILED:
            wrong.count(request.remote_addr or "")
        return response

    app.before_request(refuse)
    app.after_request(count)
