# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two directors that share tiers, each tier with VIPs that move together: who holds which, and how a director dies."""

from __future__ import annotations

import concurrent.futures
import contextlib
import ipaddress
import json
import shlex
import subprocess
import threading
import time
import typing as t

from waiting import until

from lab.cluster import Lab

ADVERT, MISSED = 0.1, 7
SKEW = 1.0 * ADVERT
# What a takeover may take: the adverts that are missed, the skew, and a second for the rest.
BOUND = MISSED * ADVERT + SKEW + 1
# An interval, two time-outs and the pause between them: a real server that dies has left the pool by then.
DETECTION = 2 + 1.5 + 0.5 + 1.5
PATIENCE = 30
PAUSE = 0.1
LINES = 150
POOLS = (
    "ipvsadm -Sn | awk '/^-A/ {seen[$3] = 0} /^-a/ {seen[$3]++} END {for (s in seen) if (!seen[s]) empty++; exit %s}'"
)
# On a director: until no pool has any of these real servers, without a process for each look.
FORGOTTEN = """
import sys, time
print("watching", flush=True)
deadline = time.monotonic() + {patience}
while any(one in (table := open("/proc/net/ip_vs").read()) for one in sys.argv[1:]):
    if time.monotonic() > deadline:
        sys.exit(table)
    time.sleep(0.05)
print("forgotten", flush=True)
"""
# A table without services, as while keepalived starts, is neither.
FULL, EMPTY = POOLS % "empty || !length(seen)", POOLS % "!empty || empty < length(seen)"


