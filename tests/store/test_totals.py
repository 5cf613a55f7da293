"""How much is stored."""

from store.db import Database
from store.totals import by_modality, by_owner, by_way, of_everything
from tests.store.rows import add_instance, add_series, add_study


def test_totals_are_of_what_is_there_the_largest_first(database: Database) -> None:
    assert by_owner(database) == []
    assert of_everything([]).size == 0
    for owner, modality, way, sizes in (
        (7, "CT", "STOW-RS", (100, 200)),
        (7, "MR", "DIMSE", (50,)),
        (8, "CT", "DIMSE", ()),
    ):
        study_id = add_study(database, owner)
        series_id = add_series(database, study_id, owner, modality=modality, came_by=way)
        for size in sizes:
            add_instance(database, series_id, owner=owner, size=size)
    owners = [(one.key, one.series, one.images, one.size) for one in by_owner(database)]
    assert owners == [("7", 2, 3, 350), ("8", 1, 0, 0)]
    assert [(one.key, one.images, one.size) for one in by_modality(database)] == [
        ("CT", 2, 300),
        ("MR", 1, 50),
    ]
    assert [(one.key, one.series) for one in by_way(database)] == [("STOW-RS", 1), ("DIMSE", 2)]
    total = of_everything(by_owner(database))
    assert (total.series, total.images, total.size) == (3, 3, 350)
