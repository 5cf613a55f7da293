"""A known sender finds and fetches what its account has, and what others have published."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from multiprocessing import BoundedSemaphore
from pathlib import Path

import pydicom
import pytest
from sqlalchemy import update

from accounts.ae_titles import add_ae_title
from accounts.peers import add_peer
from accounts.people import create_account
from accounts.plans import PREMIUM, Plan
from accounts.roles import resume, suspend
from cases.schema import case
from server.config import Address, Settings
from server.jobs import Shared
from server.listening import Listening
from server.ports import bound
from server.services import Services, now
from store.schema import series
from store.states import State
from tests.cases.rows import NOW, Pair, add_case, add_published
from tests.dimse.test_listener import tool
from tests.support.databases import ready
from tests.support.datasets import ct_slice, encoded
from tests.support.server import free_port

pytestmark = pytest.mark.integration
OWN = "READINGROOM"
NUMBERS = count(1)
PAYING = Plan(PREMIUM, private_cases=True, keeps_pending=True, private_bytes=2**30)


@dataclass
class Library:
    """A listener, and what Ines and Otto have: names of things, and their studies and series."""

    services: Services
    ines: int
    otto: int
    port: int
    moves_to: int
    pairs: dict[str, Pair]

    def put(self, name: str, owner: int, study: str = "") -> None:
        """Store a study of one slice, or a further series of one."""
        number = next(NUMBERS)
        ds = ct_slice(study=study or f"1.2.3.{number}", series=f"1.2.3.{number}.1")
        with self.services.ingest.batch(owner, "STOW-RS") as batch:
            incoming = batch.receive()
            incoming.feed(encoded(ds))
            received = incoming.finish()
            batch.commit()
        self.pairs[name] = received.study_instance_uid, received.series_instance_uid

    def at(self, calling: str = "INES-CT", called: str = OWN) -> tuple[object, ...]:
        return "-aet", calling, "-aec", called, "127.0.0.1", self.port

    def found(
        self, level: str, *keys: str, calling: str = "INES-CT", called: str = OWN
    ) -> list[str]:
        """UIDs of what findscu finds, in order; of patients their IDs."""
        named = {"STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID", "PATIENT": "PatientID"}
        model = "-P" if level == "PATIENT" else "-S"
        wanted = [f"QueryRetrieveLevel={level}", named[level], *keys]
        asked = [word for one in wanted for word in ("-k", one)]
        output = tool("findscu", "-v", model, *asked, *self.at(calling, called))
        answers = re.split(r"Find Response(?:: | SCP|\b)", output)[1:]
        tag = {"STUDY": "0020,000d", "SERIES": "0020,000e", "PATIENT": "0010,0020"}[level]
        shown = (re.search(rf"\({tag}\) .. \[([^\]]*)\]", answer) for answer in answers)
        return [one[1].strip("\0 ") for one in shown if one is not None]

    def fetched(self, name: str, folder: Path, calling: str = "INES-CT") -> list[str]:
        """Series that getscu gets of a study."""
        folder.mkdir()
        tool("getscu", "-S", "-od", folder, *self._keys(name), *self.at(calling), expect=None)
        return _series_in(folder)

    def moved(
        self, name: str, folder: Path, calling: str = "INES-CT", to: str = "INES-CT"
    ) -> list[str]:
        """Series of a study that movescu has moved to itself."""
        folder.mkdir()
        own = ("+P", self.moves_to, "-aem", to, "-od", folder)
        tool("movescu", "-S", *own, *self._keys(name), *self.at(calling), expect=None)
        return _series_in(folder)

    def _keys(self, name: str) -> tuple[str, ...]:
        study = f"StudyInstanceUID={self.pairs[name][0]}"
        return "-k", "QueryRetrieveLevel=STUDY", "-k", study


def _series_in(folder: Path) -> list[str]:
    return sorted(str(pydicom.dcmread(path).SeriesInstanceUID) for path in folder.iterdir())


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    services = Services(Settings(data=tmp_path_factory.mktemp("data")))
    database = services.database
    ready(database)
    create_account(database, "owner@example.org", clock=now)
    ines = create_account(database, "ines@example.org", clock=now).id
    otto = create_account(database, "otto@example.org", clock=now).id
    moves_to = free_port()
    add_peer(database, "INES-CT", ines, host="127.0.0.1", port=moves_to)
    add_peer(database, "OTTO-CT", otto)
    add_ae_title(database, "INES", ines, own=OWN)
    plain = bound(Address("127.0.0.1", 0))
    made = Library(services, ines, otto, plain.getsockname()[1], moves_to, {})
    _fill(made)
    listening = Listening(services, Shared(plain, None, BoundedSemaphore(20)))
    listening.start()
    try:
        yield made
    finally:
        listening.stop()
        database.dispose()


def _fill(made: Library) -> None:
    database = made.services.database
    made.put("own", made.ines)
    made.put("own and published", made.ines)
    add_published(database, made.ines, pairs=[made.pairs["own and published"]])
    made.put("published", made.otto, "1.2.3.1000")
    made.put("beside it", made.otto, "1.2.3.1000")
    add_published(database, made.otto, pairs=[made.pairs["published"]])
    made.put("stored", made.otto)
    made.put("pending", made.otto)
    add_case(database, made.otto, pairs=[made.pairs["pending"]])
    made.put("private", made.otto)
    add_published(database, made.otto, pairs=[made.pairs["private"]], private=True, plan=PAYING)
    made.put("hidden", made.otto)
    hidden = add_published(database, made.otto, pairs=[made.pairs["hidden"]])
    made.put("held", made.otto)
    add_published(database, made.otto, pairs=[made.pairs["held"]])
    with database.write() as connection:
        connection.execute(update(case).where(case.c.id == hidden.id).values(hidden_at=NOW))
        is_held = series.c.series_instance_uid == made.pairs["held"][1]
        connection.execute(update(series).where(is_held).values(review_state=State.HELD))


SEEN = ("own and published", "own", "published")
UNSEEN = ("stored", "pending", "private", "hidden", "held")


@pytest.mark.parametrize("called", [OWN, "INES", "ANY-SCP"])
def test_ones_own_is_found_first_and_then_what_is_published_each_once(
    library: Library, called: str
) -> None:
    assert library.found("STUDY", called=called) == [library.pairs[name][0] for name in SEEN]


def test_of_a_published_study_only_the_series_that_are_shown_are_found(library: Library) -> None:
    study, shown = library.pairs["published"]
    assert library.pairs["beside it"][0] == study
    assert library.found("SERIES", f"StudyInstanceUID={study}") == [shown]
    (counted,) = library.found("STUDY", f"StudyInstanceUID={study}", "NumberOfStudyRelatedSeries")
    assert counted == study


def test_a_patient_of_both_is_told_once(library: Library) -> None:
    assert library.found("PATIENT") == ["0"]


@pytest.mark.parametrize("name", SEEN)
def test_what_is_found_is_fetched_and_moved(library: Library, tmp_path: Path, name: str) -> None:
    assert library.fetched(name, tmp_path / "got") == [library.pairs[name][1]]
    assert library.moved(name, tmp_path / "moved") == [library.pairs[name][1]]


@pytest.mark.parametrize("name", UNSEEN)
def test_what_nobody_else_may_see_is_not_there(library: Library, tmp_path: Path, name: str) -> None:
    study, one = library.pairs[name]
    assert library.found("STUDY", f"StudyInstanceUID={study}") == []
    assert library.found("SERIES", f"StudyInstanceUID={study}") == []
    assert library.fetched(name, tmp_path / "got") == []
    assert library.moved(name, tmp_path / "moved") == []
    # Its owner has it.
    assert library.found("STUDY", f"StudyInstanceUID={study}", calling="OTTO-CT") == [study]
    assert library.fetched(name, tmp_path / "own", calling="OTTO-CT") == [one]


@pytest.mark.parametrize(("calling", "called"), [("NOBODY", OWN), ("NOBODY", "PUBLISHED")])
def test_who_is_not_known_finds_and_fetches_nothing(
    library: Library, tmp_path: Path, calling: str, called: str
) -> None:
    assert library.found("STUDY", calling=calling, called=called) == []
    assert library.fetched("published", tmp_path / "got", calling=calling) == []
    assert library.moved("published", tmp_path / "moved", calling=calling) == []


def test_a_peer_of_a_suspended_account_finds_nothing_of_others_either(library: Library) -> None:
    suspend(library.services.database, library.ines)
    try:
        output = tool("findscu", "-S", "-k", "QueryRetrieveLevel=STUDY", *library.at(), expect=None)
        assert "Calling AE Title Not Recognized" in output
    finally:
        resume(library.services.database, library.ines)


def test_what_is_published_goes_to_peers_of_the_account_that_asks_only(
    library: Library, tmp_path: Path
) -> None:
    assert library.moved("published", tmp_path / "moved", calling="OTTO-CT") == []
