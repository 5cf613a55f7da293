"""The files with all that is an account's own: asking for one, finding it, forgetting it.

Invariants: a file is its account's only, and only for `KEPT_FOR`; an account has one at a time, and
none once it is gone.
Not here: writing one (`cases.export`), the queue (`store.jobs`).
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from store.jobs import Job, Jobs, JobState

__all__ = ["EXPORT", "KEPT_FOR", "Exports"]

EXPORT: Final = "export"
"""The kind of job that writes one."""

KEPT_FOR: Final = timedelta(days=7)
_OPEN: Final = (JobState.QUEUED, JobState.RUNNING)
_NAME: Final = re.compile(r"([0-9]+)-[0-9]+\.zip(\.part)?")


@dataclass(frozen=True)
class Exports:
    """The folder of these files.

    Attributes:
        folder: where they lie.
    """

    folder: Path

    def ask_for(self, jobs: Jobs, account_id: int) -> int:
        """Have a file written; return the number of the job, which may be under way already."""
        last = self.last(jobs, account_id)
        if last is not None and last.state in _OPEN:
            return last.id
        return jobs.add(account_id, EXPORT, {})

    def last(self, jobs: Jobs, account_id: int) -> Job | None:
        """The job of the account's last file."""
        return next((job for job in jobs.newest(account_id) if job.kind == EXPORT), None)

    def path_of(self, job: Job) -> Path:
        """Where the file of a job is, or will be."""
        return self.folder / f"{job.owner_id}-{job.id}.zip"

    def ready(self, job: Job | None, now: datetime) -> Path | None:
        """The file of a job, if it can be had."""
        if job is None or job.kind != EXPORT or job.state is not JobState.DONE:
            return None
        if job.finished_at is None or job.finished_at + KEPT_FOR <= now:
            return None
        path = self.path_of(job)
        return path if path.is_file() else None

    def make_room(self, now: datetime, account_id: int | None = None) -> None:
        """Delete files that are too old, and all of an account's."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        oldest = (now - KEPT_FOR).timestamp()
        for path in self.folder.iterdir():
            named = _NAME.fullmatch(path.name)
            if named and (path.stat().st_mtime <= oldest or int(named[1]) == account_id):
                path.unlink(missing_ok=True)
