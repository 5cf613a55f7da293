"""Measures de-identification alone, in memory: ``python -m bench.deid``, or ``make bench-deid``.

Invariants: every row is a ratio of two things done in turns in the same run; the pydicom row does
the same work, which is shown by comparing what came out; nothing is written but one file in
memory (``/dev/shm``), which is removed.
Not here: de-identification as part of storing (``bench.work``).
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from bench.data import ct_series, large_multiframe
from bench.pydicom_profile import deidentify
from deid import Deidentifier, stream
from deid.repeats import Repeats

KEY = bytes(range(32))
ELEMENTS = 260
SLICES = 40
GIGABYTE = 1 << 30
TARGETS = {"slice": 0.5, "pydicom": 15.0, "stream": 0.8, "memory": 100.0}


def main() -> int:
    """Measure, print, and tell by the exit status whether the targets are met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--large", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.large:
        print(json.dumps(large(options.rounds)))
        return 0
    figures = slices(options.rounds) | in_a_process_of_its_own(min(3, options.rounds))
    if options.json:
        print(json.dumps(figures, indent=2))
    else:
        report(figures)
    met = (
        figures["over_floor_ms"] <= TARGETS["slice"]
        and figures["pydicom_ratio"] >= TARGETS["pydicom"]
        and figures["stream_ratio"] >= TARGETS["stream"]
        and figures["memory_mb"] < TARGETS["memory"]
    )
    return 0 if met else 1


def report(figures: dict[str, float]) -> None:
    """Print the figures for people."""
    print(
        f"One CT slice of 512 KB, {ELEMENTS} elements, medians of {SLICES} slices:\n"
        f"  copied and written to a file in memory      {figures['floor_ms']:8.3f} ms\n"
        f"  de-identified, in its series                {figures['slice_ms']:8.3f} ms"
        f"  = 4 x the copy {figures['over_floor_ms']:+.3f} ms (target +{TARGETS['slice']})\n"
        f"  de-identified, first of its series          {figures['first_ms']:8.3f} ms\n"
        f"  pydicom: read, edit, write, same rules      {figures['pydicom_ms']:8.3f} ms"
        f"  = {figures['pydicom_ratio']:.1f} x (target {TARGETS['pydicom']:.0f}),"
        f" {figures['pydicom_first_ratio']:.1f} x the first one\n"
        f"A multi-frame of 1 GB:\n"
        f"  {figures['stream_ratio']:.2f} of the speed of copying the stream"
        f" (target {TARGETS['stream']}), {figures['stream_mb_s']:.0f} MB/s,"
        f" {figures['memory_mb']:.0f} MB resident (target < {TARGETS['memory']:.0f})"
    )


def slices(rounds: int) -> dict[str, float]:
    """Measure single slices against the copy and against pydicom."""
    made = [grown(made.data) for made in ct_series(SLICES)]
    proved = {engine(data) == deidentify(data, KEY) for data in made[:3]}
    if proved != {True}:
        raise SystemExit("pydicom's way and ours do not give the same elements")
    took: dict[str, list[float]] = {}
    with memory_file() as handle:
        for _ in range(rounds):
            took.setdefault("floor", []).append(median_of(lambda d: copy(handle, d), made))
            took.setdefault("slice", []).append(median_of(engine_bytes, made))
            took.setdefault("first", []).append(median_of(first_of_series, made[:10]))
            took.setdefault("pydicom", []).append(median_of(lambda d: deidentify(d, KEY), made[:5]))
    over = [1e3 * (s - 4 * f) for s, f in zip(took["slice"], took["floor"], strict=True)]
    ratio = [p / s for p, s in zip(took["pydicom"], took["slice"], strict=True)]
    first = [p / s for p, s in zip(took["pydicom"], took["first"], strict=True)]
    medians = {f"{name}_ms": 1e3 * statistics.median(values) for name, values in took.items()}
    return medians | {
        "over_floor_ms": statistics.median(over),
        "pydicom_ratio": statistics.median(ratio),
        "pydicom_first_ratio": statistics.median(first),
    }


def large(rounds: int) -> dict[str, float]:
    """Measure a stream of 1 GB against copying it."""
    source = large_multiframe(GIGABYTE)
    ratios, speeds = [], []
    with memory_file() as handle:
        for _ in range(rounds):

            def copied() -> None:
                for chunk in source.chunks():
                    copy(handle, chunk)

            def through() -> None:
                run = Deidentifier(KEY, lambda data: copy(handle, data))
                for chunk in source.chunks():
                    run.feed(chunk)
                run.finish()

            floor, took = timed(copied), timed(through)
            ratios.append(floor / took)
            speeds.append(source.size / took / 1e6)
    return {
        "stream_ratio": statistics.median(ratios),
        "stream_mb_s": statistics.median(speeds),
        "memory_mb": peak_memory() / 1e6,
    }


def in_a_process_of_its_own(rounds: int) -> dict[str, float]:
    """Measure the large stream where nothing else has taken memory."""
    command = [sys.executable, "-m", "bench.deid", "--large", "--rounds", str(rounds)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def engine(data: bytes) -> Dataset:
    """De-identify and decode, for comparing."""
    return pydicom.dcmread(io.BytesIO(b"".join(engine_bytes(data))))


def engine_bytes(data: bytes) -> list[bytes]:
    """De-identify bytes to bytes."""
    out: list[bytes] = []
    run = Deidentifier(KEY, out.append)
    run.feed(data)
    run.finish()
    return out


def first_of_series(data: bytes) -> list[bytes]:
    """De-identify as if nothing of the series was seen before."""
    known = stream._REPEATS
    stream._REPEATS = Repeats()  # type: ignore[misc]
    try:
        return engine_bytes(data)
    finally:
        stream._REPEATS = known  # type: ignore[misc]


def grown(data: bytes) -> bytes:
    """Add private elements until there are as many elements as the target speaks of."""
    ds = pydicom.dcmread(io.BytesIO(data))
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "T-D3000", "SRT", "Chest"
    outer = Dataset()
    outer.AnatomicRegionSequence = Sequence([item])
    ds.ReferencedSeriesSequence = Sequence([outer])
    block = ds.private_block(0x0029, "BENCH HEADER", create=True)
    missing = ELEMENTS - sum(1 for _ in ds.iterall())
    for number in range(missing):
        block.add_new(number, "LO", f"private value {number}")
    if sum(1 for _ in ds.iterall()) != ELEMENTS:
        raise SystemExit(f"the slice does not have {ELEMENTS} elements")
    out = io.BytesIO()
    ds.save_as(out, enforce_file_format=True)
    return out.getvalue()


def copy(handle: int, data: bytes) -> None:
    """The floor: copy the bytes in memory, and write the copy to a file in memory."""
    os.pwrite(handle, bytearray(data), 0)


@contextmanager
def memory_file() -> Iterator[int]:
    """A file in memory."""
    folder = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryFile(dir=folder) as file:
        yield file.fileno()


def median_of(work: Callable[[bytes], object], made: list[bytes]) -> float:
    """Return the median time of a piece of work over all files, in seconds of one core."""
    for data in made[:2]:
        work(data)
    return statistics.median(timed(lambda d=data: work(d)) for data in made)  # type: ignore[misc]


def timed(work: Callable[[], object]) -> float:
    """Return what a piece of work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def peak_memory() -> int:
    """Return the most bytes that this process had resident."""
    status = Path("/proc/self/status").read_text("ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    sys.exit(main())
