"""What the page of a case holds, for whoever looks at it.

One template, `case.html`, draws the published case, an older version of it, the working copy that
its owner looks at before publishing, and a case that was shared by a link; they differ only in what
is in here.
Not here: what goes into it (`viewer.case_pages`).
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from flask import url_for

from cases.around import InPlaylist, Steps
from cases.cases import Case
from cases.channels import Channel
from cases.document import Document
from cases.downloads import Size
from cases.publishing import Version
from cases.showing import StudyOfCase
from store.access import Scope
from viewer.case_text import Section

__all__ = ["CasePage", "Kind"]

Kind = Literal["published", "version", "preview", "shared"]


@dataclass(frozen=True)
class CasePage:
    """Everything that `case.html` draws.

    Attributes:
        kind: as what the case is shown.
        case: the case itself.
        title, modality, body_part, document: as they are shown; codes for the middle two.
        root: path of the DICOMweb root that the viewer reads from.
        scope: what its reader sees.
        studies: what is shown, in order.
        sections: the texts that there are, in order.
        version, date, note: which version it is and when it was published; None for a working copy.
        versions: all of them, newest first.
        citation: how to cite it; empty for what cannot be cited.
        channel: of its owner; None without one.
        downloadable: the reader may fetch the DICOM files.
        sizes: how much that is, for each study; empty if they may not.
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
    scope: Scope
    studies: tuple[StudyOfCase, ...]
    sections: tuple[Section, ...]
    version: int | None = None
    date: datetime | None = None
    note: str = ""
    versions: tuple[Version, ...] = ()
    citation: str = ""
    channel: Channel | None = None
    downloadable: bool = False
    sizes: tuple[Size, ...] = ()
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
    def download(self) -> str:
        """Path of the archive of its files; empty if the reader may not have them."""
        if not self.downloadable:
            return ""
        if self.link:
            return url_for("share.download", share=self.link, code=self.code)
        if self.kind == "version":
            return url_for("public.download_version", code=self.code, number=self.version)
        copy = "1" if self.kind == "preview" and self.case.version else None
        return url_for("public.download", code=self.code, copy=copy)

    @property
    def size(self) -> Size:
        """How much all of the files are."""
        return Size(sum(one.files for one in self.sizes), sum(one.bytes for one in self.sizes))

    @property
    def images(self) -> int:
        """How many images are shown."""
        return sum(one.images for study in self.studies for one in study.series)
