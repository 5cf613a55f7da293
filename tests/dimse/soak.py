"""A bounded soak, run by hand: `python -m tests.dimse.soak --minutes 10`.

Senders store, verify, break off and come again, beside associations that are idle, against a real
`readingroom serve --no-http`. Every few seconds the resident memory, threads and files of the
processes that listen are noted; at the end they have to be flat: the last third of the time is
compared with the third before it.
"""

import argparse
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from pydicom.uid import CTImageStorage, generate_uid

from tests.dimse import instances, raw_peer
from tests.dimse.raw_peer import ABORT, RELEASE, RawPeer
from tests.dimse.serving import Serving
from tests.dimse.test_broken_connections import ECHO_MESSAGE, VERIFICATION

SENDERS = 4
IDLE = 20
LOOK_EVERY_SECONDS = 5.0
# What the allocator may keep or give back between two looks.
SLACK = 0.05


@dataclass(frozen=True)
class Look:
    """What the listening processes take, together."""

    seconds: float
    resident: float
    threads: int
    files: int


class Traffic:
    """What is sent, and what is answered.

    Args:
        port: where.
        until: when it ends.
    """

    def __init__(self, port: int, until: float) -> None:
        self._port = port
        self._until = until
        self._templates = {side: instances.ct(side=side) for side in (64, 512)}
        self.answers: Counter[str] = Counter()

    def send(self, seed: int) -> None:
        """One sender's day."""
        rng = random.Random(seed)
        while time.monotonic() < self._until:
            with RawPeer(self._port, timeout=120) as peer:
                peer.send(raw_peer.associate([(CTImageStorage, ["1.2.840.10008.1.2.1"])]))
                if peer.pdu()[0] != 0x02:
                    self.answers["refused"] += 1
                    continue
                self._associated(peer, rng)

    def verify(self) -> None:
        """Somebody tests the cable every second."""
        while time.monotonic() < self._until:
            with RawPeer(self._port, timeout=120) as peer:
                peer.send(raw_peer.associate(VERIFICATION) + ECHO_MESSAGE)
                assert peer.pdu()[0] == 0x02
                self.answers[f"C-ECHO {peer.status():04X}"] += 1
            time.sleep(1)

    def _associated(self, peer: RawPeer, rng: random.Random) -> None:
        for message in self._messages(rng, rng.randrange(1, 40)):
            if rng.random() < 0.02:
                # Breaks off, with an abort or without a word.
                peer.send(message[: rng.randrange(len(message))] + rng.choice((b"", ABORT)))
                self.answers["broken off"] += 1
                return
            peer.send(message)
            self.answers[f"C-STORE {peer.status():04X}"] += 1
        peer.send(RELEASE)
        self.answers["released" if peer.pdu()[0] == 0x06 else "not released"] += 1

    def _messages(self, rng: random.Random, number: int) -> Iterator[bytes]:
        for _ in range(number):
            ds = self._templates[512 if rng.random() < 0.02 else 64].copy()
            ds.SOPInstanceUID = generate_uid()
            data = instances.encoded(ds)
            if rng.random() < 0.02:
                data = data[: rng.randrange(len(data))] + b"\0" * 8
            yield raw_peer.message(raw_peer.store_rq(CTImageStorage, ds.SOPInstanceUID), data)


def look(command: Serving, begun: float) -> Look:
    """Look at the listening processes."""
    resident, threads, files = 0, 0, 0
    for pid in command.listeners():
        status = Path(f"/proc/{pid}/status").read_text()
        fields = dict(line.split(":", 1) for line in status.splitlines())
        resident += int(fields["VmRSS"].split()[0])
        threads += int(fields["Threads"])
        files += len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return Look(time.monotonic() - begun, resident / 1024, threads, files)


def soak(folder: Path, minutes: float) -> bool:
    """Send for so long; returns whether memory stayed flat."""
    with Serving(folder, "--no-http") as command:
        port, begun = command.port, time.monotonic()
        traffic = Traffic(port, begun + minutes * 60)
        idle = [RawPeer(port) for _ in range(IDLE)]
        for peer in idle:
            peer.send(raw_peer.associate())
        threads = [threading.Thread(target=traffic.send, args=(n,)) for n in range(SENDERS)]
        threads.append(threading.Thread(target=traffic.verify))
        for thread in threads:
            thread.start()
        looks = []
        for number in count(1):
            time.sleep(LOOK_EVERY_SECONDS)
            looks.append(look(command, begun))
            if number % 6 == 0:
                print_look(looks[-1], traffic.answers)
            if not any(thread.is_alive() for thread in threads):
                break
        for peer in idle:
            peer.socket.close()
        time.sleep(2)
        print_look(look(command, begun), traffic.answers)
        assert command.stop() == 0, command.output()
    return is_flat(looks)


def is_flat(looks: list[Look]) -> bool:
    """Whether the last third of the time took no more memory than the third before."""
    third = len(looks) // 3
    before, after = (
        statistics.median(each.resident for each in part)
        for part in (looks[third : 2 * third], looks[2 * third :])
    )
    print(f"median resident: second third {before:.1f} MB, last third {after:.1f} MB")
    return after < before * (1 + SLACK)


def print_look(seen: Look, answers: Counter[str]) -> None:
    """Print a line."""
    said = ", ".join(f"{name} {number}" for name, number in sorted(answers.items()))
    print(
        f"{seen.seconds:6.0f} s  {seen.resident:7.1f} MB  {seen.threads:4} threads  "
        f"{seen.files:4} files  {said}",
        flush=True,
    )


def main() -> int:
    """Run it; the exit status tells whether memory stayed flat."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        return 0 if soak(Path(folder), arguments.minutes) else 1


if __name__ == "__main__":
    sys.exit(main())
