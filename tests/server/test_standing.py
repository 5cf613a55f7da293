"""How a sending stands outlives an attempt, and is given up rather than be wrong."""

from dataclasses import replace

import pytest

from server import standing
from server.standing import Standing
from store.retrieve import StoredInstance


def _refs(*numbers: int) -> list[StoredInstance]:
    return [
        StoredInstance(n, "1.2", "1.3", f"2.25.{n}", "1.4", "1.5", "CT", 1, 1, f"2026/{n:x}")
        for n in numbers
    ]


def _settled(refs: list[StoredInstance], went: list[int], refused: list[int]) -> Standing:
    made = Standing(refs)
    for ref in refs:
        if ref.id in went + refused:
            made.settle(ref, ref.id in went)
    return made


def test_it_is_taken_up_where_it_was_left() -> None:
    refs = _refs(40, 7, 19, 8, 1, 30, 31, 32, 33, 2)
    first = _settled(refs, [7, 33, 1], [40])
    again = Standing(refs, str(first))
    assert (again.went, again.refused, again.settled, again.total) == (3, 1, 4, 10)
    # In the order of the study, which is not that of the index.
    assert [ref.id for ref in again.left()] == [19, 8, 30, 31, 32, 2]
    again.settle(refs[2], has_it=True)
    assert [ref.id for ref in Standing(refs, str(again)).left()] == [8, 30, 31, 32, 2]


def test_what_is_settled_is_settled_once() -> None:
    refs = _refs(1, 2)
    made = _settled(refs, [1], [])
    made.settle(refs[0], has_it=False)
    assert (made.went, made.refused) == (1, 0)


@pytest.mark.parametrize("later", [1, 6, 7, 9])
def test_what_came_later_is_still_to_be_sent(later: int) -> None:
    numbers = list(range(1, 8))
    kept = str(_settled(_refs(*numbers), numbers, []))
    new = [7 + one for one in range(1, later + 1)]
    assert [ref.id for ref in Standing(_refs(*new, *numbers), kept).left()] == new


def test_where_the_order_is_another_all_is_sent_again() -> None:
    refs = _refs(1, 2, 3)
    kept = str(_settled(refs, [1, 3], [2]))
    removed = _refs(1, 2)
    replaced = [*refs[:2], replace(refs[2], sop_instance_uid="2.25.99")]
    masked = [replace(refs[0], blob="2026/ff"), *refs[1:]]
    for others in (removed, replaced, masked):
        assert Standing(others, kept).left() == others


def test_what_is_kept_is_short_and_names_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    refs = _refs(*range(1, 20_001))
    kept = str(_settled(refs, list(range(1, 20_000, 3)), []))
    assert len(kept) < 2 * 20_000 / 8 * 4 / 3
    assert "2.25." not in kept
    monkeypatch.setattr(standing, "MOST", 19_999)
    assert str(Standing(refs)) == ""
