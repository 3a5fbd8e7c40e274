# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan: what every host is given, and in which order."""

from __future__ import annotations

from .hosts import Inventory
from .model import Plan, Stack, Tier


def derive(stack: Stack, inventory: Inventory) -> Plan:
    """The steps for a stack that has no errors.

    What is taken away goes first and from the front, so that nothing sends to what is gone; what is wanted comes from
    the back.
    """
    tiers = sorted(stack.tiers.values(), key=lambda tier: _depth(tier, stack))
    going = [step for tier in tiers if tier.state == "absent" for step in tier.derive(stack, inventory)]
    coming = [step for tier in tiers if tier.state == "present" for step in tier.derive(stack, inventory)]
    return Plan((*reversed(going), *coming))


def _depth(tier: Tier, stack: Stack) -> int:
    return max((1 + _depth(behind, stack) for behind in stack.all_behind(tier)), default=0)
