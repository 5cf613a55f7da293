"""The picture that stands for a case: on cards, in feeds, and where a link to it is shown.

Invariants: it comes from the scope of a stranger, so there is none of a private or hidden case; it
holds pixels only.
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
from store.encoded import encoded
from store.errors import CannotDecode, NoSuchFrame, StoreBusy
from store.grey import Window
from store.icons import icon
from store.pictures import picture_name
from store.pixels import decode
from store.render import drawn
from store.retrieve import Archive, StoredInstance
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
        width, height: in pixels, as far as the index knows.
        draw: gives the JPEG.
    """

    etag: str
    width: int
    height: int
    draw: Callable[[], bytes]


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
        drawn_icon = partial(icon, series.modality)
        return KeyPicture(f"icon.{series.modality}.{_MADE_BY}", ICON_SIDE, ICON_SIDE, drawn_icon)
    ref, frame, (width, height) = found
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

    return KeyPicture(f"{ref.etag}.{look}", width, height, draw)


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
