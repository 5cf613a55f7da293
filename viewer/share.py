"""The pages that a share link opens: a case, a playlist and its cases, the question for a password.

Invariants: nothing that a link opens is kept by a cache or a search engine, and no address of these
pages is told to others by the browser; a link that opens nothing says why, as far as whoever has it
may know.
Not here: making links (`viewer.shares`), what a link opens (`cases.share_access`), its DICOMweb
root (`server.gate`).
"""

from dataclasses import replace
from typing import Final

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import PasswordField
from wtforms.validators import InputRequired, Length

from cases.around import InPlaylist, Steps
from cases.errors import NeedsPassword, NoSuchCase, NoSuchPlaylist, NoSuchShare, WrongPassword
from cases.playing import items_of, playlist_of_share
from cases.share_access import (
    ShareScope,
    case_of_share,
    client_of,
    open_with_password,
    share_scope,
)
from cases.share_ends import ended
from cases.steps import neighbours
from store.access import LentScope
from store.errors import TooManyRequests
from viewer import words
from viewer.blueprint import Pages
from viewer.case_page import CasePage
from viewer.case_pages import shared_page
from viewer.downloads import archive_of
from viewer.playlist_page import shared_playlist
from viewer.sign_in import STALE

__all__ = ["create_share_blueprint"]

UNAUTHORIZED: Final = 401
UNPROCESSABLE: Final = 422
TOO_MANY: Final = 429
STATUS_OF_END: Final = {"unknown": 404}
GONE: Final = 410
HEADERS: Final = {
    "Cache-Control": "private, no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
}
Answer = str | tuple[str, int] | Response


class PasswordForm(FlaskForm):  # type: ignore[misc]
    """The password of a link."""

    password = PasswordField(validators=[InputRequired("Type the password."), Length(max=200)])


def create_share_blueprint(pages: Pages) -> Blueprint:
    """The pages of share links, for whoever has one."""
    blueprint = Blueprint("share", __name__, url_prefix="/share/<share>")
    blueprint.context_processor(lambda: {"words": words})
    blueprint.after_request(_keep_secret)

    @blueprint.errorhandler(NeedsPassword)
    def ask(_error: NeedsPassword) -> Answer:
        return _ask(PasswordForm(formdata=None), UNAUTHORIZED)

    @blueprint.get("")
    def page(share: str) -> Answer:
        scope = _scope(pages, share)
        try:
            if scope is not None and scope.playlist_id is not None:
                return _draw_playlist(pages, share, scope)
            if scope is not None:
                return _draw(pages, _case_page(pages, share, scope))
        except (NoSuchCase, NoSuchPlaylist):
            # The case is hidden, or private and its owner's plan is over.
            pass
        return _end(pages, share)

    @blueprint.post("")
    def unlock(share: str) -> Answer:
        form = PasswordForm()
        if not form.validate_on_submit():
            if form.csrf_token.errors:
                form.password.errors = (STALE,)
            return _ask(form, UNPROCESSABLE)
        return _unlock(pages, share, form)

    @blueprint.get("/cases/<code>")
    def case(share: str, code: str) -> Answer:
        scope = _scope(pages, share)
        if scope is None:
            return _end(pages, share)
        try:
            return _draw(pages, _case_page(pages, share, scope, code))
        except NoSuchCase:
            abort(404)

    @blueprint.get("/cases/<code>/download.zip")
    def download(share: str, code: str) -> Answer:
        scope = _scope(pages, share)
        if scope is None:
            return _end(pages, share)
        try:
            return archive_of(pages, _case_page(pages, share, scope, code))
        except NoSuchCase:
            abort(404)

    return blueprint


def _scope(pages: Pages, share: str) -> ShareScope | None:
    address, agent = request.remote_addr or "", request.headers.get("User-Agent", "")
    client = client_of(pages.share_key, address, agent)
    return share_scope(pages.database, share, client=client, now=pages.clock())


def _unlock(pages: Pages, share: str, form: PasswordForm) -> Answer:
    try:
        opened = open_with_password(
            pages.database,
            share,
            form.password.data,
            address=request.remote_addr or "",
            random_bytes=pages.random_bytes,
            clock=pages.clock,
        )
    except WrongPassword as error:
        form.password.errors = (str(error),)
        return _ask(form, UNPROCESSABLE)
    except TooManyRequests as error:
        minutes = -(-error.retry_after // 60)
        form.password.errors = (f"There were too many tries. Wait {minutes} min and try again.",)
        return _ask(form, TOO_MANY)
    except NoSuchShare:
        return _end(pages, share)
    return redirect(url_for("share.page", share=opened), 303)


def _ask(form: PasswordForm, status: int) -> tuple[str, int]:
    return render_template("share_password.html", form=form), status


def _end(pages: Pages, share: str) -> tuple[str, int]:
    end = ended(pages.database, share, pages.clock())
    status = STATUS_OF_END.get(end.kind, GONE)
    return render_template("share_ended.html", end=end), status


def _case_page(pages: Pages, share: str, scope: ShareScope, code: str | None = None) -> CasePage:
    found = case_of_share(pages.database, scope, code)
    root = f"{request.script_root}/share/{share}/dicomweb"
    listed = playlist_of_share(pages.database, scope) if scope.playlist_id is not None else None
    page = shared_page(
        pages,
        found,
        LentScope(scope),
        root,
        link=share,
        downloadable=scope.downloadable,
        owner_id=None if listed is None else listed.playlist.owner_id,
    )
    if found.version is None or found.private:
        # They lead to pages that whoever has the link may not see.
        page = replace(page, citation="", versions=())
    if listed is None:
        return page
    here = neighbours(items_of(pages.database, listed.playlist.id, scope), found.code)
    if here is None:
        return page
    within = InPlaylist(listed.playlist.code, listed.playlist.title, here.place, here.count)
    return replace(page, steps=Steps(within, here.previous, here.next))


def _draw(pages: Pages, page: CasePage) -> str:
    return render_template("case.html", page=page, pages=pages)


def _draw_playlist(pages: Pages, share: str, scope: ShareScope) -> str:
    page = shared_playlist(pages, share, scope)
    return render_template("playlist.html", page=page, pages=pages)


def _keep_secret(response: Response) -> Response:
    response.headers.update(HEADERS)
    return response
