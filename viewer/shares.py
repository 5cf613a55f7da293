"""The page on which the owner of a case or a playlist makes, sees and deletes its share links.

Invariants: the page is for the owner, to all others it does not exist; the address of a link is on
the page that follows its making, and nowhere else; loading that page again makes no other link.
Not here: the rules (`cases.sharing`), how the address gets to that page (`viewer.shares_made`),
what a link opens (`viewer.share`).
"""

from typing import Final, cast

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from cases.cases import case_of_owner
from cases.errors import CaseError, NoSuchCase, NoSuchPlaylist, NoSuchShare
from cases.playing import items_of
from cases.playlists import playlist_of_owner
from cases.share_list import Kind, Share, shares_of
from cases.sharing import create_share, delete_share, restore_share
from viewer import words
from viewer.blueprint import Pages, only_signed_in
from viewer.share_forms import ShareForm, uses, when
from viewer.shares_made import parted, shown_once
from viewer.sign_in import ButtonForm

__all__ = ["create_shares_blueprint"]

FORBIDDEN: Final = 403
OF: Final = "/<any(cases, playlists):kinds>/<code>"
UNPROCESSABLE: Final = 422


def create_shares_blueprint(pages: Pages) -> Blueprint:
    """The pages of share links, for people who are signed in."""
    blueprint = Blueprint("sharing", __name__)
    blueprint.context_processor(lambda: {"words": words, "uses": uses, "when": when})
    blueprint.before_request(only_signed_in)

    @blueprint.get("/cases/<code>/shares", endpoint="links", defaults={"kind": "case"})
    @blueprint.get("/playlists/<code>/shares", endpoint="of_list", defaults={"kind": "playlist"})
    def page(code: str, kind: Kind) -> str:
        made = None
        if "made" in request.args:
            made = shown_once(pages.database, current_user.id, request.args["made"])
        return _draw(pages, kind, code, made=made)

    @blueprint.post(f"{OF}/shares")
    def make(kinds: str, code: str) -> Response | tuple[str, int]:
        kind, form = _kind(kinds), ShareForm()
        form.know(pages.clock())
        if not form.validate_on_submit():
            return _draw(pages, kind, code, form=form), UNPROCESSABLE
        try:
            _, secret = create_share(
                pages.database,
                current_user.id,
                kind,
                code,
                form.wanted,
                clock=pages.clock,
                random_bytes=pages.random_bytes,
            )
        except (NoSuchCase, NoSuchPlaylist):
            abort(404)
        except CaseError as error:
            form.label.errors = (str(error),)
            return _draw(pages, kind, code, form=form), UNPROCESSABLE
        return _back(kinds, code, made=parted(secret, pages.random_bytes))

    @blueprint.post(f"{OF}/shares/<int:number>/delete")
    def delete(kinds: str, code: str, number: int) -> Response:
        _pressed()
        try:
            gone = delete_share(pages.database, current_user.id, number, clock=pages.clock)
        except NoSuchShare:
            abort(404)
        flash(f"{gone.id} {gone.label}", "deleted")
        return _back(kinds, code)

    @blueprint.post(f"{OF}/shares/<int:number>/restore")
    def restore(kinds: str, code: str, number: int) -> Response:
        _pressed()
        try:
            back = restore_share(pages.database, current_user.id, number, clock=pages.clock)
        except NoSuchShare as error:
            flash(str(error), "hold")
        else:
            flash(f"The link “{back.label}” works again.", "good")
        return _back(kinds, code)

    return blueprint


def _kind(kinds: str) -> Kind:
    return cast(Kind, kinds.removesuffix("s"))


def _back(kinds: str, code: str, made: str | None = None) -> Response:
    page = "sharing.links" if kinds == "cases" else "sharing.of_list"
    return redirect(url_for(page, code=code, made=made), 303)


def _pressed() -> None:
    if not ButtonForm().validate_on_submit():
        abort(FORBIDDEN)


def _draw(
    pages: Pages,
    kind: Kind,
    code: str,
    *,
    form: ShareForm | None = None,
    made: tuple[Share, str] | None = None,
) -> str:
    if form is None:
        form = ShareForm(formdata=None)
        form.know(pages.clock())
    return render_template(
        "shares.html",
        kind=kind,
        code=code,
        subject=_subject(pages, kind, code),
        form=form,
        made=made,
        shares=shares_of(pages.database, current_user.id, kind=kind, code=code),
        pages=pages,
        now=pages.clock(),
    )


def _subject(pages: Pages, kind: Kind, code: str) -> dict[str, object]:
    """What is shared, as the head of the page names it."""
    try:
        if kind == "case":
            case = case_of_owner(pages.database, current_user.id, code)
            return {"title": case.title, "private": case.private, "version": case.version}
        playlist = playlist_of_owner(pages.database, current_user.id, code)
    except (NoSuchCase, NoSuchPlaylist):
        abort(404)
    states = [one.state for one in items_of(pages.database, playlist.id, current_user.id)]
    return {"title": playlist.title, "visibility": playlist.visibility, "states": states}
