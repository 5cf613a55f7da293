"""Puts together what the page of a case holds (`viewer.case_page`), for whoever looks at it.

Invariants: studies and series come from the scope of the reader, so that what it does not hold is
not named either; files are offered only where the owner allows it.
Not here: who may see a case (`cases.access`); its texts (`viewer.case_text`).
"""

from dataclasses import replace

from cases.access import CaseScope, scope_of_case
from cases.around import playlists_with
from cases.cases import Case
from cases.channels import channel_of
from cases.citing import citation
from cases.downloads import sizes_of
from cases.publishing import Published, published, versions_of
from cases.showing import shown
from store.access import Scope
from viewer.blueprint import Pages
from viewer.case_page import CasePage, Kind
from viewer.case_text import sections_of

__all__ = ["preview_page", "published_page", "shared_page"]


def published_page(
    pages: Pages,
    case: Case,
    root: str,
    *,
    number: int | None = None,
    account_id: int | None = None,
    moderator: bool = False,
) -> CasePage:
    """A published version of a case, for one who may see the case.

    Args:
        pages: what pages work on.
        case: from `cases.access.case_seen_by`.
        root: path of its DICOMweb root.
        number: of the version; None for the one that is shown.
        account_id, moderator: who looks.

    Raises:
        NoSuchVersion: the case was never published in this version.
    """
    is_owner = account_id is not None and account_id == case.owner_id
    scope = scope_of_case(pages.database, case.code, account_id, moderator=moderator)
    shown_version = published(pages.database, case.id, number)
    kind: Kind = "published" if shown_version.number == case.version else "version"
    page = _of_version(pages, case, shown_version, kind, scope, root)
    # What the owner does not allow any more cannot be had by way of an older version.
    newest = published(pages.database, case.id) if kind == "version" else shown_version
    allowed = shown_version.document.downloadable and newest.document.downloadable
    return replace(
        _offered(pages, page, allowed or is_owner),
        is_owner=is_owner,
        is_moderator=moderator,
        playlists=playlists_with(pages.database, case.id),
    )


def preview_page(pages: Pages, case: Case, root: str) -> CasePage:
    """The working copy of a case, for its owner.

    Args:
        pages: what pages work on.
        case: of the one who looks.
        root: path of its DICOMweb root.
    """
    scope = CaseScope(case.id, case.owner_id)
    page = _of_working_copy(pages, case, "preview", scope, root)
    return replace(_offered(pages, page, True), is_owner=True)


def shared_page(
    pages: Pages,
    case: Case,
    scope: Scope,
    root: str,
    *,
    link: str,
    downloadable: bool,
    owner_id: int | None = None,
) -> CasePage:
    """A case that was shared by a link: its published version, or the working copy if it has none.

    Args:
        pages: what pages work on.
        case: the case.
        scope: of the share link.
        root: path of the link's DICOMweb root.
        link: the secret part of the link.
        downloadable: the link allows to fetch the files.
        owner_id: of the link; of others' cases, files are given only where those allow it. None if
            the link is of this case.
    """
    if case.version is None:
        page = _of_working_copy(pages, case, "shared", scope, root)
    else:
        page = _of_version(pages, case, published(pages.database, case.id), "shared", scope, root)
    is_own = owner_id in (None, case.owner_id)
    allowed = downloadable and (is_own or page.document.downloadable)
    return replace(_offered(pages, page, allowed), link=link)


def _offered(pages: Pages, page: CasePage, allowed: bool) -> CasePage:
    """The page with the download, if there is one."""
    if not allowed or not page.studies:
        return page
    sizes = tuple(sizes_of(pages.database, page.scope, page.studies))
    return replace(page, downloadable=True, sizes=sizes)


def _of_version(
    pages: Pages, case: Case, version: Published, kind: Kind, scope: Scope, root: str
) -> CasePage:
    base, operator = pages.base(), pages.site.operator
    return CasePage(
        kind=kind,
        case=case,
        title=version.title,
        modality=version.modality,
        body_part=version.body_part,
        document=version.document,
        root=root,
        scope=scope,
        studies=tuple(shown(pages.database, scope, version.document)),
        sections=sections_of(version.document),
        version=version.number,
        date=version.published_at,
        note=version.note,
        versions=tuple(versions_of(pages.database, case.id)),
        citation=citation(version, case.code, base, operator),
        channel=channel_of(pages.database, case.owner_id),
    )


def _of_working_copy(pages: Pages, case: Case, kind: Kind, scope: Scope, root: str) -> CasePage:
    return CasePage(
        kind=kind,
        case=case,
        title=case.title,
        modality=case.modality,
        body_part=case.body_part,
        document=case.document,
        root=root,
        scope=scope,
        studies=tuple(shown(pages.database, scope, case.document)),
        sections=sections_of(case.document),
    )
