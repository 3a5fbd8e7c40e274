# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One process of the plan's measurement: ``python -m bench.planning SHAPE`` checks a large stack and derives its plan.

Prints JSON: ``seconds`` from the raw data to all that ``stack_plan`` returns, ``megabytes`` at the peak of the whole
process; ``findings``, ``hosts`` and ``destinations`` of the plan, so that nobody measures an empty one.
"""

from __future__ import annotations

import json
import pathlib
import re
import sys
import time
import typing as t

from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.check import check
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.derive import derive
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.hosts import Inventory
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.load import load
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.members import addresses_of
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.summary import summary

from .stacks import SHAPES


def plan(shape: str) -> dict[str, t.Any]:
    """The figures of one run."""
    world = SHAPES[shape][1]()
    begin = time.monotonic()
    inventory = Inventory(world.groups, lambda host, keys: {k: v for k, v in world.hosts[host].items() if k in keys})
    stack, findings = load(world.stack)
    findings += check(stack, inventory)
    made = derive(stack, inventory)
    openings = {host: [one.part() for one in some] for host, some in made.openings.items()}
    lines, addresses = summary(made), addresses_of(stack, inventory)
    seconds = time.monotonic() - begin
    parts = [part for step in made.steps for part in step.parts.values()]
    pools = [pool for part in parts for key in ("virtual_servers", "services") for pool in part.get(key, ())]
    return {
        "seconds": seconds,
        "megabytes": _peak(),
        "findings": [str(finding) for finding in findings],
        "hosts": len(openings),
        "lines": len(lines),
        "addresses": len(addresses),
        "destinations": sum(len(pool.get("destinations", ())) for pool in pools),
    }


def _peak() -> float:
    """Of this program alone; what ``getrusage`` says may be the peak of the one that started it."""
    found = re.search(r"VmHWM:\s+(\d+) kB", pathlib.Path("/proc/self/status").read_text(encoding="utf-8"))
    assert found is not None
    return int(found[1]) / 1024


if __name__ == "__main__":
    print(json.dumps(plan(sys.argv[1])))
