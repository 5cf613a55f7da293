"""When a case that was never published is deleted.

Not here: telling its owner and deleting it (`cases.retention`), plans (`accounts.plans`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from accounts.plans import Plan
from store.db import in_utc

__all__ = ["Pending", "Rules", "deadline_of"]


@dataclass(frozen=True)
class Rules:
    """How long cases may be pending.

    Attributes:
        pending_days: after how many days a case goes; 0 for never.
        notice_days: how many days before that its owner is told.
    """

    pending_days: int
    notice_days: int

    @property
    def notice(self) -> timedelta:
        """How long before it is deleted an owner is told."""
        return timedelta(days=min(self.notice_days, self.pending_days))


class Pending(Protocol):
    """What is asked of a case."""

    @property
    def created_at(self) -> datetime:
        """When it was made."""

    @property
    def published_at(self) -> datetime | None:
        """When it was first published."""

    @property
    def warned_at(self) -> datetime | None:
        """When its owner was told."""

    @property
    def kept(self) -> bool:
        """Whether an administrator keeps it."""

    @property
    def kept_until(self) -> datetime | None:
        """Until when; None for good."""


def deadline_of(
    case: Pending,
    *,
    plan: Plan,
    pending_days: int,
    notice_days: int = 0,
    now: datetime | None = None,
) -> datetime | None:
    """When a case is deleted if it is not published; None for never.

    Args:
        case: the case.
        plan: that of its owner.
        pending_days, notice_days: as the settings say.
        now: the present time, for a case whose owner was not told yet.
    """
    if case.published_at is not None or plan.keeps_pending or not pending_days:
        return None
    if case.kept and case.kept_until is None:
        return None
    deadline = in_utc(case.created_at) + timedelta(days=pending_days)
    if case.kept and case.kept_until is not None:
        deadline = max(deadline, in_utc(case.kept_until))
    told = case.warned_at or now
    if told is None:
        return deadline
    return max(deadline, in_utc(told) + timedelta(days=min(notice_days, pending_days)))
