"""What people typed to have studies sent is gone after an upgrade, from jobs and from deeds."""

import json
from datetime import UTC, datetime

from sqlalchemy import Connection, text

from server.migrations import migrate
from store.db import Database
from tests.server.revisions import upgrade

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HERE, ALSO, GONE = "2.25.11", "2.25.12", "2.25.13"
#: As people typed them: a name, an original UID, and what is another account's.
TYPED = ["Wobble^Wilma", "1.2.840.113619.2.5.1762583153", "2.25.99"]
#: Kind, state, studies given; state, studies and trouble afterwards.
JOBS = [
    ("send-to-peer", "done", [HERE, *TYPED], "done", [HERE], ""),
    ("send-to-remote", "failed", TYPED, "failed", [], ""),
    ("send-to-peer", "queued", [HERE, TYPED[0]], "failed", [HERE], "There is no such study."),
    ("send-to-remote", "queued", [HERE, ALSO], "queued", [HERE, ALSO], ""),
    ("export", "done", TYPED, "done", TYPED, ""),
]
DEEDS = [
    ("send study", f"{HERE} to WARD3", f"{HERE} to WARD3"),
    ("send study", f"{GONE} to WARD3", f"{GONE} to WARD3"),
    ("delete study", GONE, GONE),
    *(("send study", f"{one} to WARD3", "a study that is not here to WARD3") for one in TYPED),
    ("send study", "Wilma to Wobble to WARD3", "a study that is not here to WARD3"),
    ("make case", TYPED[0], TYPED[0]),
]


def test_only_studies_of_the_account_are_named(database: Database) -> None:
    upgrade(database, "0017")
    with database.write() as connection:
        for number, (owner, uid) in enumerate([(7, HERE), (7, ALSO), (8, TYPED[2])], 1):
            study = {"id": number, "owner_id": owner, "study_instance_uid": uid}
            _insert(connection, "study", **study, created_at=NOW)
        for kind, state, studies, *_ in JOBS:
            arguments = json.dumps({"studies": studies, "to": "WARD3"})
            row = {"owner_id": 7, "kind": kind, "state": state, "arguments": arguments}
            _insert(connection, "job", **row, due_at=NOW, created_at=NOW)
        for what, which, _ in DEEDS:
            _insert(connection, "deed", at=NOW, account_id=7, what=what, which=which)
    migrate(database)
    with database.read() as connection:
        jobs = connection.execute(text("SELECT * FROM job ORDER BY id")).all()
        deeds = connection.execute(text("SELECT which FROM deed ORDER BY id")).scalars().all()
    found = [(job.state, json.loads(job.arguments)["studies"], job.trouble) for job in jobs]
    assert found == [after[3:] for after in JOBS]
    assert all(json.loads(job.arguments)["to"] == "WARD3" for job in jobs)
    assert jobs[2].finished_at is not None
    assert deeds == [after for *_, after in DEEDS]


def _insert(connection: Connection, table: str, **values: object) -> None:
    names = ", ".join(values)
    places = ", ".join(f":{name}" for name in values)
    connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({places})"), values)
