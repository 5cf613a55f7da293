"""Draws waveforms: each channel a row, over a grid of time, as an electrocardiogram is printed.

Standard: PS3.3 C.10.9 (Waveform module), C.10.9.1.5 (sample representation).
Invariants: what is drawn is bounded in channels and seconds; its words are the names of channels.
Not here: writing the picture (`store.encoded`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from deid.values import REMOVED
from store.cells import value_of
from store.encoded import Picture
from store.errors import CannotDecode
from store.headers import Attributes

__all__ = ["waveform_picture"]

MOST_CHANNELS: Final = 16
MOST_SECONDS: Final = 10.0
WIDTH: Final = 1250
ROW: Final = 84
TOP: Final = 12
# Of the samples, so many lie beyond what has room in a row.
OUTLIERS: Final = 0.2
LONGEST_NAME: Final = 32
SMALL_SECONDS: Final = 0.04
LARGE_EVERY: Final = 5

_PAPER: Final = (0xFF, 0xFC, 0xFA)
_FINE: Final = (0xF7, 0xE3, 0xDC)
_COARSE: Final = (0xEC, 0xC4, 0xB8)
_INK: Final = (0x18, 0x21, 0x2A)
# Of SCP-ECG and of ISO/IEEE 11073, which number the leads alike (PS3.16 CID 3001).
_LEADS: Final = {
    **{"1": "I", "2": "II", "61": "III", "62": "aVR", "63": "aVL", "64": "aVF"},
    **{str(number + 2): f"V{number}" for number in range(1, 7)},
    **{name: name for name in ("I", "II", "III", "aVR", "aVL", "aVF")},
    **{f"V{number}": f"V{number}" for number in range(1, 7)},
}
_REMOVED: Final = REMOVED.decode()
_TYPES: Final = {("SS", 16): "<i2", ("US", 16): "<u2", ("SL", 32): "<i4", ("UL", 32): "<u4"}

Samples = NDArray[np.float64]


class _Channel(NamedTuple):
    name: str
    samples: Samples


def waveform_picture(ds: Attributes) -> Picture:
    """Draw the first group of channels that can be read.

    Args:
        ds: the header.

    Raises:
        CannotDecode: there is none.
    """
    for group in _items(ds, "WaveformSequence"):
        channels, seconds = _channels(group)
        if channels:
            return _drawn(channels, seconds)
    raise CannotDecode("The waveform cannot be read.")


def _channels(group: Attributes) -> tuple[list[_Channel], float]:
    count, length = (
        _whole(group, "NumberOfWaveformChannels"),
        _whole(group, "NumberOfWaveformSamples"),
    )
    frequency = _number(group, "SamplingFrequency", 0.0)
    data = value_of(group, "WaveformData")
    bits = _whole(group, "WaveformBitsAllocated")
    kind = _TYPES.get((str(value_of(group, "WaveformSampleInterpretation")), bits), "")
    if bits == 8:
        kind = "i1" if value_of(group, "WaveformSampleInterpretation") == "SB" else "u1"
    if not (isinstance(data, bytes) and kind and count > 0 and length > 0 and frequency > 0):
        return [], 0.0
    cells = np.frombuffer(data[: len(data) // (bits // 8) * (bits // 8)], kind)
    length = min(length, len(cells) // count, int(MOST_SECONDS * frequency))
    if length < 2:
        return [], 0.0
    # Sample by sample, each of all channels.
    table = cells[: length * count].reshape(length, count)
    definitions = _items(group, "ChannelDefinitionSequence")
    found = []
    for number in range(min(count, MOST_CHANNELS)):
        definition = definitions[number] if number < len(definitions) else None
        scale = 1.0
        if definition is not None:
            scale = _number(definition, "ChannelSensitivity", 1.0) * _number(
                definition, "ChannelSensitivityCorrectionFactor", 1.0
            )
        samples = table[:, number].astype(np.float64) * scale
        found.append(_Channel(_name(definition, number), samples - np.median(samples)))
    return found, length / frequency


def _drawn(channels: Sequence[_Channel], seconds: float) -> Picture:
    height = TOP * 2 + ROW * len(channels)
    image = Image.new("RGB", (WIDTH, height), _PAPER)
    draw = ImageDraw.Draw(image)
    _draw_grid(draw, height, seconds)
    font = ImageFont.load_default(15)
    highest = max(float(np.percentile(np.abs(c.samples), 100 - OUTLIERS)) for c in channels) or 1.0
    for number, channel in enumerate(channels):
        middle = TOP + ROW * number + ROW / 2
        levels = np.clip(channel.samples / highest, -1.2, 1.2) * (ROW / 2.2)
        draw.line(_points(levels, middle), fill=_INK, width=2, joint="curve")
        draw.text((8, middle - ROW / 2 + 2), channel.name, fill=_INK, font=font, anchor="la")
    return np.asarray(image)


def _points(levels: Samples, middle: float) -> list[tuple[float, float]]:
    """Return the trace; where a column has many samples, its least and its greatest."""
    step = -(-len(levels) // WIDTH)
    if step > 1:
        whole = np.pad(levels, (0, -len(levels) % step), mode="edge").reshape(-1, step)
        levels = np.stack((whole.min(axis=1), whole.max(axis=1)), axis=1).ravel()
    across = np.linspace(0, WIDTH - 1, len(levels))
    return list(zip(across.tolist(), (middle - levels).tolist(), strict=True))


def _draw_grid(draw: ImageDraw.ImageDraw, height: int, seconds: float) -> None:
    step = WIDTH / seconds * SMALL_SECONDS
    if step < 2:
        step = WIDTH / 100
    for colour, every in ((_FINE, 1), (_COARSE, LARGE_EVERY)):
        for across in np.arange(0, WIDTH, step * every):
            draw.line(((across, 0), (across, height)), fill=colour)
        for down in np.arange(0, height, step * every):
            draw.line(((0, down), (WIDTH, down)), fill=colour)


def _name(definition: Attributes | None, number: int) -> str:
    for source in _items(definition, "ChannelSourceSequence") if definition is not None else ():
        code = re.sub(r"^(5\.6\.3-9-|2:|MDC_ECG_LEAD_)", "", str(value_of(source, "CodeValue")))
        if code in _LEADS:
            return _LEADS[code]
        meaning = value_of(source, "CodeMeaning")
        if isinstance(meaning, str) and meaning.isprintable() and meaning != _REMOVED:
            return meaning[:LONGEST_NAME]
    return str(number + 1)


def _items(ds: Attributes, keyword: str) -> list[Any]:
    found = value_of(ds, keyword)
    if not isinstance(found, Sequence) or isinstance(found, str | bytes):
        return []
    return [item for item in found if hasattr(item, "get")]


def _whole(ds: Attributes, keyword: str) -> int:
    value = value_of(ds, keyword)
    return value if isinstance(value, int) else 0


def _number(ds: Attributes, keyword: str, default: float) -> float:
    value = value_of(ds, keyword)
    number = float(value) if isinstance(value, int | float) else default
    return number if np.isfinite(number) else default
