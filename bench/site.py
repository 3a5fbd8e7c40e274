# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`site.yml` on one director and five real servers: the first run and one that changes nothing, beside rows of pings."""

from __future__ import annotations

import pathlib
import re
import tempfile

import yaml

from . import labs
from .figures import Row, median

INVENTORY = labs.PROJECT / "bench" / "inventory"
MAX_TASKS = 20
RECAP = re.compile(r"^(\w+) +: ok=(\d+) +changed=(\d+)", re.MULTILINE)


def measure(rounds: int) -> list[Row]:
    """All rows about site.yml; every round begins with virgin hosts."""
    first, second, pings = [], [], []
    tasks: dict[str, int] = {}
    for _round in range(rounds):
        with labs.lab("cluster.yml") as lab, tempfile.TemporaryDirectory() as folder:
            first.append(labs.playbook(lab, labs.PROJECT / "site.yml", INVENTORY)[0])
            seconds, said = labs.playbook(lab, labs.PROJECT / "site.yml", INVENTORY)
            second.append(seconds)
            recap = {host: (int(ok), int(changed)) for host, ok, changed in RECAP.findall(said)}
            if any(changed for _ok, changed in recap.values()):
                raise RuntimeError(f"the second run changed something:\n{said[-3000:]}")
            tasks = {host: ok for host, (ok, _changed) in recap.items()}
            pings.append(labs.playbook(lab, _pings(pathlib.Path(folder), tasks), INVENTORY)[0])
    most = max(tasks.values())
    return [
        Row("`site.yml` on six hosts, first run", median(first)),
        Row("`site.yml` on six hosts, no change", median(second), 1.5 * median(pings), "1.5 x the pings"),
        Row("as many `ping` tasks on the same hosts", median(pings)),
        Row("tasks of a host in a run without change, at most", most, MAX_TASKS, str(MAX_TASKS), ""),
    ]


def _pings(folder: pathlib.Path, tasks: dict[str, int]) -> pathlib.Path:
    """A play in which every host runs as many pings as it ran tasks."""
    path = folder / "pings.yml"
    wanted = [
        {"name": f"Ping {number}", "ansible.builtin.ping": {}, "when": f"inventory_hostname in {_hosts(tasks, number)}"}
        for number in range(1, max(tasks.values()) + 1)
    ]
    path.write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": wanted}], sort_keys=False))
    return path


def _hosts(tasks: dict[str, int], number: int) -> list[str]:
    return [host for host, count in tasks.items() if count >= number]
