# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles' configuration of nginx and HAProxy beside the distribution's, natively on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from lab import report

from . import drawing, labs, processes, tools
from .balancing import SECONDS, Seen
from .figures import grid, median

DAEMONS = {"nginx": "nginx", "haproxy": "HAProxy"}
MAKERS = ("distribution", "role")
CONNECTIONS = (100, 10_000)
PICTURE = labs.PROJECT / "docs" / "proxies.svg"
TEXT = """\
![Requests a second, the time within which 99 of 100 answers came, and CPU time]({picture})

nginx {nginx} and HAProxy {haproxy} of Debian 12 as plain processes on the loopback interface, before two servers that answer
1,000 bytes. {place} The client is `wrk`: one thread, {seconds} s, connections kept; each asks again as soon as it is
answered, so p99 is above all the number of connections by the requests a second. `busy` is the part of a core that the daemon
took: near 100 % it was the limit itself, far below that the servers, the client or other work of
the machine. The client took {client:.0%} of a core at most.

`distribution` is the file that the package brings with the shortest proxy in it (`proxy_params`; a `frontend` and a
`backend`); `role` is what the role renders from its defaults for a tier of the stack. Requests a second count good answers
only; failed are answers of other statuses, time-outs after 10 s and broken connections. CPU time is the daemon's for each
good answer. nginx writes its access log; HAProxy's log has no reader.

The distribution's nginx opens a connection to a server for every request, and 768 connections a worker, of which a client
takes two then, are all that it has: more clients are turned away or wait. Daemons begin with the 1,024 open files that
systemd gives them and may raise that to {files:,}; HAProxy takes half as many clients as files, less a few.

"""
APART = "Daemon on one core, servers and client on the others."
TOGETHER = "Daemon, servers and client share a core."


Key = tuple[str, str, int]


def measure(rounds: int) -> str:
    tools.root()  # fetched here, as there is no way out of the networks below
    found: dict[Key, list[Seen]] = {}
    for turn in range(rounds):
        for daemon in DAEMONS:
            for maker in MAKERS:
                with report.step(f"{daemon}, {maker}, round {turn + 1}"):
                    for connections, load in _loads(daemon, maker).items():
                        found.setdefault((daemon, maker, connections), []).append(load)
    medians = {key: middle(seen) for key, seen in found.items()}
    drawing.draw(PICTURE, _figures(medians))
    head = ["Daemon", "Configuration", "Connections", "Requests/s", "p99", "Failed", "CPU for a request", "Busy"]
    lines = [line(*key, medians[key]) for connections in CONNECTIONS for key in medians if key[2] == connections]
    words = {name: tools.version(name) for name in DAEMONS} | {
        "picture": PICTURE.name,
        "seconds": SECONDS,
        "place": APART if processes.cores() > 1 else TOGETHER,
        "files": processes.hard_limit(),
        "client": max(seen.load.busy for seen in medians.values()),
    }
    return TEXT.format(**words) + grid(head, lines)


def middle(seen: list[Seen]) -> Seen:
    loads = [one.load for one in seen]
    whole = tools.Load(
        good=round(median(load.good for load in loads)),
        failed=round(median(load.failed for load in loads)),
        rate=median(load.rate for load in loads),
        p99=median(load.p99 for load in loads),
        busy=median(load.busy for load in loads),
    )
    return Seen(whole, median(one.cpu for one in seen), median(one.busy for one in seen))


def line(daemon: str, maker: str, connections: int, seen: Seen) -> list[str]:
    head = [DAEMONS[daemon], maker, f"{connections:,}"]
    failed = f"{seen.load.failed_share:.1%}"
    waited = late(seen)
    if waited is None:
        return [*head, "0", "", failed, "", f"{seen.busy:.0%}"]
    return [
        *head,
        f"{seen.load.rate:,.0f}",
        f"{waited:,.1f} ms",
        failed,
        f"{seen.cpu * 1e6:,.0f} µs",
        f"{seen.busy:.0%}",
    ]


def late(seen: Seen) -> float | None:
    """p99 in milliseconds; None where nothing was answered well, as refusals come quickly."""
    return seen.load.p99 * 1000 if seen.load.good else None


def _figures(medians: dict[Key, Seen]) -> drawing.Figures:
    """A row of the picture for each number of connections."""
    ways = [(daemon, maker) for daemon in DAEMONS for maker in MAKERS]
    rows: list[list[drawing.Panel]] = []
    for connections in CONNECTIONS:
        these = [medians[*way, connections] for way in ways]
        words = f"{connections:,} connections"
        rows.append(
            [
                {"title": f"{words}: requests/s", "series": {"": [seen.load.rate for seen in these]}},
                {"title": f"{words}: p99 in ms", "series": {"": [late(seen) or 0 for seen in these]}},
                {
                    "title": f"{words}: CPU µs/request",
                    "series": {"": [seen.cpu * 1e6 * bool(seen.load.good) for seen in these]},
                },
            ]
        )
    return {"ways": [f"{DAEMONS[daemon]}, {maker}" for daemon, maker in ways], "rows": rows}


def _loads(daemon: str, maker: str) -> dict[int, Seen]:
    """One daemon with one configuration under each load, in a network of its own: no connection of an earlier one is left."""
    namespaces = ["--net", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]
    one = [sys.executable, "-m", "bench.balancing", daemon, maker, *map(str, CONNECTIONS)]
    argv = ["unshare", *namespaces, "sh", "-ec", 'ip link set lo up; exec "$@"', "sh", *one]
    done = subprocess.run(argv, cwd=labs.PROJECT, env=labs.environment(), stdout=subprocess.PIPE, text=True, check=True)
    found = {int(connections): figures for connections, figures in json.loads(done.stdout).items()}
    return {connections: Seen(tools.Load(*load), cpu, busy) for connections, (load, cpu, busy) in found.items()}
