"""Scores what a tool made of planted files against their answer keys.

Invariants: pure functions of the answer key, the planted file and the output, a refusal or a hold;
a value that was not planted is never counted.

Not here: references and dates across files (``consistency``), ``dciodvfy`` (``validity``).
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from tests.deid.planting.key import After, Category, Plant, Planted, Tier
from tests.deid.planting.reading import Reading, words_of

_DAYS = 3650
_KEPT_LEAKS = 400
DUMMIES = frozenset(
    (
        *(b"removed", b"anonymized", b"anonymized^^", b"0", b"1", b"000y", b"19000101"),
        *(b"000000", b"2.25.0", b"urn:removed", b"99removed", b"1.00", b"dicomlibrary"),
        *(b"dicomlibrary-100",),
    )
)


@dataclass(frozen=True)
class Outcome:
    """What a tool made of a file.

    Attributes:
        data: what it wrote, None when it refused.
        reason: why it refused.
        held: whether a person must look before strangers may.
    """

    data: bytes | None
    reason: str = ""
    held: bool = False


@dataclass(frozen=True)
class Leak:
    """A plant that strangers see."""

    file: str
    plant: Plant
    found: bytes

    def __str__(self) -> str:
        """Name the place and the spelling; everything in it is made up."""
        steps = (f"{part:08X}" if part > 999 else f"[{part}]" for part in self.plant.path)
        where = ".".join(steps) or "file"
        planted = f"{self.plant.planted[:60]!r} -> {self.found[:60]!r}"
        return f"{self.plant.category.name} {self.file} {where}: {self.plant.form}: {planted}"


@dataclass
class Tally:
    """What was counted over many files."""

    files: int = 0
    planted: Counter[Category] = field(default_factory=Counter)
    leaked: Counter[Category] = field(default_factory=Counter)
    not_planted: list[str] = field(default_factory=list)
    leaks: list[Leak] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    words: int = 0
    words_lost: list[tuple[str, bytes]] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    def add(self, planted: Planted, outcome: Outcome) -> None:
        """Count one file."""
        self.files += 1
        self.planted.update(plant.category for plant in planted.plants)
        before = Reading(planted.data)
        self.not_planted += (f"{planted.name} {p.form}" for p in not_planted(planted, before))
        if outcome.data is None:
            self.refused.append((planted.name, outcome.reason))
            if not planted.may_be_refused:
                self.faults.append(f"{planted.name}: refused ({outcome.reason})")
            return
        if outcome.held:
            self.held.append(planted.name)
        after = Reading(outcome.data)
        if not after.readable:
            self.unreadable.append(planted.name)
        for plant in visible(planted, after, held=outcome.held):
            self.leaked[plant.category] += 1
            if len(self.leaks) < _KEPT_LEAKS:
                found = after.values.get(plant.path, b"")
                self.leaks.append(Leak(planted.name, plant, found))
        self.faults += faults(planted, before, after, held=outcome.held)
        self.words += sum(len(safe.words) for safe in planted.safe)
        self.words_lost += lost_words(planted, after)

    def rate(self, category: Category) -> float:
        """Return the share of the plants of a category that strangers see."""
        return self.leaked[category] / max(1, self.planted[category])

    @property
    def words_kept(self) -> float:
        """Return the share of the safe words that stayed."""
        return 1 - len(self.words_lost) / max(1, self.words)


def shows(plant: Plant, reading: Reading) -> bool:
    """Tell whether a file shows a plant."""
    if plant.mark:
        return plant.mark.lower() in reading.marks
    return reading.shows(plant.path, plant.shown_by)


def not_planted(planted: Planted, before: Reading) -> list[Plant]:
    """Return the plants that the planted file itself does not show: faults of the generator."""
    return [plant for plant in planted.plants if not shows(plant, before)]


def visible(planted: Planted, after: Reading, *, held: bool) -> Iterator[Plant]:
    """Yield the plants that strangers see in the output."""
    for plant in planted.plants:
        if shows(plant, after) and not (held and plant.category.tier is Tier.PIXELS):
            yield plant


def lost_words(planted: Planted, after: Reading) -> Iterator[tuple[str, bytes]]:
    """Yield the safe words that are gone, and the file they stood in."""
    for safe in planted.safe:
        words = words_of(after.values.get(safe.path, b""))
        yield from ((planted.name, word) for word in safe.words if word not in words)


def faults(planted: Planted, before: Reading, after: Reading, *, held: bool) -> Iterator[str]:
    """Yield where something else stands than what may stand there.

    Stricter than leaking: a removed value must not be replaced by anything but a dummy.
    """
    shifts: set[int] = set()
    for plant in planted.plants:
        value = after.values.get(plant.path, b"") if plant.path else b""
        if plant.path and not _is_right(plant, before.values.get(plant.path, b""), value, shifts):
            yield f"{planted.name} {plant.form}: {value[:60]!r}"
    if len(shifts) > 1 or any(not 0 < abs(days) <= _DAYS for days in shifts):
        yield f"{planted.name}: dates move by {sorted(shifts)}"
    if planted.held and not held:
        yield f"{planted.name}: not held for review"


def _is_right(plant: Plant, before: bytes, value: bytes, shifts: set[int]) -> bool:
    bare = value.strip(b" \0").lower()
    if not bare or bare in DUMMIES or not value.strip(b"\0"):
        return True
    match plant.after:
        case After.GONE:
            return False
        case After.NEW_UID:
            return bare.startswith(b"2.25.")
        case After.MOVED:
            return _note_shift(before, bare, shifts)
        case After.CLEANED:
            return all(word in before.lower() for word in words_of(value))
        case _:
            return True


def _note_shift(before: bytes, after: bytes, shifts: set[int]) -> bool:
    was, now = _day(before), _day(after)
    if was is None or now is None:
        return False
    shifts.add((now - was).days)
    return True


def _day(value: bytes) -> date | None:
    try:
        return date.fromisoformat(value[:8].decode())
    except ValueError:
        return None
