"""Turns values of one byte order into the other.

Standard: PS3.5 7.3 (big endian byte ordering), 6.2 (width of the words of each VR).
"""

__all__ = ["WORD_BYTES", "swap_words"]

WORD_BYTES = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}
"""Bytes of a word, by VR; the others are bytes."""


def swap_words(value: bytes, width: int) -> bytes:
    """The bytes with each word of `width` bytes reversed; a last part-word stays."""
    if width == 1:
        return value
    whole = len(value) - len(value) % width
    swapped = bytearray(value)
    for place in range(width):
        swapped[place:whole:width] = value[width - 1 - place : whole : width]
    return bytes(swapped)
