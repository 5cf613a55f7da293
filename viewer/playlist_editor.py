"""The editor of a playlist.

    edit ─> save ─┬> saved
                  ├> moved, taken out: the page again, nothing saved
                  ├> somebody else saved: the page again, upon what they saved
                  └> a fault: the page again, nothing typed is lost

Invariants: the page is for the owner of the playlist, to all others it does not exist; it works
without script.
Not here: what readers see (`viewer.playlists`), the rules (`cases.playlists`).
"""

from dataclasses import replace
from typing import Final

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from accounts.people import account_by_id
from accounts.plans import plan_of
from cases.access import case_seen_by
from cases.errors import CaseError, Changed
from cases.playing import Item, items_of
from cases.playlists import Playlist, add_case, delete_playlist, playlist_of_owner, save_playlist
from viewer.blueprint import Pages
from viewer.playlist_forms import TypedPlaylist, code_in
from viewer.sign_in import STALE, ButtonForm

__all__ = ["add_editor", "may_hide", "pressed", "title_of_case"]

CONFLICT: Final = 409
FORBIDDEN: Final = 403
UNPROCESSABLE: Final = 422


def add_editor(blueprint: Blueprint, pages: Pages) -> None:
    """Add the editor, and the question before a playlist is deleted, to the pages of playlists."""

    @blueprint.get("/<code>/edit")
    def edit(code: str) -> str:
        playlist, items = _own(pages, code)
        return _draw_editor(pages, playlist, items, TypedPlaylist.of(playlist, items))

    @blueprint.post("/<code>/edit")
    def save(code: str) -> Response | str | tuple[str, int]:
        (playlist, items), typed = _own(pages, code), TypedPlaylist.read(request.form)
        done = request.form.get("do", "save")
        if not ButtonForm().validate_on_submit():
            return _draw_editor(pages, playlist, items, typed, STALE), UNPROCESSABLE
        if done not in ("save", "add"):
            return _draw_editor(pages, playlist, items, typed.after(done), unsaved=True)
        try:
            _save(pages, code, typed, adds=done == "add")
        except Changed as error:
            again = typed.upon(playlist, items)
            fault = f"Not saved. {error} Save again to put this in its place."
            return _draw_editor(pages, playlist, items, again, fault), CONFLICT
        except CaseError as error:
            fault = f"Not saved. {error}"
            return _draw_editor(pages, playlist, items, typed, fault), UNPROCESSABLE
        flash("Saved.", "good")
        return redirect(url_for("playlists.edit", code=code), 303)

    @blueprint.get("/<code>/delete")
    def ask_delete(code: str) -> str:
        playlist = playlist_of_owner(pages.database, current_user.id, code)
        return render_template("playlist_delete.html", playlist=playlist)

    @blueprint.post("/<code>/delete")
    def delete(code: str) -> Response:
        playlist_of_owner(pages.database, current_user.id, code)
        pressed()
        delete_playlist(pages.database, current_user.id, code, clock=pages.clock)
        flash("The playlist is deleted. Its cases stay.", "good")
        return redirect(url_for("playlists.list"), 303)


def pressed() -> None:
    """Refuse what was not sent by a form of this site."""
    if not ButtonForm().validate_on_submit():
        abort(FORBIDDEN)


def title_of_case(pages: Pages, code: str) -> str:
    """The title of a case that whoever is signed in sees.

    Raises:
        NoSuchCase: there is none.
    """
    return case_seen_by(pages.database, code, current_user.id).title


def may_hide(pages: Pages) -> bool:
    """Whether the plan of who is signed in has private playlists."""
    if not current_user.is_authenticated:
        return False
    account = account_by_id(pages.database, current_user.id)
    return account is not None and plan_of(account).private_cases


def _own(pages: Pages, code: str) -> tuple[Playlist, list[Item]]:
    playlist = playlist_of_owner(pages.database, current_user.id, code)
    return playlist, items_of(pages.database, playlist.id, current_user.id)


def _save(pages: Pages, code: str, typed: TypedPlaylist, *, adds: bool) -> None:
    if adds:
        # Before anything is saved, so that a wrong address loses nothing.
        title_of_case(pages, code_in(typed.add))
    owner_id = current_user.id
    save_playlist(
        pages.database,
        owner_id,
        code,
        title=typed.title,
        description=typed.description,
        visibility=typed.visibility,
        items=typed.rows,
        saved=typed.saved,
        clock=pages.clock,
    )
    if adds:
        add_case(pages.database, owner_id, code, code_in(typed.add), clock=pages.clock)


def _draw_editor(
    pages: Pages,
    playlist: Playlist,
    items: list[Item],
    typed: TypedPlaylist,
    fault: str = "",
    *,
    unsaved: bool = False,
) -> str:
    known = {one.code: one for one in items}
    rows = [replace(known[code], note=note) for code, note in typed.rows if code in known]
    return render_template(
        "playlist_edit.html",
        playlist=playlist,
        typed=typed,
        rows=rows,
        fault=fault,
        unsaved=unsaved or bool(fault),
        may_hide=may_hide(pages),
        pages=pages,
    )
