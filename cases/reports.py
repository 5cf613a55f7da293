"""Reports of what is wrong with a case: it is hidden at once, and a moderator decides.

    report_case ─> open, the case is hidden ── decide ──┬─> restored   it is shown again
                                     ^                  └─> removed    it stays hidden
                                     └── decided again, after a counter-notice

Invariants: the case is hidden in the transaction that writes the report; what was decided can be
decided again, and each decision is in the audit; of who reports nothing is kept but their
account, if they have one, and what they write. A report of the same kind, soon after a moderator
has looked at the same version, waits without hiding, so that nobody can keep a case off the site
by reporting it again and again.
Not here: reading them (`cases.report_rows`), which cases that hides (`cases.hiding`), messages
(`cases.report_messages`), how often somebody may report (`server.report_limit`).
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final, get_args

from sqlalchemy import Connection, Row, func, insert, select, update

from cases.errors import Changed, InvalidText, NoSuchCase, NoSuchReport
from cases.hiding import cases_with_the_same, hide, show_again
from cases.report_messages import tell_of_decision, tell_of_report
from cases.report_rows import Kind, Outcome, Place, Report, Spot, report_by_id, spot_of
from cases.schema import case, case_version, report
from store.audit import Deed, note
from store.changes import bump
from store.db import Database, in_utc

__all__ = ["CONTACT_CHARACTERS", "QUIET", "WORDS_CHARACTERS", "decide", "report_case", "take_down"]

QUIET: Final = timedelta(days=7)
"""How long a decision to show a case again stands against further reports of the same kind."""

WORDS_CHARACTERS: Final = 4000
CONTACT_CHARACTERS: Final = 254
LARGEST: Final = 1 << 20


def report_case(
    database: Database,
    code: str,
    *,
    kind: Kind,
    clock: Callable[[], datetime],
    arrived_at: datetime | None = None,
    place: Place = "case",
    spot: Spot | None = None,
    words: str = "",
    account_id: int | None = None,
    contact: str = "",
    base: str = "",
) -> Report:
    """Note what somebody says is wrong with a case, and hide it.

    Args:
        database: the index.
        code: of the case; whether the reporter may see it is the caller's to ask.
        kind: of what is wrong.
        clock: gives the present time.
        arrived_at: when the report reached the server; by default now.
        place: where the reporter was.
        spot: where in the case it is.
        words: what the reporter says.
        account_id: who reports, if that is known.
        contact: an e-mail address for the answer.
        base: the server's address, for links in messages.

    Raises:
        NoSuchCase: there is none of this code.
        InvalidText: one of the texts is too long, or the address is none.
    """
    arrived_at, spot = arrived_at or clock(), spot or Spot()
    _check(kind, place, spot, words, contact)
    with database.write() as connection:
        about = connection.execute(select(case).where(case.c.code == code)).first()
        if about is None:
            raise NoSuchCase("There is no such case.")
        row = {
            "case_id": about.id,
            "case_code": code,
            "kind": kind,
            "place": place,
            "spot": "" if spot == Spot() else json.dumps(asdict(spot)),
            "words": words.strip(),
            "account_id": account_id,
            "contact": contact,
            "created_at": arrived_at,
            "state": "open",
        }
        made = connection.execute(insert(report).values(row).returning(report.c.id)).scalar_one()
        if not _was_looked_at(connection, about, kind, arrived_at):
            _hide(connection, made, about.id, kind, spot, clock, arrived_at)
            tell_of_report(connection, about, made, base=base, clock=clock)
        note(connection, Deed(clock(), account_id, "report case", code))
        bump(connection, about.owner_id)
    return report_by_id(database, made)


def decide(
    database: Database,
    number: int,
    outcome: Outcome,
    *,
    by: int | None,
    reason: str,
    clock: Callable[[], datetime],
    seen: str | None = None,
    base: str = "",
) -> Report:
    """Decide about a report.

    Args:
        database: the index.
        number: of the report.
        outcome: whether the case is shown again, or stays hidden.
        by: the moderator's account; None for whoever runs the server.
        reason: why, for the owner and the reporter.
        clock: gives the present time.
        seen: the state in which the moderator saw the report.
        base: the server's address, for links in messages.

    Raises:
        NoSuchReport: there is none of this number.
        Changed: somebody else has decided in between.
        InvalidText: no reason, or too long a one.
    """
    reason = reason.strip()
    if not reason or len(reason) > WORDS_CHARACTERS:
        raise InvalidText(f"A decision has a reason, of at most {WORDS_CHARACTERS} characters.")
    now = clock()
    with database.write() as connection:
        query = select(report).where(report.c.id == number).with_for_update()
        found = connection.execute(query).first()
        if found is None:
            raise NoSuchReport("There is no report of this number.")
        if seen is not None and found.state != seen:
            raise Changed("Somebody else has decided about this report in the meantime.")
        decided = {"state": outcome, "decided_by": by, "decided_at": now, "decision": reason}
        connection.execute(update(report).where(report.c.id == number).values(decided))
        about = connection.execute(select(case).where(case.c.id == found.case_id)).first()
        note(connection, Deed(now, by, _DEEDS[outcome], found.case_code))
        if about is not None:
            if outcome == "restored":
                show_again(connection, number)
            else:
                its = _affected(connection, about.id, found.kind, spot_of(found.spot))
                hide(connection, number, its, now)
            tell_of_decision(connection, about, found, outcome, reason, base=base, clock=clock)
            bump(connection, about.owner_id)
    return report_by_id(database, number)


def take_down(
    database: Database,
    code: str,
    *,
    by: int | None,
    reason: str,
    clock: Callable[[], datetime],
    base: str = "",
) -> Report:
    """Hide a case that nobody has reported, for a moderator; undone by deciding again.

    Raises:
        NoSuchCase: there is none of this code.
        InvalidText: no reason, or too long a one.
    """
    if not reason.strip():
        raise InvalidText("Say why; the owner of the case is told.")
    made = report_case(database, code, kind="other", account_id=by, words=reason, clock=clock)
    return decide(database, made.id, "removed", by=by, reason=reason, clock=clock, base=base)


def _check(kind: str, place: str, spot: Spot, words: str, contact: str) -> None:
    if kind not in get_args(Kind) or place not in get_args(Place):
        raise InvalidText("Say what is wrong: anonymity, rights, or something else.")
    if len(words) > WORDS_CHARACTERS:
        raise InvalidText(f"A report has at most {WORDS_CHARACTERS} characters.")
    is_address = contact.count("@") == 1 and contact.isprintable() and " " not in contact
    if contact and (len(contact) > CONTACT_CHARACTERS or not is_address):
        raise InvalidText("That is not an e-mail address.")
    numbers = (spot.image, spot.x, spot.y, spot.width, spot.height)
    if len(spot.series) > 64 or not all(0 <= number <= LARGEST for number in numbers):
        raise InvalidText("That is no place in a picture.")


def _was_looked_at(connection: Connection, about: Row[Any], kind: str, now: datetime) -> bool:
    """Whether a moderator has lately let this version of the case stand, against the same."""
    looked = select(func.max(report.c.decided_at)).where(
        report.c.case_id == about.id,
        report.c.kind == kind,
        report.c.state == "restored",
        report.c.decided_at > now - QUIET,
    )
    at = connection.execute(looked).scalar_one()
    shown = select(case_version.c.published_at).where(
        case_version.c.case_id == about.id, case_version.c.number == about.version
    )
    published_at = connection.execute(shown).scalar()
    return at is not None and (published_at is None or in_utc(published_at) <= in_utc(at))


def _hide(
    connection: Connection,
    number: int,
    case_id: int,
    kind: str,
    spot: Spot,
    clock: Callable[[], datetime],
    arrived_at: datetime,
) -> None:
    now = clock()
    hide(connection, number, _affected(connection, case_id, kind, spot), now)
    took = max(0, round((clock() - arrived_at) / timedelta(milliseconds=1)))
    connection.execute(update(report).where(report.c.id == number).values(hidden_ms=took))


def _affected(connection: Connection, case_id: int, kind: str, spot: Spot) -> list[int]:
    # A name in a picture is in all cases that show the picture; a text is this case's own.
    if kind == "anonymity":
        return cases_with_the_same(connection, case_id, spot.series)
    return [case_id]


_DEEDS: Final = {"restored": "restore case", "removed": "remove case"}
