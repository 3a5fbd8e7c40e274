# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan by which tiers, or a host, go: what those that stay need anew, and all taken back from those that go."""

from __future__ import annotations

import dataclasses
import typing as t

from .check import check
from .derive import derive
from .hosts import Inventory
from .model import Plan, Stack, Step

NOTHING = Plan(())


@dataclasses.dataclass(frozen=True)
class Retirement:
    """``freed``: the hosts that are left with nothing. With ``problems`` there is no plan: one line each."""

    plan: Plan = NOTHING
    freed: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def retire_tiers(stack: Stack, inventory: Inventory, names: t.Sequence[str]) -> Retirement:
    """All hosts without these tiers. Refused where another one still sends to them; who mounts one loses it."""
    problems = [
        f"there is no tier {name}; there are {', '.join(stack.tiers)}" for name in names if name not in stack.tiers
    ]
    going = [stack.tiers[name] for name in names if name in stack.tiers]
    for tier in going:
        # servers are in front of storage only, which is taken from them
        senders = [front.name for front in stack.fronts(tier) if front.kind != "servers"]
        staying = [name for name in senders if name not in names]
        if staying:
            problems.append(
                f"tier {tier.name} is still sent to by {', '.join(staying)}: change or decommission that first"
            )
        if tier.kind == "servers" and not staying:
            problems.append(f"tier {tier.name} has nothing of its own: it is prepared by the tiers in front of it")
    if problems:
        return Retirement(problems=tuple(problems))
    before = derive(stack, inventory)
    after = derive(_without(stack, names), inventory)
    return _retirement(before, _changed(before, after, always=names), after)


def retire_all(stack: Stack, inventory: Inventory) -> Retirement:
    """All hosts without the stack."""
    names = [tier.name for tier in stack.tiers.values() if tier.kind != "servers"]
    return retire_tiers(stack, inventory, names)


def retire_host(stack: Stack, inventory: Inventory, name: str) -> Retirement:
    """The others as if the host were not in the inventory, then the host without anything."""
    known = dict.fromkeys(host.name for tier in stack.tiers.values() for host in inventory.members(tier.hosts))
    if name not in known:
        return Retirement(problems=(f"no tier has a host {name}; there are {', '.join(known)}",))
    rest = inventory.without(name)
    errors = [str(one) for one in check(stack, rest) if one.severity == "error"]
    if errors:
        return Retirement(problems=tuple(f"without {name}: {text}" for text in errors))
    before, others = derive(stack, inventory), derive(stack, rest)
    lost = list(_lost(before, others, name))
    if lost:
        return Retirement(problems=tuple(lost))
    everything = derive(_without(stack, stack.tiers), inventory)
    own = [
        dataclasses.replace(step, name=f"{step.name}, taken from {name}", parts={name: step.parts[name]})
        for step in everything.steps
        if name in step.parts
    ]
    changed = list(_changed(before, others))
    # who is no longer let in cannot write what it still has to
    last = [step for step in changed if step.role == "shared_storage"]
    return _retirement(before, [*(step for step in changed if step not in last), *own, *last], others)


def _without(stack: Stack, names: t.Collection[str]) -> Stack:
    """Servers stay: they have nothing of their own, and storage knows by them who mounts it."""
    going = [tier for name, tier in stack.tiers.items() if name in names and tier.kind != "servers"]
    absent = {tier.name: dataclasses.replace(tier, state="absent") for tier in going}
    return dataclasses.replace(stack, tiers={**stack.tiers, **absent})


def _changed(before: Plan, after: Plan, always: t.Collection[str] = ()) -> t.Iterator[Step]:
    """The steps of ``after`` for those hosts alone to which they say something else; whole ones of the tiers ``always``."""
    known = {step.name: step.parts for step in before.steps}
    for step in after.steps:
        said = {} if step.tier in always else known.get(step.name, {})
        parts = {host: part for host, part in step.parts.items() if part != said.get(host)}
        if parts:
            yield dataclasses.replace(step, parts=parts)


def _lost(before: Plan, after: Plan, name: str) -> t.Iterator[str]:
    """A host that has a part now and would have none: nobody would tell it to take that back."""
    left = {(step.name, host) for step in after.steps for host in step.parts}
    for step in before.steps:
        gone = [host for host in step.parts if host != name and (step.name, host) not in left]
        if gone:
            yield (
                f"without {name}, {', '.join(gone)} would keep what is no longer in the plan ({step.name}): one host needs"
                " no keepalived. Give the tier a check, which keeps it, or another host, or decommission the tier"
            )


def _retirement(before: Plan, steps: t.Iterable[Step], after: Plan) -> Retirement:
    busy = {host for step in after.steps for host, part in step.parts.items() if part["state"] == "present"}
    had = dict.fromkeys(host for step in before.steps for host in step.parts)
    return Retirement(Plan(tuple(steps)), tuple(host for host in had if host not in busy))
