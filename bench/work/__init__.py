"""What is measured: one class per kind of work, one ``Row`` of the table each.

May import: ``bench.peers``, ``bench.data``, ``bench.client``, ``bench.process``.

Entry points: ``ROWS`` (every row, in the order of the table), ``Row``, ``Target`` and ``Context``.
"""

from __future__ import annotations

from bench.work.context import FULL, QUICK, Context, Size
from bench.work.cstore import CStore
from bench.work.lone import Latency, Processor
from bench.work.memory import MemoryCStore, MemoryStow
from bench.work.read import (
    Frames,
    FramesRead,
    InstanceList,
    Metadata,
    Rendered,
    RenderedAgain,
    StudyList,
)
from bench.work.row import Row, Target
from bench.work.stow import StowEach, StowOne

__all__ = ["FULL", "QUICK", "ROWS", "Context", "Row", "Size", "Target"]

ROWS: tuple[Row, ...] = (
    StowOne(),
    StowEach(),
    CStore(1),
    CStore(4),
    CStore(16),
    Latency("STOW-RS"),
    Latency("C-STORE"),
    Processor("STOW-RS"),
    Processor("C-STORE"),
    MemoryStow(),
    MemoryCStore(),
    Frames(),
    FramesRead(),
    Metadata(),
    StudyList(),
    InstanceList(),
    Rendered(),
    RenderedAgain(),
)
