# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`site.yml` on one director and five real servers: the first run and one that changes nothing, beside rows of pings."""

from __future__ import annotations

import json
import pathlib
import re
import tempfile

import yaml

from . import labs
from .figures import Row, median

INVENTORY = labs.PROJECT / "bench" / "inventory"
SITE = labs.PROJECT / "site.yml"
CALLBACKS = labs.PROJECT / "bench" / "callbacks"
MAX_TASKS = 20
RECAP = re.compile(r"^(\w+) +: ok=(\d+)", re.MULTILINE)


def measure(rounds: int) -> list[Row]:
    """All rows about site.yml; every round begins with virgin hosts."""
    seconds: dict[str, list[float]] = {"first": [], "again": [], "pings": [], "pings there": []}
    counting = {"ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS), "ANSIBLE_CALLBACKS_ENABLED": "on_hosts"}
    tasks: dict[str, int] = {}
    there: dict[str, int] = {}
    for _round in range(rounds):
        with labs.lab("cluster.yml") as lab, tempfile.TemporaryDirectory() as folder:
            seconds["first"].append(labs.playbook(lab, SITE, INVENTORY)[0])
            took, said = labs.playbook(lab, SITE, INVENTORY, **counting)
            seconds["again"].append(took)
            if re.search("changed=[1-9]", said):
                raise RuntimeError(f"the second run changed something:\n{said[-3000:]}")
            tasks = {host: int(ok) for host, ok in RECAP.findall(said)}
            there = json.loads(said.strip().splitlines()[-1])["on_hosts"]
            for name, counts in (("pings", tasks), ("pings there", there)):
                seconds[name].append(labs.playbook(lab, _pings(pathlib.Path(folder), counts), INVENTORY)[0])
    medians = {name: median(values) for name, values in seconds.items()}
    most, most_there = max(tasks.values()), max(there.values())
    return [
        Row("`site.yml` on six hosts, first run", medians["first"]),
        Row("`site.yml` on six hosts, no change", medians["again"], 1.5 * medians["pings"], "1.5 x the pings"),
        Row(f"as many `ping` tasks on the same hosts ({most} at most)", medians["pings"]),
        Row(f"only as many as run something on the host ({most_there} at most)", medians["pings there"]),
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
