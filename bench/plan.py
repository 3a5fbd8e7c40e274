# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks and derivation of stacks of 1,000 hosts and 500 services, and what Ansible adds to that."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import tempfile

from . import labs
from .figures import Row, markdown, median
from .stacks import HOSTS, SHAPES

SECONDS, MEGABYTES = 5, 300
WHOLE = ("pairs", "hybrids")
TEXT = """\
Each run is a process of its own. The time is that from the raw data to all that `stack_plan` returns; memory is the peak
of the whole process with its imports. The last rows are whole runs of `ansible-playbook playbooks/validate.yml` over a
YAML inventory: what they take longer is Ansible itself, which reads its inventory, makes variables of hosts and copies
results. Of the first shape there is none: planning gets by with its destinations being the same objects everywhere, but
Ansible copies each of them several times, which takes minutes and gigabytes.

"""


def measure(rounds: int) -> str:
    rows = []
    for shape, (words, _make) in SHAPES.items():
        runs = [_process(shape) for _round in range(rounds)]
        title = f"{words} ({runs[0]['destinations']:,} destinations)"
        rows += [
            Row(f"{title}: time", median(run["seconds"] for run in runs), SECONDS, f"{SECONDS} s"),
            Row(f"{title}: memory", max(run["megabytes"] for run in runs), MEGABYTES, f"{MEGABYTES} MB", "MB"),
        ]
    for shape in WHOLE:
        whole = median(_validate(shape) for _round in range(rounds))
        rows.append(Row(f"{SHAPES[shape][0]}: `validate` as a whole", whole))
    return TEXT + markdown(rows)


def _process(shape: str) -> dict[str, float]:
    argv = [sys.executable, "-m", "bench.planning", shape]
    done = subprocess.run(argv, cwd=labs.PROJECT, env=labs.environment(), capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    if found["findings"] or found["hosts"] < HOSTS - 8:
        raise RuntimeError(f"{shape}: this is not the plan that was wanted: {done.stdout[:2000]}")
    return found


def _validate(shape: str) -> float:
    world = SHAPES[shape][1]()
    groups = {name: {"hosts": dict.fromkeys(hosts)} for name, hosts in world.groups.items()}
    tree = {"all": {"hosts": world.hosts, "children": groups, "vars": {"lb_stack": world.stack}}}
    with tempfile.TemporaryDirectory() as folder:
        inventory = pathlib.Path(folder) / "hosts.json"
        inventory.write_text(json.dumps(tree), encoding="utf-8")
        return labs.playbook(labs.PROJECT / "playbooks" / "validate.yml", inventory)[0]
