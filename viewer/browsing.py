"""What a reader asks of the list of cases, as it stands in an address, and the way to each change.

Invariants: every list has one address, in which nothing stands that makes no difference; an address
that cannot be understood asks for less, never for an error.
Not here: the search (`cases.finding`), the page (`viewer.public`).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from werkzeug.datastructures import MultiDict

from cases.typed import words_in
from cases.vocabulary import BODY_PARTS, MODALITIES
from cases.wanted import Count, Found, Order, Wanted

__all__ = ["LAST_PAGE", "PER_PAGE", "Browsing", "Chip", "Choice", "modality_label", "wanted_of"]

PER_PAGE: Final = 24
LAST_PAGE: Final = 2000
MOST_VALUES: Final = 20
LONGEST_LINE: Final = 200
ORDERS: Final[dict[Order, str]] = {
    "newest": "Newest first",
    "relevance": "Most relevant",
    "title": "Title",
}
#: Known by their letters better than by their names.
LETTERS: Final = {"CT": "CT", "MR": "MR", "PT": "PET"}


@dataclass(frozen=True)
class Chip:
    """A filter in force, and the address without it."""

    label: str
    address: str


@dataclass(frozen=True)
class Choice:
    """A value by which the list can be narrowed."""

    value: str
    label: str
    cases: int
    chosen: bool


@dataclass(frozen=True)
class Browsing:
    """A list of cases as a page shows it.

    Attributes:
        wanted, page: what was asked.
        found: the answer.
        link: gives the address of a list, from the arguments of its address.
    """

    wanted: Wanted
    page: int
    found: Found
    link: Callable[..., str]

    def address(self, wanted: Wanted | None = None, page: int = 1) -> str:
        """The address of a page of a list; by default of this list."""
        return self.link(**arguments(wanted or self.wanted, page))

    @property
    def pages(self) -> int:
        """How many pages the list has."""
        return min(LAST_PAGE, -(-self.found.total // PER_PAGE))

    @property
    def first(self) -> int:
        """The place of the first case of the page, from 1."""
        return (self.page - 1) * PER_PAGE + 1

    @property
    def last(self) -> int:
        """The place of the last case of the page."""
        return self.first + len(self.found.cases) - 1

    @property
    def orders(self) -> list[tuple[str, str, bool, str]]:
        """The orders that make sense: value, label, whether it is in force, and address.

        The value of the usual one is empty.
        """
        return [
            (
                "" if order == usual_order(self.wanted.text) else order,
                label,
                order == self.wanted.order,
                self.address(replace(self.wanted, order=order)),
            )
            for order, label in ORDERS.items()
            if order != "relevance" or words_in(self.wanted.text)
        ]

    @property
    def modalities(self) -> list[Choice]:
        """Modalities that there are, the most frequent first."""
        return _choices(self.found.modalities, self.wanted.modalities, modality_label)

    @property
    def body_parts(self) -> list[Choice]:
        """Body parts that there are, the most frequent first."""
        return _choices(self.found.body_parts, self.wanted.body_parts, _part_label)

    @property
    def chips(self) -> list[Chip]:
        """The filters in force; the text is not among them, as it stands in its field."""
        wanted = self.wanted
        found = []
        labels: dict[str, Callable[[str], str]] = {
            "modalities": modality_label,
            "body_parts": _part_label,
            "tags": str,
            "authors": str,
        }
        for name, label in labels.items():
            values: tuple[str, ...] = getattr(wanted, name)
            for value in values:
                rest = tuple(one for one in values if one != value)
                found.append(Chip(label(value), self.address(_changed(wanted, name, rest))))
        for name, said in (
            ("reveals", "Diagnosis to reveal"),
            ("downloadable", "Download allowed"),
        ):
            if getattr(wanted, name):
                found.append(Chip(said, self.address(_changed(wanted, name, False))))
        return found

    @property
    def cleared(self) -> str:
        """The address of the list without any filter."""
        return self.address(Wanted(owner_id=self.wanted.owner_id))


def wanted_of(args: MultiDict[str, str], owner_id: int | None = None) -> tuple[Wanted, int]:
    """What an address asks for, and the number of the page."""
    text = " ".join(args.get("q", "").replace("\0", " ").split())[:LONGEST_LINE]
    asked = args.get("order", "")
    order = usual_order(text)
    for known in ORDERS:
        if asked == known and (known != "relevance" or order == "relevance"):
            order = known
    wanted = Wanted(
        text=text,
        modalities=tuple(one for one in _values(args, "modality") if one in MODALITIES),
        body_parts=tuple(one for one in _values(args, "part") if one in BODY_PARTS),
        tags=_values(args, "tag"),
        authors=_values(args, "author"),
        owner_id=owner_id,
        reveals=args.get("reveal") == "1",
        downloadable=args.get("download") == "1",
        order=order,
    )
    return wanted, min(LAST_PAGE, max(1, args.get("page", 1, int)))


def arguments(wanted: Wanted, page: int = 1) -> dict[str, Any]:
    """The arguments of the address of a list."""
    said: dict[str, Any] = {
        "q": wanted.text,
        "modality": list(wanted.modalities),
        "part": list(wanted.body_parts),
        "tag": list(wanted.tags),
        "author": list(wanted.authors),
        "reveal": "1" if wanted.reveals else "",
        "download": "1" if wanted.downloadable else "",
        "order": "" if wanted.order == usual_order(wanted.text) else wanted.order,
        "page": page if page > 1 else "",
    }
    return {name: value for name, value in said.items() if value}


def usual_order(text: str) -> Order:
    """The order when none is asked for."""
    return "relevance" if words_in(text) else "newest"


def modality_label(code: str) -> str:
    """What a modality is called where there is little room."""
    return LETTERS.get(code) or MODALITIES.get(code, code)


def _choices(
    counts: tuple[Count, ...], chosen: tuple[str, ...], label: Callable[[str], str]
) -> list[Choice]:
    known = [Choice(one.value, label(one.value), one.cases, one.value in chosen) for one in counts]
    there = {one.value for one in known}
    # What was chosen stays in the list, or it could not be taken back there.
    return known + [Choice(one, label(one), 0, True) for one in chosen if one not in there]


def _changed(wanted: Wanted, name: str, value: object) -> Wanted:
    change: dict[str, Any] = {name: value}
    return replace(wanted, **change)


def _part_label(code: str) -> str:
    return BODY_PARTS.get(code, code)


def _values(args: MultiDict[str, str], name: str) -> tuple[str, ...]:
    said = (one.replace("\0", "").strip()[:LONGEST_LINE] for one in args.getlist(name))
    return tuple(dict.fromkeys(one for one in said if one))[:MOST_VALUES]
