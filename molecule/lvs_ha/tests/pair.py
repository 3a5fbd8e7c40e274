# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two directors that share VIPs: who holds them, and how one of them dies."""

from __future__ import annotations

import contextlib
import json
import pathlib
import shlex
import subprocess
import sys
import time
import typing as t

from lab.cluster import Lab

STEADY = pathlib.Path(__file__).resolve().parents[3] / "lab" / "steady.py"
ADVERT = 0.2
SKEW = 1.0 * ADVERT
# What a takeover may take: three adverts, the skew, and a second for the rest.
BOUND = 3 * ADVERT + SKEW + 1
CHECK_INTERVAL = 2
PATIENCE = 30
PATIENT = 5


class Pair:
    """The hosts of tiers in front; ``fronts`` are the tiers as they are written."""

    def __init__(self, lab: Lab, hosts: list[str], fronts: list[dict[str, t.Any]]) -> None:
        self.lab, self.hosts = lab, hosts
        self.vips = [vip for tier in fronts for vip in (*tier["vips"], *tier.get("inner_vips", []))]
        self._dead: list[str] = []
        self._apart: list[str] = []

    def holders(self, vip: str) -> list[str]:
        """The hosts that have the VIP on a NIC now."""
        return [host for host in self.alive if vip in self._addresses(host)]

    def _addresses(self, host: str) -> list[str]:
        rows = json.loads(self.lab.run(host, "ip -json address show"))
        return [entry["local"] for row in rows for entry in row.get("addr_info", []) if "local" in entry]

    @property
    def alive(self) -> list[str]:
        return [host for host in self.hosts if host not in self._dead]

    def settle(self) -> str:
        """Wait until one host holds all VIPs, and no other any; returns it."""
        deadline = time.monotonic() + PATIENCE
        while True:
            held = {host: set(self._addresses(host)) & set(self.vips) for host in self.alive}
            holders = [host for host, some in held.items() if some]
            if len(holders) == 1 and held[holders[0]] == set(self.vips):
                return holders[0]
            assert time.monotonic() < deadline, f"after {PATIENCE} s the VIPs are held so: {held}"
            time.sleep(0.1)

    def wait_until_held_by(self, host: str) -> None:
        """The host has all VIPs; whether the other one has them too is another question."""
        deadline = time.monotonic() + PATIENCE
        while not set(self.vips) <= set(self._addresses(host)):
            assert time.monotonic() < deadline, f"after {PATIENCE} s {host} has {self._addresses(host)}"
            time.sleep(0.1)

    def wait_for_pool(self) -> None:
        """Every service of every living director has real servers."""
        for host in self.alive:
            empty = "ipvsadm -Sn | awk '/^-A/ {n++; seen[$3] = 0} /^-a/ {seen[$3]++} END {for (s in seen) if (!seen[s]) exit 1}'"
            self.lab.run(host, f"for i in $(seq 300); do {empty} && exit 0; sleep 0.1; done; ipvsadm -Ln >&2; exit 1")

    def other(self, host: str) -> str:
        return next(one for one in self.hosts if one != host)

    def power_cut(self, host: str) -> None:
        self.lab.power_cut([host])
        self._dead.append(host)

    def power_on(self, host: str) -> None:
        self.lab.power_on([host])
        self._dead.remove(host)

    def unplug(self, host: str) -> None:
        self.lab.partition([host])
        self._apart.append(host)

    def plug_in(self, host: str) -> None:
        self.lab.heal([host])
        self._apart.remove(host)

    def recover(self) -> None:
        """All alive and connected, and keepalived running."""
        for host in list(self._apart):
            self.plug_in(host)
        for host in list(self._dead):
            self.power_on(host)
        for host in self.hosts:
            self.lab.run(host, "systemctl start keepalived")

    @contextlib.contextmanager
    def watched(self, vip: str, port: int, timeout: float = 0.25) -> t.Iterator[dict[str, t.Any]]:
        """A client asks every 20 ms meanwhile; afterwards the mapping has what it saw (see lab/steady.py).

        Where no request may fail, ``timeout`` is PATIENT: slow is not lost, and this machine may be busy.
        """
        argv = [*self.lab.sandbox.enter("client"), sys.executable, str(STEADY), vip, str(port), f"--timeout={timeout}"]
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        seen: dict[str, t.Any] = {}
        assert process.stdout is not None
        assert process.stdout.readline() == "answered\n", f"nobody answers on {vip} {port}"
        try:
            yield seen
        finally:
            out, _err = process.communicate()
        seen |= json.loads(out)
        print(f"{vip}: {shlex.quote(json.dumps(seen))}")
