# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a test may expect, read from the inventory by itself: the stack model is what is tested, so it is not asked."""

from __future__ import annotations

import dataclasses
import pathlib
import typing as t

import yaml

Tier = dict[str, t.Any]
# Scenarios that use another one's inventory.
INVENTORIES = {"teardown": "lvs_dr", "ipvs_modules": "lvs_dr", "operations": "lvs_ha", "drills": "hybrid_dns_nginx_dr"}


@dataclasses.dataclass(frozen=True)
class Service:
    """A virtual service as clients know it."""

    protocol: str
    vip: str
    port: int
    scheduler: str
    persistent: int

    def __str__(self) -> str:
        return f"{self.protocol} {self.vip} {self.port}"


class Described:
    """The tiers in front of the real servers, at this stage of the scenario; most is about the first."""

    def __init__(self, project: pathlib.Path, scenario: str) -> None:
        self.stage = (project / ".lab" / "scenarios" / f"{scenario}.stage").read_text().strip()
        inventory = project / "inventories" / INVENTORIES.get(scenario, scenario)
        stack = inventory / "group_vars" / "all.yml"
        if self.stage == "second":
            stack = project / "molecule" / scenario / "vars" / "second.yml"
        self.tiers: list[Tier] = yaml.safe_load(stack.read_text())["lb_stack"]["tiers"]
        self._groups = yaml.safe_load((inventory / "hosts.yml").read_text())["all"]["children"]
        self.fronts: list[Tier] = [tier for tier in self.tiers if tier["kind"] in ("lvs", "external")]
        self.front = self.fronts[0]
        self.mode: str = self.front["mode"]
        self.vips: list[str] = self.front["vips"]

    def tier(self, name: str) -> dict[str, t.Any]:
        """The tier of that name, as it is written."""
        found: dict[str, t.Any] = next(tier for tier in self.tiers if tier["name"] == name)
        return found

    @property
    def real_servers(self) -> list[str]:
        """Names, in the inventory's order."""
        groups = [tier["hosts"] for tier in self.tiers if tier["kind"] == "servers"]
        return list(dict.fromkeys(host for group in groups for host in self._groups[group]["hosts"]))

    def weight(self, host: str) -> int:
        """The weight that the inventory gives a real server."""
        return int(self._variables(host).get("lb_weight", 1))

    def addresses(self, host: str) -> list[str]:
        """Addresses of a host, without prefix lengths."""
        return [address.partition("/")[0] for address in self._variables(host)["lb_addresses"]]

    def members(self, tier: Tier) -> list[str]:
        """The hosts of a tier."""
        return list(self._groups[tier["hosts"]]["hosts"])

    def _variables(self, host: str) -> dict[str, t.Any]:
        return next(group["hosts"][host] or {} for group in self._groups.values() if host in group["hosts"])

    @property
    def services(self) -> list[Service]:
        """Every virtual service of the first tier in front, one for each VIP."""
        return self.services_of(self.front)

    def services_of(self, tier: Tier) -> list[Service]:
        """The same of any tier in front."""
        found = []
        for entry in tier.get("services") or [tier]:
            protocols = entry.get("protocol", "tcp")
            for protocol in [protocols] if isinstance(protocols, str) else protocols:
                for vip in tier["vips"]:
                    found.append(self._service(tier, entry, protocol, vip))
        return found

    def _service(self, tier: Tier, entry: dict[str, t.Any], protocol: str, vip: str) -> Service:
        port = entry.get("port") or self.tiers[-1]["port"]
        # The box that stands in for an appliance is set up by hand in its scenario, and balances like this.
        default = "wrr" if tier["kind"] == "external" else "wlc"
        scheduler = entry.get("scheduler") or tier.get("scheduler", default)
        return Service(protocol, vip, port, scheduler, entry.get("persistent", 0))
