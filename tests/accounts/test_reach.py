"""Where accounts may have the server connect to: networks, names, and the internet."""

from ipaddress import ip_network

import pytest

from accounts.reach import Reach

INSIDE = [
    "127.0.0.1",
    "10.20.4.17",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "255.255.255.255",
    "224.0.0.1",
    "::1",
    "::",
    "fd00::1",
    "fe80::1%eth0",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:a00:1",
    "2002:7f00:1::1",
    "2001:0:7f00:1::",
    "64:ff9b::7f00:1",
]
OUTSIDE = ["8.8.8.8", "::ffff:8.8.8.8", "2600::1"]


@pytest.mark.parametrize("address", INSIDE)
def test_nobodys_inner_network_is_public(address: str) -> None:
    assert not Reach(public=True).allows_address(address)
    assert not Reach(public=True).may_allow(address)


@pytest.mark.parametrize("address", OUTSIDE)
def test_the_internet_is_allowed_where_it_is_said(address: str) -> None:
    assert Reach(public=True).allows_address(address)
    assert not Reach().allows_address(address)


def test_what_is_listed_is_allowed_and_its_neighbour_is_not() -> None:
    reach = Reach((ip_network("10.20.0.0/16"), ip_network("fd00:20::/32")))
    for address in ("10.20.4.17", "::ffff:10.20.4.17", "fd00:20::1"):
        assert reach.allows_address(address)
    for address in ("10.21.0.1", "fd00:21::1", "127.0.0.1", "8.8.8.8"):
        assert not reach.allows_address(address)


def test_of_a_name_that_is_not_listed_only_the_address_tells() -> None:
    reach = Reach(names=frozenset({"pacs.example"}))
    assert reach.allows_name("PACS.example.")
    assert not reach.allows_name("pacs.example.org")
    assert reach.may_allow("elsewhere.example")
    # Not written as an address, and yet one to those who look it up: it is asked for again then.
    assert reach.may_allow("127.1")
    assert not reach.allows_address("127.1")
    assert not reach.may_allow("127.0.0.1")
