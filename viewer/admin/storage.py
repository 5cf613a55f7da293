"""The section of storage: how much there is, of what, and whose.

Not here: counting (`store.totals`).
"""

from flask import Blueprint, render_template

from accounts.directory import names_of
from store.totals import by_modality, by_owner, by_way, of_everything
from viewer.blueprint import Pages

__all__ = ["add_storage"]


def add_storage(blueprint: Blueprint, pages: Pages) -> None:
    """Add the section."""

    @blueprint.get("/storage")
    def storage() -> str:
        owners = by_owner(pages.database)
        return render_template(
            "admin_storage.html",
            pages=pages,
            total=of_everything(owners),
            owners=owners,
            modalities=by_modality(pages.database),
            ways=by_way(pages.database),
            names=names_of(pages.database, [int(one.key) for one in owners]),
        )
