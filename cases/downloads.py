"""A case as one zip archive of its DICOM files, in the order and under the names of the case.

    01 Before the fall/01 3 - FLAIR axial/0001.dcm …  02 Scout/0001.dcm …
    02 After it/…
    manifest.json    what the case is, its studies and series, and each file with its digest

Invariants: only what the scope shows is in it; a name is a number and what is harmless in what the
author wrote; memory is a chunk, whatever the archive holds; the manifest comes last, so an archive
without one is not whole.
Not here: who may have it (`viewer.downloads`), all that is an account's own (`cases.export`),
archives over DICOMweb (`dicomweb.archives`).
"""

import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b, sha256
from typing import Any, Final
from zipfile import ZIP_STORED, ZipFile

from sqlalchemy import func, select

from cases.showing import StudyOfCase
from store.access import Scope, visible
from store.db import Database
from store.retrieve import Archive, StoredInstance
from store.schema import instance, series, study
from store.zips import Sink, entry, length_of

__all__ = ["Download", "Size", "download_of", "plain_name", "sizes_of", "written"]

MANIFEST: Final = "manifest.json"
NAME_CHARACTERS: Final = 60
_HARMFUL: Final = '<>:"/\\|?*'


@dataclass(frozen=True)
class Size:
    """How much there is to download."""

    files: int
    bytes: int


@dataclass(frozen=True)
class Download:
    """What goes into an archive.

    Attributes:
        files: name and instance, in order.
        about: what the manifest says beside the files.
    """

    files: tuple[tuple[str, StoredInstance], ...]
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def etag(self) -> str:
        """Another one whenever the archive is."""
        said = [self.about, [(name, ref.etag) for name, ref in self.files]]
        return blake2b(json.dumps(said).encode(), digest_size=16).hexdigest()

    @property
    def length(self) -> int | None:
        """How many bytes the archive has; None if that is not known before."""
        digests = [sha256().hexdigest()] * len(self.files)
        sizes = [(name, ref.size) for name, ref in self.files]
        return length_of([*sizes, (MANIFEST, len(_manifest(self, digests)))])


def sizes_of(database: Database, scope: Scope, studies: Sequence[StudyOfCase]) -> list[Size]:
    """How much each study of a case has, of what it shows."""
    shown = [one.uid for each in studies for one in each.series]
    query = (
        select(study.c.study_instance_uid, func.count(), func.sum(instance.c.size))
        .join(series, series.c.study_id == study.c.id)
        .join(instance, instance.c.series_id == series.c.id)
        .where(series.c.series_instance_uid.in_(shown), visible(scope))
        .group_by(study.c.study_instance_uid)
    )
    with database.read() as connection:
        found = {uid: Size(files, int(size)) for uid, files, size in connection.execute(query)}
    return [found.get(each.uid, Size(0, 0)) for each in studies]


def download_of(
    archive: Archive,
    scope: Scope,
    studies: Sequence[StudyOfCase],
    about: Mapping[str, Any],
    *,
    only: int | None = None,
) -> Download:
    """What goes into the archive of a case.

    Args:
        archive: where the files are.
        scope: of the reader.
        studies: of the case, from `cases.showing.shown` in this scope.
        about: what the case is, for the manifest.
        only: the place of one study, from 1; None for all of them.
    """
    files: list[tuple[str, StoredInstance]] = []
    told: list[dict[str, Any]] = []
    for number, each in enumerate(studies, start=1):
        if only not in (None, number):
            continue
        folder = _folder(number, each.name)
        parts = []
        for place, one in enumerate(each.series, start=1):
            path = f"{folder}/{_folder(place, one.name)}"
            refs = archive.instances(scope, each.uid, one.uid)
            files += ((f"{path}/{at:04d}.dcm", ref) for at, ref in enumerate(refs, start=1))
            parts.append({"name": one.name, "SeriesInstanceUID": one.uid, "folder": path})
        told.append({"name": each.name, "StudyInstanceUID": each.uid, "series": parts})
    return Download(tuple(files), {"case": dict(about), "studies": told})


def written(archive: Archive, download: Download) -> Iterator[bytes]:
    """The archive, piece by piece."""
    sink, digests = Sink(), []
    with ZipFile(sink, "w", ZIP_STORED) as writer:
        for name, ref in download.files:
            info, digest = entry(name), sha256()
            # The size tells whether the long form of the entry is needed.
            info.file_size = ref.size
            with writer.open(info, "w") as member:
                for chunk in archive.read(ref):
                    member.write(chunk)
                    digest.update(chunk)
                    yield sink.taken()
            digests.append(digest.hexdigest())
        writer.writestr(entry(MANIFEST), _manifest(download, digests))
    yield sink.taken()


def plain_name(text: str) -> str:
    """What of a text can stand in the name of a file anywhere; may be empty."""
    letters = (
        " " if letter in _HARMFUL or unicodedata.category(letter)[0] in "CZ" else letter
        for letter in unicodedata.normalize("NFC", text)
    )
    return " ".join("".join(letters).split())[:NAME_CHARACTERS].strip(" .")


def _folder(number: int, name: str) -> str:
    return f"{number:02d} {plain_name(name)}".strip()


def _manifest(download: Download, digests: Sequence[str]) -> bytes:
    files = [
        {
            "name": name,
            "StudyInstanceUID": ref.study_instance_uid,
            "SeriesInstanceUID": ref.series_instance_uid,
            "SOPInstanceUID": ref.sop_instance_uid,
            "SOPClassUID": ref.sop_class_uid,
            "TransferSyntaxUID": ref.transfer_syntax,
            "bytes": ref.size,
            "sha256": digest,
        }
        for (name, ref), digest in zip(download.files, digests, strict=True)
    ]
    said = {**download.about, "files": files}
    return json.dumps(said, indent=1, ensure_ascii=False).encode()
