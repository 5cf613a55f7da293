"""The answer key: what was planted where, how it would show, and what may stand there instead.

Invariants: a plant that does not show in the planted file itself is a fault of the generator; the
key is independent of the engine.

Not here: making plants (``made``, ``real`` …), scoring them (``scores``).
"""

from dataclasses import dataclass
from enum import StrEnum

Path = tuple[int, ...]
"""Tags and item numbers that lead to an element, in turn; empty for the file as a whole."""
Groups = tuple[tuple[bytes, ...], ...]
"""An identity shows when all of any one group are found."""


class Tier(StrEnum):
    """What is asked of a kind of plant."""

    REQUIRED = "required: nothing of it may stay"
    TEXT = "free text: nothing of it may stay"
    PIXELS = "pixels: nothing of it may stay where strangers look"


class Category(StrEnum):
    """What is counted together; the values are the lines of the published table."""

    ROWS = "required rows"
    PRIVATE = "private, unknown and retired elements"
    FILE = "preamble, file meta, padding"
    NAMES = "names in text"
    CHARSETS = "names in other character sets"
    DATES = "dates in text"
    NUMBERS = "numbers and UIDs in text"
    CONTACTS = "telephone numbers and addresses in text"
    CONTENT = "reports, annotations, labels"
    SEGMENTS = "segments inside compressed frames"
    PIXELS = "overlays, icons, burned-in text"
    DOCUMENTS = "encapsulated documents"

    @property
    def tier(self) -> Tier:
        """Return what is asked of it."""
        if self in (Category.ROWS, Category.PRIVATE, Category.FILE):
            return Tier.REQUIRED
        if self in (Category.PIXELS, Category.DOCUMENTS):
            return Tier.PIXELS
        return Tier.TEXT


class After(StrEnum):
    """What may stand there afterwards."""

    GONE = "nothing, or a dummy"
    NEW_UID = "nothing, or another UID"
    MOVED = "nothing, a dummy, or a date moved like all of this file"
    CLEANED = "nothing, a dummy, or some of the words without the identity"
    ANYTHING = "anything but the identity"
    HELD = "anything, if the instance is held for review"


@dataclass(frozen=True)
class Plant:
    """One planted identity.

    Attributes:
        form: the spelling or kind, for reports.
        path: where it stands.
        mark: a word that stands nowhere else in the corpus; found anywhere, it leaks.
        shown_by: what shows it in the value at ``path``, in lower case.
        planted: the bytes that were planted.
    """

    category: Category
    form: str
    path: Path
    planted: bytes
    mark: bytes = b""
    shown_by: Groups = ()
    after: After = After.ANYTHING


@dataclass(frozen=True)
class Safe:
    """Words that must stay, in lower case, in the value at ``path``."""

    path: Path
    words: tuple[bytes, ...]


@dataclass(frozen=True)
class Planted:
    """A file with identities in it.

    Attributes:
        may_be_refused: it cannot be cleaned, so a refusal is a right answer.
        held: it must be held for review when it is not refused.
    """

    name: str
    data: bytes
    plants: tuple[Plant, ...]
    safe: tuple[Safe, ...] = ()
    may_be_refused: bool = False
    held: bool = False
