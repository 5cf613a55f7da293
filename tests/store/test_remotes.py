"""Other servers: names of an owner's own, addresses checked, tokens sealed."""

import os
from datetime import UTC, datetime

import pytest
from cryptography.exceptions import InvalidTag
from sqlalchemy import select, update

from store import schema
from store.db import Database
from store.errors import BadRemote, NoSuchRemote
from store.keys import KeyRing
from store.remotes import Remotes

TOKEN = "a token that nobody else may see"


@pytest.fixture
def remotes(database: Database) -> Remotes:
    keys = KeyRing(database, b"the secret of the tests' server", os.urandom)
    return Remotes(database, keys, os.urandom, lambda: datetime.now(UTC))


def test_a_server_is_known_to_its_owner_alone(remotes: Remotes) -> None:
    remotes.add(7, "archive", "https://pacs.example/dicom-web/ ", TOKEN)
    found = remotes.get(7, "archive")
    assert (found.url, found.token) == ("https://pacs.example/dicom-web", TOKEN)
    with pytest.raises(NoSuchRemote):
        remotes.get(8, "archive")
    with pytest.raises(NoSuchRemote):
        remotes.remove(8, "archive")


def test_the_last_word_counts_and_removal_is_final(remotes: Remotes) -> None:
    remotes.add(7, "archive", "https://one.example/a", TOKEN)
    remotes.add(7, "archive", "http://two.example:8042/b")
    assert [(one.url, one.token) for one in remotes.all(7)] == [("http://two.example:8042/b", None)]
    remotes.remove(7, "archive")
    assert remotes.all() == []


def test_a_token_lies_sealed_and_opens_for_its_owner_only(
    remotes: Remotes, database: Database
) -> None:
    remotes.add(7, "archive", "https://pacs.example", TOKEN)
    with database.read() as connection:
        sealed = connection.execute(select(schema.remote.c.sealed_token)).scalar_one()
    assert TOKEN.encode() not in bytes(sealed)
    with database.write() as connection:
        connection.execute(update(schema.remote).values(owner_id=8))
    with pytest.raises(InvalidTag):
        remotes.get(8, "archive")


@pytest.mark.parametrize(
    "url",
    [
        "pacs.example",
        "ftp://pacs.example/x",
        "https://",
        "https://me:secret@pacs.example/x",
        "https://pacs.example/x?y=z",
        "https://pacs.example/x#y",
        "https://pacs.example:0/x",
        "https://pacs.example:99999/x",
        "file:///etc/passwd",
        "http://[::1",
        "https://@pacs.example/x",
        "https://pacs.example/x?",
        "https://pacs.example/x#",
        "https://pacs.example/x\\y",
        "https://pacs.example/x y",
        "https://pacs.example/x\ny",
    ],
)
def test_what_is_no_address_is_refused(remotes: Remotes, url: str) -> None:
    with pytest.raises(BadRemote):
        remotes.add(7, "archive", url)


@pytest.mark.parametrize("name", ["", "a b", "-a", "a" * 65, "ä", "a/b"])
def test_what_is_no_name_is_refused(remotes: Remotes, name: str) -> None:
    with pytest.raises(BadRemote):
        remotes.add(7, name, "https://pacs.example")
