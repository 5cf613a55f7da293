"""Gives the image that a presentation state is for, as the state presents it.

Standard: PS3.18 8.3.5.1.4 (a presentation state takes no window), PS3.4 N (softcopy presentation).
Invariants: the image is looked up in the scope of the caller, so a state shows nobody what they may
not see. A kept picture goes when the state goes, and when the image does.
Not here: drawing it (`store.presentation`).
"""

from hashlib import blake2b
from typing import Final

from dicomweb.answers import Answer, Asked, Header, is_known_to, not_modified, validators
from dicomweb.errors import BadRequest, NotAcceptable
from dicomweb.rendered_parameters import Look, warnings_of
from dicomweb.rendered_pictures import cut
from dicomweb.rendered_subjects import category_of
from store.access import Scope
from store.annotations import annotated
from store.colour_spaces import in_space, profile_named
from store.encoded import MediaType, encoded
from store.pictures import picture_name
from store.pixels import decode
from store.presentation import image_of, presented
from store.render import fitted
from store.retrieve import Archive, StoredInstance

__all__ = ["Shown", "answer_state", "image_named", "image_under"]

MOST_LOOKED_UP: Final = 20
_MADE_BY: Final = 1

Shown = tuple[StoredInstance, int]
"""An image, and the number of its frame."""


def image_under(archive: Archive, scope: Scope, state: StoredInstance) -> Shown:
    """Return the first image that a presentation state is for and that the caller may see.

    Raises:
        NotAcceptable: there is none.
    """
    named = list(image_of(archive.header(state)))[:MOST_LOOKED_UP]
    for uid, number in named:
        for ref in archive.instances(scope, state.study_instance_uid, None, uid):
            if 0 < number <= ref.frames:
                return ref, number
    raise NotAcceptable("The image that the presentation state is for is not here.")


def image_named(archive: Archive, state: StoredInstance, ref: StoredInstance, number: int) -> Shown:
    """Return a frame of an image that a presentation state is to be applied to.

    Raises:
        BadRequest: it is no presentation state of grey images, or is for others.
    """
    named = (uid for uid, _ in image_of(archive.header(state)))
    if category_of(state) != "state" or ref.sop_instance_uid not in named or not ref.frames:
        raise BadRequest("What presentationUID names is no grey presentation state of this image.")
    return ref, number


def answer_state(
    archive: Archive,
    state: StoredInstance,
    shown: Shown,
    media_type: MediaType,
    look: Look,
    asked: Asked,
    cache: str,
) -> Answer:
    """Give a picture of an image under a presentation state.

    Raises:
        BadRequest: a window is asked for.
        CannotDecode: the image cannot be shown.
    """
    if look.window is not None:
        raise BadRequest("The window of a presentation state is its own.")
    ref, number = shown
    what = repr((_MADE_BY, "state", media_type, look, number, ref.etag))
    tag = blake2b(what.encode(), digest_size=12).hexdigest()
    etag = f'"{state.etag}.{tag}"'
    if is_known_to(asked, etag):
        return not_modified(etag, cache)

    def make() -> bytes:
        header = archive.header(ref)
        values = decode(header, archive.frame(ref, number), ref.transfer_syntax)
        whole = None if look.region else look.size
        picture = presented(archive.header(state), header, values, viewport=whole)
        if look.region:
            picture = fitted(cut(picture, look.region), look.size)
        if look.annotations:
            picture = annotated(picture, header, look.annotations, number)
        profile = None if look.profile == "no" else profile_named(look.profile)
        picture = in_space(picture, look.profile)
        return encoded(picture, media_type, look.quality, profile)

    name = picture_name([state.blob, ref.blob], f"{state.etag}{tag}")
    picture = archive.pictures.get_or_make(name, make)
    warnings: list[Header] = [("Warning", f"299 {asked.root}: {t}") for t in warnings_of(asked)]
    headers = [*validators(etag, cache), *warnings, ("Content-Type", media_type)]
    return Answer(200, headers, [picture])
