"""What an embedded page shows: a case, alone or as one of a playlist, to everybody or by a link.

Invariants: who is signed in makes no difference; a share link shows what it is of and nothing else;
what is not shown is an error of `cases`, whatever the reason.
Not here: the pages themselves (`viewer.embed`).
"""

from dataclasses import dataclass, replace
from functools import partial

from flask import request, url_for

from cases.access import case_seen_by, scope_of_case
from cases.cases import Case
from cases.document import Document
from cases.errors import NoSuchCase, NoSuchPlaylist
from cases.playing import Item, items_of, playlist_of_share, playlist_seen_by
from cases.playlists import Playlist
from cases.publishing import published
from cases.share_access import ShareScope, case_of_share, client_of, share_scope
from cases.showing import StudyOfCase, shown
from cases.steps import neighbours
from store.access import Scope
from viewer.blueprint import Pages

__all__ = ["Embedded", "Within", "embedded_case", "embedded_playlist"]


@dataclass(frozen=True)
class Within:
    """The playlist that an embedded case is one of.

    Attributes:
        title: of the playlist.
        home: path of its page.
        place, count: which case of how many it is, from 1.
        note: between this case and the next one.
        previous, next: paths of the pages with its neighbours; empty for none.
    """

    title: str
    home: str
    place: int
    count: int
    note: str
    previous: str
    next: str


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
        within: the playlist; None for a case alone.
    """

    title: str
    document: Document
    studies: list[StudyOfCase]
    root: str
    home: str
    report: str
    within: Within | None = None


def embedded_case(pages: Pages, code: str, secret: str) -> Embedded:
    """A case.

    Args:
        pages: what pages work on.
        code: of the case.
        secret: of a share link; empty without one.

    Raises:
        NoSuchCase: it is not shown.
        NeedsPassword: the link has one.
    """
    if not secret:
        return _public(pages, code, f"/cases/{code}")
    return _shared(pages, _scope(pages, secret), code, secret, f"/share/{secret}")


def embedded_playlist(pages: Pages, code: str, secret: str, wanted: str) -> Embedded:
    """A case of a playlist, with the way to its neighbours.

    Args:
        pages: what pages work on.
        code: of the playlist.
        secret: of a share link; empty without one.
        wanted: code of the case; the first if this is none of the playlist.

    Raises:
        NoSuchPlaylist: it is not shown, or nothing is in it that is.
        NeedsPassword: the link has one.
    """
    if not secret:
        listed = playlist_seen_by(pages.database, code, None).playlist
        item, within = _placed(items_of(pages.database, listed.id, None), listed, wanted, "")
        home = f"/cases/{item.code}?playlist={code}"
        return replace(_public(pages, item.code, home), within=within)
    scope = _scope(pages, secret)
    listed = playlist_of_share(pages.database, scope).playlist
    if listed.code != code:
        raise NoSuchPlaylist("There is no such playlist.")
    item, within = _placed(items_of(pages.database, listed.id, scope), listed, wanted, secret)
    home = f"/share/{secret}/cases/{item.code}"
    return replace(_shared(pages, scope, item.code, secret, home), within=within)


def _scope(pages: Pages, secret: str) -> ShareScope:
    client = client_of(pages.share_key, request.remote_addr or "", request.user_agent.string)
    scope = share_scope(pages.database, secret, client=client, now=pages.clock())
    if scope is None:
        raise NoSuchCase("There is no such link.")
    return scope


def _placed(items: list[Item], listed: Playlist, wanted: str, secret: str) -> tuple[Item, Within]:
    """The case that is wanted, and where in the playlist it is."""
    if not items:
        raise NoSuchPlaylist("There is nothing in it.")
    item = next((one for one in items if one.code == wanted), items[0])
    here = neighbours(items, item.code)
    assert here is not None
    link = partial(url_for, "embed.playlist", code=listed.code, share=secret or None)
    return item, Within(
        title=listed.title,
        home=f"/share/{secret}" if secret else f"/playlists/{listed.code}",
        place=here.place,
        count=here.count,
        note=item.note,
        previous=link(case=here.previous.code) if here.previous else "",
        next=link(case=here.next.code) if here.next else "",
    )


def _public(pages: Pages, code: str, home: str) -> Embedded:
    """The case as everybody sees it, whoever is signed in."""
    case = case_seen_by(pages.database, code, None)
    scope = scope_of_case(pages.database, code, None)
    report = f"/cases/{code}/report?place=embed"
    return _embedded(pages, case, scope, f"/cases/{code}/dicomweb", home, report)


def _shared(pages: Pages, scope: ShareScope, code: str, secret: str, home: str) -> Embedded:
    """The case as a share link shows it."""
    case = case_of_share(pages.database, scope, code)
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
