"""Says what of a resource is to be seen, and in which media types it can be given.

Standard: PS3.18 8.7.4 (rendered media types, Table 8.7.4-1), 10.4.1.1.3 and 10.4.1.1.4.
Invariants: a study or series is shown by its middle image, and where several pictures are asked
for, by all of its images; only when there is no image, by what else there is. A type is offered
only if it can be made here.
Not here: choosing among the types (`dicomweb.negotiation`), making them (`dicomweb.rendered`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from dicomweb.errors import NotAcceptable
from dicomweb.frames import frame_numbers
from dicomweb.negotiation import Offer
from dicomweb.resources import Resource
from store.errors import NoSuchFrame
from store.frames import is_video
from store.moving import LARGEST_VIDEO, MOST_FRAMES, films_can_be_made
from store.retrieve import StoredInstance

__all__ = ["THUMBNAIL_OFFERS", "Category", "Subject", "category_of", "offers_of", "subject_of"]

Category = Literal["image", "video", "waveform", "state", "report", "pdf", "cda", "other"]

_STORAGE: Final = "1.2.840.10008.5.1.4.1.1."
_GREY_STATE: Final = f"{_STORAGE}11.1"
_PDF: Final = f"{_STORAGE}104.1"
_CDA: Final = f"{_STORAGE}104.2"
_SHOWN_FIRST: Final[tuple[Category, ...]] = (
    *("image", "video", "waveform", "state", "report", "pdf", "cda"),
)

_PICTURES: Final = tuple(Offer(f"image/{name}") for name in ("jpeg", "png", "gif"))
_PARTS: Final = tuple(Offer(offer.media_type, multipart=True) for offer in _PICTURES)
_PAGES: Final = Offer("application/pdf")
_FILM: Final = Offer("video/mp4")
_ANIMATION: Final = Offer("image/gif")
_TEXTS: Final = tuple(Offer(f"text/{name}") for name in ("html", "plain", "xml"))
THUMBNAIL_OFFERS: Final = _PICTURES


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to be seen.

    Attributes:
        category: of what it is.
        ref: the instance that stands for it.
        number: of the frame that stands for it; 0 when it has none.
        refs: the instances of all pictures of it.
        frames: the frames that were named; of those of `refs`, all are meant without it.
    """

    category: Category
    ref: StoredInstance
    number: int
    refs: Sequence[StoredInstance]
    frames: tuple[int, ...] | None = None

    def pictures(self) -> list[tuple[StoredInstance, int]]:
        """Every picture: instance and number of the frame."""
        if self.frames is not None:
            return [(self.ref, number) for number in self.frames]
        return [
            (ref, number)
            for ref in self.refs
            for number in range(min(1, ref.frames), ref.frames + 1)
        ]

    @property
    def count(self) -> int:
        """How many pictures there are."""
        if self.frames is not None:
            return len(self.frames)
        return sum(max(1, ref.frames) for ref in self.refs)

    @property
    def film(self) -> "Subject":
        """What a film shows of it: of a study, the series of the image that stands for it."""
        series = self.ref.series_instance_uid
        refs = [ref for ref in self.refs if ref.series_instance_uid == series]
        return Subject(self.category, self.ref, self.number, refs, self.frames)


def category_of(ref: StoredInstance) -> Category:
    """Tell what an instance is to those who look at it."""
    sop_class = ref.sop_class_uid
    if ref.frames:
        return "image"
    if is_video(ref.transfer_syntax):
        return "video"
    if sop_class.startswith(f"{_STORAGE}88."):
        return "report"
    if sop_class.startswith(f"{_STORAGE}9."):
        return "waveform"
    known: dict[str, Category] = {_GREY_STATE: "state", _PDF: "pdf", _CDA: "cda"}
    return known.get(sop_class, "other")


def subject_of(refs: Sequence[StoredInstance], resource: Resource, frames: str | None) -> Subject:
    """Return what of the resource is to be seen.

    Args:
        refs: its instances, at least one.
        resource: as the path names it.
        frames: the frame list of the path.

    Raises:
        BadRequest: the frame list is none.
        NoSuchFrame: it names a frame that the instance does not have.
    """
    if frames is not None:
        numbers = frame_numbers(frames)
        if max(numbers) > refs[0].frames:
            raise NoSuchFrame
        return Subject("image", refs[0], numbers[0], refs, numbers)
    by_category: dict[Category, list[StoredInstance]] = {}
    for ref in refs:
        by_category.setdefault(category_of(ref), []).append(ref)
    for category in _SHOWN_FIRST:
        if category in by_category:
            found = by_category[category]
            ref = found[len(found) // 2]
            is_first = resource.instance is not None and ref.frames > 0
            return Subject(category, ref, 1 if is_first else (ref.frames + 1) // 2, found)
    return Subject("other", refs[0], 0, refs)


def offers_of(subject: Subject) -> tuple[Offer, ...]:
    """Return the representations of a rendered resource.

    Raises:
        NotAcceptable: there are none.
    """
    offers = _offers_of(subject)
    if not offers:
        raise NotAcceptable("Nothing of it can be shown as a picture, a film or a text.")
    return offers


def _offers_of(subject: Subject) -> tuple[Offer, ...]:
    category = subject.category
    if category == "image":
        return _image_offers(subject)
    if category == "video":
        if not films_can_be_made():
            return ()
        film = (_FILM,) if subject.ref.size <= LARGEST_VIDEO else ()
        return (*film, *_PICTURES)
    if category == "waveform":
        return (*_PICTURES, _PAGES, *_PARTS)
    if category == "state":
        return (*_PICTURES, _PAGES)
    if category == "report":
        return _TEXTS
    if category == "pdf":
        return (_PAGES,)
    return _TEXTS[2:] if category == "cda" else ()


def _image_offers(subject: Subject) -> tuple[Offer, ...]:
    if subject.count == 1:
        return (*_PICTURES, _PAGES, *_PARTS)
    film = (_FILM,) if films_can_be_made() and subject.film.count <= MOST_FRAMES else ()
    several = (_ANIMATION, _PAGES, *film)
    if subject.frames is not None:
        # Several frames that were named are not one picture.
        return (*_PARTS, *several)
    return (*_PICTURES[:2], *several, *_PARTS)
