"""Keeps pictures that were made, so that they are not made again.

Not here: making them (`store.render`).
"""

from collections.abc import Callable
from typing import Protocol

__all__ = ["NoPictures", "Pictures"]


class Pictures(Protocol):
    """A place for pictures by name."""

    def get_or_make(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Return the picture of this name, made now if it is not kept.

        Args:
            name: tells it apart from every other for ever; hexadecimal digits, dots and dashes.
            make: makes it; what it raises comes out.
        """


class NoPictures:
    """Keeps nothing."""

    def get_or_make(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Make it."""
        del name
        return make()
