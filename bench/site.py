# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`site.yml` on virgin hosts, again, and with one weight changed, beside rows of pings."""

from __future__ import annotations

import json
import pathlib
import re
import tempfile
import typing as t

import yaml

from . import labs
from .figures import Row, grid, markdown, median

SITE = labs.PROJECT / "site.yml"
CALLBACKS = labs.PROJECT / "bench" / "callbacks"
COUNTING = {"ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS), "ANSIBLE_CALLBACKS_ENABLED": "on_hosts"}
MAX_TASKS = 20
RECAP = re.compile(r"^(\w+) +: ok=(\d+) +changed=(\d+)", re.MULTILINE)
Counts = dict[str, tuple[int, int]]
RUNS = {"first": "First run", "again": "No change", "weight": "One weight changed"}
TASKS = """
The tasks of each host in each run; in brackets how many of them run something there.

"""
TEXT = """\
{words}, packages unpacked before; whole runs of `ansible-playbook` over plain ssh with pipelining and {forks} forks. Every
round begins with virgin hosts. The pings are run by the same hosts, as many for each as it had tasks (the `ok` of the
recap) in the run without change. Many of those tasks check and include on the controller alone, so there is also a row of
only as many pings as tasks ran on the host.

"""


class Case(t.NamedTuple):
    """An inventory with a lab for it; ``weighted`` is the host whose weight changes. ``most``: tasks of a host, where bounded."""

    words: str
    inventory: pathlib.Path
    topology: pathlib.Path
    weighted: str
    most: int | None = None


SIX = Case(
    "One director and five real servers in direct routing (`bench/six`)",
    labs.PROJECT / "bench" / "six",
    labs.TOPOLOGIES / "six.yml",
    "web3",
    MAX_TASKS,
)
HYBRID = Case(
    "Two name servers, two nginx, two directors with keepalived, three real servers and their storage (`inventories/hybrid_dns_nginx_dr`)",
    labs.PROJECT / "inventories" / "hybrid_dns_nginx_dr",
    labs.PROJECT / "lab" / "topologies" / "hybrid.yml",
    "web3",
)


def measure_six(rounds: int) -> str:
    return _measure(SIX, rounds)


def measure_hybrid(rounds: int) -> str:
    return _measure(HYBRID, rounds)


def _measure(case: Case, rounds: int) -> str:
    runs = [_round(case) for _round_number in range(rounds)]
    seconds = {name: median(run.seconds[name] for run in runs) for name in runs[0].seconds}
    tasks = runs[-1].tasks
    most, there = (max(count[kind] for count in tasks["again"].values()) for kind in (0, 1))
    bound = case.most
    rows = [
        Row("`site.yml`, first run", seconds["first"]),
        Row("`site.yml`, no change", seconds["again"], 1.5 * seconds["pings"], "1.5 x the pings"),
        Row(f"as many `ping` tasks on the same hosts ({most} at most)", seconds["pings"]),
        Row(f"only as many as run something on the host ({there} at most)", seconds["pings there"]),
        Row("`site.yml`, one weight changed", seconds["weight"]),
        Row("hosts that this changed", max(run.changed for run in runs), unit=""),
        Row("tasks of a host in a run without change, at most", most, bound, str(bound or ""), ""),
    ]
    text = TEXT.format(words=case.words, forks=labs.FORKS)
    return text + markdown(rows) + TASKS + _tasks(tasks)


def _tasks(tasks: dict[str, Counts]) -> str:
    """A line for each host."""
    lines = [
        [host, *("{} ({})".format(*tasks[name].get(host, (0, 0))) for name in RUNS)] for host in sorted(tasks["first"])
    ]
    return grid(["Host", *RUNS.values()], lines)


class Run(t.NamedTuple):
    """One round: seconds by what was run; tasks by run and host; the hosts that another weight changed."""

    seconds: dict[str, float]
    tasks: dict[str, Counts]
    changed: int


def _round(case: Case) -> Run:
    with labs.lab(case.topology) as lab, tempfile.TemporaryDirectory() as name:
        folder, sources = pathlib.Path(name), (case.inventory, labs.way_in(lab))
        seconds, said = {}, {}
        for run, more in (("first", ()), ("again", ()), ("weight", (_weight(folder, case.weighted),))):
            seconds[run], said[run] = labs.playbook(SITE, *sources, *more, **COUNTING)
        if _changed_hosts(said["again"]):
            raise RuntimeError(f"the second run changed something:\n{said['again'][-3000:]}")
        changed = _changed_hosts(said["weight"])
        if not changed:
            raise RuntimeError(f"another weight of {case.weighted} changed nothing:\n{said['weight'][-3000:]}")
        tasks = {run: counts(words) for run, words in said.items()}
        for what, kind in (("pings", 0), ("pings there", 1)):
            wanted = {host: count[kind] for host, count in tasks["again"].items()}
            seconds[what] = labs.playbook(_pings(folder, wanted), *sources)[0]
        return Run(seconds, tasks, changed)


def counts(said: str) -> Counts:
    """By host its tasks in a run (the `ok` of the recap), and how many of them ran something there."""
    there = json.loads(said.strip().splitlines()[-1])["on_hosts"]
    return {host: (int(ok), there.get(host, 0)) for host, ok, _changed in RECAP.findall(said)}


def _changed_hosts(said: str) -> int:
    return sum(changed != "0" for _host, _ok, changed in RECAP.findall(said))


def _weight(folder: pathlib.Path, host: str) -> pathlib.Path:
    """An inventory over the others that gives one host another weight."""
    path = folder / "weight.yml"
    path.write_text(yaml.safe_dump({"all": {"hosts": {host: {"lb_weight": 7}}}}))
    return path


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
