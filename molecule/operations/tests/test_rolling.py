# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All real servers are worked on, one after the other, and no client notices; a broken update stops at the first."""

from __future__ import annotations

import pathlib

from clients import PATIENT, Clients
from drills import check_all_answered
from operations import Operations
from pair import Pair

TASKS = pathlib.Path(__file__).parents[1] / "tasks"
STARTED = "systemctl show --property=ActiveEnterTimestampMonotonic --value lab-app"


def roll(name: str) -> dict[str, str]:
    return {"lb_roll": "web", "lb_tasks": str(TASKS / f"{name}.yml"), "lb_probe": str(TASKS / "probe.yml")}


def test_a_broken_update_stops_at_the_first_and_a_mended_one_goes_on(
    operations: Operations, pair: Pair, clients: Clients
) -> None:
    before = {host: pair.lab.run(host, STARTED) for host in ("web1", "web2")}
    with clients.asking("a broken update", PATIENT) as seen:
        said = operations.refused("rolling", **roll("fail"))
    check_all_answered(seen)
    assert "web1 stay drained, and no other host was touched: web1, fail | Fail: this update is broken" in said
    operations.have(web1=0, web2=2)
    assert operations.drained() == ["web1"]
    with clients.asking("rolling", PATIENT) as seen:
        operations.play("rolling", **roll("restart"))
        operations.have(web1=1, web2=2)
    check_all_answered(seen)
    assert all(pair.lab.run(host, STARTED) != moment for host, moment in before.items())
    assert operations.drained() == []
