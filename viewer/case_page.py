"""What the page of a case holds, for whoever looks at it.

One template, `case.html`, draws the published case, an older version of it, the working copy that
its owner looks at before publishing, and a case that was shared by a link; they differ only in what
is in here.
Invariants: studies and series come from the scope of the reader, so that what it does not hold is
not named either.
Not here: who may see a case (`cases.access`); its texts (`viewer.case_text`).
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from cases.access import CaseScope, scope_of_case
from cases.around import InPlaylist, Steps, playlists_with
from cases.cases import Case
from cases.channels import Channel, channel_of
from cases.citing import citation
from cases.document import Document
from cases.publishing import Published, Version, published, versions_of
from cases.showing import StudyOfCase, shown
from store.access import Scope
from viewer.blueprint import Pages
from viewer.case_text import Section, sections_of

__all__ = [
    "CasePage",
    "Kind",
    "preview_page",
    "published_page",
    "shared_page",
]

Kind = Literal["published", "version", "preview", "shared"]


@dataclass(frozen=True)
class CasePage:
    """Everything that `case.html` draws.

    Attributes:
        kind: as what the case is shown.
        case: the case itself.
        title, modality, body_part, document: as they are shown; codes for the middle two.
        root: path of the DICOMweb root that the viewer reads from.
        studies: what is shown, in order.
        sections: the texts that there are, in order.
        version, date, note: which version it is and when it was published; None for a working copy.
        versions: all of them, newest first.
        citation: how to cite it; empty for what cannot be cited.
        channel: of its owner; None without one.
        downloadable: the reader may fetch the DICOM files.
        is_owner, is_moderator: who the reader is.
        playlists, steps: public playlists that hold it, and the way through the one it was opened
            from.
        link: the secret part of the share link that it was opened by; empty otherwise.
    """

    kind: Kind
    case: Case
    title: str
    modality: str
    body_part: str
    document: Document
    root: str
    studies: tuple[StudyOfCase, ...]
    sections: tuple[Section, ...]
    version: int | None = None
    date: datetime | None = None
    note: str = ""
    versions: tuple[Version, ...] = ()
    citation: str = ""
    channel: Channel | None = None
    downloadable: bool = False
    is_owner: bool = False
    is_moderator: bool = False
    playlists: tuple[InPlaylist, ...] = ()
    steps: Steps | None = None
    link: str = field(default="", repr=False)

    @property
    def code(self) -> str:
        """The name of the case in addresses."""
        return self.case.code

    def within(self, steps: Steps | None) -> "CasePage":
        """The page as it is opened from a playlist."""
        return replace(self, steps=steps)

    @property
    def is_open(self) -> bool:
        """Anybody may see the case: it can be cited, embedded and found."""
        return (
            self.case.version is not None
            and not self.case.private
            and self.case.hidden_at is None
            and self.kind in ("published", "version")
        )

    @property
    def is_reportable(self) -> bool:
        """A reader can tell that something is wrong with it."""
        if self.kind == "shared":
            return True
        return self.case.version is not None and self.kind in ("published", "version")

    @property
    def is_newest(self) -> bool:
        """It is the version that is shown."""
        return self.version == self.case.version

    @property
    def images(self) -> int:
        """How many images are shown."""
        return sum(one.images for study in self.studies for one in study.series)


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
    return replace(
        page,
        downloadable=shown_version.document.downloadable or is_owner,
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
    return replace(page, is_owner=True, downloadable=True)


def shared_page(
    pages: Pages, case: Case, scope: Scope, root: str, *, link: str, downloadable: bool
) -> CasePage:
    """A case that was shared by a link: its published version, or the working copy if it has none.

    Args:
        pages: what pages work on.
        case: the case.
        scope: of the share link.
        root: path of the link's DICOMweb root.
        link: the secret part of the link.
        downloadable: the link allows to fetch the files.
    """
    if case.version is None:
        page = _of_working_copy(pages, case, "shared", scope, root)
    else:
        page = _of_version(pages, case, published(pages.database, case.id), "shared", scope, root)
    return replace(page, link=link, downloadable=downloadable)


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
        studies=tuple(shown(pages.database, scope, case.document)),
        sections=sections_of(case.document),
    )
