"""The meanings that PS3.16 gives to codes, read from a table of one line for each code.

Standard: PS3.16 8 (coding schemes) and its context groups, as pydicom has them.

Invariants: the table is one piece of memory, which processes that were forked share; read as a
dictionary it would take five times as much, in each of them. Of what is looked up only codes of the
standard are remembered.

Not here: what a meaning is compared with (``deid.codes``), how the table is made
(``deid.generate_meanings``).
"""

from array import array
from bisect import bisect_left
from importlib.resources import files
from typing import Final

__all__ = ["meanings_of"]

_TABLE: Final = (files("deid") / "meanings.txt").read_bytes()


def _lines(table: bytes) -> "array[int]":
    """Where each line begins."""
    begins = array("I")
    at = 0
    while at < len(table):
        begins.append(at)
        at = table.index(b"\n", at) + 1
    return begins


_LINES: Final = _lines(_TABLE)
_MOST_MET: Final = 1_000
_MET: Final[dict[tuple[bytes, bytes], tuple[bytes, ...]]] = {}
"""What was looked up, and found: one file after the other has the same codes."""


def meanings_of(scheme: bytes, value: bytes) -> tuple[bytes, ...]:
    """The meanings of a code, none if the standard does not name it.

    Args:
        scheme: its Coding Scheme Designator.
        value: its Code Value.
    """
    met = _MET.get((scheme, value))
    if met is not None:
        return met
    found = _looked_up(scheme, value)
    if found and len(_MET) < _MOST_MET:
        _MET[scheme, value] = found
    return found


def _looked_up(scheme: bytes, value: bytes) -> tuple[bytes, ...]:
    if b"\t" in scheme or b"\t" in value:
        return ()
    key = b"%b\t%b\t" % (scheme, value)
    length = len(key)
    found = bisect_left(_LINES, key, key=lambda at: _TABLE[at : at + length])
    if found == len(_LINES) or not _TABLE.startswith(key, _LINES[found]):
        return ()
    start = _LINES[found] + length
    return tuple(_TABLE[start : _TABLE.index(b"\n", start)].split(b"\t"))
