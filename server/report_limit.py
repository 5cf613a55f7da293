"""Slows down who reports one thing after the other: each report takes a case off the site.

Invariants: only reports that were taken are counted, for an hour, in the memory of each worker;
the address is written nowhere.
Not here: reports (`cases.reports`), counting (`server.limits`).
"""

from typing import Final

from flask import Flask, Response, request
from werkzeug.exceptions import TooManyRequests

from server.limits import PerMinute

__all__ = ["limit_reports"]

REPORTS_AN_HOUR: Final = 10
HOUR_SECONDS: Final = 3600
SEND: Final = "reports.send"
TAKEN: Final = 303


def limit_reports(app: Flask) -> None:
    """Count the reports of each address, and refuse when it is too many."""
    taken = PerMinute(REPORTS_AN_HOUR, seconds=HOUR_SECONDS)

    def refuse() -> None:
        if request.endpoint != SEND:
            return
        if (seconds := taken.wait(request.remote_addr or "")) is not None:
            raise TooManyRequests(retry_after=seconds)

    def count(response: Response) -> Response:
        if request.endpoint == SEND and response.status_code == TAKEN:
            taken.count(request.remote_addr or "")
        return response

    app.before_request(refuse)
    app.after_request(count)
