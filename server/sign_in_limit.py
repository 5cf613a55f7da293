"""Slows down who tries passwords, codes and links: after some wrong ones, they have to wait.

Invariants: only what failed is counted, so that a class behind one address can sign in at once; of
what has a mail sent, everything is, as nobody may learn from it whether it failed.
Not here: checking passwords (`viewer.security`), counting (`server.limits`).
"""

from typing import Final

from flask import Flask, Response, g, request
from werkzeug.exceptions import TooManyRequests

from server.limits import PerMinute

__all__ = ["limit_sign_in"]

WRONG_A_MINUTE: Final = 20
MAILS_A_MINUTE: Final = 60
SIGN_IN: Final = ("sign_in.", "security.", "account.delete_now")
MAILS: Final = ("security.register", "security.forgot_password", "security.send_confirmation")
# Links from mails are looked at by GET, too; their secrets are worth trying.
LINKS: Final = ("security.reset_password",)
FAILED: Final = (410, 422)


def limit_sign_in(app: Flask) -> None:
    """Count what fails on the pages for signing up and in, and refuse when it is too much."""
    wrong = PerMinute(WRONG_A_MINUTE)
    mails = PerMinute(MAILS_A_MINUTE)

    def tries() -> bool:
        endpoint = request.endpoint or ""
        return endpoint in LINKS or (request.method == "POST" and endpoint.startswith(SIGN_IN))

    def refuse() -> None:
        if not tries():
            return
        address = request.remote_addr or ""
        seconds = wrong.wait(address)
        if seconds is None and request.endpoint in MAILS and request.method == "POST":
            seconds = mails.count(address)
        if seconds is not None:
            raise TooManyRequests(retry_after=seconds)

    def count(response: Response) -> Response:
        # `viewer.security` says of a request that it was refused, where the answer leads elsewhere.
        if tries() and (response.status_code in FAILED or g.get("refused")):
            wrong.count(request.remote_addr or "")
        return response

    app.before_request(refuse)
    app.after_request(count)
