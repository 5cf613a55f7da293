"""`readingroom case`: cases of all accounts, for whoever runs the server.

Not here: the rules of cases (`cases`), reports about them and hiding (`cases.reports`).
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from cases.cases import Case, case_by_code, delete_case
from cases.citing import bibtex, citation, csl_json, datacite, ris
from cases.overview import SHOWS, CaseRow, Show, all_cases
from cases.publishing import Published, blockers, publish, published, versions_of
from cases.reports import take_down
from server.cli.accounts import email_of
from server.cli.database import base_of, ready_services
from server.cli.options import as_json, config_option, data_option
from server.services import Services, now
from store.audit import Deed, record

__all__ = ["case"]

SURE: Final = "Delete this case with all of its versions and share links?"


@click.group()
def case() -> None:
    """Cases of all accounts."""


@case.command("list")
@click.argument("words", default="")
@click.option("--show", type=click.Choice(list(SHOWS)), default="all", help="Only of this kind.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, help="At most so many.")
@click.option("--offset", type=click.IntRange(0), default=0, help="Pass over so many.")
@as_json
@data_option
@config_option
def list_all(
    words: str,
    show: Show,
    limit: int,
    offset: int,
    as_json: bool,
    data: str | None,
    config: Path | None,
) -> None:
    """List cases, the newest first: all, or those with WORDS in their title.

    Titles of private cases are not told.
    """
    with ready_services(config, data) as services:
        rows, _ = all_cases(services.database, words, show, limit=limit, offset=offset)
        found = [_listed(services, row) for row in rows]
    if as_json:
        click.echo(json.dumps(found))
        return
    for one in found:
        click.echo(f"{one['code']}  {one['account']}  {one['state']}  {one['title']}".rstrip())


@case.command("show")
@click.argument("code")
@as_json
@data_option
@config_option
def show(code: str, as_json: bool, data: str | None, config: Path | None) -> None:
    """Show a case: whose it is, its versions, and what keeps it from being published."""
    with ready_services(config, data) as services:
        found = case_by_code(services.database, code)
        said = _described(services, found)
    if as_json:
        click.echo(json.dumps(said))
        return
    click.echo(f"{said['title'] or 'Without a title'}\n{said['account']}, {said['state']}")
    for version in said["versions"]:
        note = f": {version['note']}" if version["note"] else ""
        click.echo(f"Version {version['number']} of {version['published_at']}{note}")
    for sentence in said["blockers"]:
        click.echo(sentence)


@case.command("publish")
@click.argument("code")
@click.option(
    "--rights-affirmed",
    is_flag=True,
    required=True,
    help="The author holds the rights, and the people in the pictures agreed or cannot be known.",
)
@click.option("--note", default="", help="What is new in it.")
@as_json
@data_option
@config_option
def publish_one(
    code: str,
    rights_affirmed: bool,
    note: str,
    as_json: bool,
    data: str | None,
    config: Path | None,
) -> None:
    """Publish the working copy of a case, for its author."""
    with ready_services(config, data) as services:
        owner_id = case_by_code(services.database, code).owner_id
        number = publish(services.database, owner_id, code, clock=now, note=note)
    said = {"code": code, "version": number}
    click.echo(json.dumps(said) if as_json else f"Published version {number} of {code}.")


@case.command("delete")
@click.argument("code")
@click.confirmation_option("--yes", prompt=SURE, help="Do not ask.")
@as_json
@data_option
@config_option
def delete(code: str, as_json: bool, data: str | None, config: Path | None) -> None:
    """Delete a case; the studies of its author stay."""
    with ready_services(config, data) as services:
        delete_case(services.database, case_by_code(services.database, code).owner_id, code)
        record(services.database, Deed(now(), None, "delete case", code))
    click.echo(json.dumps({"deleted": code}) if as_json else f"Deleted the case {code}.")


@case.command("take-down")
@click.argument("code")
@click.option("--reason", required=True, help="The owner of the case reads it.")
@as_json
@data_option
@config_option
def take_down_one(
    code: str, reason: str, as_json: bool, data: str | None, config: Path | None
) -> None:
    """Hide a case that nobody has reported; `report decide` shows it again."""
    with ready_services(config, data) as services:
        made = take_down(
            services.database, code, by=None, reason=reason, clock=now, base=base_of(services)
        )
    said = {"code": code, "report": made.id}
    click.echo(json.dumps(said) if as_json else f"{code} is hidden; the report is {made.id}.")


@case.command("export-metadata")
@click.argument("code")
@click.option("--version", "number", type=click.IntRange(1), help="By default the one shown.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["datacite", "csl", "bibtex", "ris", "text"]),
    default="datacite",
    help="DataCite JSON (the default), CSL JSON, BibTeX, RIS, or one sentence.",
)
@data_option
@config_option
def export_metadata(
    code: str, number: int | None, form: str, data: str | None, config: Path | None
) -> None:
    """Print what a catalogue, or a bibliography, is told of a published case."""
    with ready_services(config, data) as services:
        found = published(services.database, case_by_code(services.database, code).id, number)
        base = base_of(services)
    click.echo(_FORMS[form](found, code, base, services.settings.operator).strip())


def _datacite(found: Published, code: str, base: str, operator: str) -> str:
    return json.dumps(datacite(found, code, base, operator), ensure_ascii=False, indent=2)


_FORMS: Final[dict[str, Callable[[Published, str, str, str], str]]] = {
    "datacite": _datacite,
    "csl": csl_json,
    "bibtex": bibtex,
    "ris": ris,
    "text": citation,
}


def _listed(services: Services, row: CaseRow) -> dict[str, Any]:
    return {
        "code": row.code,
        "title": row.title,
        "account": email_of(services, row.owner_id),
        "state": _state(row.version, private=row.private, hidden=row.hidden),
        "images": row.images,
        "created_at": row.created_at.isoformat(timespec="seconds"),
        "published_at": row.published_at and row.published_at.isoformat(timespec="seconds"),
    }


def _described(services: Services, found: Case) -> dict[str, Any]:
    hidden = found.hidden_at is not None
    return {
        "code": found.code,
        "title": found.title,
        "account": email_of(services, found.owner_id),
        "state": _state(found.version, private=found.private, hidden=hidden),
        "changed": found.changed,
        "modality": found.modality,
        "body_part": found.body_part,
        "created_at": found.created_at.isoformat(timespec="seconds"),
        "series": [list(pair) for pair in found.document.series_uids()],
        "versions": [
            {
                "number": version.number,
                "note": version.note,
                "published_at": version.published_at.isoformat(timespec="seconds"),
            }
            for version in versions_of(services.database, found.id)
        ],
        "blockers": blockers(services.database, found),
    }


def _state(version: int | None, *, private: bool, hidden: bool) -> str:
    words = ["pending" if version is None else f"published, version {version}"]
    words += ["private"] if private else []
    words += ["hidden"] if hidden else []
    return ", ".join(words)
