"""The picture that stands for a case: on cards, in feeds, and where a link to it is shown.

Invariants: it comes from the scope of a stranger, so there is none of a private or hidden case; it
holds pixels only; what cannot be drawn has a sign in its place.
Not here: pictures over DICOMweb (`dicomweb.rendered`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import Final

from cases.access import CaseScope
from cases.cases import Case
from cases.document import StartState
from cases.publishing import published
from cases.showing import SeriesOfCase, picture_of, shown
from store.codestream import jpeg_header
from store.encoded import encoded
from store.errors import CannotDecode, NoSuchFrame, StoreBusy
from store.frames import is_video
from store.grey import Window
from store.icons import icon
from store.pictures import picture_name
from store.pixels import decode
from store.render import drawn, fitted
from store.retrieve import Archive, StoredInstance
from store.stills import is_drawn_whole, still_of
from viewer.pictures import pictures_of

__all__ = ["KeyPicture", "key_picture"]

SIDE: Final = 640
QUALITY: Final = 85
ICON_SIDE: Final = 256
# To be raised when the same picture is drawn in another way than before.
_MADE_BY: Final = 1


@dataclass(frozen=True)
class KeyPicture:
    """A picture that is drawn when somebody wants it.

    Attributes:
        etag: another one whenever the picture is.
        sized: gives width and height in pixels; of what is drawn whole, by drawing it.
        draw: gives the JPEG.
    """

    etag: str
    sized: Callable[[], tuple[int, int]]
    draw: Callable[[], bytes]

    @property
    def width(self) -> int:
        """In pixels."""
        return self.sized()[0]

    @property
    def height(self) -> int:
        """In pixels."""
        return self.sized()[1]


def key_picture(archive: Archive, case: Case) -> KeyPicture | None:
    """The picture of the version that is shown: what the viewer shows first.

    Args:
        archive: where the pictures are.
        case: one that everybody may see.

    Returns:
        None when nothing of it can be seen.
    """
    scope, start = CaseScope(case.id), published(archive.database, case.id).document
    series = picture_of(start, shown(archive.database, scope, start))
    if series is None:
        return None
    first = start.start if start.start.series == series.uid else StartState()
    found = _instance(archive, scope, series, first.frame)
    if found is None:
        return _whole(archive, scope, series, first.frame)
    ref, frame, size = found
    window = None if first.window is None else Window(*first.window)
    if window is not None and not window.is_possible():
        window = None
    said = repr((_MADE_BY, SIDE, frame, window)).encode()
    look = blake2b(said, digest_size=8).hexdigest()

    def draw() -> bytes:
        try:
            name = picture_name([ref.blob], look)
            return archive.pictures.get_or_make(name, lambda: _drawn(archive, ref, frame, window))
        except (CannotDecode, NoSuchFrame, StoreBusy):
            return icon(series.modality)

    return KeyPicture(f"{ref.etag}.{look}", lambda: size, draw)


def _whole(
    archive: Archive, scope: CaseScope, series: SeriesOfCase, wanted: int | None
) -> KeyPicture:
    """Return the picture of a series without images: of a video, of a waveform, or a sign."""
    refs = archive.instances(scope, series.study_uid, series.uid)
    ref = next(filter(is_drawn_whole, refs), None)
    if ref is None:
        sign = f"icon.{series.modality}.{_MADE_BY}"
        return KeyPicture(sign, lambda: (ICON_SIDE, ICON_SIDE), partial(icon, series.modality))
    look = blake2b(repr((_MADE_BY, "whole", SIDE, wanted)).encode(), digest_size=8).hexdigest()

    def make() -> bytes:
        picture = still_of(archive, ref, archive.header(ref), wanted)
        return encoded(fitted(picture, (SIDE, SIDE)), "image/jpeg", QUALITY)

    def draw() -> bytes:
        try:
            return archive.pictures.get_or_make(picture_name([ref.blob], look), make)
        except (CannotDecode, StoreBusy):
            return icon("VIDEO" if is_video(ref.transfer_syntax) else series.modality)

    def sized() -> tuple[int, int]:
        header = jpeg_header(draw())
        assert header is not None
        return header.columns, header.rows

    return KeyPicture(f"{ref.etag}.{look}", sized, draw)


def _instance(
    archive: Archive, scope: CaseScope, series: SeriesOfCase, wanted: int | None
) -> tuple[StoredInstance, int, tuple[int, int]] | None:
    """The instance and frame that is wanted, or the middle one, and the size of its picture."""
    uids = series.study_uid, series.uid
    pictures = pictures_of(archive.database, scope, *uids, wanted or 1)
    if wanted is None and pictures.total > 1:
        pictures = pictures_of(archive.database, scope, *uids, (pictures.total + 1) // 2)
    one = pictures.shown
    if one is None:
        return None
    scale = SIDE / max(one.columns, one.rows)
    size = max(1, round(one.columns * scale)), max(1, round(one.rows * scale))
    for ref in archive.instances(scope, *uids, one.sop_instance_uid):
        return ref, one.frame, size
    return None


def _drawn(archive: Archive, ref: StoredInstance, frame: int, window: Window | None) -> bytes:
    header = archive.header(ref)
    values = decode(header, archive.frame(ref, frame), ref.transfer_syntax)
    picture = drawn(header, values, number=frame, window=window, viewport=(SIDE, SIDE))
    return encoded(picture, "image/jpeg", QUALITY)
