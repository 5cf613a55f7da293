"""What is kept, and when it is forgotten."""

from store.kept import Kept


def test_the_longest_unused_goes_first() -> None:
    kept = Kept[str](80)
    for name in range(8):
        kept.put(name, str(name), 10)
    assert kept.get(0) == "0"
    kept.put(8, "8", 10)
    assert kept.get(1) is None
    assert [kept.get(name) for name in (0, 2, 8)] == ["0", "2", "8"]


def test_one_value_never_takes_all_of_the_room() -> None:
    kept = Kept[str](80)
    kept.put("small", "s", 10)
    kept.put("large", "l", 11)
    assert kept.get("large") is None
    assert kept.get("small") == "s"


def test_a_new_value_takes_the_place_of_the_old_one() -> None:
    kept = Kept[str](80)
    for _ in range(100):
        kept.put("name", "old", 10)
    kept.put("name", "new", 5)
    kept.put("other", "o", 10)
    assert kept.get("name") == "new"
    kept.put("name", "too large", 1000)
    assert kept.get("name") is None
