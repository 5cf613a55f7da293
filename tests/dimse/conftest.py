"""Fixtures: a door that remembers, listeners on free ports, an archive that is served."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dimse import Options, StorageListener
from dimse.door import Ingest
from tests.dimse.fetched import fill
from tests.dimse.receiver import Receiver
from tests.dimse.served import Served, serving

OWNER = 7
Listen = Callable[..., int]


@pytest.fixture
def receiver() -> Receiver:
    """A door that keeps nothing but digests."""
    return Receiver()


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Starts a listener and gives its port; stops it afterwards."""
    running: list[StorageListener] = []

    def start(
        ingest: Ingest,
        peers: Callable[[str, str], int | None] = lambda ae_title, host: OWNER,
        **options: object,
    ) -> int:
        listener = StorageListener(ingest, peers, port=0, options=Options(**options))  # type: ignore[arg-type]
        running.append(listener)
        return listener.start()

    yield start
    for listener in running:
        listener.stop(within=5.0)


@pytest.fixture
def port(listen: Listen, receiver: Receiver) -> int:
    """The port of a listener in front of the receiver."""
    return listen(receiver)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A study of four CT and two MR slices of one owner, and a slice of another."""
    with serving(tmp_path) as served:
        fill(served)
        yield served