class Pair:
    """The hosts of the tiers in front; ``tiers`` has the VIPs of each, the inner ones too."""

    def __init__(self, lab: Lab, hosts: list[str], fronts: list[dict[str, t.Any]]) -> None:
        self.lab, self.hosts = lab, hosts
        self.tiers = {tier["name"]: {*tier["vips"], *tier.get("inner_vips", [])} for tier in fronts}
        self._dead: list[str] = []
        self._unplugged: list[str] = []
        self._parted = False

    @property
    def alive(self) -> list[str]:
        return [host for host in self.hosts if host not in self._dead]

    def other(self, host: str) -> str:
        return next(one for one in self.hosts if one != host)

    def _addresses(self, host: str) -> set[str]:
        rows = json.loads(self.lab.run(host, "ip -json address show"))
        return {entry["local"] for row in rows for entry in row.get("addr_info", []) if "local" in entry}

    def look(self) -> dict[str, list[str]]:
        """The hosts that have any VIP of a tier now, by tier. One that has some but not all of them counts as two."""
        now = {host: self._addresses(host) for host in self.alive}
        return {
            tier: [host for host, have in now.items() for _each in range(1 + (not vips <= have)) if vips & have]
            for tier, vips in self.tiers.items()
        }

    def wait_until(self, what: str, ready: t.Callable[[dict[str, list[str]]], bool]) -> dict[str, list[str]]:
        """Until what ``look`` sees is so; returns it."""
        deadline = time.monotonic() + PATIENCE
        while not ready(seen := self.look()):
            assert time.monotonic() < deadline, f"after {PATIENCE} s not {what}: the VIPs are held so: {seen}"
            time.sleep(PAUSE)
        return seen

    def settle(self) -> dict[str, str]:
        """Wait until each tier has exactly one holder; returns them."""
        seen = self.wait_until("settled", lambda now: all(len(holders) == 1 for holders in now.values()))
        return {tier: holders[0] for tier, holders in seen.items()}

    def wait_for(self, host: str, alone: bool = True) -> None:
        """The host holds all tiers; ``alone``: and no other one does."""
        self.wait_until(
            f"all on {host}", lambda now: all(host in held and (len(held) == 1 or not alone) for held in now.values())
        )

    def gather(self, wanted: str = "") -> str:
        """Move all tiers to one director, where they are not; returns it."""
        holders = self.settle()
        wanted = wanted or next(iter(holders.values()))
        for tier, holder in holders.items():
            if holder != wanted:
                self.move(tier)
        self.wait_for(wanted)
        return wanted

    def move(self, tier: str) -> None:
        """Make the holder of the tier let go of it once."""
        holder = self.settle()[tier]
        self.maintain(holder, [tier])
        try:
            self.wait_until(f"{tier} moved", lambda now: now[tier] == [self.other(holder)])
        finally:
            self.maintain(holder, [tier], wanted=False)

    def maintain(self, host: str, tiers: t.Iterable[str], wanted: bool = True) -> None:
        files = " ".join(f"/etc/keepalived/mixed_lb/{tier}.maintenance" for tier in tiers)
        # Who loses its power next is not to come back with what was there before.
        self.lab.run(host, f"for file in {files}; do echo {int(wanted)} >$file; sync $file; done")

    def wait_for_pools(self, condition: str = FULL, hosts: t.Iterable[str] = ()) -> None:
        """Every service of the directors has real servers; or with EMPTY none has."""
        for host in hosts or self.alive:
            self.lab.run(
                host, f"for i in $(seq 300); do {condition} && exit 0; sleep 0.1; done; ipvsadm -Ln >&2; exit 1"
            )

    def wait_for_server(self, addresses: t.Iterable[str]) -> None:
        """Every service of the directors has the real server with these addresses."""
        rips = [f" -r [{address}]:" if ":" in address else f" -r {address}:" for address in addresses]

        def lacking() -> list[str]:
            found = []
            for host in self.alive:
                rows = self.lab.run(host, "ipvsadm -Sn").splitlines()
                services = [row.split()[1:3] for row in rows if row.startswith("-A ")]
                having = [row.split()[1:3] for row in rows if any(rip in row for rip in rips)]
                found += [f"{host}: {' '.join(one)}" for one in services if one not in having]
                found += [] if services else [f"{host}: no services"]
            return found

        until(lacking, [], "in all pools")

    def journals(self) -> dict[str, str]:
        """What keepalived and nginx have said lately, on each host that is alive."""
        words = f"journalctl -o short-iso-precise -n {LINES} -u keepalived -u nginx"
        return {host: self.lab.run(host, words, check=False) for host in self.alive}

    def watch(self, addresses: t.Iterable[str]) -> t.Callable[[], float]:
        """From now on all directors look for these real servers. The result waits until no pool has them, and returns when."""
        program = FORGOTTEN.format(patience=PATIENCE)
        command = shlex.join(["python3", "-c", program, *map(_in_table, addresses)])
        watchers = [
            subprocess.Popen(self.lab.ssh(host, [command]), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
            for host in self.hosts
        ]

        def heard(word: str) -> None:
            said = [watcher.stdout.readline() for watcher in watchers if watcher.stdout]
            assert said == [f"{word}\n"] * len(self.hosts), (self.hosts, said)

        def forgotten() -> float:
            heard("forgotten")
            when = time.monotonic()
            for watcher in watchers:
                watcher.wait()
            return when

        heard("watching")
        return forgotten

    def power_cut(self, host: str) -> None:
        self._dead.append(host)
        self.lab.power_cut([host])

    def power_on(self, host: str) -> None:
        self.lab.power_on([host])
        self.lab.run(host, "systemctl start keepalived")
        self._dead.remove(host)

    def unplug(self, host: str) -> None:
        self._unplugged.append(host)
        self.lab.partition([host])

    def plug_in(self, host: str) -> None:
        self.lab.heal([host])
        self._unplugged.remove(host)

    def part(self, wanted: bool = True) -> None:
        """The directors reach all others, but not each other; or do again."""
        word = "on" if wanted else "off"
        self.lab.sandbox.sh("\n".join(f"bridge link set dev {host}.0 isolated {word}" for host in self.hosts))
        self._parted = wanted

    def recover(self) -> None:
        """All alive, connected, and with real servers."""
        if self._parted:
            self.part(wanted=False)
        for host in list(self._unplugged):
            self.plug_in(host)
        for host in list(self._dead):
            self.power_on(host)
        for host in self.hosts:
            self.lab.run(host, "systemctl start keepalived")
        self.settle()
        self.wait_for_pools()

    @contextlib.contextmanager
    def one_holder_at_every_look(self) -> t.Iterator[None]:
        """Meanwhile nothing moves: whenever somebody looks, each tier has one holder, and it is the same."""
        holders = {tier: [holder] for tier, holder in self.settle().items()}
        looks: list[dict[str, list[str]]] = []
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(PAUSE):
                looks.append(self.look())

        with concurrent.futures.ThreadPoolExecutor() as pool:
            watching = pool.submit(watch)
            try:
                yield
            finally:
                ended.set()
        # what kept it from looking is a failure too
        watching.result()
        assert looks
        assert all(look == holders for look in looks), looks


def _in_table(address: str) -> str:
    """As the kernel writes a real server's address in /proc/net/ip_vs."""
    given = ipaddress.ip_address(address)
    return f"{given:X}:" if given.version == 4 else f"[{given.exploded}]:"
