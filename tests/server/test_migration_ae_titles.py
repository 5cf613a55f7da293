"""The revision that brings AE titles: peers stay as they were, on both databases."""

import pytest
from sqlalchemy import text

from accounts.ae_titles import AeTitle, add_ae_title, ae_title_of
from accounts.errors import AeTitleTaken
from accounts.peers import Peer, add_peer, peer_of, peers_of
from server.migrations import migrate
from store.db import Database
from tests.server.revisions import upgrade


def test_peers_of_before_call_from_anywhere_and_titles_can_be_added(database: Database) -> None:
    upgrade(database, "0005")
    with database.write() as connection:
        connection.execute(
            text(
                "INSERT INTO account (id, email, admin, premium, created_at) "
                "VALUES (7, 'ines@example.org', false, false, '2026-05-12 14:30:00')"
            )
        )
        connection.execute(text("INSERT INTO peer VALUES ('CT', 7, 'ct.example.org', 104)"))
        connection.execute(text("INSERT INTO peer VALUES ('MR', 7, NULL, NULL)"))
    migrate(database)
    assert peers_of(database) == [
        # Until then, only operators said where a peer listens.
        Peer("CT", 7, (), "ct.example.org", 104, vouched=True),
        Peer("MR", 7, vouched=True),
    ]
    assert peer_of(database, "CT", "192.0.2.1") is not None
    add_peer(database, "CT", 7, hosts=["10.0.0.0/8"])
    assert peer_of(database, "CT", "192.0.2.1") is None
    add_ae_title(database, "INES", 7, own="READINGROOM", open=True)
    assert ae_title_of(database, "INES") == AeTitle("INES", 7, True)
    with pytest.raises(AeTitleTaken):
        add_ae_title(database, "ines", 7, own="READINGROOM")
    with database.write() as connection:
        connection.execute(text("DELETE FROM account"))
    assert (ae_title_of(database, "INES"), peers_of(database)) == (None, [])
