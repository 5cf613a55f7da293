"""Blacks out rectangles on all frames of a series, for good.

Standard: PS3.15 E.3.1 (Clean Pixel Data Option).
Invariants: stored bytes never change. Each image of the series becomes a new instance, which goes
through the one door and replaces the old one, all of them in one commit: when it has returned no
byte of the old ones is stored, and when something failed all of them are.
Why it is done so, and what becomes of objects that refer to the old ones:
docs/decisions/0012-masks.md.
Not here: the new file (`store.masked_file`), replacing and deleting (`store.ingest`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from sqlalchemy import select

from deid.errors import DeidError
from store.access import Scope
from store.audit import Deed, record
from store.db import Database
from store.errors import BadRectangles, CannotMask, NoSuchSeries, Outdated, StoreError
from store.frames import is_video
from store.ingest import Batch, Ingest, Received
from store.masked_file import masked
from store.masked_pixels import Area
from store.retrieve import Archive, StoredInstance
from store.schema import instance
from store.streamed import PIXEL_DATA_TAGS, streamed_values

__all__ = ["MOST_RECTANGLES", "Rectangle", "mask_series"]

#: More than these are a mistake, or leave nothing to look at.
MOST_RECTANGLES: Final = 100
CAME_BY: Final = "masks"
_IDS_IN_A_QUERY: Final = 500


@dataclass(frozen=True, order=True)
class Rectangle:
    """A part of an image, in pixels; x and y count from 0 at the upper left corner."""

    x: int
    y: int
    width: int
    height: int

    def within(self, rows: int, columns: int) -> Area | None:
        """The part of it that lies in an image of this size, None when there is none."""
        top, bottom = max(0, self.y), min(rows, self.y + self.height)
        left, right = max(0, self.x), min(columns, self.x + self.width)
        if top >= bottom or left >= right:
            return None
        return slice(top, bottom), slice(left, right)


@dataclass(frozen=True)
class _Content:
    """What the index knows of an instance."""

    rows: int
    columns: int
    has_pixels: bool


def mask_series(
    archive: Archive,
    ingest: Ingest,
    scope: Scope,
    owner_id: int,
    study_uid: str,
    series_uid: str,
    rectangles: Sequence[Rectangle],
) -> list[Received]:
    """Black rectangles out on all frames of all images of a series.

    The images may differ in size; of each rectangle counts what lies inside of an image. Images
    in which none lies are replaced, too, because the owner answers for the series as a whole.
    Objects without pixels stay; if somebody must look at one, so does the state of the series.

    Args:
        archive: what is stored.
        ingest: the one door.
        scope: what the caller may see.
        owner_id: whose series it is.
        study_uid, series_uid: the series.
        rectangles: 1 to 100, in pixels.

    Returns:
        The new instances, in the order of the old ones.

    Raises:
        NoSuchSeries: the owner has no such series.
        BadRectangles: there are none or too many, or one lies in no image.
        CannotMask: something in the series cannot be blacked out; nothing was changed.
        Outdated: somebody else was faster; nothing was changed.
        StoreError: it could not be stored; nothing was changed.
    """
    wanted = _checked(rectangles)
    refs = archive.instances(scope, study_uid, series_uid)
    if not refs or scope.owner_id != owner_id:
        raise NoSuchSeries("There is no such series.")
    contents = _contents(archive.database, refs)
    # One that went since is no longer there, and the commit will not find it either.
    images = [ref for ref in refs if ref.id in contents and _is_image(ref, contents[ref.id])]
    if not images:
        raise CannotMask("The series has no images.")
    areas = {ref.id: _areas(wanted, contents[ref.id]) for ref in images}
    _check_each_is_hit(wanted, areas)
    try:
        with ingest.batch(owner_id, CAME_BY) as batch:
            received = [_replaced(archive, batch, ref, wanted, areas[ref.id]) for ref in images]
            batch.commit()
    except StoreError:
        left = {ref.id for ref in archive.instances(scope, study_uid, series_uid)}
        if any(ref.id not in left for ref in images):
            raise Outdated("The series was changed in the meantime.") from None
        raise
    record(ingest.database, Deed(ingest.clock(), owner_id, "mask series", series_uid))
    return received


def _checked(rectangles: Sequence[Rectangle]) -> list[Rectangle]:
    """Put rectangles into one order, so that the same ones give the same new UIDs."""
    if not 0 < len(rectangles) <= MOST_RECTANGLES:
        raise BadRectangles(f"There must be 1 to {MOST_RECTANGLES} rectangles.")
    if any(rectangle.width < 1 or rectangle.height < 1 for rectangle in rectangles):
        raise BadRectangles("A rectangle has no area: width and height are 1 or more.")
    return sorted(set(rectangles))


def _contents(database: Database, refs: Sequence[StoredInstance]) -> dict[int, _Content]:
    found: dict[int, _Content] = {}
    query = select(instance.c.id, instance.c.rows, instance.c.columns, instance.c.streamed)
    for at in range(0, len(refs), _IDS_IN_A_QUERY):
        ids = [ref.id for ref in refs[at : at + _IDS_IN_A_QUERY]]
        with database.read() as connection:
            for row in connection.execute(query.where(instance.c.id.in_(ids))):
                values = streamed_values(row.streamed)
                has_pixels = any(value.tag in PIXEL_DATA_TAGS for value in values)
                found[row.id] = _Content(row.rows or 0, row.columns or 0, has_pixels)
    return found


def _is_image(ref: StoredInstance, content: _Content) -> bool:
    """Tell whether an instance has something to black out; other objects stay as they are.

    Raises:
        CannotMask: it has, but it cannot be done.
    """
    if is_video(ref.transfer_syntax):
        raise CannotMask("A video cannot be blacked out; it can be attested or left out.")
    if content.has_pixels and min(content.rows, content.columns) < 1:
        raise CannotMask("The series has an image of unknown size.")
    return content.has_pixels


def _areas(rectangles: Sequence[Rectangle], content: _Content) -> dict[Rectangle, Area]:
    found = {each: each.within(content.rows, content.columns) for each in rectangles}
    return {rectangle: area for rectangle, area in found.items() if area is not None}


def _check_each_is_hit(
    rectangles: Sequence[Rectangle], areas: Mapping[int, Mapping[Rectangle, Area]]
) -> None:
    hit = {rectangle for inside in areas.values() for rectangle in inside}
    if any(rectangle not in hit for rectangle in rectangles):
        raise BadRectangles("A rectangle lies outside of all images of the series.")


def _replaced(
    archive: Archive,
    batch: Batch,
    ref: StoredInstance,
    rectangles: Sequence[Rectangle],
    areas: Mapping[Rectangle, Area],
) -> Received:
    uid = _unmapped_uid(ref.sop_instance_uid, rectangles)
    new = masked(archive, ref, list(areas.values()), uid)
    incoming = batch.receive(new.transfer_syntax, cleaned_pixels=True)
    try:
        for piece in new.data_set:
            incoming.feed(piece)
        received = incoming.finish()
    except DeidError:
        # The profile may have become stricter since the old one came.
        raise CannotMask("An image cannot pass the door a second time.") from None
    batch.replace(ref)
    return received


def _unmapped_uid(sop_instance_uid: str, rectangles: Sequence[Rectangle]) -> str:
    """Name the new instance by what it was made of; the door maps the name by the owner's key."""
    said = repr((sop_instance_uid, [(r.x, r.y, r.width, r.height) for r in rectangles]))
    number = int.from_bytes(sha256(b"masked\0" + said.encode()).digest()[:16], "big")
    return f"2.25.{number}"
