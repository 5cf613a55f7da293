"""Private cases: who may make one, and that it applies at once."""

import pytest

from accounts.plans import Plan
from cases.access import PublishedScope
from cases.cases import case_by_code
from cases.errors import NoSuchCase, NotAllowed
from cases.privacy import check_private, set_private
from store.changes import current_version
from store.db import Database
from tests.cases.rows import OWNER, add_pair, add_published

OTHER = 8


def test_a_case_becomes_private_and_public_at_once(sqlite: Database) -> None:
    found = add_published(sqlite)
    before = current_version(sqlite, PublishedScope())
    assert set_private(sqlite, OWNER, found.code, True, allowed=True).private
    assert case_by_code(sqlite, found.code).private
    assert current_version(sqlite, PublishedScope()) > before
    # Who has lost the plan may still open a case, and leave it as it is.
    assert set_private(sqlite, OWNER, found.code, True, allowed=False).private
    assert not set_private(sqlite, OWNER, found.code, False, allowed=False).private


def test_a_plan_without_private_cases_makes_none(sqlite: Database) -> None:
    found = add_published(sqlite)
    with pytest.raises(NotAllowed):
        set_private(sqlite, OWNER, found.code, True, allowed=False)
    assert not case_by_code(sqlite, found.code).private


def test_nobody_else_decides(sqlite: Database) -> None:
    found = add_published(sqlite)
    with pytest.raises(NoSuchCase):
        set_private(sqlite, OTHER, found.code, True, allowed=True)


@pytest.mark.promise("F37")
def test_without_room_no_further_case_becomes_private(sqlite: Database) -> None:
    add_pair(sqlite, instances=True)
    roomy, full = (Plan("premium", True, True, size) for size in (10**9, 1))
    check_private(sqlite, OWNER, roomy)
    with pytest.raises(NotAllowed, match="full"):
        check_private(sqlite, OWNER, full)
    with pytest.raises(NotAllowed, match="plan"):
        check_private(sqlite, OWNER, Plan("free", False, False, 0))
