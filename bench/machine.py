"""Describes what figures were measured on: processor, memory, disk, kernel, versions.

Invariants: names nothing that identifies the machine or its user (no host name, no paths).
Not here: the figures (``bench.figures``).
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable
from pathlib import Path

from bench.peers import PEERS


def describe(disk: Path) -> dict[str, str]:
    """Return what a reader needs in order to compare figures with those of another machine."""
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{_memory() / 1e9:.0f} GB",
        "file system of the stores": file_system(disk),
        "kernel": f"{platform.system()} {re.split(r'[^0-9.]', platform.release())[0]}",
        "Python": platform.python_version(),
    }


def versions(columns: Iterable[str]) -> dict[str, str]:
    """Return the version of each server that was measured, by its title."""
    return {
        f"{PEERS[column].title}" if column != "storescp" else "DCMTK": PEERS[column].version()
        for column in columns
        if column in PEERS and column not in ("bare-http", "bare-parts", "bare-dimse")
    }


def file_system(folder: Path) -> str:
    """Return the type of the file system that a folder lies on."""
    best, found = "", "unknown"
    for line in Path("/proc/mounts").read_text().splitlines():
        _, point, kind, *_ = line.split()
        if folder.resolve().is_relative_to(point) and len(point) >= len(best):
            best, found = point, kind
    return found


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
