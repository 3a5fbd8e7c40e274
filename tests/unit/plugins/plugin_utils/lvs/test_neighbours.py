# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real servers in the director's networks are their own next hop; the scenario ``life`` needs it to keep downloads alive."""

from __future__ import annotations

from ansible_collections.mixed_lb.stack.plugins.plugin_utils.lvs.neighbours import neighbour_paths

NICS = [
    {"name": "lo", "addresses": ["127.0.0.1/8"]},
    {"name": "eth0", "addresses": ["192.0.2.11/24", "2001:db8::11/64", "192.0.2.100/32"]},
    {"name": "eth1", "addresses": ["198.51.100.11/24"]},
]


def test_each_neighbour_is_its_own_next_hop() -> None:
    paths = neighbour_paths(["192.0.2.21", "2001:db8::21", "198.51.100.21", "192.0.2.21"], NICS)
    rest = {"table": 4030, "onlink": True}
    assert paths["routes"] == [
        {"to": "192.0.2.21/32", "via": "192.0.2.21", "interface": "eth0", **rest},
        {"to": "2001:db8::21/128", "via": "2001:db8::21", "interface": "eth0", **rest},
        {"to": "198.51.100.21/32", "via": "198.51.100.21", "interface": "eth1", **rest},
    ]
    assert paths["rules"] == [
        {"family": "ipv4", "priority": 4030, "table": 4030},
        {"family": "ipv6", "priority": 4030, "table": 4030},
    ]


def test_who_is_behind_a_router_or_the_host_itself_has_no_such_route() -> None:
    assert neighbour_paths(["203.0.113.21", "192.0.2.11"], NICS) == {"routes": [], "rules": []}
