"""What is looked for among cases, and what was found.

Not here: finding it (`cases.finding`).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

__all__ = ["Count", "Found", "FoundCase", "Order", "Wanted"]

Order = Literal["newest", "relevance", "title"]


@dataclass(frozen=True)
class Wanted:
    """What is looked for.

    Attributes:
        text: as somebody typed it; a case has all of its words.
        modalities, body_parts: keys of `cases.vocabulary`; a case has one of them, or any if there
            are none.
        tags, authors: a case has all of them.
        owner_id: whose they are; None for anybody's.
        reveals: only cases with a section that stays closed until the reader opens it.
        downloadable: only cases whose files readers may fetch.
        order: of the result; without text, relevance is newest.
    """

    text: str = ""
    modalities: tuple[str, ...] = ()
    body_parts: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    owner_id: int | None = None
    reveals: bool = False
    downloadable: bool = False
    order: Order = "newest"


@dataclass(frozen=True)
class FoundCase:
    """A case as lists show it.

    Attributes:
        code: its name in addresses.
        title, modality, body_part: as they are shown.
        authors: their names.
        owner_id: whose it is.
        images: how many its series have.
        has_picture: there is a picture that stands for it.
        version, published_at, updated_at: the version that is shown, when it was first published
            and when it last changed.
    """

    code: str
    title: str
    modality: str
    body_part: str
    authors: tuple[str, ...]
    owner_id: int
    images: int
    has_picture: bool
    version: int
    published_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class Count:
    """A value by which the result can be narrowed, and how many cases it would leave."""

    value: str
    cases: int


@dataclass(frozen=True)
class Found:
    """What was found.

    Attributes:
        cases: one page of it.
        total: how many there are.
        of_all: how many cases there are at all, or all of the owner's that is wanted.
        modalities, body_parts: values that there are at all, the most frequent first.
        reveals, downloadable: how many would be left by each.
    """

    cases: tuple[FoundCase, ...]
    total: int
    of_all: int
    modalities: tuple[Count, ...]
    body_parts: tuple[Count, ...]
    reveals: int
    downloadable: int
