"""An archive with a study and a queue, for tests of what is sent and imported."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from click.testing import CliRunner
from pydicom.dataset import FileDataset

from accounts.people import create_account
from server.cli import commands
from server.config import load
from server.services import Services, now
from server.worker import work
from store.access import OwnerScope
from store.jobs import Job, Jobs, JobState
from tests.support.databases import ready
from tests.support.datasets import ct_stack, encoded

EMAIL = "ines@example.org"


class Clock:
    """The present time, or later."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return now() + self.ahead


class Site:
    """An archive with a study of some slices, whose jobs are worked on."""

    def __init__(self, folder: Path, slices: int = 3) -> None:
        self.services = Services(load(environment={"READINGROOM_DATA": str(folder / "data")}))
        ready(self.services.database)
        self.clock = Clock()
        # Shared by whoever asks these services for the queue.
        self.services.__dict__["jobs"] = Jobs(self.services.database, self.clock)
        self.owner = create_account(self.services.database, EMAIL, clock=now).id
        self.folder = folder
        with self.services.ingest.batch(self.owner, "STOW-RS") as batch:
            for ds in ct_stack(slices):
                incoming = batch.receive()
                incoming.feed(encoded(ds))
                self.study = incoming.finish().study_instance_uid
            batch.commit()

    def put(self, ds: FileDataset) -> str:
        """Store an instance; returns its study."""
        with self.services.ingest.batch(self.owner, "STOW-RS") as batch:
            incoming = batch.receive()
            incoming.feed(encoded(ds))
            study = incoming.finish().study_instance_uid
            batch.commit()
        return study

    def wait(self, number: int, *states: JobState) -> Job:
        end = time.monotonic() + 120
        while (job := self.services.jobs.get(number)).state not in states:
            assert time.monotonic() < end, job
            time.sleep(0.05)
        return job

    def again(self, number: int, attempts: int = 1) -> Job:
        """Wait until a job is put off after so many attempts, and let its pause go by."""
        while (job := self.wait(number, JobState.QUEUED)).attempts < attempts:
            time.sleep(0.05)
        self.clock.ahead += timedelta(hours=3)
        return job

    @contextmanager
    def working(self) -> Iterator[None]:
        stop = threading.Event()
        thread = threading.Thread(target=work, args=(self.services, stop))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(60)
            assert not thread.is_alive()

    def held(self, study: str) -> int:
        return len(self.services.archive.instances(OwnerScope(self.owner), study))

    def command(self, *arguments: str, stdin: str = "") -> str:
        done = CliRunner().invoke(
            commands, [*arguments, "--data", str(self.folder / "data")], input=stdin
        )
        assert done.exit_code == 0, done.output
        return done.output
