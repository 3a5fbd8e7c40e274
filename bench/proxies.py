# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles' configuration of nginx and HAProxy beside the distribution's, natively on this machine."""

from __future__ import annotations

import pathlib
import tempfile
import typing as t

from lab import report

from . import configurations, daemons, processes, tools
from .figures import grid, median

DAEMONS = {"nginx": "nginx", "haproxy": "HAProxy"}
MAKERS = {"distribution": configurations.stock, "role": configurations.rendered}
CONNECTIONS = (100, 10_000)
SECONDS, WARM_UP = 6, 1
URL = f"http://127.0.0.1:{configurations.PORT}/"
TEXT = """\
nginx {nginx} and HAProxy {haproxy} of Debian 12 as plain processes on the loopback interface, before two servers that answer
1,000 bytes; daemons, servers and client (`wrk`, one thread, connections kept, {seconds} s) share the machine's cores.
`distribution` is the file that the package brings with the shortest proxy in it (`proxy_params`; a `frontend` and a
`backend`); `role` is what the role renders from its defaults for a tier of the stack. Requests a second count good answers
only; failed are answers of other statuses, time-outs after 10 s and broken connections. CPU time is the daemon's for each
good answer, and says most where the machine has other things to do. Daemons begin with the 1,024 open
files that systemd gives them, and may raise that to {files:,}. nginx writes its access log; HAProxy's log has no reader.

"""


class Seen(t.NamedTuple):
    """``cpu``: seconds of CPU that the daemon took for a good answer."""

    load: tools.Load
    cpu: float


def measure(rounds: int) -> str:
    found: dict[tuple[str, str, int], list[Seen]] = {}
    for turn in range(rounds):
        for daemon in DAEMONS:
            for maker in MAKERS:
                with report.step(f"{daemon}, {maker}, round {turn + 1}"):
                    for connections, load in _loads(daemon, maker).items():
                        found.setdefault((daemon, maker, connections), []).append(load)
    head = ["Daemon", "Configuration", "Connections", "Requests/s", "p99", "Failed", "CPU for a request"]
    lines = [_line(*key, found[key]) for connections in CONNECTIONS for key in found if key[2] == connections]
    return TEXT.format(
        **{name: tools.version(name) for name in DAEMONS}, seconds=SECONDS, files=processes.hard_limit()
    ) + grid(head, lines)


def _line(daemon: str, maker: str, connections: int, seen: list[Seen]) -> list[str]:
    loads = [one.load for one in seen]
    failed = f"{100 * median(load.failed_share for load in loads):.1f} %"
    head = [DAEMONS[daemon], maker, f"{connections:,}"]
    if not all(load.good for load in loads):
        return [*head, "", "", failed, ""]
    rate, late = median(load.rate for load in loads), median(load.p99 for load in loads)
    return [*head, f"{rate:,.0f}", f"{late * 1000:,.0f} ms", failed, f"{median(one.cpu for one in seen) * 1e6:.0f} µs"]


def _loads(daemon: str, maker: str) -> dict[int, Seen]:
    """One daemon with one configuration, started anew, under each load."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        behind, front = folder / "behind", folder / "front"
        server = (configurations.SERVERS["web1"], configurations.SERVER_PORT)
        address = ("127.0.0.1", configurations.PORT)
        with (
            daemons.running("nginx", behind, configurations.backend(), server),
            daemons.running(daemon, front, MAKERS[maker](daemon), address) as pid,
        ):
            tools.load(URL, min(CONNECTIONS), WARM_UP)
            return {connections: _seen(pid, connections) for connections in CONNECTIONS}


def _seen(pid: int, connections: int) -> Seen:
    before = processes.cpu(pid)
    load = tools.load(URL, connections, SECONDS)
    return Seen(load, (processes.cpu(pid) - before) / max(1, load.good))
