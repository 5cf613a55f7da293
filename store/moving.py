"""Makes films: of frames that are drawn, and of stored video; and stills of stored video.

Standard: PS3.18 8.7.4 (rendered media types), PS3.3 C.7.6.5 (Cine module), PS3.5 8.2.5 to 8.2.8
(MPEG-2, H.264, HEVC).
Invariants: a film is an MP4 that a browser plays, with its index in front, without sound and
without metadata; stored H.264 and HEVC are copied into it, not encoded again. How long it takes and
how large it gets is bounded.
Not here: running the program (`store.ffmpeg`), animated GIF (`store.encoded`).
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from store.cells import value_of
from store.encoded import Picture
from store.errors import CannotDecode
from store.ffmpeg import is_installed, run
from store.headers import Attributes

__all__ = [
    "LARGEST_VIDEO",
    "LONGEST_SIDE",
    "MOST_FRAMES",
    "film_of_pictures",
    "film_of_video",
    "films_can_be_made",
    "milliseconds_of",
    "still_of_video",
]

LONGEST_SIDE: Final = 2048
MOST_FRAMES: Final = 10_000
LARGEST_VIDEO: Final = 1 << 30
STILL_BYTES: Final = 48 * 1024 * 1024
STILL_SECONDS: Final = 20
DEFAULT_MILLISECONDS: Final = 100.0
SHORTEST: Final = 1000 / 60
LONGEST: Final = 2000.0

_HEVC: Final = ("107", "108")
_MPEG2: Final = ("100", "101")
_MP4: Final = (
    *("-an", "-sn", "-dn", "-map_metadata", "-1", "-map_chapters", "-1"),
    *("-fflags", "+bitexact", "-movflags", "+faststart", "-f", "mp4"),
)
_H264: Final = (
    *("-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p"),
    *("-flags:v", "+bitexact"),
)
# Levels from 0 to 255 as video has them, said in the film, since players guess otherwise.
_VIDEO_LEVELS: Final = (
    "-vf",
    "scale=in_range=pc:out_range=tv:in_color_matrix=bt709:out_color_matrix=bt709,format=yuv420p",
    *("-color_range", "tv", "-colorspace", "bt709"),
    *("-color_primaries", "bt709", "-color_trc", "bt709"),
)
_SQUARE: Final = "yadif=deint=interlaced,scale=trunc(iw*sar/2)*2:trunc(ih/2)*2,setsar=1"


def films_can_be_made() -> bool:
    """Tell whether the program is there that makes films."""
    return is_installed()


def milliseconds_of(ds: Attributes) -> float:
    """Return how long each frame is shown, as the header says, within reason."""
    vector = value_of(ds, "FrameTimeVector")
    mean: object = None
    if isinstance(vector, Sequence) and not isinstance(vector, str) and len(vector) > 1:
        times = [_positive(time) for time in vector[1:]]
        mean = sum(time for time in times if time) / len(times)
    found = _positive(value_of(ds, "FrameTime")) or _positive(mean)
    if not found:
        rates = ("RecommendedDisplayFrameRate", "CineRate")
        rate = next(filter(None, (_positive(value_of(ds, keyword)) for keyword in rates)), None)
        found = 1000 / rate if rate else DEFAULT_MILLISECONDS
    return min(max(found, SHORTEST), LONGEST)


def film_of_pictures(pictures: Iterator[Picture], milliseconds: float, path: Path) -> None:
    """Write a film of pictures, each laid onto the size of the first.

    Args:
        pictures: in order.
        milliseconds: for which each is shown.
        path: of the film.

    Raises:
        CannotDecode: it cannot be made.
        StoreBusy: too many are being made.
    """
    first = _even(next(pictures))
    height, width = first.shape[:2]
    is_grey = first.ndim == 2
    rest = (_on(first, _even(picture)) for picture in pictures)
    run(
        [
            *("-f", "rawvideo", "-pix_fmt", "gray" if is_grey else "rgb24"),
            *("-s", f"{width}x{height}", "-framerate", f"{1000 / milliseconds:.6f}"),
            *("-i", "pipe:0", *_VIDEO_LEVELS, *_H264, *_MP4, str(path)),
        ],
        (picture.tobytes() for picture in chain([first], rest)),
    )


def film_of_video(pieces: Iterator[bytes], transfer_syntax: str, path: Path) -> None:
    """Write a film of stored video.

    Args:
        pieces: of the stored stream.
        transfer_syntax: of it.
        path: of the film; the stream is put beside it meanwhile.

    Raises:
        CannotDecode: it is no video, or one that cannot be read.
        StoreBusy: too many are being made.
    """
    number = _number(transfer_syntax)
    source = path.with_name("source")
    with open(source, "w+b") as file:
        for piece in pieces:
            file.write(piece)
        file.flush()
        how = ("-vf", _SQUARE, *_H264) if number in _MPEG2 else ("-c:v", "copy")
        tag = ("-tag:v", "hvc1") if number in _HEVC else ()
        file.seek(0)
        given = _input(file.read(16), number)
        run([*given, "-map", "0:v:0", *how, *tag, *_MP4, str(path)], file)
    source.unlink()


def still_of_video(
    pieces: Iterator[bytes], transfer_syntax: str, *, seconds: float, size: int
) -> Picture:
    """Return a picture out of stored video.

    Args:
        pieces: of the stored stream.
        transfer_syntax: of it.
        seconds: from its start; the first picture is taken of a stream too large to look for it.
        size: of the stream, in bytes.

    Raises:
        CannotDecode: it cannot be read.
        StoreBusy: too many are being made.
    """
    # In memory, since the program must be able to seek and nothing need be kept.
    with os.fdopen(os.memfd_create("still"), "w+b") as file:
        for piece in pieces:
            file.write(piece)
            if file.tell() >= STILL_BYTES:
                break
        file.flush()
        file.seek(0)
        given = _input(file.read(16), _number(transfer_syntax))
        places = (seconds, 0.0) if size <= STILL_BYTES and seconds > 0 else (0.0,)
        for place in places:
            found = run(
                [
                    *("-ss", f"{place:.3f}", *given, "-map", "0:v:0", "-frames:v", "1"),
                    *("-vf", _SQUARE, "-c:v", "png", "-f", "image2pipe", "pipe:1"),
                ],
                file,
                seconds=STILL_SECONDS,
            )
            if found:
                with Image.open(io.BytesIO(found), formats=("PNG",)) as image:
                    return np.asarray(image.convert("RGB"))
    raise CannotDecode("The video has no picture that can be read.")


def _input(head: bytes, number: str) -> tuple[str, ...]:
    """Return how the stream is to be read, told by its first bytes, so that nothing is guessed."""
    if head[4:8] == b"ftyp":
        kind = "mov"
    elif head[:1] == b"\x47":
        kind = "mpegts"
    elif head[:4] == b"\0\0\1\xba":
        kind = "mpeg"
    elif head[:3] == b"\0\0\1" or head[:4] == b"\0\0\0\1":
        kind = "mpegvideo" if number in _MPEG2 else "hevc" if number in _HEVC else "h264"
    else:
        raise CannotDecode("The video is in a form that is not known.")
    return ("-protocol_whitelist", "file", "-f", kind, "-i", "file:/dev/stdin")


def _number(transfer_syntax: str) -> str:
    """Return what tells the syntax apart from others: of 1.2.840.10008.1.2.4.102.1, 102."""
    parts = transfer_syntax.split(".")
    return parts[7] if len(parts) > 7 else ""


def _even(picture: Picture) -> Picture:
    """Return the picture with even sides, which the film's shared chrominance needs."""
    margins = [(0, side % 2) for side in picture.shape[:2]] + [(0, 0)] * (picture.ndim - 2)
    return np.pad(picture, margins, mode="edge")


def _on(first: Picture, picture: Picture) -> Picture:
    """Return the picture in the size and the colours of the first."""
    if picture.ndim != first.ndim:
        image = Image.fromarray(np.ascontiguousarray(picture))
        picture = np.asarray(image.convert("L" if first.ndim == 2 else "RGB"))
    height, width = first.shape[:2]
    if picture.shape[0] > height or picture.shape[1] > width:
        image = Image.fromarray(np.ascontiguousarray(picture))
        image.thumbnail((width, height))
        picture = np.asarray(image)
    if picture.shape == first.shape:
        return picture
    ground = np.zeros_like(first)
    top, left = (height - picture.shape[0]) // 2, (width - picture.shape[1]) // 2
    ground[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return ground


def _positive(value: object) -> float | None:
    """Return a number that can be a time or a rate."""
    if not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and 0 < number < 1e9 else None
