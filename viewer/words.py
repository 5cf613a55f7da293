"""How dates, ages and numbers are written on pages.

Invariants: months are words, so no date can be read two ways; numbers and their units stay on one
line (no-break space).
"""

from datetime import UTC, date, datetime, timedelta

__all__ = ["age", "day", "duration", "exact", "grouped", "plural", "quick", "series_name", "utc"]

NBSP = "\u00a0"
MINUTE, HOUR, DAY = 60, 3600, 86400
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def day(value: str) -> str:
    """A DA value (PS3.5 6.2) as "12 May 2026"; empty when it is none."""
    try:
        when = date(int(value[0:4]), int(value[4:6]), int(value[6:8]))
    except ValueError:
        return ""
    return f"{when.day}{NBSP}{MONTHS[when.month - 1]}{NBSP}{when.year}"


def age(moment: datetime, now: datetime) -> str:
    """How long ago, in the one unit that fits."""
    seconds = max(0, int((now - moment).total_seconds()))
    if seconds < MINUTE:
        return "now"
    if seconds < HOUR:
        return f"{seconds // MINUTE}{NBSP}min"
    if seconds < DAY:
        return f"{seconds // HOUR}{NBSP}h"
    return plural(seconds // DAY, "day", "days")


def duration(span: timedelta) -> str:
    """How long, in the one unit that fits."""
    seconds = max(0, round(span.total_seconds()))
    if seconds < MINUTE:
        return f"{seconds}{NBSP}s"
    if seconds < HOUR:
        return f"{seconds // MINUTE}{NBSP}min"
    return f"{seconds // HOUR}{NBSP}h" if seconds < 2 * DAY else f"{seconds // DAY}{NBSP}days"


def quick(milliseconds: int) -> str:
    """How long something took that takes moments."""
    if milliseconds < 1000:
        return f"{max(1, milliseconds)}{NBSP}ms"
    return f"{milliseconds / 1000:.1f}{NBSP}s"


def exact(moment: datetime) -> str:
    """Day and time of a moment, in UTC."""
    moment = utc(moment)
    return f"{moment.day} {MONTHS[moment.month - 1]} {moment.year}, {moment:%H:%M} UTC"


def utc(moment: datetime) -> datetime:
    """The same moment in UTC, with its zone, which SQLite leaves out."""
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def grouped(number: int) -> str:
    """1966 as "1,966"."""
    return f"{number:,}"


def plural(number: int, one: str, many: str) -> str:
    """ "1 study", "1,966 studies"."""
    return f"{grouped(number)}{NBSP}{one if number == 1 else many}"


def series_name(number: int | None, description: str, modality: str) -> str:
    """ "Series 2, axial head", as far as it is known."""
    named = description or modality
    if number is None:
        return named or "Series without a number"
    return f"Series {number}, {named}" if named else f"Series {number}"
