# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pair, and the tiers that it holds VIPs for."""

from __future__ import annotations

import pathlib
import time
import typing as t

import yaml
from browser import browse
from frame import PROJECT, SCENARIO, stage
from pair import PATIENCE, Pair

from lab.cluster import Lab

LOOK = 24
DAEMONS = {"shop": "nginx", "api": "haproxy"}


def tiers(state: str) -> list[dict[str, t.Any]]:
    """The tiers with VIPs as they are written, with the port that goes without saying."""
    first = PROJECT / "inventories" / SCENARIO / "group_vars" / "all.yml"
    second = pathlib.Path(__file__).parents[1] / "vars" / "second.yml"
    stack = yaml.safe_load((second if state == "second" else first).read_text())["lb_stack"]
    return [{"port": 80, **tier} for tier in stack["tiers"] if "vips" in tier]


def wait_for(lab: Lab, servers: set[str]) -> None:
    """Until every VIP is served by all of these servers, and by no others."""
    deadline = time.monotonic() + PATIENCE
    vips = [{"address": vip, "port": tier["port"]} for tier in tiers(stage()) for vip in tier["vips"]]
    # until the checks have seen that servers are back, a proxy may have none
    while any(
        {one.get("said", {}).get("server") for one in browse(lab, [vip] * LOOK, all_answered=False)} != servers
        for vip in vips
    ):
        assert time.monotonic() < deadline, f"after {PATIENCE} s not all VIPs are served by {servers}"


class Proxies(Pair):
    """Whose pools are the daemons' own business."""

    def wait_for_pools(self, condition: str = "", hosts: t.Iterable[str] = ()) -> None:
        """The daemons run."""
        for host in hosts or self.alive:
            units = " ".join(DAEMONS.values())
            self.lab.run(
                host, f"for i in $(seq 300); do systemctl -q is-active {units} && exit 0; sleep 0.1; done; exit 1"
            )

    def recover(self) -> None:
        for host in self.alive:
            self.lab.run(host, f"systemctl start {' '.join(DAEMONS.values())}")
        super().recover()
