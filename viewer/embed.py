"""The pages inside pages of other sites: the images of a case or a playlist, and lines below them.

Invariants: they need no cookie and set none, so that they are the same where browsers take none
from a frame; what not everybody may see is shown to whoever has a share link of it, and whoever
frames it; what is not shown is answered alike, whether there is such a thing or not.
Not here: what they show (`viewer.embedded`), which pages may frame them (`server.app`).
"""

from hashlib import blake2b
from typing import Final, Literal

from flask import Blueprint, make_response, render_template, request
from werkzeug.wrappers import Response

from cases.errors import CaseError, NeedsPassword
from viewer.blueprint import Pages
from viewer.embedded import Embedded, embedded_case, embedded_playlist

__all__ = ["create_embed_blueprint"]

SHARED: Final = "private, no-store"
PUBLIC: Final = "public, no-cache"
Kind = Literal["case", "playlist"]


def create_embed_blueprint(pages: Pages) -> Blueprint:
    """The pages that others may frame."""
    blueprint = Blueprint("embed", __name__, url_prefix="/embed")

    @blueprint.get("/case/<code>")
    def case(code: str) -> Response:
        secret = request.args.get("share", "")
        try:
            found = embedded_case(pages, code, secret)
        except CaseError as error:
            return _nothing("case", secret if isinstance(error, NeedsPassword) else "")
        return _answer(pages, found, secret)

    @blueprint.get("/playlist/<code>")
    def playlist(code: str) -> Response:
        secret, wanted = request.args.get("share", ""), request.args.get("case", "")
        try:
            found = embedded_playlist(pages, code, secret, wanted)
        except CaseError as error:
            return _nothing("playlist", secret if isinstance(error, NeedsPassword) else "")
        return _answer(pages, found, secret)

    return blueprint


def _nothing(kind: Kind, secret: str) -> Response:
    """Say that there is nothing; or, of a link with a password, where it is asked for."""
    home = f"/share/{secret}" if secret else ""
    page = render_template("embed_nothing.html", kind=kind, home=home)
    response = make_response(page, 401 if secret else 404)
    response.headers["Cache-Control"] = "no-store"
    return response


def _answer(pages: Pages, found: Embedded, secret: str) -> Response:
    page = render_template("embed.html", embedded=found, pages=pages)
    response = make_response(page)
    response.headers["Cache-Control"] = SHARED if secret else PUBLIC
    response.set_etag(blake2b(page.encode(), digest_size=16).hexdigest())
    return response.make_conditional(request)
