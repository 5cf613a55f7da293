"""What the owner of a case is told beside it: what may name somebody, and when it goes.

Invariants: it is told to the owner only; nothing is changed by looking; none of it forbids to
publish.
Not here: what keeps a case from being published (`cases.publishing`), deleting (`cases.retention`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from accounts.people import account_by_id
from accounts.plans import Plan, plan_of
from cases.deadlines import deadline_of
from cases.document import SECTIONS
from cases.showing import shown
from cases.suspicions import suspicions
from cases.working import Case
from store.access import OwnerScope
from viewer.blueprint import Pages
from viewer.view_links import lost_links

__all__ = ["Countdown", "countdown_of", "lost_links_of", "plan_of_owner", "suspicions_of"]

DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class Countdown:
    """When a pending case is deleted.

    Attributes:
        at: the moment.
        days: how many days that is from now, the last one counted.
        is_near: its owner has been told, or will be today.
    """

    at: datetime
    days: int
    is_near: bool


def plan_of_owner(pages: Pages, account_id: int) -> Plan:
    """The plan of the account that looks at its own cases."""
    account = account_by_id(pages.database, account_id)
    assert account is not None
    return plan_of(account, private_bytes=pages.site.private_bytes)


def countdown_of(pages: Pages, case: Case, plan: Plan) -> Countdown | None:
    """When the case is deleted if it is not published; None for never."""
    now, site = pages.clock(), pages.site
    at = deadline_of(
        case,
        plan=plan,
        pending_days=site.pending_days,
        notice_days=site.pending_notice_days,
        now=now,
    )
    if at is None:
        return None
    days = max(0, -((now - at) // DAY))
    return Countdown(at, days, days <= site.pending_notice_days)


def suspicions_of(pages: Pages, case: Case) -> list[str]:
    """What in the title, the texts and the names may tell who somebody is."""
    document = case.document
    texts = {"Title": case.title}
    texts |= {name.capitalize(): getattr(document, name) for name in SECTIONS}
    texts["Tags"] = ", ".join(document.tags)
    studies = shown(pages.database, OwnerScope(case.owner_id), document)
    for number, study in enumerate(studies, 1):
        texts[f"Name of study {number}"] = study.name
        for place, one in enumerate(study.series, 1):
            texts[f"Name of series {place} of study {number}"] = one.name
    return suspicions(texts)


def lost_links_of(case: Case) -> list[str]:
    """Which links in the texts lead to series that the case does not show, a sentence each."""
    shown_series = case.document.series_uids()
    return [
        f"{name.capitalize()}: the link “{words}” leads to a series that the case does not show."
        for name in SECTIONS
        for words in lost_links(getattr(case.document, name), shown_series)
    ]
