"""`readingroom report`, `audit`, `storage`, `settings`, `retention`: what the admin pages do, too.

Invariants: what is done here is in the audit, as done by nobody who was signed in.
Not here: people (`server.cli.people`), jobs (`server.cli.jobs`).
"""

import json
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import click

from accounts.directory import names_of
from cases.report_rows import Outcome, Report, open_reports
from cases.reports import decide
from cases.retention import Fate, preview
from server.cli.database import ready_services
from server.cli.options import as_json, config_option, data_option
from server.config import load
from server.daily import retain, rules_of
from server.services import now
from server.settings_shown import settings_shown
from store.audit import find_deeds
from store.totals import Total, by_modality, by_owner, by_way, of_everything

__all__ = ["audit", "report", "retention", "settings", "storage"]


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
@as_json
@data_option
@config_option
def decide_report(
    number: int,
    outcome: str,
    reason: str,
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
    hidden = "is hidden" if found.hidden else "is shown"
    click.echo(json.dumps(_described(found)) if as_json else f"{found.case_code} {hidden}.")


@click.group()
def audit() -> None:
    """Who did what to which."""


@audit.command("list")
@click.option("--what", default="", help="Only of this verb, such as `publish case`.")
@click.option("--which", default="", help="Only with this in what it was done to.")
@click.option("--limit", default=100, type=click.IntRange(1, 100_000), help="How many.")
@as_json
@data_option
@config_option
def list_deeds(
    what: str, which: str, limit: int, as_json: bool, data: str | None, config: Path | None
) -> None:
    """List what was done, the newest first."""
    with ready_services(config, data) as services:
        found, _ = find_deeds(services.database, what=what, which=which, limit=limit)
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


@click.group()
def retention() -> None:
    """Cases that were never published, and go."""


@retention.command("preview")
@click.option("--days", default=7, type=click.IntRange(0, 3650), help="Until so many days ahead.")
@as_json
@data_option
@config_option
def preview_retention(days: int, as_json: bool, data: str | None, config: Path | None) -> None:
    """List what will be deleted; nothing is changed."""
    with ready_services(config, data) as services:
        moment = now()
        until, rules = moment + timedelta(days=days), rules_of(services.settings)
        found = preview(services.database, until, rules=rules, now=moment)
    if as_json:
        click.echo(json.dumps([_fate(one) for one in found]))
        return
    for one in found:
        told = "told" if one.told_at else "not told"
        size = f"{one.images} instances, {one.size} bytes"
        click.echo(f"{one.goes_at:%Y-%m-%d %H:%M}  {one.code}  {one.email}  {told}  {size}")


@retention.command("run")
@as_json
@data_option
@config_option
def retention_run(as_json: bool, data: str | None, config: Path | None) -> None:
    """Tell owners, and delete what is over, as the server does every day."""
    with ready_services(config, data) as services:
        ran = retain(services)
    if as_json:
        click.echo(json.dumps(asdict(ran)))
    else:
        click.echo(f"Told {ran.told}, deleted {ran.deleted} cases with {ran.images} instances.")


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


def _fate(fate: Fate) -> dict[str, Any]:
    return {
        "case": fate.code,
        "owner": fate.email,
        "goes_at": fate.goes_at.isoformat(timespec="seconds"),
        "told_at": fate.told_at and fate.told_at.isoformat(timespec="seconds"),
        "instances": fate.images,
        "bytes": fate.size,
    }
