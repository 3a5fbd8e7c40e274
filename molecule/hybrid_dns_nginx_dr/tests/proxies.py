# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pair of proxies, whichever they are at this stage."""

from __future__ import annotations

import typing as t

from described import Described, Tier
from pair import Pair

# What may pass from the last boot until all of the stack serves, without Ansible, in seconds.
BACK = 60


def front(stack: Described) -> Tier:
    """The tier that clients ask."""
    return next(tier for tier in stack.tiers if tier["kind"] in ("nginx", "haproxy") and "state" not in tier)


class Proxies(Pair):
    """Their pool is the VIP behind them, and they know of no other server."""

    def wait_for_pools(self, condition: str = "", hosts: t.Iterable[str] = ()) -> None:
        pass
