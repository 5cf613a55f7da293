"""`readingroom retention`: what will be deleted, doing it now, and keeping a case from it.

Invariants: what is done here is in the audit, as done by nobody who was signed in.
Not here: the rules (`cases.retention`, `cases.keeping`), what runs them daily (`server.daily`).
"""

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from cases.keeping import Kept, keep, kept_cases, release
from cases.retention import Fate, preview
from cases.sharing import end_of
from server.cli.database import ready_services
from server.cli.options import as_json, config_option, data_option
from server.daily import retain, rules_of
from server.services import now

__all__ = ["retention"]


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


@retention.command("keep")
@click.argument("code")
@click.option(
    "--until",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="YYYY-MM-DD",
    help="The last day on which it is kept; by default it is kept for good.",
)
@as_json
@data_option
@config_option
def keep_case(
    code: str, until: datetime | None, as_json: bool, data: str | None, config: Path | None
) -> None:
    """Keep the pending case CODE from being deleted."""
    end = None if until is None else end_of(until.date())
    with ready_services(config, data) as services:
        made = keep(services.database, code, by=None, clock=now, until=end)
    click.echo(json.dumps(_kept(made)) if as_json else f"Kept {code} {_until(made)}.")


@retention.command("release")
@click.argument("code")
@as_json
@data_option
@config_option
def release_case(code: str, as_json: bool, data: str | None, config: Path | None) -> None:
    """Give the case CODE, which is kept, its days again; its owner is told before it goes."""
    with ready_services(config, data) as services:
        release(services.database, code, by=None, clock=now)
    click.echo(json.dumps({"released": code}) if as_json else f"Released {code}.")


@retention.command("kept")
@as_json
@data_option
@config_option
def list_kept(as_json: bool, data: str | None, config: Path | None) -> None:
    """List the pending cases that are kept."""
    with ready_services(config, data) as services:
        found = kept_cases(services.database, now())
    if as_json:
        click.echo(json.dumps([_kept(one) for one in found]))
        return
    for one in found:
        click.echo(f"{one.code}  {_until(one)}  {one.title}".rstrip())


def _kept(found: Kept) -> dict[str, Any]:
    until = None if found.until is None else found.until.isoformat(timespec="seconds")
    return {"case": found.code, "title": found.title, "until": until}


def _until(found: Kept) -> str:
    return "for good" if found.until is None else f"until {found.until:%Y-%m-%d}"


def _fate(fate: Fate) -> dict[str, Any]:
    return {
        "case": fate.code,
        "owner": fate.email,
        "goes_at": fate.goes_at.isoformat(timespec="seconds"),
        "kept_until": fate.kept_until and fate.kept_until.isoformat(timespec="seconds"),
        "told_at": fate.told_at and fate.told_at.isoformat(timespec="seconds"),
        "instances": fate.images,
        "bytes": fate.size,
    }
