"""Turns scores into one column of the published table, for any tool.

Not here: running tools (``tests.deid.compare``), the page around the table.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.deid.planting.consistency import (
    PIXELS,
    Ledger,
    changed_values,
    marker_faults,
    measured,
    pixels_equal,
)
from tests.deid.planting.key import Category
from tests.deid.planting.reading import Reading
from tests.deid.planting.scores import Tally


@dataclass
class Column:
    """The scores of one tool."""

    tally: Tally = field(default_factory=Tally)
    ledger: Ledger = field(default_factory=Ledger)
    files: int = 0
    refused: int = 0
    values: int = 0
    values_changed: int = 0
    images: int = 0
    images_changed: int = 0
    falsely_marked: int = 0
    invalid: int = 0

    def add_real(self, before: Reading, after: Reading | None) -> None:
        """Count a real file that nothing was planted in; None: it was refused."""
        self.files += 1
        if after is None:
            self.refused += 1
            return
        self.ledger.add(before, after)
        self.values += sum(1 for _ in measured(before))
        self.values_changed += sum(1 for _ in changed_values(before, after))
        if any((tag,) in before.values for tag in PIXELS) and not _is_compressed(before):
            self.images += 1
            self.images_changed += not pixels_equal(before, after)
        self.falsely_marked += any(True for _ in marker_faults(before, after))

    def cells(self) -> dict[str, str]:
        """Return the lines of the table."""
        tally, ledger = self.tally, self.ledger
        stored = self.files - self.refused
        moved = len(ledger.shifts)
        return {
            **{c.value: _rate(tally.leaked[c], tally.planted[c]) for c in Category},
            "planted files refused": str(len(tally.refused)),
            "planted files held for review": str(len(tally.held)),
            "safe words kept": _share(tally.words - len(tally.words_lost), tally.words),
            "measured values unchanged": _share(self.values - self.values_changed, self.values),
            "native pixels unchanged": _share(self.images - self.images_changed, self.images),
            "UIDs that do not map one to one": str(len(ledger.split) + len(ledger.merged)),
            "references that resolve or point outside": _share(
                len(ledger.references) - len(ledger.broken), len(ledger.references)
            ),
            "patients whose intervals stay": _share(moved - len(ledger.torn), moved),
            "marked with method and codes, and truly": _share(stored - self.falsely_marked, stored),
            "real files with a new kind of dciodvfy error": f"{self.invalid} of {stored}",
            "real files refused": f"{self.refused} of {self.files}",
        }

    def planted(self) -> dict[str, str]:
        """Return how much was planted or there to keep, for the first column."""
        counts = {c.value: f"{self.tally.planted[c]:,}" for c in Category}
        counts["safe words kept"] = f"{self.tally.words:,}"
        counts["measured values unchanged"] = f"{self.values:,}"
        counts["native pixels unchanged"] = f"{self.images:,}"
        counts["references that resolve or point outside"] = f"{len(self.ledger.references):,}"
        counts["planted files refused"] = f"{self.tally.files:,}"
        counts["planted files held for review"] = f"{self.tally.files:,}"
        return counts


def _is_compressed(reading: Reading) -> bool:
    syntax = reading.ds.file_meta.get("TransferSyntaxUID")
    return bool(syntax and syntax.is_compressed and not syntax.is_deflated)


def _rate(part: int, whole: int) -> str:
    """A share of what should be none: a little is not rounded to nothing."""
    if not part:
        return "0"
    if part == whole:
        return "100 %"
    percent = min(100 * part / whole, 99.9)
    return f"{percent:.1f} %" if percent >= 0.05 else "< 0.1 %"


def _share(part: int, whole: int) -> str:
    """A share of what should be all: nearly all is not rounded to all."""
    if not whole:
        return "–"
    percent = 100 * part / whole
    return "100 %" if part == whole else f"{min(percent, 99.9):.1f} %"


def merge(tallies: Iterable[Tally]) -> Tally:
    """Add up what was counted in parts."""
    total = Tally()
    for one in tallies:
        total.files += one.files
        total.planted += one.planted
        total.leaked += one.leaked
        total.refused += one.refused
        total.held += one.held
        total.words += one.words
        total.words_lost += one.words_lost
    return total
