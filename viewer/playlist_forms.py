"""What is typed into the editor of a playlist, and what it means.

Invariants: whatever was typed is in `TypedPlaylist`, also what cannot be saved, so that the page
can be drawn again without losing any of it.
Not here: saving (`cases.playlists`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from werkzeug.datastructures import MultiDict

from cases.codes import is_code
from cases.playing import Item
from cases.playlists import Playlist

__all__ = ["TypedPlaylist", "code_in"]


@dataclass(frozen=True)
class TypedPlaylist:
    """Everything that is in the fields of the editor, as text.

    Attributes:
        saved: of the playlist that its owner began with.
        rows: code of each case, and the note after it, in order.
        add: address or code of a case that is to be added.
    """

    saved: int
    title: str
    description: str
    visibility: str
    rows: tuple[tuple[str, str], ...] = ()
    add: str = ""

    @classmethod
    def of(cls, playlist: Playlist, items: Sequence[Item]) -> "TypedPlaylist":
        """The fields with what a playlist has."""
        return cls(
            playlist.saved,
            playlist.title,
            playlist.description,
            playlist.visibility,
            tuple((one.code, one.note) for one in items),
        )

    @classmethod
    def read(cls, fields: MultiDict[str, str]) -> "TypedPlaylist":
        """The fields as a form sent them."""
        rows = zip(fields.getlist("case"), fields.getlist("note"), strict=False)
        return cls(
            fields.get("saved", -1, int),
            fields.get("title", ""),
            _lines(fields.get("description", "")),
            fields.get("visibility", ""),
            tuple({code: _lines(note) for code, note in rows if is_code(code)}.items()),
            fields.get("add", "").strip(),
        )

    def after(self, done: str) -> "TypedPlaylist":
        """The fields after a press of a button that moves a case, or takes it out.

        Args:
            done: "up", "down" or "remove", a slash, and the code of the case. Anything else
                changes nothing.
        """
        verb, _, code = done.partition("/")
        at = next((place for place, (one, _) in enumerate(self.rows) if one == code), None)
        if at is None or verb not in ("up", "down", "remove"):
            return self
        rows = [row for row in self.rows if row[0] != code]
        if verb != "remove":
            rows.insert(max(0, at - 1) if verb == "up" else at + 1, self.rows[at])
        return replace(self, rows=tuple(rows))

    def upon(self, playlist: Playlist, items: Sequence[Item]) -> "TypedPlaylist":
        """The fields for another try, upon what was saved elsewhere in the meantime."""
        there = {one.code: one.note for one in items}
        kept = {code: note for code, note in self.rows if code in there}
        return replace(
            self, saved=playlist.saved, rows=tuple((kept | _without(there, kept)).items())
        )


def code_in(text: str) -> str:
    """The code of a case, typed alone or in its address; empty if there is none."""
    found = re.search(r"(?:\A|/cases/)([a-z0-9]+)(?:[/?#].*)?\Z", text.strip())
    return found[1] if found and is_code(found[1]) else ""


def _without(notes: dict[str, str], known: dict[str, str]) -> dict[str, str]:
    return {code: note for code, note in notes.items() if code not in known}


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n")
