"""The pictures of one series, one by one, as the review page shows them.

Invariants: pictures are counted as the viewer does without geometry: by instance number, then by
frame; sizes are those of the pixel data, so rectangles can be measured on them.
Not here: decoding and drawing (`dicomweb`, by the address of the rendered frame).
"""

from dataclasses import dataclass

from sqlalchemy import select

from store.access import Scope, visible
from store.db import Database
from store.schema import instance, series, study

__all__ = ["Picture", "Pictures", "Ruler", "pictures_of"]

#: Distances between the marks of a ruler, of which the first that fits is taken.
STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)


@dataclass(frozen=True, slots=True)
class Picture:
    """One frame.

    Attributes:
        sop_instance_uid, frame: which one; frames count from 1.
        columns, rows: its size in pixels.
    """

    sop_instance_uid: str
    frame: int
    columns: int
    rows: int


@dataclass(frozen=True, slots=True)
class Ruler:
    """The frame around a picture that shows where its pixels are, in pixels.

    Attributes:
        margin: its width.
        across, down: where the many marks stand.
        few_across, few_down: where the few marks of a small screen stand.
    """

    margin: float
    across: tuple[int, ...]
    down: tuple[int, ...]
    few_across: tuple[int, ...]
    few_down: tuple[int, ...]

    @classmethod
    def around(cls, columns: int, rows: int) -> "Ruler":
        """The ruler of a picture of this size."""
        side = max(columns, rows)
        many, few = _step(side, 16), _step(side, 6)
        return cls(
            round(side * 0.035, 3),
            *(tuple(range(0, end, step)) for step in (many, few) for end in (columns, rows)),
        )


@dataclass(frozen=True, slots=True)
class Pictures:
    """All pictures of a series.

    Attributes:
        total: how many there are.
        number: which one is shown, from 1.
        shown: that picture; None when the series has none.
        widest, highest: the largest sides that occur.
        one_size: all have the same size.
    """

    total: int
    number: int
    shown: Picture | None
    widest: int = 0
    highest: int = 0
    one_size: bool = True

    @property
    def ruler(self) -> Ruler:
        """The ruler of the picture that is shown."""
        shown = self.shown or Picture("", 0, 1, 1)
        return Ruler.around(shown.columns, shown.rows)


def pictures_of(
    database: Database, scope: Scope, study_uid: str, series_uid: str, number: int
) -> Pictures:
    """The pictures of a series in the scope.

    Args:
        database, scope, study_uid, series_uid: where to look.
        number: of the one to show, from 1; the nearest that there is will be.
    """
    query = (
        select(
            instance.c.sop_instance_uid,
            instance.c.number_of_frames,
            instance.c.columns,
            instance.c.rows,
        )
        .join(series, series.c.id == instance.c.series_id)
        .join(study, study.c.id == series.c.study_id)
        .where(
            study.c.study_instance_uid == study_uid,
            series.c.series_instance_uid == series_uid,
            instance.c.number_of_frames > 0,
            instance.c.rows > 0,
            instance.c.columns > 0,
            visible(scope),
        )
        .order_by(instance.c.instance_number.nulls_last(), instance.c.id)
    )
    with database.read() as connection:
        rows = connection.execute(query).all()
    total = sum(row.number_of_frames for row in rows)
    number = max(1, min(number, total))
    before, shown = 0, None
    for row in rows:
        if before < number <= before + row.number_of_frames:
            shown = Picture(row.sop_instance_uid, number - before, row.columns, row.rows)
        before += row.number_of_frames
    sizes = {(row.columns, row.rows) for row in rows}
    widest = max((columns for columns, _ in sizes), default=0)
    highest = max((height for _, height in sizes), default=0)
    return Pictures(total, number, shown, widest, highest, len(sizes) < 2)


def _step(side: int, marks: int) -> int:
    return next((step for step in STEPS if side / step <= marks), STEPS[-1])
