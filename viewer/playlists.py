"""The pages of playlists: the list of them, one of them, and how a case comes into one.

Invariants: a playlist that the reader may not see is answered like one that there is not.
Not here: the editor (`viewer.playlist_editor`), playlists that a link shows (`viewer.share`), the
rules (`cases.playlists`).
"""

from typing import Final

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from cases.errors import CaseError, NoSuchCase, NoSuchPlaylist
from cases.playing import (
    count_of_public_playlists,
    playlists_of_owner,
    public_playlists,
)
from cases.playlists import (
    Playlist,
    add_case,
    create_playlist,
)
from viewer import words
from viewer.blueprint import Pages, only_signed_in
from viewer.open_answers import for_readers
from viewer.playlist_editor import add_editor, may_hide, pressed, title_of_case
from viewer.playlist_page import picture_address, seen_playlist
from viewer.public import not_there

__all__ = ["create_playlists_blueprint"]

CONFLICT: Final = 409
FORBIDDEN: Final = 403
UNPROCESSABLE: Final = 422
PER_PAGE: Final = 24
LAST_PAGE: Final = 1000
#: Five hundred notes of the longest kind would be more than other forms are.
FORM_BYTES: Final = 4 * 1024 * 1024
FORM_PARTS: Final = 2000
OF_READERS: Final = ("playlists.list", "playlists.page")


def create_playlists_blueprint(pages: Pages) -> Blueprint:
    """The pages of playlists; those that change something for people who are signed in."""
    blueprint = Blueprint("playlists", __name__, url_prefix="/playlists")
    blueprint.context_processor(lambda: {"words": words, "picture_address": picture_address})

    @blueprint.before_request
    def guard() -> Response | None:
        request.max_form_memory_size, request.max_form_parts = FORM_BYTES, FORM_PARTS
        return None if request.endpoint in OF_READERS else only_signed_in()

    blueprint.register_error_handler(NoSuchPlaylist, not_there)

    @blueprint.get("", endpoint="list")
    def list_() -> Response:
        number = min(LAST_PAGE, max(1, request.args.get("page", 1, int)))
        return for_readers(_draw_list(pages, number))

    @blueprint.get("/<code>")
    def page(code: str) -> Response:
        account_id = int(current_user.id) if current_user.is_authenticated else None
        found = seen_playlist(pages, code, account_id)
        return for_readers(render_template("playlist.html", page=found, pages=pages))

    _add_making(blueprint, pages)
    add_editor(blueprint, pages)
    return blueprint


def _add_making(blueprint: Blueprint, pages: Pages) -> None:
    @blueprint.get("/add")
    def add() -> str:
        return _draw_add(pages, request.args.get("case", ""))

    @blueprint.post("/add")
    def put() -> Response | tuple[str, int]:
        pressed()
        wanted, chosen = request.form.get("case", ""), request.form.get("playlist", "")
        try:
            title_of_case(pages, wanted)
            code = chosen or _make(pages).code
            made = add_case(pages.database, current_user.id, code, wanted, clock=pages.clock)
        except NoSuchCase:
            abort(404)
        except CaseError as error:
            return _draw_add(pages, wanted, str(error)), UNPROCESSABLE
        flash(f"The case is in “{made.title}”.", "good")
        return redirect(url_for("playlists.page", code=made.code), 303)

    @blueprint.post("")
    def make() -> Response | tuple[str, int]:
        pressed()
        try:
            made = _make(pages)
        except CaseError as error:
            return _draw_list(pages, 1, str(error)), UNPROCESSABLE
        return redirect(url_for("playlists.edit", code=made.code), 303)


def _make(pages: Pages) -> Playlist:
    return create_playlist(
        pages.database,
        current_user.id,
        title=request.form.get("title", ""),
        visibility=request.form.get("visibility", "unlisted"),
        clock=pages.clock,
        random_bytes=pages.random_bytes,
    )


def _draw_list(pages: Pages, number: int, fault: str = "") -> str:
    found = public_playlists(pages.database, limit=PER_PAGE, offset=(number - 1) * PER_PAGE)
    if number > 1 and not found:
        abort(404)
    mine = []
    if current_user.is_authenticated and number == 1:
        mine = playlists_of_owner(pages.database, current_user.id)
    return render_template(
        "playlists.html",
        pages=pages,
        playlists=found,
        mine=mine,
        total=count_of_public_playlists(pages.database),
        number=number,
        last=(number - 1) * PER_PAGE + len(found),
        fault=fault,
        may_hide=may_hide(pages),
    )


def _draw_add(pages: Pages, code: str, fault: str = "") -> str:
    try:
        title = title_of_case(pages, code)
    except NoSuchCase:
        abort(404)
    mine = playlists_of_owner(pages.database, current_user.id)
    told = {"code": code, "title": title, "mine": mine, "fault": fault}
    return render_template("playlist_add.html", may_hide=may_hide(pages), **told)
