"""`readingroom deid`: the engine on files, without a server; and what it does, for one's own eyes.

Invariants: of a file that came nothing is written or printed but what is de-identified, neither
its name; with --explain original values go to standard output and nowhere else.
Not here: the engine (`deid`); what the profile is (docs/reference/deidentification.md).
"""

import json
import os
import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from accounts.errors import NoSuchAccount
from accounts.people import account_by_email
from deid import Deidentified, Deidentifier, DeidError, Receipt
from deid.explain import Line, explain
from deid.profile import Profile
from server.cli.database import ready_services
from server.cli.options import as_json, config_option, data_option
from server.config import load
from server.errors import CommandFailed
from server.services import Services

__all__ = ["deid"]

KEY_BYTES = 32
CHUNK_BYTES = 1 << 20
COLUMNS = ("element", "VR", "rule", "by", "what happens", "before", "after")
# Not looked at by click, which would name a file in its errors.
_PATH = click.Path(path_type=Path)


@dataclass(frozen=True)
class _Engine:
    key: bytes
    profile: Profile


@click.command()
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path)
)
@click.option(
    "--into",
    "folder",
    metavar="FOLDER",
    type=_PATH,
    help="Where the new files go; the current folder by default.",
)
@click.option(
    "--account",
    "email",
    metavar="EMAIL",
    help="Use the key of this account, so that UIDs and dates are those of its stored studies. "
    "Without it a key is made for this run and forgotten.",
)
@click.option(
    "--explain",
    "explained",
    is_flag=True,
    help="Write nothing; show for one FILE, row by row, what happens to each element. This prints "
    "ORIGINAL VALUES to the terminal, and to nothing else.",
)
@as_json
@data_option
@config_option
def deid(
    files: Sequence[Path],
    folder: Path | None,
    email: str | None,
    explained: bool,
    as_json: bool,
    data: str | None,
    config: Path | None,
) -> None:
    """De-identify each FILE as the server does, and print its receipt.

    The new files are named by their new SOP Instance UID; nothing is overwritten. The files are
    numbered in the order given, since their names may be names of people.
    """
    if explained and (len(files) > 1 or folder is not None or as_json):
        raise click.UsageError("--explain takes one FILE and prints a table, nothing else.")
    with _engine(config, data, email) as engine:
        if explained:
            _explain(files[0], engine)
            return
        failed = _deidentify(files, folder or Path(), engine, as_json)
    if failed:
        sys.exit(1)


@contextmanager
def _engine(config: Path | None, data: str | None, email: str | None) -> Iterator[_Engine]:
    if email is None:
        profile = Services(load(config, flags={"data": data})).profile
        yield _Engine(os.urandom(KEY_BYTES), profile)
        return
    with ready_services(config, data) as services:
        owner = account_by_email(services.database, email)
        if owner is None:
            raise NoSuchAccount("There is no account with this e-mail address.")
        yield _Engine(services.keys.key_of(owner.id), services.profile)


def _deidentify(files: Sequence[Path], folder: Path, engine: _Engine, as_json: bool) -> bool:
    """De-identify files one after the other; return whether one could not be."""
    with _told("The folder cannot be made"):
        folder.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for number, path in enumerate(files, 1):
        try:
            result = _written(path, folder, engine)
        except (DeidError, CommandFailed) as error:
            click.echo(f"readingroom: file {number}: {error}", err=True)
            rows.append({"file": number, "error": str(error)})
            continue
        receipt = json.loads(result.receipt.to_json())
        named = {"file": number, "sop_instance_uid": result.sop_instance_uid}
        rows.append({**named, "receipt": receipt})
        if not as_json:
            click.echo(f"file {number}: {result.sop_instance_uid}.dcm")
            click.echo("".join(f"  {line}\n" for line in _lines(result.receipt)), nl=False)
    if as_json:
        click.echo(json.dumps(rows))
    return any("error" in row for row in rows)


def _written(path: Path, folder: Path, engine: _Engine) -> Deidentified:
    """Write the de-identified file under a passing name, then give it its own."""
    part = folder / f".{secrets.token_hex(8)}.part"
    try:
        with _told("It cannot be written"):
            with open(part, "xb") as out:
                instance = Deidentifier(engine.key, out.write, profile=engine.profile)
                for chunk in _read(path):
                    instance.feed(chunk)
                result = instance.finish()
            _name(part, folder / f"{result.sop_instance_uid}.dcm")
        return result
    finally:
        part.unlink(missing_ok=True)


def _name(part: Path, final: Path) -> None:
    try:
        # Taken first, as renaming would overwrite.
        final.touch(exist_ok=False)
    except FileExistsError:
        raise CommandFailed("A file of its new name is in the folder already.") from None
    try:
        part.replace(final)
    except BaseException:
        final.unlink()
        raise


def _read(path: Path) -> Iterator[bytes]:
    with _told("It cannot be read"), open(path, "rb", buffering=0) as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Tell of a failure of the file system without the name of the file."""
    try:
        yield
    except OSError as error:
        raise CommandFailed(f"{what}: {os.strerror(error.errno or 0)}.") from None


def _lines(receipt: Receipt) -> Iterator[str]:
    yield f"profile: {receipt.profile} {receipt.version}, SHA-256 {receipt.sha256}"
    for name, counts in (("actions", receipt.actions), ("rules", receipt.rules)):
        said = ", ".join(f"{key}: {count}" for key, count in sorted(counts.items()))
        yield f"{name}: {said or 'none'}"
    yield f"review: {', '.join(receipt.review) or 'not needed'}"


def _explain(path: Path, engine: _Engine) -> None:
    try:
        found = explain(b"".join(_read(path)), engine.key, engine.profile)
    except DeidError as error:
        raise CommandFailed(str(error)) from None
    rows = [COLUMNS, *map(_cells, found.lines)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())
    click.echo()
    for line in _lines(found.receipt):
        click.echo(line)


def _cells(line: Line) -> tuple[str, ...]:
    element = f"{line.path} {line.keyword}" if line.keyword not in line.path else line.path
    values = (_value(line.before), _value(line.after))
    return element, line.vr, line.rule, line.source, line.action, *values


def _value(text: str | None) -> str:
    return "(none)" if text is None else text or "(empty)"
