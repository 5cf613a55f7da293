"""Shifts dates by whole days and checks times.

Standard: PS3.5 6.2 (DA, DT, TM, and the old form YYYY.MM.DD), PS3.15 E.3.6 (modified dates).

Invariants: intervals between dates stay; the shift depends on the key and the patient, is between
1 and 3650 days either way and never 0; what does not parse is not kept.

Not here: which elements shift (``deid.rules``).
"""

import hmac
import re
from collections.abc import Callable
from datetime import date
from typing import Final

MAX_SHIFT: Final = 3650
_DATE: Final = re.compile(rb"(\d{4})(\.?)(\d{2})\2(\d{2})")
_DATETIME: Final = re.compile(rb"(\d{8})((?:\d{2}){0,3}(?:\.\d{1,6})?(?:[+-]\d{4})?)")
_TIME: Final = re.compile(rb"\d{2}(?::?\d{2}(?::?\d{2}(?:\.\d{1,6})?)?)?")


def shift_of(key: bytes, *identity: bytes) -> int:
    """Return the number of days for a patient (ID and issuer, or the study when there is none)."""
    message = b"shift\0" + b"\0".join(identity)
    number = int.from_bytes(hmac.digest(key, message, "sha256")[:8], "big") % (2 * MAX_SHIFT)
    return number - MAX_SHIFT if number < MAX_SHIFT else number - MAX_SHIFT + 1


def shift_dates(value: bytes, days: int) -> bytes | None:
    """Shift every value of a DA; None when one does not parse."""
    return _each(value, days, _shift_date)


def shift_datetimes(value: bytes, days: int) -> bytes | None:
    """Shift every value of a DT; None when one does not parse or has no day."""
    return _each(value, days, _shift_datetime)


def are_times(value: bytes) -> bool:
    """Tell whether a TM holds times and nothing else."""
    return all(
        not part or _TIME.fullmatch(part) is not None
        for part in (part.strip(b" \0") for part in value.split(b"\\"))
    )


def _each(value: bytes, days: int, shift: Callable[[bytes, int], bytes | None]) -> bytes | None:
    if not days and b"\\" not in value and shift(value.strip(b" \0"), 0) is not None:
        return value
    parts = []
    for part in value.split(b"\\"):
        text = part.strip(b" \0")
        moved = shift(text, days) if text else b""
        if moved is None:
            return None
        parts.append(moved)
    return b"\\".join(parts)


def _shift_date(text: bytes, days: int) -> bytes | None:
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    dot = match[2]
    moved = _move(match[1], match[3], match[4], days)
    return None if moved is None else dot.join((moved[:4], moved[4:6], moved[6:]))


def _shift_datetime(text: bytes, days: int) -> bytes | None:
    match = _DATETIME.fullmatch(text)
    if match is None:
        return None
    day = match[1]
    moved = _move(day[:4], day[4:6], day[6:], days)
    return None if moved is None else moved + match[2]


def _move(year: bytes, month: bytes, day: bytes, days: int) -> bytes | None:
    try:
        moved = date.fromordinal(date(int(year), int(month), int(day)).toordinal() + days)
    except (ValueError, OverflowError):
        return None
    return b"%04d%02d%02d" % (moved.year, moved.month, moved.day)
