"""The setting that says where accounts may have the server connect to."""

from ipaddress import ip_network

import pytest

from accounts.reach import Reach
from server.config import Settings
from server.errors import ConfigError
from server.reach import reach_of


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("", Reach()),
        ("public", Reach(public=True)),
        (
            "10.20.4.17/16, Public,fd00::/8 , PACS.Example",
            Reach(
                (ip_network("10.20.0.0/16"), ip_network("fd00::/8")),
                frozenset({"pacs.example"}),
                True,
            ),
        ),
        ("ward-3", Reach(names=frozenset({"ward-3"}))),
    ],
)
def test_it_is_read(given: str, read: Reach) -> None:
    assert reach_of(Settings(peer_hosts=given)) == read


def test_by_itself_the_internet_is_allowed_and_what_is_inside_is_not() -> None:
    reach = reach_of(Settings())
    assert reach.allows_address("8.8.8.8")
    assert not reach.allows_address("10.0.0.1")


@pytest.mark.parametrize(
    "given", ["10.0.0.0/33", "10.20.0", "pacs example", "https://pacs.example", "*.example", "a..b"]
)
def test_what_is_no_host_is_refused(given: str) -> None:
    with pytest.raises(ConfigError, match="peer_hosts"):
        reach_of(Settings(peer_hosts=given))
