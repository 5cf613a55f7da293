"""The API for programs that make, edit and publish cases.

Invariants: answers are JSON; a case of somebody else does not exist; a change needs a token that
may store, and deleting one that may delete.
Not here: the pages that do the same for people (`viewer.editor`), the form of what is sent and
answered (`viewer.api_documents`).
"""

from typing import Final

from flask import Blueprint, request, url_for

from cases.cases import (
    case_of_owner,
    cases_of_owner,
    count_of_owner,
    create_case,
    delete_case,
    save_case,
)
from cases.publishing import blockers, discard, publish, published, restore, versions_of
from cases.storage import private_room
from cases.working import Case
from store.audit import Deed, record
from viewer.api_documents import (
    case_as_json,
    member,
    read_document,
    read_series,
    summary_as_json,
    version_as_json,
    version_in_list,
)
from viewer.blueprint import LAST_PAGE, Pages
from viewer.editor_checks import plan_of_owner
from viewer.editor_studies import series_to_show
from viewer.errors import BadValue
from viewer.programs import answer_programs, reader_of, remover_of, sent_document, storer_of

__all__ = ["create_case_api_blueprint"]

#: Five texts of the longest kind, in any script.
BODY_BYTES: Final = 4 * 1024 * 1024
MOST: Final = 100
UNAFFIRMED: Final = (
    "rights must be true: the one who publishes says by it that the rights are theirs, and that "
    "nobody can be recognised."
)

Answer = dict[str, object]


def create_case_api_blueprint(pages: Pages, *, url_prefix: str) -> Blueprint:
    """The routes about cases."""
    blueprint = Blueprint("api_cases", __name__, url_prefix=f"{url_prefix}/cases")
    _add_cases(blueprint, pages)
    _add_one(blueprint, pages)
    _add_versions(blueprint, pages)
    answer_programs(blueprint)
    return blueprint


def _add_cases(blueprint: Blueprint, pages: Pages) -> None:
    @blueprint.get("")
    def listed() -> tuple[Answer, dict[str, str]]:
        owner_id = reader_of(pages)
        limit = min(MOST, max(1, request.args.get("limit", MOST, int)))
        offset = min(LAST_PAGE, max(0, request.args.get("offset", 0, int)))
        found = cases_of_owner(pages.database, owner_id, limit=limit, offset=offset)
        total = count_of_owner(pages.database, owner_id)
        told = {"total": total, "cases": [summary_as_json(one) for one in found]}
        return told, _room(pages, owner_id)

    @blueprint.post("")
    def create() -> tuple[Answer, int, dict[str, str]]:
        owner_id, said = storer_of(pages), sent_document(BODY_BYTES)
        made = create_case(
            pages.database,
            owner_id,
            title=member(said, "title", str, ""),
            series=_series(pages, owner_id, said),
            clock=pages.clock,
            random_bytes=pages.random_bytes,
            private=member(said, "private", bool, False),
            plan=plan_of_owner(pages, owner_id),
        )
        where = url_for("api_cases.one", code=made.code)
        return _described(pages, made), 201, {"Location": where}


def _add_one(blueprint: Blueprint, pages: Pages) -> None:
    @blueprint.get("/<code>")
    def one(code: str) -> Answer:
        return _described(pages, case_of_owner(pages.database, reader_of(pages), code))

    @blueprint.put("/<code>")
    def save(code: str) -> Answer:
        owner_id, said = storer_of(pages), sent_document(BODY_BYTES)
        found = case_of_owner(pages.database, owner_id, code)
        document = read_document(member(said, "document", dict, {}), found.document)
        made = save_case(
            pages.database,
            owner_id,
            code,
            title=member(said, "title", str, found.title),
            modality=member(said, "modality", str, found.modality),
            body_part=member(said, "body_part", str, found.body_part),
            document=document,
            saved=member(said, "saved", int, -1),
            clock=pages.clock,
            private=member(said, "private", bool, found.private),
            plan=plan_of_owner(pages, owner_id),
        )
        return _described(pages, made)

    @blueprint.delete("/<code>")
    def delete(code: str) -> tuple[str, int]:
        owner_id = remover_of(pages)
        delete_case(pages.database, owner_id, code)
        record(pages.database, Deed(pages.clock(), owner_id, "delete case", code))
        return "", 204


def _add_versions(blueprint: Blueprint, pages: Pages) -> None:
    @blueprint.post("/<code>/publish")
    def publish_case(code: str) -> Answer:
        owner_id, said = storer_of(pages), sent_document()
        if not member(said, "rights", bool, False):
            raise BadValue(UNAFFIRMED)
        note = member(said, "note", str, "")
        publish(pages.database, owner_id, code, clock=pages.clock, note=note)
        return _described(pages, case_of_owner(pages.database, owner_id, code))

    @blueprint.post("/<code>/discard")
    def discard_changes(code: str) -> Answer:
        made = discard(pages.database, storer_of(pages), code, clock=pages.clock)
        return _described(pages, made)

    @blueprint.get("/<code>/versions")
    def versions(code: str) -> Answer:
        found = case_of_owner(pages.database, reader_of(pages), code)
        listed = versions_of(pages.database, found.id)
        return {"code": code, "versions": [version_in_list(one) for one in listed]}

    @blueprint.get("/<code>/versions/<int:number>")
    def version(code: str, number: int) -> Answer:
        found = case_of_owner(pages.database, reader_of(pages), code)
        return version_as_json(published(pages.database, found.id, number))

    @blueprint.post("/<code>/versions/<int:number>/restore")
    def restore_version(code: str, number: int) -> Answer:
        owner_id = storer_of(pages)
        return _described(pages, restore(pages.database, owner_id, code, number, clock=pages.clock))


def _room(pages: Pages, owner_id: int) -> dict[str, str]:
    """How much the plan lets private cases take, and what is left, in bytes; nothing without."""
    room = private_room(pages.database, owner_id, plan_of_owner(pages, owner_id))
    if not room.limit:
        return {}
    left = max(0, room.limit - room.used)
    return {
        "RateLimit-Policy": f'"private cases";q={room.limit};qu="content-bytes"',
        "RateLimit": f'"private cases";r={left}',
    }


def _series(pages: Pages, owner_id: int, said: object) -> list[tuple[str, str]]:
    """The series that are named, then those of the studies that are."""
    named = read_series(member(said, "series", list, []))
    for study in member(said, "studies", list, []):
        uid = str(study)
        found = series_to_show(pages, owner_id, uid)
        if not found:
            raise BadValue("One of the studies is not among yours, or holds nothing to show.")
        named += [(uid, one) for one in found]
    if not named:
        raise BadValue("Name at least one of your studies, or of their series.")
    return named


def _described(pages: Pages, case: Case) -> Answer:
    return case_as_json(case, blockers(pages.database, case))
