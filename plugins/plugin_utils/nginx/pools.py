# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which servers of a pool are in, and the file that says so to nginx.

The checker on the host runs this very file (``roles/nginx_lb/files/checker.py``), so it is of the standard library alone.
"""

from __future__ import annotations

import dataclasses
import typing as t


class Server(t.NamedTuple):
    """A server of a pool: ``up`` and ``down`` are its lines; ``out`` says that it was taken out by hand."""

    key: str
    up: str
    down: str = ""
    weight: int = 1
    out: bool = False


class Pool(t.NamedTuple):
    """Servers and when they come and go.

    ``form``: ``lines`` writes the line of every server, ``split`` divides all clients among those that are in, in a
    block ``head`` in which each server is named by its ``up``.
    """

    name: str
    file: str
    servers: tuple[Server, ...]
    form: str = "lines"
    head: str = ""
    rise: int = 2
    fall: int = 3
    min_up: int = 1


def taken_out(pool: Pool, failed: t.Sequence[str]) -> set[str]:
    """The keys that get no traffic. ``failed``: keys of failed servers, those that failed first coming first.

    At least ``min_up`` stay, whatever the checks say: those that failed last are the likeliest to work.
    """
    by_hand = {server.key for server in pool.servers if server.out}
    candidates = [key for key in failed if key not in by_hand]
    spare = len(pool.servers) - len(by_hand) - pool.min_up
    return by_hand | set(candidates[: max(spare, 0)])


def text(pool: Pool, out: t.Collection[str]) -> str:
    """The content of the pool's file."""
    if pool.form == "lines":
        return "".join(f"{server.down if server.key in out else server.up}\n" for server in pool.servers)
    inside = [server for server in pool.servers if server.key not in out]
    return f"{pool.head} {{\n" + "".join(f"    {line};\n" for line in shares(inside)) + "}\n"


def shares(servers: t.Sequence[Server]) -> list[str]:
    """Lines of ``split_clients``. Shares are rounded down, for nginx refuses more than 100 %; the last takes the rest."""
    total = sum(server.weight for server in servers)
    parts = [(10000 * server.weight // total, server.up) for server in servers[:-1]]
    return [*(f"{part // 100}.{part % 100:02}% {value}" for part, value in parts if part), f"* {servers[-1].up}"]


@dataclasses.dataclass
class Health:
    """What is known of one server. ``row`` counts results in a row that speak against ``ok``."""

    ok: bool = True
    row: int = 0
    since: float = 0
    reason: str = ""


class Monitor:
    """Results of checks, with thresholds against flapping."""

    def __init__(self, pools: t.Iterable[Pool]) -> None:
        self.pools = {pool.name: pool for pool in pools}
        self.health = {(pool.name, server.key): Health() for pool in self.pools.values() for server in pool.servers}

    def heard(self, pool: str, key: str, ok: bool, reason: str, now: float) -> bool:
        """Take in one result; returns whether the server has come or gone by it."""
        health = self.health[pool, key]
        if ok == health.ok:
            health.row = 0
            return False
        health.row += 1
        if health.row < (self.pools[pool].rise if ok else self.pools[pool].fall):
            return False
        self.health[pool, key] = Health(ok, 0, now, reason)
        return True

    def out(self, pool: str) -> set[str]:
        """The keys of the pool that get no traffic now."""
        failed = [(health.since, key) for (name, key), health in self.health.items() if name == pool and not health.ok]
        return taken_out(self.pools[pool], [key for _since, key in sorted(failed)])

    def texts(self) -> dict[str, str]:
        """Every file with its content."""
        return {pool.file: text(pool, self.out(name)) for name, pool in self.pools.items()}
