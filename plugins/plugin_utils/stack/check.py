# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules between tiers; the rules of a kind are with the kind."""

from __future__ import annotations

import typing as t

from .addresses import Address
from .hosts import Inventory
from .kinds import KINDS
from .model import Finding, Stack, Tier
from .options import did_you_mean


def check(stack: Stack, inventory: Inventory) -> tuple[Finding, ...]:
    """Everything that is wrong with the stack, in the order of its tiers."""
    findings = [*_vips(stack), *_cycles(stack)]
    for tier in stack.broken.values():
        findings += [*_group(tier, inventory), *_backend(tier, stack)]
    sound = []
    for tier in stack.tiers.values():
        missing = [*_group(tier, inventory), *_backend(tier, stack)]
        findings += missing
        behind = stack.behind(tier)
        # a tier with nothing behind it yet, or on its way out, has nothing left to judge
        if not missing and (behind is None or not any(_group(behind, inventory))) and tier.backend not in stack.broken:
            sound.append(tier)
    wanted = [tier for tier in sound if tier.state == "present"]
    for tier in wanted:
        findings += tier.findings(stack, inventory)
    for name, kind in KINDS.items():
        findings += kind.check_together([tier for tier in wanted if tier.kind == name], stack, inventory)
    return (*findings, *inventory.findings())


def _group(tier: Tier, inventory: Inventory) -> t.Iterator[Finding]:
    if not tier.hosts:
        return
    if tier.hosts not in inventory.groups:
        near = did_you_mean(tier.hosts, inventory.groups)
        yield tier.finding("group", f"hosts: the inventory has no group {tier.hosts!r}{near}")
    elif tier.state == "present" and not inventory.groups[tier.hosts]:
        yield tier.finding("group", f"hosts: the group {tier.hosts!r} is empty: give it hosts or set state: absent")


def _backend(tier: Tier, stack: Stack) -> t.Iterator[Finding]:
    if not tier.backend or tier.backend in stack.broken:
        return
    behind = stack.behind(tier)
    if behind is None:
        near = did_you_mean(tier.backend, (name for name in stack.tiers if name != tier.name))
        yield tier.finding("backend", f"backend: there is no tier {tier.backend!r}{near}")
    elif tier.BACKENDS and behind.kind not in tier.BACKENDS:
        kinds = " or ".join(tier.BACKENDS)
        yield tier.finding(
            "backend", f"backend: {behind.name!r} is of kind {behind.kind}; behind {tier.kind} stands {kinds}"
        )


def _cycles(stack: Stack) -> t.Iterator[Finding]:
    done: set[str] = set()
    for tier in stack.tiers.values():
        trail: list[str] = []
        step: Tier | None = tier
        while step and step.name not in done and step.name not in trail:
            trail.append(step.name)
            step = stack.behind(step)
        if step and step.name in trail:
            circle = " -> ".join([*trail[trail.index(step.name) :], step.name])
            yield step.finding("backend-cycle", f"backend: the tiers send to each other in a circle: {circle}")
        done.update(trail)


def _vips(stack: Stack) -> t.Iterator[Finding]:
    owner: dict[Address, str] = {}
    for tier in stack.tiers.values():
        for vip in tier.own_addresses if tier.state == "present" else ():
            first = owner.setdefault(vip, tier.name)
            if first != tier.name:
                yield tier.finding(
                    "vip-twice", f"vips: {vip} belongs to tier {first} too: a VIP has one tier, with many services"
                )
