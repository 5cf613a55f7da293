"""What the page of a playlist holds, for whoever looks at it.

One template, `playlist.html`, draws it for its owner, for readers, and for those who have a share
link; they differ only in what is in here.
Invariants: cases come from the eyes of the reader, so that what they may not see is neither named
nor counted.
Not here: who may see a playlist (`cases.playing`), HTML of its description (`viewer.markdown`).
"""

from dataclasses import dataclass, field

from flask import request, url_for
from markupsafe import Markup

from cases.playing import Item, Listed, items_of, playlist_of_share, playlist_seen_by
from cases.playlists import Playlist
from cases.share_access import ShareScope
from viewer.blueprint import Pages
from viewer.linked_data import in_one_line
from viewer.markdown import to_html

__all__ = ["PlaylistPage", "picture_address", "seen_playlist", "shared_playlist"]

SIDE = 320


@dataclass(frozen=True)
class PlaylistPage:
    """Everything that `playlist.html` draws.

    Attributes:
        playlist, owner: whose it is, by name; that may be empty.
        items: the cases that the reader sees, in order.
        description: as HTML.
        is_owner: the reader may change it.
        link: the secret part of the share link that it was opened by; empty otherwise.
    """

    playlist: Playlist
    owner: str
    items: tuple[Item, ...]
    description: Markup
    is_owner: bool = False
    link: str = field(default="", repr=False)

    @property
    def summary(self) -> str:
        """The beginning of its description, in one line."""
        return in_one_line(self.playlist.description)

    def address(self, item: Item) -> str:
        """Where a case of it is read, and the reader knows the way to its neighbours."""
        if self.link:
            return url_for("share.case", share=self.link, code=item.code)
        return url_for("public.case", code=item.code, playlist=self.playlist.code)

    def picture(self, item: Item) -> str:
        """Where the picture of a case is; empty if there is none."""
        return picture_address(item, self.link)


def seen_playlist(pages: Pages, code: str, account_id: int | None) -> PlaylistPage:
    """A playlist, for an account or a stranger.

    Raises:
        NoSuchPlaylist: there is none that the reader may see.
    """
    listed = playlist_seen_by(pages.database, code, account_id)
    items = items_of(pages.database, listed.playlist.id, account_id)
    return _page(listed, items, is_owner=listed.playlist.owner_id == account_id)


def shared_playlist(pages: Pages, share: str, scope: ShareScope) -> PlaylistPage:
    """The playlist that a share link shows.

    Raises:
        NoSuchPlaylist: it shows none.
    """
    listed = playlist_of_share(pages.database, scope)
    return _page(listed, items_of(pages.database, listed.playlist.id, scope), link=share)


def picture_address(item: Item, link: str = "") -> str:
    """Where the picture that stands for a case is; empty if there is none.

    Args:
        item: the case.
        link: the secret part of the share link that shows it.
    """
    if len(item.picture) != 2:
        return ""
    study, series = item.picture
    place = f"share/{link}" if link else f"cases/{item.code}"
    root = f"{request.script_root}/{place}/dicomweb"
    return f"{root}/studies/{study}/series/{series}/thumbnail?viewport={SIDE},{SIDE}"


def _page(
    listed: Listed, items: list[Item], *, is_owner: bool = False, link: str = ""
) -> PlaylistPage:
    description = to_html(listed.playlist.description)
    return PlaylistPage(listed.playlist, listed.owner, tuple(items), description, is_owner, link)
