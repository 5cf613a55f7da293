"""Links of a text to views: they follow their series, and are told of when it is gone."""

from viewer.view_links import lost_links, renumbered

PD, T1, T2 = ("1.2", "1.2.3.4.1"), ("1.2", "1.2.3.4.2"), ("1.3", "1.2.3.4.3")
TEXT = "See [a](view:1/3?zoom=2) and [b](view:3/1), overview:1/2, view:9/1."


def test_links_follow_a_series_that_is_moved() -> None:
    moved = renumbered(TEXT, [PD, T1, T2], [T2, T1, PD])
    assert moved == "See [a](view:3/3?zoom=2) and [b](view:1/1), overview:1/2, view:9/1."


def test_a_link_to_a_series_that_is_hidden_leads_to_it_again_once_it_is_shown() -> None:
    hidden = renumbered(TEXT, [PD, T1, T2], [T1, T2])
    assert hidden == "See [a](view:1.2.3.4.1/3?zoom=2) and [b](view:2/1), overview:1/2, view:9/1."
    assert lost_links(hidden, [T1, T2]) == ["a"]
    assert renumbered(hidden, [T1, T2], [PD, T1, T2]) == TEXT


def test_links_beyond_the_last_series_are_lost() -> None:
    assert lost_links(
        "[a](view:2/1) [b](view:3/1) [c](view:4/1?zoom=1) [c](view:5/1)", [PD, T1]
    ) == [
        "b",
        "c",
    ]
    assert lost_links("[a](view:1/9) and [d](https://a.example/view:4/1)", [PD]) == []
