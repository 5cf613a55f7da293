"""Keeps pictures that were made, so that they are not made again.

Invariants: a name tells a picture apart from every other for ever, and begins with the blob it was
made of, or with `MANY`; so when a blob goes, `drop` takes all that was made of it. Whether a caller
may see a picture is asked before it is looked up, never here.
Not here: making them (`store.render`, `store.moving`), a folder that keeps them
(`store.pictures_folder`).
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Final, Protocol

from store.blobs import name_of

__all__ = ["MANY", "NoPictures", "Pictures", "picture_name"]

MANY: Final = "many"
"""Stands in a name for the blobs of a picture that was made of several."""


class Pictures(Protocol):
    """A place for pictures by name, as `picture_name` makes it."""

    def get_or_make(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Return the picture of this name, made now if it is not kept.

        Args:
            name: tells it apart from every other for ever.
            make: makes it; what it raises comes out.
        """

    def open_or_write(self, name: str, write: Callable[[Path], None]) -> IO[bytes]:
        """Open the film of this name, written now if it is not kept; the caller closes it.

        Args:
            name: tells it apart from every other for ever.
            write: writes it into an empty folder, to the path given, beside which it may put other
                files; what it raises comes out.
        """

    def drop(self, blob: str) -> None:
        """Forget what was made of a blob, and all that was made of several.

        Args:
            blob: its key.
        """


def picture_name(blobs: Sequence[str], look: str) -> str:
    """Return the name of a picture.

    Args:
        blobs: the keys of the blobs that it is made of.
        look: tells it apart from the other pictures of them: lower-case hexadecimal digits.
    """
    first = name_of(blobs[0]) if len(blobs) == 1 else MANY
    return f"{first}.{look}"


class NoPictures:
    """Keeps nothing."""

    def get_or_make(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Make it."""
        del name
        return make()

    def open_or_write(self, name: str, write: Callable[[Path], None]) -> IO[bytes]:
        """Write it to where it is gone when it is closed."""
        del name
        with TemporaryDirectory(prefix="readingroom-") as folder:
            path = Path(folder) / "film"
            write(path)
            return open(path, "rb")

    def drop(self, blob: str) -> None:
        """There is nothing."""
        del blob
