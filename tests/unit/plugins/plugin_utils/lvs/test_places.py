# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which network card carries what, on hosts as they really look."""

from __future__ import annotations

import pytest
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.lvs import places

LO = {"name": "lo", "addresses": ["127.0.0.1/8", "::1/128", "192.0.2.200/32"]}
ETH0 = {"name": "eth0", "addresses": ["192.0.2.10/24", "2001:db8:0:2::10/64", "fe80::10/64"]}
ETH1 = {"name": "eth1", "addresses": ["203.0.113.10/24", "203.0.113.100/32", "fe80::11/64"]}
BARE = {"name": "eth2", "addresses": []}
HOST = [LO, ETH0, ETH1, BARE]


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("192.0.2.100", "eth0"),
        ("192.0.2.10", "eth0"),
        ("2001:db8:0:2::100", "eth0"),
        ("203.0.113.1", "eth1"),
    ],
)
def test_the_interface_of_an_address_is_the_one_in_its_network(address: str, name: str) -> None:
    assert places.interface_for(HOST, address) == name


@pytest.mark.parametrize(
    "address",
    [
        "198.51.100.1",  # behind a router
        "127.0.0.5",  # in a network of lo, which leads nowhere
        "192.0.2.200",  # held by lo alone
        "fe80::1",  # in the link-local network of every interface, so in none in particular
        "2001:db8:0:3::1",
    ],
)
def test_an_address_in_no_network_is_an_error_that_names_it_and_the_interfaces(address: str) -> None:
    without_eth0 = [LO, ETH1, BARE] if address.startswith("192") else HOST
    with pytest.raises(ValueError, match=rf"\(lo, .*eth2\) is in a network with {address}: give the address to one"):
        places.interface_for(without_eth0, address)


def test_the_address_of_a_single_host_makes_no_network() -> None:
    assert [str(network) for network in places.networks_of(ETH1)] == ["203.0.113.0/24"]


def test_what_the_kernel_gives_a_tunnel_is_no_network() -> None:
    open_sit = {"name": "lvs-0", "addresses": ["203.0.113.21/32", "::203.0.113.21/96", "fe80::cb00:7115/64"]}
    assert places.networks_of(open_sit) == []


def test_interfaces_come_once_and_sorted_and_what_is_behind_a_router_adds_none() -> None:
    addresses = ["203.0.113.21", "192.0.2.21", "192.0.2.22", "198.51.100.9"]
    assert places.interfaces_for(HOST, addresses) == ["eth0", "eth1"]
    assert places.interfaces_for(HOST, []) == []


def test_where_one_is_needed_none_is_an_error() -> None:
    assert places.interfaces_for(HOST, ["198.51.100.9", "192.0.2.21"], needed=True) == ["eth0"]
    with pytest.raises(ValueError, match=r"is in a network with 198\.51\.100\.9: give"):
        places.interfaces_for(HOST, ["198.51.100.9"], needed=True)


def test_a_named_interface_is_all_there_is() -> None:
    assert places.interfaces_for(HOST, ["203.0.113.21"], "bond0.7") == ["bond0.7"]


def test_vips_are_of_a_single_host_each_on_its_own_interface() -> None:
    assert places.vip_addresses(["192.0.2.100", "2001:db8:0:2::100", "203.0.113.100"], HOST) == [
        {"address": "192.0.2.100/32", "interface": "eth0"},
        {"address": "2001:db8:0:2::100/128", "interface": "eth0"},
        {"address": "203.0.113.100/32", "interface": "eth1"},
    ]


def test_vips_go_where_they_are_told_without_a_look_at_the_host() -> None:
    assert places.vip_addresses(["198.51.100.100"], [], "lo") == [{"address": "198.51.100.100/32", "interface": "lo"}]


@pytest.mark.parametrize("vip", ["192.0.2.100/32", "www.example.net", ""])
def test_a_vip_that_is_no_address_is_an_error(vip: str) -> None:
    with pytest.raises(ValueError, match="does not appear to be an IPv4 or IPv6 address"):
        places.vip_addresses([vip], HOST, "lo")


def test_a_star_becomes_each_interface_even_one_with_a_dot() -> None:
    assert places.for_interfaces({"net/ipv4/conf/*/arp_ignore": 1}, ["eth0", "eth0.100"]) == {
        "net/ipv4/conf/eth0/arp_ignore": 1,
        "net/ipv4/conf/eth0.100/arp_ignore": 1,
    }


def test_without_interfaces_only_keys_without_a_star_are_left() -> None:
    assert places.for_interfaces({"a/*/b": 1, "net.ipv4.ip_forward": 0}, []) == {"net.ipv4.ip_forward": 0}


def test_keys_of_ipv6_are_optional_however_they_are_written() -> None:
    keys = {"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1, "net/ipv6/conf/*/accept_redirects": 0}
    assert places.kernel_keys(keys, ["eth0"]) == {
        "sysctls": {"net.ipv4.ip_forward": 1},
        "optional_sysctls": {"net.ipv6.conf.all.forwarding": 1, "net/ipv6/conf/eth0/accept_redirects": 0},
    }
