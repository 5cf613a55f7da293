"""AE titles as text.

Standard: PS3.5 6.2 (VR AE).
Not here: whose they are (`accounts.ae_titles`).
"""

from typing import Final

from accounts.errors import InvalidValue

__all__ = ["checked_title"]

CHARACTERS: Final = 16


def checked_title(text: str) -> str:
    """The significant part of a value of VR AE.

    Raises:
        InvalidValue: it is none.
    """
    title = text.strip(" ")
    fits = 1 <= len(title) <= CHARACTERS and title.isascii() and title.isprintable()
    if not fits or "\\" in title:
        raise InvalidValue("An AE title has 1 to 16 printable characters and no backslash.")
    return title
