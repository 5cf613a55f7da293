"""`readingroom report`, `audit`, `storage`, `settings`: what the pages of administration do, too.

Invariants: what is done here is in the audit, as done by nobody who was signed in.
Not here: people (`server.cli.people`), jobs (`server.cli.jobs`), retention
(`server.cli.retention`).
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import click

from accounts.directory import names_of
from cases.report_pictures import delete_pictures
from cases.report_rows import Outcome, Report, open_reports
from cases.reports import decide
from server.cli.accounts import account_named
from server.cli.database import ready_services
from server.cli.options import as_json, config_option, data_option
from server.config import load
from server.services import now
from server.settings_shown import settings_shown
from store.audit import find_deeds
from store.totals import Total, by_modality, by_owner, by_way, of_everything

__all__ = ["audit", "report", "settings", "storage"]


@click.group()
def report() -> None:
    """Reports of problems with cases."""


@report.command("list")
@click.option("--decided", is_flag=True, help="Those that were decided, instead of the open ones.")
@as_json
@data_option
@config_option
def list_reports(decided: bool, as_json: bool, data: str | None, config: Path | None) -> None:
    """List the reports that wait for a decision."""
    with ready_services(config, data) as services:
        found = [_described(one) for one in open_reports(services.database, decided=decided)]
    if as_json:
        click.echo(json.dumps(found))
        return
    for one in found:
        hidden = "hidden" if one["hidden"] else "shown"
        said = " ".join(one["words"].split())
        click.echo(
            f"{one['id']}  {one['state']}  {one['case']}  {hidden}  {one['kind']}  {said}".rstrip()
        )


@report.command("decide")
@click.argument("number", type=click.IntRange(1, 2**63 - 1))
@click.argument("outcome", type=click.Choice(["restored", "removed"]))
@click.option("--reason", required=True, help="The owner of the case reads it.")
@click.option("--delete-series", is_flag=True, help="With `removed`: delete its series for good.")
@as_json
@data_option
@config_option
def decide_report(
    number: int,
    outcome: str,
    reason: str,
    delete_series: bool,
    as_json: bool,
    data: str | None,
    config: Path | None,
) -> None:
    """Decide about the report NUMBER: the case is shown again, or stays hidden."""
    with ready_services(config, data) as services:
        found = decide(
            services.database,
            number,
            cast(Outcome, outcome),
            by=None,
            reason=reason,
            clock=now,
            base=services.settings.public_base.rstrip("/"),
        )
        if delete_series and outcome == "removed":
            delete_pictures(services.ingest, found, by=None)
    hidden = "is hidden" if found.hidden else "is shown"
    click.echo(json.dumps(_described(found)) if as_json else f"{found.case_code} {hidden}.")


@click.group()
def audit() -> None:
    """Who did what to which."""


@audit.command("list")
@click.option("--what", default="", help="Only of this verb, such as `publish case`.")
@click.option("--which", default="", help="Only with this in what it was done to.")
@click.option("--account", "email", metavar="EMAIL", help="Only what this account did.")
@click.option("--limit", default=100, type=click.IntRange(1, 100_000), help="How many.")
@as_json
@data_option
@config_option
def list_deeds(
    what: str,
    which: str,
    email: str | None,
    limit: int,
    as_json: bool,
    data: str | None,
    config: Path | None,
) -> None:
    """List what was done, the newest first."""
    with ready_services(config, data) as services:
        by = None if email is None else account_named(services, email).id
        found, _ = find_deeds(services.database, account_id=by, what=what, which=which, limit=limit)
    if as_json:
        rows = [asdict(one) | {"at": one.at.isoformat(timespec="seconds")} for one in found]
        click.echo(json.dumps(rows))
        return
    for one in found:
        who = "-" if one.account_id is None else one.account_id
        click.echo(f"{one.at:%Y-%m-%d %H:%M}  {who}  {one.what}  {one.which}")


@click.group()
def storage() -> None:
    """How much is stored."""


@storage.command("show")
@as_json
@data_option
@config_option
def show_storage(as_json: bool, data: str | None, config: Path | None) -> None:
    """Show how much is stored: by account, by modality and by the way it came."""
    with ready_services(config, data) as services:
        owners = by_owner(services.database)
        names = names_of(services.database, [int(one.key) for one in owners])
        found = {
            "accounts": [_total(one, names.get(int(one.key), "gone")) for one in owners],
            "modalities": [_total(one, one.key) for one in by_modality(services.database)],
            "ways": [_total(one, one.key) for one in by_way(services.database)],
            "all": [_total(of_everything(owners), "all")],
        }
    if as_json:
        click.echo(json.dumps(found))
        return
    for kind, totals in found.items():
        for one in totals:
            click.echo(
                f"{kind}  {one['of']}  {one['series']} series  {one['instances']} instances  "
                f"{one['bytes']} bytes"
            )


@click.group()
def settings() -> None:
    """The settings in force."""


@settings.command("show")
@as_json
@data_option
@config_option
def show_settings(as_json: bool, data: str | None, config: Path | None) -> None:
    """Show the settings in force, without secrets."""
    found = settings_shown(load(config, flags={"data": data}))
    if as_json:
        click.echo(json.dumps({one.name: one.value for one in found}))
        return
    for one in found:
        click.echo(f"{'  ' if one.usual else '* '}{one.name} = {one.value}")


def _described(found: Report) -> dict[str, Any]:
    decided = found.decided_at
    return {
        "id": found.id,
        "case": found.case_code,
        "kind": found.kind,
        "place": found.place,
        "words": found.words,
        "spot": asdict(found.spot),
        "state": found.state,
        "hidden": found.hidden,
        "hidden_ms": found.hidden_ms,
        "created_at": found.created_at.isoformat(timespec="seconds"),
        "decided_at": None if decided is None else decided.isoformat(timespec="seconds"),
        "decision": found.decision,
    }


def _total(total: Total, of: str) -> dict[str, Any]:
    return {
        "of": of,
        "series": total.series,
        "instances": total.images,
        "bytes": total.size,
    }
