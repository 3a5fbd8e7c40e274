# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The load under which all drills run, and what its clients may see of them."""

from __future__ import annotations

import contextlib
import math
import subprocess
import time
import typing as t

import clients
from clients import PATIENT, Clients, Download
from described import Described, Service
from pair import BOUND, DETECTION
from proxies import front
from waiting import until
from whole import NAME, NAME_SERVERS

from lab.cluster import Lab

PACE, TIMEOUT = 0.05, 1.0
# As many for each VIP as the weights of all real servers together.
DOWNLOADS = 4
# What a request may take to fail, with a lookup in which one name server is silent.
LATEST = TIMEOUT + 1


def asked_in(seconds: float, share: float = 1) -> int:
    """How many requests a client makes in that time, until the last one of them has failed; or a share of them."""
    return math.ceil((seconds + LATEST) / PACE * share)


class Bound(t.NamedTuple):
    """What a drill may cost: seconds without an answer; requests of each client, and downloads of all."""

    gap: float = BOUND
    failed: int = 0
    lost: int = 0

    def __str__(self) -> str:
        return f"at most {self.gap:.1f} s, {self.failed} failed, {self.lost} lost"


ALL = 2 * DOWNLOADS
NOTHING = Bound()
# Connections through a director are known to the other one; those through a proxy end with it.
DIRECTOR = Bound(failed=asked_in(BOUND))
PROXY = Bound(failed=asked_in(BOUND), lost=ALL)


def server(weight: float, seconds: float = DETECTION) -> Bound:
    """A real server with that share of all weights is in the pool for some seconds more, and what it had begun is lost.

    Other requests take turns with the downloads, so it may have one of each VIP more than its share.
    """
    return Bound(failed=asked_in(seconds, weight), lost=math.ceil(ALL * weight) + 2)


class Load:
    """Clients of the whole stack: of each VIP, and by name."""

    def __init__(self, lab: Lab, stack: Described) -> None:
        self.lab = lab
        self.vips = [Service("tcp", vip, 80, "", 0) for vip in front(stack)["vips"]]
        self._clients = Clients(lab, [*self.vips, Service("tcp", NAME, 80, "", 0)], NAME_SERVERS)

    @contextlib.contextmanager
    def under(
        self,
        drill: str,
        bound: Bound,
        directors: t.Sequence[str] = ("lb1", "lb2"),
        seconds: float = 12,
        timeout: float = 0,
    ) -> t.Iterator[t.Callable[[], None]]:
        """The drill, with downloads that take so long. It fails where the clients see more than the bound.

        ``directors`` are those that must know of the downloads first. What is yielded waits for the end of the downloads.
        """
        running = self._downloads(seconds, directors)
        # The last byte comes late on a busy host, or where packets are lost.
        deadline = time.monotonic() + 1.1 * seconds + PATIENT
        timeout = timeout or (TIMEOUT if bound.failed else PATIENT)

        def left() -> float:
            return max(0.0, deadline - time.monotonic())

        def outlast() -> None:
            for one in running:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    one.wait(left())

        try:
            with self._clients.asking(drill, timeout, PACE, most=900) as seen:
                yield outlast
            lost = [f"{one.service}: {why}" for one in running if (why := one.lacks(left()))]
        finally:
            for one in running:
                one.kill()
        clients.REPORT.append(f"{drill}: {len(lost)} of {len(running)} connections lost; bound: {bound}")
        worst = Bound(
            max(found["gap"] for found in seen.values()), max(found["failed"] for found in seen.values()), len(lost)
        )
        assert all(had <= may for had, may in zip(worst, bound, strict=True)), (drill, bound, lost, seen)

    def _downloads(self, seconds: float, directors: t.Sequence[str]) -> list[Download]:
        """Returns when these directors know of all of them."""
        before = {director: self._connections(director) for director in directors}
        running = [self._clients.download(vip, seconds) for vip in self.vips for _turn in range(DOWNLOADS)]

        def known() -> bool:
            return all(len(self._connections(name) - there) >= len(running) for name, there in before.items())

        until(known, True, "downloads under way")
        return running

    def _connections(self, director: str) -> set[str]:
        """Open connections through a director, or shared by the one that they go through: protocol, both ends, server."""
        return set(self.lab.run(director, "awk '/ESTABLISHED/ {print $2, $3, $6}' /proc/net/ip_vs_conn").splitlines())
