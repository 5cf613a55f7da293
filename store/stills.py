"""Draws what has no frames of its own to be drawn: a still of stored video, a waveform.

Invariants: what cannot be drawn raises CannotDecode, never anything else but StoreBusy.
Not here: images, which are drawn frame by frame (`store.render`).
"""

from typing import Final

from store.cells import value_of
from store.encoded import Picture
from store.errors import CannotDecode
from store.frames import is_video
from store.headers import Header
from store.moving import milliseconds_of, still_of_video
from store.retrieve import Archive, StoredInstance
from store.waveforms import waveform_picture

__all__ = ["PIXEL_DATA", "is_drawn_whole", "is_waveform", "still_of"]

PIXEL_DATA: Final = "7FE00010"
WAVEFORMS: Final = "1.2.840.10008.5.1.4.1.1.9."


def is_waveform(sop_class_uid: str) -> bool:
    """Tell whether a SOP Class is one of waveforms (PS3.4 B.5)."""
    return sop_class_uid.startswith(WAVEFORMS)


def is_drawn_whole(ref: StoredInstance) -> bool:
    """Tell whether an instance is one that `still_of` draws."""
    if ref.frames:
        return False
    return is_video(ref.transfer_syntax) or is_waveform(ref.sop_class_uid)


def still_of(
    archive: Archive, ref: StoredInstance, header: Header, number: int | None = None
) -> Picture:
    """Draw an instance as a whole.

    Args:
        archive: where it is.
        ref: the instance.
        header: its own.
        number: of the frame of a video; by default one from its middle.

    Raises:
        CannotDecode: it is neither video nor waveform, or cannot be read.
        StoreBusy: too many videos are being read.
    """
    if is_video(ref.transfer_syntax):
        frames = value_of(header, "NumberOfFrames")
        count = frames if isinstance(frames, int) else 0
        passed = count / 2 if number is None else max(0, min(number, count) - 1)
        return still_of_video(
            archive.bulkdata(ref, PIXEL_DATA),
            ref.transfer_syntax,
            seconds=passed * milliseconds_of(header) / 1000,
            size=ref.size,
        )
    if is_waveform(ref.sop_class_uid):
        return waveform_picture(header)
    raise CannotDecode
