"""Puts the pages on a Flask application.

Invariants: errors of pages are pages; errors of other parts of the application, which know their
own readers, stay as they are.
Not here: the security headers and the secret (`server.app`).
"""

from dataclasses import replace
from http import HTTPStatus

from flask import Flask, Response, make_response, render_template, request
from flask_login import current_user
from werkzeug.exceptions import HTTPException, InternalServerError

from viewer.account import create_account_blueprint
from viewer.admin import create_admin_blueprint
from viewer.api import create_api_blueprint
from viewer.api_cases import create_case_api_blueprint
from viewer.assets import Assets, create_assets_blueprint
from viewer.blueprint import Pages, create_blueprint
from viewer.editor import create_editor_blueprint
from viewer.embed import create_embed_blueprint
from viewer.errors import NotBuilt, words_for
from viewer.playlists import create_playlists_blueprint
from viewer.public import create_public_blueprint
from viewer.public_feeds import create_feeds_blueprint
from viewer.reports import create_reports_blueprint
from viewer.review import create_review_blueprint
from viewer.security import install_security
from viewer.security.doors import guard_doors
from viewer.security.pages import create_security_blueprint
from viewer.security.terms import ask_for_terms, create_terms_blueprint
from viewer.share import create_share_blueprint
from viewer.shares import create_shares_blueprint
from viewer.sign_in import create_sign_in_blueprint
from viewer.texts import create_texts_blueprint
from viewer.uploads import create_uploads_blueprint

__all__ = ["install", "signed_in_account"]

API = "/api"
PLAIN = "text/plain; charset=utf-8"
UNAVAILABLE = 503


def install(app: Flask, pages: Pages) -> None:
    """Put pages, sign-in, the API, assets and error pages on the application.

    A checkout without a build gets an application whose pages say so.

    Args:
        app: with its SECRET_KEY set.
        pages: what the pages work on.
    """
    app.register_blueprint(create_api_blueprint(pages, url_prefix=API))
    app.register_blueprint(create_case_api_blueprint(pages, url_prefix=API))
    try:
        assets = pages.assets or Assets.load()
    except NotBuilt as missing:
        install_security(app, pages, with_views=False)
        _install_notice(app, pages, str(missing))
        return
    pages = replace(pages, assets=assets)
    app.context_processor(lambda: {"assets": assets})
    app.register_blueprint(create_assets_blueprint(assets))
    install_security(app, pages, with_views=True)
    app.register_blueprint(create_sign_in_blueprint(pages))
    guard_doors(app, pages)
    app.register_blueprint(create_security_blueprint(pages))
    app.register_blueprint(create_terms_blueprint(pages))
    ask_for_terms(app, pages)
    app.register_blueprint(create_public_blueprint(pages))
    app.register_blueprint(create_feeds_blueprint(pages))
    app.register_blueprint(create_blueprint(pages))
    app.register_blueprint(create_uploads_blueprint(pages))
    app.register_blueprint(create_editor_blueprint(pages))
    app.register_blueprint(create_embed_blueprint(pages))
    app.register_blueprint(create_review_blueprint(pages))
    app.register_blueprint(create_playlists_blueprint(pages))
    app.register_blueprint(create_shares_blueprint(pages))
    app.register_blueprint(create_share_blueprint(pages))
    app.register_blueprint(create_reports_blueprint(pages))
    app.register_blueprint(create_admin_blueprint(pages))
    app.register_blueprint(create_account_blueprint(pages))
    app.register_blueprint(create_texts_blueprint(pages))

    def answer(error: HTTPException) -> Response:
        return _error_page(error, pages.dicomweb_root)

    app.register_error_handler(HTTPException, answer)
    app.after_request(_keep_private)


def signed_in_account() -> int | None:
    """The number of the account whose session the present request belongs to."""
    return int(current_user.id) if current_user.is_authenticated else None


def _error_page(error: HTTPException, dicomweb_root: str) -> Response:
    status = error.code or InternalServerError.code
    if status < 400:
        return make_response(error.get_response())
    words = words_for(status)
    if _is_of_programs(dicomweb_root):
        response = make_response({"error": words.sentence}, status)
    else:
        page = render_template("error.html", status=status, words=words)
        response = make_response(page, status)
    allowed = getattr(error, "valid_methods", None)
    if allowed:
        response.headers["Allow"] = ", ".join(sorted(allowed))
    seconds = getattr(error, "retry_after", None)
    if seconds:
        response.headers["Retry-After"] = str(seconds)
    return response


def _is_of_programs(dicomweb_root: str) -> bool:
    return request.path == dicomweb_root or request.path.startswith(
        (f"{API}/", f"{dicomweb_root}/", "/assets/")
    )


def _keep_private(response: Response) -> Response:
    # What a page shows belongs to one session; a shared cache must not keep it.
    if response.mimetype == "text/html":
        response.headers.setdefault("Cache-Control", "private, no-store")
    return response


def _install_notice(app: Flask, pages: Pages, sentence: str) -> None:
    what = "Readingroom runs, and takes and serves studies, but has no pages here.\n"

    def notice(error: HTTPException) -> Response:
        # Whatever the name of a page is: without a build none of them is there.
        if _is_of_programs(pages.dicomweb_root):
            return make_response({"error": words_for(HTTPStatus.NOT_FOUND).sentence}, error.code)
        headers = {"Content-Type": PLAIN, "Cache-Control": "no-store"}
        return make_response(f"{what}{sentence}\n", UNAVAILABLE, headers)

    app.register_error_handler(HTTPStatus.NOT_FOUND, notice)
    app.logger.warning("%s", sentence)
