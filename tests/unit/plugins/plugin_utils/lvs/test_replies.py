# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How replies leave a real server: by the director (NAT), or straight to the client in packets that fit (TUN)."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.lvs import replies

LO = {"name": "lo", "addresses": ["127.0.0.1/8", "::1/128"]}
ETH0 = {"name": "eth0", "addresses": ["203.0.113.21/24", "2001:db8:0:113::21/64", "fe80::21/64"]}
ETH1 = {"name": "eth1", "addresses": ["198.51.100.21/25"]}
SERVICES = [
    {"address": "203.0.113.21", "protocol": "tcp", "port": 8080},
    {"address": "203.0.113.21", "protocol": "udp", "port": 53},
    {"address": "2001:db8:0:113::21", "protocol": "tcp", "port": 8080},
]
DIPS = ["203.0.113.10", "2001:db8:0:113::10"]
GATEWAYS: dict[str, t.Any] = {"ipv4": {"address": "203.0.113.1", "interface": "eth0"}, "ipv6": None}


def test_nat_sends_what_the_services_answer_by_the_director_of_the_family() -> None:
    paths = replies.nat_paths(SERVICES, DIPS, [LO, ETH0])
    assert paths["routes"] == [
        {"to": "0.0.0.0/0", "via": "203.0.113.10", "interface": "eth0", "table": 4010, "onlink": True},
        {"to": "::/0", "via": "2001:db8:0:113::10", "interface": "eth0", "table": 4010, "onlink": True},
    ]
    common = {"priority": 4010, "table": 4010}
    four = {"family": "ipv4", "from": "203.0.113.21/32", **common}
    assert paths["rules"] == [
        {**four, "protocol": "tcp", "source_port": 8080},
        {**four, "protocol": "udp", "source_port": 53},
        {"family": "ipv6", "from": "2001:db8:0:113::21/128", **common, "protocol": "tcp", "source_port": 8080},
    ]


def test_nat_leaves_a_family_without_a_director_alone() -> None:
    paths = replies.nat_paths(SERVICES, DIPS[:1], [ETH0])
    assert {rule["family"] for rule in paths["rules"]} == {"ipv4"}
    assert [route["to"] for route in paths["routes"]] == ["0.0.0.0/0"]


def test_nat_without_directors_needs_nothing() -> None:
    """One-armed: the director's source NAT brings the replies back."""
    assert replies.nat_paths(SERVICES, [], [ETH0]) == {"routes": [], "rules": []}


def test_nat_default_asks_the_main_table_first_and_spares_the_ssh_server() -> None:
    paths = replies.nat_paths(SERVICES, DIPS[:1], [ETH0], "default", 5000, 2222)
    assert paths["rules"] == [
        {"family": "ipv4", "priority": 5001, "table": "main", "suppress_prefixlength": 0},
        {
            "family": "ipv4",
            "priority": 5002,
            "table": 5000,
            "protocol": "tcp",
            "source_port": 2222,
            "invert": True,
        },
    ]
    assert paths["routes"][0]["table"] == 5000


def test_nat_replies_of_one_tier_come_before_the_default_of_another() -> None:
    """Else a client in the servers' own network would be answered on the short way."""
    first, second = (replies.nat_paths(SERVICES, DIPS, [ETH0], mode) for mode in ("replies", "default"))
    assert first["routes"] == second["routes"]
    assert max(r["priority"] for r in first["rules"]) < min(r["priority"] for r in second["rules"])


def test_nat_refuses_a_director_in_no_network_of_the_host() -> None:
    with pytest.raises(ValueError, match=r"in a network with 192\.0\.2\.10"):
        replies.nat_paths(SERVICES, ["192.0.2.10"], [LO, ETH0])


def test_tun_repeats_the_ways_of_the_family_with_a_segment_size() -> None:
    paths = replies.tun_paths(["192.0.2.100"], [LO, ETH0, ETH1], GATEWAYS, {"ipv4": 1440, "ipv6": 1400})
    assert paths["routes"] == [
        {"to": "203.0.113.0/24", "interface": "eth0", "table": 40201440, "advmss": 1440},
        {"to": "198.51.100.0/25", "interface": "eth1", "table": 40201440, "advmss": 1440},
        {"to": "0.0.0.0/0", "via": "203.0.113.1", "interface": "eth0", "table": 40201440, "advmss": 1440},
    ]
    assert paths["rules"] == [{"family": "ipv4", "priority": 4020, "from": "192.0.2.100/32", "table": 40201440}]


def test_tun_without_a_gateway_announces_in_the_own_networks() -> None:
    paths = replies.tun_paths(["2001:db8:0:2::100"], [ETH0], GATEWAYS, {"ipv6": 1420}, 5020)
    assert paths["routes"] == [{"to": "2001:db8:0:113::/64", "interface": "eth0", "table": 50201420, "advmss": 1420}]
    assert paths["rules"] == [{"family": "ipv6", "priority": 5020, "from": "2001:db8:0:2::100/128", "table": 50201420}]


def test_tun_has_a_rule_for_each_vip_of_both_families() -> None:
    vips = ["2001:db8:0:2::100", "192.0.2.100", "192.0.2.101"]
    paths = replies.tun_paths(vips, [ETH0], GATEWAYS, {"ipv4": 1440, "ipv6": 1420})
    assert [rule["from"] for rule in paths["rules"]] == ["192.0.2.100/32", "192.0.2.101/32", "2001:db8:0:2::100/128"]


def test_tun_tiers_of_different_sizes_do_not_share_a_table() -> None:
    small, large = (replies.tun_paths(["192.0.2.100"], [ETH0], GATEWAYS, {"ipv4": size}) for size in (1428, 1440))
    assert not {way["table"] for way in small["routes"]} & {way["table"] for way in large["routes"]}


@pytest.mark.parametrize("sizes", [{}, {"ipv4": 0, "ipv6": 0}])
def test_tun_leaves_segment_sizes_to_icmp_where_none_is_given(sizes: dict[str, int]) -> None:
    assert replies.tun_paths(["192.0.2.100"], [ETH0], GATEWAYS, sizes) == {"routes": [], "rules": []}
