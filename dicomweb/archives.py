"""Gives instances as a zip archive, with a manifest of what is in it.

Standard: none; PS3.18 leaves archives to servers, and clients ask with `Accept: application/zip`.
Invariants: memory is a chunk, whatever the archive holds; names in it are numbers, never text of a
data set; the manifest comes last, so an archive without one is not whole; its length is told unless
a file has to be made for it; the same instances give the same bytes.
Not here: the files themselves (`store.retrieve`, `store.transcode`), the form (`store.zips`).
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from hashlib import sha256
from itertools import chain
from typing import Final
from zipfile import ZIP_STORED, ZipFile

from dicomweb.answers import (
    Answer,
    Asked,
    cache_control,
    is_known_to,
    not_modified,
    primed,
    validators,
)
from dicomweb.links import instance_url
from dicomweb.multipart import boundary_for
from dicomweb.negotiation import ANY, Offer
from dicomweb.resources import Resource
from dicomweb.syntaxes import EXPLICIT_LITTLE_ENDIAN, instance_offers
from store.access import Scope
from store.errors import CannotTranscode
from store.retrieve import Archive, StoredInstance
from store.transcode import in_syntax
from store.zips import Sink, entry, length_of

__all__ = ["ZIP", "answer_zip", "zip_offers", "zipped"]

ZIP: Final = "application/zip"
MANIFEST: Final = "manifest.json"


@cache
def zip_offers() -> tuple[Offer, ...]:
    """Return the forms of an archive: as stored, or in a transfer syntax that is asked for."""
    stored = Offer(ZIP, answers=("", ANY), default=False)
    syntaxes = {o.transfer_syntax for o in instance_offers(EXPLICIT_LITTLE_ENDIAN, alone=False)}
    asked_for = [
        Offer(ZIP, False, s, answers=(), default=False) for s in sorted(filter(None, syntaxes))
    ]
    return (stored, *asked_for)


def answer_zip(
    archive: Archive,
    scope: Scope,
    resource: Resource,
    refs: Sequence[StoredInstance],
    offer: Offer,
    asked: Asked,
) -> Answer:
    """Give a study, a series or an instance as an archive."""
    cache_for = cache_control(scope, immutable=resource.instance is not None)
    syntax = offer.transfer_syntax
    etag = f'"{boundary_for(asked.root, syntax or "", *(ref.etag for ref in refs))}.z"'
    if is_known_to(asked, etag):
        return not_modified(etag, cache_for)
    headers = validators(etag, cache_for)
    headers.append(("Content-Type", ZIP))
    headers.append(("Content-Disposition", f'attachment; filename="{resource.uid}.zip"'))
    length = _length(refs, asked.root, syntax)
    if length is not None:
        headers.append(("Content-Length", str(length)))
    if asked.is_head:
        return Answer(200, headers, iter(()) if length is None else [])
    return Answer(200, headers, primed(zipped(archive, refs, asked.root, syntax)))


def zipped(
    archive: Archive, refs: Iterable[StoredInstance], root: str, transfer_syntax: str | None = None
) -> Iterator[bytes]:
    """Write an archive of the instances.

    Args:
        archive: where they are read from.
        refs: the instances, those of a series one after another.
        root: of the URLs in the manifest.
        transfer_syntax: to give them in; None for as they are stored. An instance that cannot be
            given in it is given as it is stored, and the manifest says so.
    """
    sink = Sink()
    files: list[dict[str, str | int]] = []
    with ZipFile(sink, "w", ZIP_STORED) as writer:
        for name, ref in _named(refs):
            syntax, chunks = _content(archive, ref, transfer_syntax)
            # The size tells whether the long form of the entry is needed; it is kept if unknown.
            info = entry(name)
            info.file_size = ref.size
            digest = sha256()
            with writer.open(info, "w", force_zip64=syntax != ref.transfer_syntax) as member:
                for chunk in chunks:
                    member.write(chunk)
                    digest.update(chunk)
                    yield sink.taken()
            files.append(_told(root, name, ref, syntax, info.file_size, digest.hexdigest()))
        writer.writestr(entry(MANIFEST), _manifest(root, files))
    yield sink.taken()


def _told(
    root: str, name: str, ref: StoredInstance, syntax: str, size: int, digest: str
) -> dict[str, str | int]:
    """What the manifest says of a file."""
    return {
        "name": name,
        "url": instance_url(root, ref),
        "StudyInstanceUID": ref.study_instance_uid,
        "SeriesInstanceUID": ref.series_instance_uid,
        "SOPInstanceUID": ref.sop_instance_uid,
        "SOPClassUID": ref.sop_class_uid,
        "TransferSyntaxUID": syntax,
        "bytes": size,
        "sha256": digest,
    }


def _manifest(root: str, files: Sequence[Mapping[str, str | int]]) -> str:
    return json.dumps({"root": root, "files": files}, indent=1)


def _length(refs: Sequence[StoredInstance], root: str, transfer_syntax: str | None) -> int | None:
    """How long the archive will be, if every file is given as it is stored, and it is not huge."""
    if any(transfer_syntax not in (None, ref.transfer_syntax) for ref in refs):
        return None
    named = list(_named(refs))
    digest = sha256().hexdigest()
    files = [_told(root, name, ref, ref.transfer_syntax, ref.size, digest) for name, ref in named]
    sizes = [(name, ref.size) for name, ref in named]
    sizes.append((MANIFEST, len(_manifest(root, files).encode())))
    return length_of(sizes)


def _named(refs: Iterable[StoredInstance]) -> Iterator[tuple[str, StoredInstance]]:
    """Name the files by the order of studies, of series and of instances."""
    studies: dict[str, int] = {}
    series: dict[tuple[str, str], int] = {}
    counts: dict[tuple[str, str], int] = {}
    for ref in refs:
        key = (ref.study_instance_uid, ref.series_instance_uid)
        s = studies.setdefault(ref.study_instance_uid, len(studies) + 1)
        e = series.setdefault(key, len(series) + 1)
        counts[key] = counts.get(key, 0) + 1
        yield f"DICOM/S{s:04d}/E{e:04d}/{counts[key]:05d}.dcm", ref


def _content(
    archive: Archive, ref: StoredInstance, transfer_syntax: str | None
) -> tuple[str, Iterator[bytes]]:
    if transfer_syntax not in (None, ref.transfer_syntax):
        try:
            chunks = iter(in_syntax(archive, ref, transfer_syntax))
            return transfer_syntax, chain([next(chunks)], chunks)
        except CannotTranscode:
            pass
    return ref.transfer_syntax, archive.read(ref)
