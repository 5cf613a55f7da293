"""Tells whether what is being shown may still be shown.

Invariants: asking costs one look at the index, whatever is shown.
Not here: who is shown what (`store.access`), when to ask (`dicomweb.watching`).
"""

from sqlalchemy import select

from store.access import Scope, visible
from store.db import Database
from store.schema import series, study

__all__ = ["Watch"]


class Watch:
    """The series of a study, or one of them, as a scope has them now.

    Args:
        database: the index.
        scope: as it is when the showing begins.
        study_instance_uid: the study.
        series_instance_uid: the series; None for all of them.
    """

    def __init__(
        self,
        database: Database,
        scope: Scope,
        study_instance_uid: str,
        series_instance_uid: str | None = None,
    ) -> None:
        self._database = database
        self._query = select(series.c.id).join(study, study.c.id == series.c.study_id)
        self._query = self._query.where(study.c.study_instance_uid == study_instance_uid)
        if series_instance_uid is not None:
            self._query = self._query.where(series.c.series_instance_uid == series_instance_uid)
        self._began_with = self._visible(scope)

    def holds(self, scope: Scope) -> bool:
        """Whether the scope, as it is now, still shows all that it did."""
        return bool(self._began_with) and self._began_with <= self._visible(scope)

    def _visible(self, scope: Scope) -> set[int]:
        with self._database.read(in_pieces=False) as connection:
            return set(connection.execute(self._query.where(visible(scope))).scalars())
