"""Called AE titles: whose they are, what cannot be one, who may change them."""

import pytest

import accounts.ae_titles
from accounts.ae_titles import (
    AeTitle,
    add_ae_title,
    ae_title_of,
    ae_titles_of,
    change_ae_title,
    remove_ae_title,
)
from accounts.errors import AeTitleTaken, InvalidValue, NoSuchAeTitle
from accounts.people import Account, create_account
from accounts.titles import checked_title
from store.db import Database
from tests.accounts.conftest import Clock

OWN = "READINGROOM"


@pytest.fixture
def ines(database: Database, clock: Clock) -> Account:
    return create_account(database, "ines@example.org", clock=clock)


@pytest.fixture
def otto(database: Database, clock: Clock) -> Account:
    return create_account(database, "otto@example.org", clock=clock)


def test_a_title_leads_to_its_account(database: Database, ines: Account, otto: Account) -> None:
    add_ae_title(database, " INES-PACS ", ines.id, own=OWN)
    add_ae_title(database, "OTTO", otto.id, own=OWN, open=True)
    assert ae_title_of(database, "INES-PACS       ") == AeTitle("INES-PACS", ines.id, False)
    assert ae_title_of(database, "OTTO") == AeTitle("OTTO", otto.id, True)
    assert ae_title_of(database, "NOBODY") is None
    assert ae_title_of(database, "") is None
    assert [title.title for title in ae_titles_of(database)] == ["INES-PACS", "OTTO"]
    assert [title.title for title in ae_titles_of(database, otto.id)] == ["OTTO"]


@pytest.mark.parametrize("title", ["INES", "ines", " INES ", "READINGROOM", "ReadingRoom"])
def test_a_title_that_is_taken_is_refused(
    database: Database, ines: Account, otto: Account, title: str
) -> None:
    add_ae_title(database, "INES", ines.id, own=OWN)
    with pytest.raises(AeTitleTaken):
        add_ae_title(database, title, otto.id, own=OWN, open=True)
    assert ae_titles_of(database) == [AeTitle("INES", ines.id, False)]


def test_an_account_has_a_title_once_in_any_case(database: Database, ines: Account) -> None:
    add_ae_title(database, "INES", ines.id, own=OWN)
    with pytest.raises(AeTitleTaken):
        add_ae_title(database, "Ines", ines.id, own=OWN)
    add_ae_title(database, "INES", ines.id, own=OWN, open=True)
    assert ae_titles_of(database) == [AeTitle("INES", ines.id, True)]


@pytest.mark.parametrize(
    "title", ["", " ", "SEVENTEEN-LETTERS", "BACK\\SLASH", "TAB\tHERE", "END\n", "ÄRZTE", "\x7f"]
)
def test_what_is_no_ae_title_is_refused(title: str) -> None:
    with pytest.raises(InvalidValue):
        checked_title(title)


@pytest.mark.parametrize("title", ["A", "SIXTEEN LETTERS!", "a/b?c=d&<e>", "CT 1"])
def test_what_the_default_repertoire_allows_is_a_title(title: str) -> None:
    assert checked_title(f"  {title} ") == title


def test_an_account_cannot_take_titles_without_end(
    database: Database, ines: Account, otto: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts.ae_titles, "MOST_OF_ONE_ACCOUNT", 2)
    for title in ("A", "B"):
        add_ae_title(database, title, ines.id, own=OWN)
    with pytest.raises(InvalidValue):
        add_ae_title(database, "C", ines.id, own=OWN)
    add_ae_title(database, "C", otto.id, own=OWN)


def test_a_title_is_opened_and_closed(database: Database, ines: Account) -> None:
    add_ae_title(database, "INES", ines.id, own=OWN)
    for is_open in (True, False):
        change_ae_title(database, "INES", open=is_open, account_id=ines.id)
        assert ae_title_of(database, "INES") == AeTitle("INES", ines.id, is_open)


def test_a_title_that_was_removed_can_be_taken(
    database: Database, ines: Account, otto: Account
) -> None:
    add_ae_title(database, "INES", ines.id, own=OWN)
    remove_ae_title(database, "INES")
    assert ae_title_of(database, "INES") is None
    add_ae_title(database, "INES", otto.id, own=OWN)


def test_others_titles_are_neither_changed_nor_removed(
    database: Database, ines: Account, otto: Account
) -> None:
    made = add_ae_title(database, "INES", ines.id, own=OWN)
    with pytest.raises(NoSuchAeTitle):
        change_ae_title(database, "INES", open=True, account_id=otto.id)
    with pytest.raises(NoSuchAeTitle):
        remove_ae_title(database, "INES", otto.id)
    with pytest.raises(NoSuchAeTitle):
        remove_ae_title(database, "OTHER", ines.id)
    assert ae_titles_of(database) == [made]
