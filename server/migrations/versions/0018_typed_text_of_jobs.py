"""Takes what people have typed out of jobs and of the list of deeds.

What: values of two tables; no column.
Why: before sending looked every study up, what was given to `readingroom send` was kept as it came,
and might be a patient's number or name. What names no study of the account's is taken out. A study
that was deleted since may be named in the list of deeds only if its deletion is, too: nothing else
tells its UID from one that is somebody else's.
Duration: reads the jobs and the deeds of sending once.
"""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

JOB = sa.table(
    "job",
    *map(sa.column, ("id", "owner_id", "kind", "state", "arguments", "trouble", "worker")),
    sa.column("finished_at", sa.DateTime(timezone=True)),
)
DEED = sa.table("deed", *map(sa.column, ("id", "account_id", "what", "which")))
STUDY = sa.table("study", *map(sa.column, ("owner_id", "study_instance_uid")))

SENDING = ("send-to-peer", "send-to-remote")


def upgrade() -> None:
    connection = op.get_bind()
    _clean_jobs(connection)
    _clean_deeds(connection)


def downgrade() -> None:
    # What is gone is not missed.
    pass


def _clean_jobs(connection: sa.Connection) -> None:
    jobs = sa.select(JOB).where(JOB.c.kind.in_(SENDING))
    for row in connection.execute(jobs).all():
        arguments = json.loads(row.arguments)
        named = arguments.get("studies", [])
        known = [uid for uid in named if _is_here(connection, row.owner_id, uid)]
        if known == named:
            continue
        values: dict[str, Any] = {"arguments": json.dumps({**arguments, "studies": known})}
        if row.state in ("queued", "running"):
            # It would have failed: all of its studies have to be there.
            values |= {"state": "failed", "trouble": "There is no such study.", "worker": ""}
            values["finished_at"] = sa.func.now()
        connection.execute(sa.update(JOB).where(JOB.c.id == row.id).values(values))


def _clean_deeds(connection: sa.Connection) -> None:
    sent = sa.select(DEED).where(DEED.c.what == "send study")
    for row in connection.execute(sent).all():
        uid, _, to = row.which.rpartition(" to ")
        if _is_here(connection, row.account_id, uid) or _was_deleted(connection, uid):
            continue
        change = sa.update(DEED).where(DEED.c.id == row.id)
        connection.execute(change.values(which=f"a study that is not here to {to}"))


def _is_here(connection: sa.Connection, owner_id: int | None, uid: str) -> bool:
    found = sa.select(STUDY.c.study_instance_uid)
    found = found.where(STUDY.c.owner_id == owner_id, STUDY.c.study_instance_uid == uid)
    return connection.execute(found).first() is not None


def _was_deleted(connection: sa.Connection, uid: str) -> bool:
    found = sa.select(DEED.c.id).where(DEED.c.what == "delete study", DEED.c.which == uid)
    return connection.execute(found).first() is not None
