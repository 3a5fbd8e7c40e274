# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules between tiers; the rules of a kind are with the kind."""

from __future__ import annotations

import collections
import typing as t

from .addresses import Address
from .hosts import Inventory
from .kinds import KINDS, vips
from .model import Finding, Listener, Stack, Tier
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
        # a tier with nothing behind it yet, or on its way out, has nothing left to judge
        lost = any(any(_group(behind, inventory)) for behind in stack.all_behind(tier))
        if not missing and not lost and not set(tier.needs) & set(stack.broken) and _ends(tier, stack):
            sound.append(tier)
    wanted = [tier for tier in sound if tier.state == "present"]
    for tier in wanted:
        findings += tier.findings(stack, inventory)
    findings += vips.free(wanted, inventory)
    findings += _available(wanted, inventory)
    findings += _routers(wanted, inventory)
    findings += _listeners(wanted, stack, inventory)
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
    for name in tier.needs:
        behind = stack.tiers.get(name)
        if behind is None and name not in stack.broken:
            near = did_you_mean(name, (other for other in stack.tiers if other != tier.name))
            yield tier.finding("backend", f"{tier.BACKEND_OPTION}: there is no tier {name!r}{near}")
        elif behind and tier.BACKENDS and behind.kind not in tier.BACKENDS:
            kinds = " or ".join(tier.BACKENDS)
            yield tier.finding(
                "backend",
                f"{tier.BACKEND_OPTION}: {name!r} is of kind {behind.kind}; behind {tier.kind} stands {kinds}",
            )


def _cycles(stack: Stack) -> t.Iterator[Finding]:
    done: set[str] = set()

    def walk(tier: Tier, trail: tuple[str, ...]) -> t.Iterator[Finding]:
        if tier.name in trail:
            circle = " -> ".join([*trail[trail.index(tier.name) :], tier.name])
            yield tier.finding("backend-cycle", f"backend: the tiers send to each other in a circle: {circle}")
        elif tier.name not in done:
            for behind in stack.all_behind(tier):
                yield from walk(behind, (*trail, tier.name))
            done.add(tier.name)

    for tier in stack.tiers.values():
        yield from walk(tier, ())


def _ends(tier: Tier, stack: Stack, trail: tuple[str, ...] = ()) -> bool:
    """Whether every way to the back comes to an end."""
    return tier.name not in trail and all(_ends(one, stack, (*trail, tier.name)) for one in stack.all_behind(tier))


def _available(tiers: t.Iterable[Tier], inventory: Inventory) -> t.Iterator[Finding]:
    for tier in tiers:
        hosts = len(inventory.members(tier.hosts))
        if tier.hosts and tier.min_available > hosts:
            text = f"min_available: {tier.min_available} is more than its {hosts} hosts: none of them can be drained"
            yield tier.finding("min-available", text, severity="warning")


def _routers(tiers: t.Sequence[Tier], inventory: Inventory) -> t.Iterator[Finding]:
    owner: dict[int, str] = {}
    for tier in tiers:
        for number in tier.router_ids(inventory):
            first = owner.setdefault(number, tier.name)
            if first != tier.name:
                text = f"vrrp: router_id {number} is that of tier {first} too: write another one, from 1 to 255"
                yield tier.finding("router-id", text)


def _listeners(tiers: t.Sequence[Tier], stack: Stack, inventory: Inventory) -> t.Iterator[Finding]:
    there: dict[tuple[str, str, int], list[tuple[Listener, Tier]]] = {}
    shared = collections.Counter(host.name for tier in tiers for host in inventory.members(tier.hosts))
    for tier in tiers:
        for host in inventory.members(tier.hosts):
            for listener in tier.listeners(stack, host) if shared[host.name] > 1 else ():
                others = there.setdefault((host.name, listener.protocol, listener.port), [])
                first = next((one for other, one in others if one is not tier and listener.clashes(other)), None)
                others.append((listener, tier))
                if first:
                    way = "leave peers out of one of them" if listener.fixed else "take another port"
                    text = f"port: tier {first.name} listens on {listener} here too: {way}, or take other hosts"
                    yield tier.finding("port-twice", text, host.name)


def _vips(stack: Stack) -> t.Iterator[Finding]:
    owner: dict[Address, str] = {}
    for tier in stack.tiers.values():
        for vip in tier.own_addresses if tier.state == "present" else ():
            first = owner.setdefault(vip, tier.name)
            if first != tier.name:
                yield tier.finding(
                    "vip-twice", f"vips: {vip} belongs to tier {first} too: a VIP has one tier, with many services"
                )
