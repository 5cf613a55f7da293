"""Cases: making, reading, saving and deleting them.

Invariants: only series of the owner are in a case; title, modality and body part apply to a
published case when they are saved, and all else stays in the working copy until it is published; a
save that was made from an older state than the present one changes nothing; each is in the audit.
Not here: versions (`cases.publishing`), who may see a case (`cases.access`).
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, delete, func, insert, select

from accounts.plans import Plan
from cases.codes import is_code, new_code
from cases.contents import owned, put_series
from cases.document import Document, ShownSeries, ShownStudy
from cases.errors import Changed, InvalidText, NoSuchCase
from cases.guessing import guessed_body_part, guessed_modality
from cases.privacy import check_plan, within_room
from cases.schema import WORKING_COPY, case
from cases.vocabulary import BODY_PARTS, MODALITIES
from cases.working import Case, case_of_row, derived, locked, put_working_copy
from store.audit import Deed, note
from store.changes import bump
from store.db import Database
from store.errors import NoSuchSeries

__all__ = [
    "TITLE_CHARACTERS",
    "Case",
    "case_by_code",
    "case_of_owner",
    "case_of_row",
    "cases_of_owner",
    "count_of_owner",
    "create_case",
    "delete_case",
    "save_case",
]

TITLE_CHARACTERS: Final = 200


def create_case(
    database: Database,
    owner_id: int,
    *,
    title: str,
    series: Sequence[tuple[str, str]],
    clock: Callable[[], datetime],
    random_bytes: Callable[[int], bytes],
    private: bool = False,
    plan: Plan | None = None,
) -> Case:
    """Make a pending case.

    Args:
        database: where it is kept.
        owner_id: whose it is.
        title: what it is called; it may be empty until it is published.
        series: Study and Series Instance UID of each series, in the order in which they are shown.
        clock: gives the present time.
        random_bytes: gives that many random bytes.
        private: only its owner may see it, published or not.
        plan: the owner's, to which a private case is held; None for whoever runs the server.

    Raises:
        NoSuchSeries: the owner has not all of them.
        NotAllowed: it is to be private, and the plan has no private cases or no room for them.
        InvalidText: the title is too long or not one line, or there are too many series.
    """
    title, now = _checked_title(title), clock()
    document = _document_of(series)
    if private:
        check_plan(plan)
    with database.write() as connection:
        kept, shown = owned(connection, owner_id, document)
        if len(shown) != len(set(series)):
            raise NoSuchSeries("One of the series is not among your studies.")
        row = {
            "code": _free_code(connection, random_bytes),
            "owner_id": owner_id,
            "title": title,
            "modality": guessed_modality(shown),
            "body_part": guessed_body_part(shown),
            "working": kept.to_json(),
            "private": private,
            "created_at": now,
            "updated_at": now,
        } | derived(kept, shown)
        with within_room(connection, owner_id, plan if private else None):
            made = connection.execute(insert(case).returning(case), row).one()
            put_series(connection, made.id, WORKING_COPY, shown)
        note(connection, Deed(now, owner_id, _MADE[private], made.code))
        bump(connection, owner_id)
    return case_of_row(made)


def case_of_owner(database: Database, owner_id: int, code: str) -> Case:
    """The owner's case of this code.

    Raises:
        NoSuchCase: the owner has none.
    """
    found = case_by_code(database, code)
    if found.owner_id != owner_id:
        raise NoSuchCase("There is no such case among yours.")
    return found


def case_by_code(database: Database, code: str) -> Case:
    """The case of this code, whoever may see it.

    Raises:
        NoSuchCase: there is none.
    """
    if is_code(code):
        with database.read() as connection:
            row = connection.execute(select(case).where(case.c.code == code)).first()
        if row is not None:
            return case_of_row(row)
    raise NoSuchCase("There is no such case.")


def cases_of_owner(
    database: Database, owner_id: int, *, limit: int = 50, offset: int = 0
) -> list[Case]:
    """The owner's cases, those that were changed last first."""
    query = select(case).where(case.c.owner_id == owner_id)
    query = query.order_by(case.c.updated_at.desc(), case.c.id.desc())
    with database.read() as connection:
        return [case_of_row(row) for row in connection.execute(query.limit(limit).offset(offset))]


