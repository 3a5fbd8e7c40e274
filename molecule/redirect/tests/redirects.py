# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tiers that redirect, as their clients see them."""

from __future__ import annotations

import collections
import concurrent.futures
import math
import time
import typing as t

from browser import Answer, browse

from lab.cluster import Lab

HOSTS = {"edge1": "192.0.2.11", "edge2": "192.0.2.12"}
TIERS = {"get": 80, "put": 8000}
CODES = {("get", "first"): 302, ("get", "second"): 308, ("put", "first"): 307, ("put", "second"): 302}
WEIGHTS = {"web1": 1, "web2": 2, "web3": 1}
INTERVAL, FALL = 2, 3
# What may pass until nobody is sent to a target that is ill: its checks, and a second.
BOUND = INTERVAL * FALL + 1
LOOK, FEW, SURE = 40, 8, 6
PATIENCE = 30


class Redirects:
    """The hosts of one tier."""

    def __init__(self, lab: Lab, name: str, stage: str) -> None:
        self.lab, self.name = lab, name
        self.domain, self.code = f"{name}.example", CODES[name, stage]
        self.weights = {**WEIGHTS, **({"all": 4} if stage == "second" else {})}

    def ask(self, host: str, count: int = 1, name: str = "", **words: t.Any) -> list[Answer]:
        """The same request several times."""
        request = {"address": HOSTS[host], "port": TIERS[self.name], "headers": {"Host": name or self.domain}, **words}
        return browse(self.lab, [request] * count)

    def shares(self, host: str, count: int) -> dict[str, int]:
        """How often each target was named, by the first label of its name."""
        places = [answer["headers"]["location"] for answer in self.ask(host, count)]
        return dict(collections.Counter(place.removeprefix("http://").partition(".")[0] for place in places))

    def wait_for_all(self) -> None:
        """Until clients of every host are sent to all targets."""
        deadline = time.monotonic() + PATIENCE
        while any(set(self.shares(host, LOOK)) != set(self.weights) for host in HOSTS):
            assert time.monotonic() < deadline, {host: self.shares(host, LOOK) for host in HOSTS}

    def seconds_until_left_out(self, name: str) -> float:
        """Seconds until the last host has named a target for the last time."""
        with concurrent.futures.ThreadPoolExecutor() as pool:
            return max(pool.map(lambda host: self._seconds_until_left_out(host, name), HOSTS))

    def _seconds_until_left_out(self, host: str, name: str) -> float:
        begin = changed = time.monotonic()
        clean = 0
        # a target that is among several is not in every few answers
        while clean < SURE:
            clean = clean + 1 if name not in self.shares(host, FEW) else 0
            changed = changed if clean else time.monotonic()
            assert changed < begin + PATIENCE, f"{host}: {name} was always named"
        return changed - begin


def is_fair(count: int, weight: int, of: int, total: int) -> bool:
    """Whether chance gives such a share, but for one in a million."""
    share = weight / of
    return abs(count - total * share) <= 5 * math.sqrt(total * share * (1 - share))
