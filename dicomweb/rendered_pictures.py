"""Draws what a rendered resource or a thumbnail shows, as its look says.

Invariants: what cannot be drawn raises CannotDecode, never anything else.
Not here: which instance and frame (`dicomweb.rendered_subjects`), the parameters
(`dicomweb.rendered_parameters`).
"""

from collections.abc import Iterator
from contextlib import suppress

from dicomweb.errors import BadRequest
from dicomweb.rendered_parameters import Look, Region
from store.annotations import annotated
from store.cells import Pixels, value_of
from store.colour_spaces import SPACES, in_space, profile_named
from store.encoded import Picture, in_srgb
from store.errors import CannotDecode, NoSuchFrame
from store.headers import Header
from store.pixels import decode
from store.render import drawn, fitted
from store.retrieve import Archive, StoredInstance
from store.stills import still_of

__all__ = ["cut", "draw", "draw_all", "profile_of"]


def draw(archive: Archive, ref: StoredInstance, number: int, look: Look) -> Picture:
    """Draw one frame, or an instance that is drawn as a whole.

    Args:
        archive: where it is.
        ref: the instance.
        number: of the frame; 0 for the whole.
        look: as which it is to be seen.

    Raises:
        BadRequest: the viewport names a region outside the image.
        CannotDecode: there is nothing that can be drawn.
    """
    header = archive.header(ref)
    if number:
        values = decode(header, archive.frame(ref, number), ref.transfer_syntax)
        picture = drawn(
            header,
            cut(values, look.region),
            number=number,
            window=look.window,
            viewport=look.size,
        )
        if look.profile in SPACES:
            picture = in_srgb(picture, _own_profile(header) or b"")
    else:
        picture = fitted(cut(still_of(archive, ref, header), look.region), look.size)
    if look.annotations:
        picture = annotated(picture, header, look.annotations, number)
    return in_space(picture, look.profile)


def draw_all(
    archive: Archive, pictures: list[tuple[StoredInstance, int]], look: Look
) -> Iterator[Picture]:
    """Draw several, leaving out what cannot be drawn.

    Raises:
        CannotDecode: none can be drawn.
    """
    is_any = False
    for ref, number in pictures:
        with suppress(CannotDecode, NoSuchFrame):
            yield draw(archive, ref, number, look)
            is_any = True
    if not is_any:
        raise CannotDecode


def profile_of(archive: Archive, ref: StoredInstance, look: Look) -> bytes | None:
    """Return the colour profile that goes into the file; None when there is to be none."""
    if look.profile == "no":
        return None
    own = _own_profile(archive.header(ref)) if look.profile == "yes" else None
    return own or profile_named(look.profile)


def _own_profile(header: Header) -> bytes | None:
    """Return the colour profile of a colour image."""
    if value_of(header, "SamplesPerPixel") != 3:
        return None
    for place in (header, *(value_of(header, "OpticalPathSequence") or [])[:1]):  # type: ignore[index]
        found = value_of(place, "ICCProfile")
        if isinstance(found, bytes) and found:
            return found
    return None


def cut(values: Pixels, region: Region) -> Pixels:
    """Return the part of the image that a viewport names, mirrored where it says so."""
    if not region:
        return values
    rows, columns = values.shape[:2]
    left, top, width, height = (
        default if given is None else given
        for given, default in zip(region, (0, 0, columns, rows), strict=True)
    )
    across, down = _span(left, width, columns), _span(top, height, rows)
    cut = values[down, across]
    if 0 in cut.shape:
        raise BadRequest("The viewport names a region outside the image.")
    return cut[:: -1 if height < 0 else 1, :: -1 if width < 0 else 1]


def _span(start: float, length: float, end: int) -> slice:
    first = max(0, min(round(start), end))
    return slice(first, max(first, min(round(start + abs(length)), end)))