def count_of_owner(database: Database, owner_id: int) -> int:
    """How many cases the owner has."""
    query = select(func.count()).select_from(case).where(case.c.owner_id == owner_id)
    with database.read() as connection:
        return int(connection.execute(query).scalar_one())


def save_case(
    database: Database,
    owner_id: int,
    code: str,
    *,
    title: str,
    modality: str,
    body_part: str,
    document: Document,
    saved: int,
    clock: Callable[[], datetime],
    private: bool | None = None,
    plan: Plan | None = None,
) -> Case:
    """Save what the author has edited.

    Series that the owner has not, or no longer has, are left out of the document.

    Args:
        database: where the case is kept.
        owner_id, code: the case.
        title, modality, body_part: these apply at once, also to a published case.
        document: the working copy.
        saved: of the case that the author began with.
        clock: gives the present time.
        private: only its owner, and who has a share link, may see it; applies at once, too. None
            for as it is.
        plan: the owner's, to which a private case is held; None for whoever runs the server.

    Raises:
        NoSuchCase: the owner has none of this code.
        NotAllowed: it would become private, and the plan has no private cases; or something
            further would get into private cases, and there is no room.
        Changed: it was saved in between.
        InvalidText: one of the three is not what it may be, or a published case would have no
            title.
    """
    title = _checked_title(title)
    if modality and modality not in MODALITIES:
        raise InvalidText("That is not one of the modalities.")
    if body_part and body_part not in BODY_PARTS:
        raise InvalidText("That is not one of the body parts.")
    with database.write() as connection:
        row = locked(connection, owner_id, code)
        if row.saved != saved:
            raise Changed("The case was saved in another window in the meantime.")
        if row.version is not None and not title:
            raise InvalidText("A published case has a title.")
        becomes = row.private if private is None else private
        if becomes and not row.private:
            check_plan(plan)
        at_once = {"title": title, "modality": modality, "body_part": body_part}
        now = clock()
        with within_room(connection, owner_id, plan if becomes else None):
            made = put_working_copy(connection, row, document, now, private=becomes, **at_once)
        done = "save case" if becomes == row.private else _BECAME[becomes]
        note(connection, Deed(now, owner_id, done, code))
        bump(connection, owner_id)
    return made


def delete_case(database: Database, owner_id: int, code: str) -> None:
    """Delete a case with all of its versions and share links; its series stay.

    Raises:
        NoSuchCase: the owner has none of this code.
    """
    with database.write() as connection:
        row = locked(connection, owner_id, code)
        connection.execute(delete(case).where(case.c.id == row.id))
        bump(connection, owner_id)


def _document_of(series: Sequence[tuple[str, str]]) -> Document:
    studies: dict[str, list[ShownSeries]] = {}
    for study_uid, uid in dict.fromkeys(series):
        studies.setdefault(study_uid, []).append(ShownSeries(uid))
    return Document(
        studies=tuple(ShownStudy(uid, series=tuple(shown)) for uid, shown in studies.items())
    )


def _checked_title(title: str) -> str:
    title = " ".join(title.split())
    if len(title) > TITLE_CHARACTERS or not title.isprintable():
        raise InvalidText(f"A title is one line of at most {TITLE_CHARACTERS} characters.")
    return title


def _free_code(connection: Connection, random_bytes: Callable[[int], bytes]) -> str:
    while True:
        code = new_code(random_bytes)
        if connection.execute(select(case.c.id).where(case.c.code == code)).first() is None:
            return code


_MADE: Final = {False: "make case", True: "make private case"}
_BECAME: Final = {False: "make case public", True: "make case private"}
