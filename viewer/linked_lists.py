"""How lists of cases are told to programs: playlists, channels, and the site itself.

Standard: schema.org 28 (ItemList, ProfilePage, WebSite).
Invariants: only public cases are named, whoever looks at the page.
Not here: cases (`viewer.linked_data`).
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from cases.channels import Channel
from cases.playing import Listed
from cases.wanted import FoundCase
from viewer.linked_data import case_address, in_one_line
from viewer.playlist_page import PlaylistPage
from viewer.words import utc

__all__ = [
    "channel_data",
    "list_picture",
    "playlist_address",
    "playlist_data",
    "playlists_data",
    "site_data",
]

_CONTEXT: Final = "https://schema.org"


def playlist_address(base: str, code: str) -> str:
    """Where a playlist is."""
    return f"{base}/playlists/{code}"


def playlist_data(page: PlaylistPage, base: str, operator: str) -> dict[str, Any]:
    """A public playlist with its cases in order."""
    playlist = page.playlist
    address = playlist_address(base, playlist.code)
    cases = [(one.code, one.title) for one in page.items if one.state == "published"]
    return _said(
        {
            "@type": ["LearningResource", "ItemList"],
            "@id": address,
            "url": address,
            "identifier": playlist.code,
            "name": playlist.title,
            "description": in_one_line(playlist.description),
            "learningResourceType": "Playlist of teaching cases",
            "author": {"@type": "Person", "name": page.owner} if page.owner else None,
            "publisher": {"@type": "Organization", "name": operator} if operator else None,
            "image": list_picture([code for code, _ in cases], base),
            "dateCreated": utc(playlist.created_at).date().isoformat(),
            "dateModified": utc(playlist.updated_at).date().isoformat(),
            "isAccessibleForFree": True,
            "numberOfItems": len(cases),
            "itemListElement": _items((case_address(base, code), title) for code, title in cases),
        }
    )


def channel_data(channel: Channel, cases: Sequence[FoundCase], base: str) -> dict[str, Any]:
    """The channel of an author, with the cases on its first page."""
    address = f"{base}/authors/{channel.address}"
    return _said(
        {
            "@type": "ProfilePage",
            "@id": address,
            "url": address,
            "mainEntity": {"@type": "Person", "name": channel.name, "url": address},
            "hasPart": _found(cases, base),
        }
    )


def site_data(cases: Sequence[FoundCase], base: str, operator: str) -> dict[str, Any]:
    """The site, how it is searched, and its newest cases."""
    search = {
        "@type": "SearchAction",
        "target": {"@type": "EntryPoint", "urlTemplate": f"{base}/?q={{search_term_string}}"},
        "query-input": "required name=search_term_string",
    }
    return _said(
        {
            "@type": "WebSite",
            "@id": f"{base}/",
            "url": f"{base}/",
            "name": operator or "Readingroom",
            "potentialAction": search,
            "hasPart": _found(cases, base),
        }
    )


def playlists_data(listed: Sequence[Listed], base: str) -> dict[str, Any]:
    """The list of public playlists."""
    named = [(playlist_address(base, one.playlist.code), one.playlist.title) for one in listed]
    return _said(
        {
            "@type": "CollectionPage",
            "@id": f"{base}/playlists",
            "url": f"{base}/playlists",
            "name": "Playlists",
            "mainEntity": {"@type": "ItemList", "itemListElement": _items(named)},
        }
    )


def list_picture(codes: Sequence[str], base: str) -> str:
    """The picture of the first case; empty without one."""
    return f"{case_address(base, codes[0])}/picture.jpg" if codes else ""


def _found(cases: Sequence[FoundCase], base: str) -> list[dict[str, str]]:
    return [
        {"@type": "LearningResource", "name": one.title, "url": case_address(base, one.code)}
        for one in cases
    ]


def _items(named: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    return [
        {"@type": "ListItem", "position": place, "url": address, "name": title}
        for place, (address, title) in enumerate(named, start=1)
    ]


def _said(said: dict[str, Any]) -> dict[str, Any]:
    said = {"@context": _CONTEXT, **said}
    return {name: value for name, value in said.items() if value not in ("", None, [])}
