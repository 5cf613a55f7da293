"""Runs rows in alternating rounds and reduces what was measured to medians and ratios.

Invariants: in each round every column has its turn, and each round starts with the next column, so
that none always follows the same neighbour; a ratio is the median of the rounds' own ratios, which
cancels what changed from round to round; ratios above 1 are in favour of this server, whatever the
unit.
Not here: the work itself (``bench.work``), or its presentation (``bench.report``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from bench.work.context import Context
from bench.work.row import OWN, Row, Target


@dataclass(frozen=True)
class Result:
    """The figures of one row: per column one figure a round, in the order of the rounds."""

    key: str
    title: str
    unit: str
    floor: str | None
    more_is_better: bool
    targets: tuple[Target, ...]
    figures: Mapping[str, Sequence[float]]

    def median(self, column: str) -> float | None:
        """Return the median of a column's rounds, or None when it was not measured."""
        return median(self.figures[column]) if self.figures.get(column) else None

    def ratio(self, column: str) -> float | None:
        """Return how many times better this server is than a column, or None."""
        if column not in self.figures or OWN not in self.figures:
            return None
        pairs = zip(self.figures[OWN], self.figures[column], strict=True)
        return median(own / other if self.more_is_better else other / own for own, other in pairs)

    def is_met(self, target: Target) -> bool | None:
        """Tell whether a target is reached, or None when it was not measured."""
        if target.column is not None:
            ratio = self.ratio(target.column)
            return None if ratio is None else ratio >= target.bound
        own = self.median(OWN)
        return None if own is None else own <= target.bound

    def summary(self) -> dict[str, object]:
        """Return everything as plain values for JSON, rounded to four digits."""
        return {
            "key": self.key,
            "title": self.title,
            "unit": self.unit,
            "more_is_better": self.more_is_better,
            "floor": self.floor,
            "rounds": {
                column: [rounded(figure) for figure in figures]
                for column, figures in self.figures.items()
            },
            "medians": {column: rounded(self.median(column)) for column in self.figures},
            "ratios": {
                column: rounded(self.ratio(column)) for column in self.figures if column != OWN
            },
            "targets": [{**asdict(one), "met": self.is_met(one)} for one in self.targets],
        }


def run(
    row: Row,
    context: Context,
    columns: Collection[str] | None,
    progress: Callable[[str], object],
) -> Result:
    """Measure one row in all its rounds; ``columns`` leaves out every other column."""
    asked = [column for column in row.columns if columns is None or column in columns]
    figures: dict[str, list[float]] = {column: [] for column in asked}
    for turn in range(min(context.rounds, row.most_rounds)):
        start = turn % len(asked) if asked else 0
        for column in asked[start:] + asked[:start]:
            figure = row.measure(context, column, turn)
            figures[column].append(figure)
            progress(f"  {row.key} round {turn + 1}: {column} {figure:,.4g} {row.unit}")
    title = row.title.format(
        slices=context.size.slices,
        studies=context.size.studies,
        memory=context.size.memory // (1 << 20),
    )
    return Result(row.key, title, row.unit, row.floor, row.more_is_better, row.targets, figures)


def rounded(figure: float | None) -> float | None:
    """Return a figure with four significant digits, more than which no figure here has."""
    return None if figure is None else float(f"{figure:.4g}")
