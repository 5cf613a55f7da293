"""Published cases, made as their authors do."""

from dataclasses import replace
from itertools import count
from typing import Any

from sqlalchemy import update

from accounts.people import Account
from accounts.plans import grant
from cases import schema
from cases.cases import case_by_code, create_case, save_case
from cases.playlists import add_case as put_case
from cases.playlists import create_playlist, save_playlist
from cases.publishing import publish
from tests.support.datasets import ct_stack
from tests.viewer.conftest import Site

_drawn = count(1)


def add_case(
    site: Site,
    title: str = "Reading the scout",
    *,
    owner: Account | None = None,
    is_published: bool = True,
    private: bool = False,
    modality: str = "CT",
    body_part: str = "HEAD",
    **document: Any,  # noqa: ANN401 - fields of `cases.document.Document`
) -> str:
    """A case of one series of three images; its code."""
    owner = owner or site.owner
    study = site.put(*ct_stack(3, study=f"1.2.3.{next(_drawn)}", size=16), owner=owner)
    pairs = [(study, one.series_instance_uid) for one in site.series(study, owner)]
    made = create_case(
        site.pages.database,
        owner.id,
        title=title,
        series=pairs,
        clock=site.clock,
        random_bytes=site.pages.random_bytes,
        private=private,
    )
    save_again(site, made.code, title=title, modality=modality, body_part=body_part, **document)
    if is_published:
        publish(site.pages.database, owner.id, made.code, clock=site.clock)
    return made.code


def add_playlist(site: Site, *codes: str, visibility: str = "public", note: str = "") -> str:
    """A playlist of the owner's, with a note after each case; its code."""
    database, owner_id, title = site.pages.database, site.owner.id, "Two <wrists>"
    grant(database, owner_id, premium=True)
    made = create_playlist(
        database,
        owner_id,
        title=title,
        visibility=visibility,
        clock=site.clock,
        random_bytes=site.pages.random_bytes,
    )
    for code in codes:
        made = put_case(database, owner_id, made.code, code, clock=site.clock)
    save_playlist(
        database,
        owner_id,
        made.code,
        title=title,
        description="Read *on*.",
        visibility=visibility,
        items=[(code, note) for code in codes],
        saved=made.saved,
        clock=site.clock,
    )
    return made.code


def save_again(site: Site, code: str, **fields: Any) -> None:  # noqa: ANN401 - of case or document
    """Save a case with other fields."""
    case = case_by_code(site.pages.database, code)
    at_once = {name: getattr(case, name) for name in ("title", "modality", "body_part")}
    at_once |= {name: fields.pop(name) for name in at_once if name in fields}
    save_case(
        site.pages.database,
        case.owner_id,
        code,
        **at_once,
        document=replace(case.document, **fields),
        saved=case.saved,
        clock=site.clock,
    )


def publish_again(site: Site, code: str, note: str = "", **fields: Any) -> None:  # noqa: ANN401
    """Publish a case once more, with other fields."""
    save_again(site, code, **fields)
    owner_id = case_by_code(site.pages.database, code).owner_id
    publish(site.pages.database, owner_id, code, clock=site.clock, note=note)


def change(site: Site, code: str, **columns: Any) -> None:  # noqa: ANN401 - of the case
    """Write into the row of a case, as what hides and shows cases does."""
    with site.pages.database.write() as connection:
        changed = update(schema.case).where(schema.case.c.code == code).values(**columns)
        connection.execute(changed)
