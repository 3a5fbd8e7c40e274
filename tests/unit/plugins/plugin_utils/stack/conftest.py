# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small sound stack in each mode, for the tests to break."""

from __future__ import annotations

import copy
import dataclasses
import typing as t

import pytest
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.check import check
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.derive import derive
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.hosts import Inventory
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.load import load
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.model import Finding, Plan

DIRECTOR = {"lb_addresses": ["192.0.2.10/24", "2001:db8:0:2::10/64"], "lb_gateway": ["192.0.2.1"]}
SERVERS: dict[str, t.Any] = {
    f"web{number}": {"lb_addresses": [f"192.0.2.2{number}/24", f"2001:db8:0:2::2{number}/64"]} for number in (1, 2)
}
APP = {"name": "app", "kind": "lvs", "hosts": "directors", "vips": ["192.0.2.100"], "port": 80, "backend": "web"}
WEB = {"name": "web", "kind": "servers", "hosts": "web"}
# What may stand in the place of app; its hosts are those of the directors.
FRONTS: dict[str, dict[str, t.Any]] = {
    "nginx": {"port": 80, "backend": "web", "backend_port": 8080},
    "haproxy": {"port": 80, "backend": "web", "backend_port": 8080},
    "redirect": {"url": "http://{host}.shop.example:8080", "backend": "web", "domains": ["shop.example"]},
    "dns": {"zone": "shop.example", "record": "www", "backend": "web", "check": {"type": "http", "port": 8080}},
}
BOX = {"name": "box", "kind": "external", "vips": ["192.0.2.100"], "addresses": ["192.0.2.5"], "backend": "web"}


@dataclasses.dataclass
class World:
    """A stack and its inventory, as plain data that a test may change before it asks."""

    tiers: list[dict[str, t.Any]]
    hosts: dict[str, dict[str, t.Any]]
    groups: dict[str, list[str]]

    def set(self, name: str, **options: t.Any) -> World:
        """Other options for a tier; ``None`` takes one away."""
        tier = next(one for one in self.tiers if one["name"] == name)
        tier.update(options)
        for key in [key for key, value in tier.items() if value is None]:
            del tier[key]
        return self

    def host(self, name: str, **variables: t.Any) -> World:
        self.hosts.setdefault(name, {}).update(variables)
        return self

    def inventory(self) -> Inventory:
        return Inventory(
            self.groups, lambda host, keys: {key: self.hosts[host][key] for key in keys if key in self.hosts[host]}
        )

    def findings(self) -> list[Finding]:
        stack, found = load({"tiers": self.tiers})
        return [*found, *check(stack, self.inventory())]

    def plan(self) -> Plan:
        stack, found = load({"tiers": self.tiers})
        inventory = self.inventory()
        found += [one for one in check(stack, inventory) if one.severity == "error"]
        assert not found, [str(one) for one in found]
        return derive(stack, inventory)


def _world(mode: str) -> World:
    hosts = {"lb1": DIRECTOR, **SERVERS}
    groups = {"directors": ["lb1"], "web": list(SERVERS), "empty": []}
    front = {**BOX, "mode": "dr"} if mode == "external" else {**APP, "mode": mode}
    if mode in FRONTS:
        front = {"name": "app", "kind": mode, "hosts": "directors", **FRONTS[mode]}
        hosts["lb2"] = {"lb_addresses": ["192.0.2.11/24", "2001:db8:0:2::11/64"]}
        groups["directors"].append("lb2")
    return copy.deepcopy(World([front, WEB], hosts, groups))


@pytest.fixture
def world() -> t.Callable[[str], World]:
    """``world(mode)``: dr, nat, tun, external, or a kind that stands in front; every one of them is sound."""
    return _world
