"""Links of a text to a view of the images: which series, which image, and how they are shown.

    view:SERIES/IMAGE        view:SERIES/IMAGE?window=CENTRE,WIDTH&zoom=ZOOM

Invariants: a series is named by its place among those that readers see, from 1, or by its UID; what
is not of this form is no link to a view.
Not here: drawing them (`viewer.markdown`), following them (`viewer/client`).
"""

import re
from collections.abc import Sequence
from typing import Final

__all__ = ["VIEW", "lost_links", "renumbered"]

_SERIES: Final = r"[1-9][0-9]{0,3}|[0-9]+(?:\.[0-9]+){2,}"
_FIGURE: Final = r"-?[0-9]{1,9}(?:\.[0-9]{1,9})?"
_WINDOW: Final = rf"window={_FIGURE},{_FIGURE}"
_ZOOM: Final = rf"zoom={_FIGURE}"

VIEW: Final = re.compile(
    rf"view:({_SERIES})/([1-9][0-9]{{0,5}})(?:\?({_WINDOW}(?:&{_ZOOM})?|{_ZOOM}))?"
)
_PLACE: Final = re.compile(rf"\bview:({_SERIES})(?=/)")
_LINK: Final = re.compile(rf"\[([^\[\]]{{0,80}})\]\({VIEW.pattern}\)")

Pair = tuple[str, str]
"""Study and Series Instance UID."""


def renumbered(text: str, before: Sequence[Pair], now: Sequence[Pair]) -> str:
    """The text with its links to series at their new places.

    Args:
        text: Markdown.
        before: the series that readers saw, in order.
        now: those that they will see; a link to another one names it by its UID.
    """

    def lead(link: re.Match[str]) -> str:
        pair = _pair(link[1], before, now)
        if pair is None:
            return link[0]
        return f"view:{now.index(pair) + 1 if pair in now else pair[1]}"

    return _PLACE.sub(lead, text)


def lost_links(text: str, shown: Sequence[Pair]) -> list[str]:
    """The words of the links to series that the case does not show, in order, each once."""
    found = [match for match in _LINK.finditer(text) if _pair(match[2], shown, shown) is None]
    return list(dict.fromkeys(match[1] or match[2] for match in found))


def _pair(said: str, before: Sequence[Pair], now: Sequence[Pair]) -> Pair | None:
    """Return the series that a link names by its place before, or by its UID."""
    if "." in said:
        return next((pair for pair in now if pair[1] == said), None)
    return before[int(said) - 1] if int(said) <= len(before) else None
