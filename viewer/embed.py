"""The page of a case inside a page of another site: its images, and one line below them.

Invariants: it needs no cookie and sets none, so that it is the same where browsers take none from a
frame; a case that not everybody may see is shown to whoever has a share link of it, and whoever
frames it; what is not shown is answered alike, whether there is such a case or not.
Not here: which pages may frame it (`server.app`), the page of the case (`viewer.public`).
"""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from flask import Blueprint, make_response, render_template, request
from werkzeug.wrappers import Response

from cases.access import case_seen_by, scope_of_case
from cases.cases import Case
from cases.document import Document
from cases.errors import CaseError, NeedsPassword, NoSuchCase
from cases.publishing import published
from cases.share_access import case_of_share, client_of, share_scope
from cases.showing import StudyOfCase, shown
from store.access import Scope
from viewer.blueprint import Pages

__all__ = ["create_embed_blueprint"]

SHARED: Final = "private, no-store"
PUBLIC: Final = "public, no-cache"


@dataclass(frozen=True)
class Embedded:
    """What the page shows.

    Attributes:
        title: of the case.
        document: the version that is shown.
        studies: of it, in order.
        root: path of the DICOMweb root, below that of the server.
        home: path of the page that the frame links to.
        report: path and query of the form for reports.
    """

    title: str
    document: Document
    studies: list[StudyOfCase]
    root: str
    home: str
    report: str


def create_embed_blueprint(pages: Pages) -> Blueprint:
    """The pages that others may frame."""
    blueprint = Blueprint("embed", __name__, url_prefix="/embed")

    @blueprint.get("/case/<code>")
    def case(code: str) -> Response:
        secret = request.args.get("share", "")
        try:
            found = _shared(pages, code, secret) if secret else _public(pages, code)
        except CaseError as error:
            return _nothing(secret if isinstance(error, NeedsPassword) else "")
        page = render_template("embed.html", embedded=found, pages=pages)
        return _answer(page, SHARED if secret else PUBLIC)

    return blueprint


def _public(pages: Pages, code: str) -> Embedded:
    """The case as everybody sees it, whoever is signed in."""
    case = case_seen_by(pages.database, code, None)
    scope = scope_of_case(pages.database, code, None)
    report = f"/cases/{code}/report?place=embed"
    return _embedded(pages, case, scope, f"/cases/{code}/dicomweb", f"/cases/{code}", report)


def _shared(pages: Pages, code: str, secret: str) -> Embedded:
    """The case as a share link shows it."""
    client = client_of(pages.share_key, request.remote_addr or "", request.user_agent.string)
    scope = share_scope(pages.database, secret, client=client, now=pages.clock())
    if scope is None:
        raise NoSuchCase("There is no such link.")
    case = case_of_share(pages.database, scope, code)
    home = f"/share/{secret}"
    report = f"/cases/{code}/report?place=embed&share={secret}"
    return _embedded(pages, case, scope, f"/share/{secret}/dicomweb", home, report)


def _embedded(
    pages: Pages, case: Case, scope: Scope, root: str, home: str, report: str
) -> Embedded:
    title, document = case.title, case.document
    if case.version is not None:
        document = published(pages.database, case.id).document
    studies = shown(pages.database, scope, document)
    return Embedded(title, document, studies, root, home, report)


def _nothing(secret: str) -> Response:
    """Say that there is nothing; or, of a link with a password, where it is asked for."""
    page = render_template("embed_nothing.html", home=f"/share/{secret}" if secret else "/")
    response = make_response(page, 401 if secret else 404)
    response.headers["Cache-Control"] = "no-store"
    return response


def _answer(page: str, cache: str) -> Response:
    response = make_response(page)
    response.headers["Cache-Control"] = cache
    response.set_etag(blake2b(page.encode(), digest_size=16).hexdigest())
    return response.make_conditional(request)
