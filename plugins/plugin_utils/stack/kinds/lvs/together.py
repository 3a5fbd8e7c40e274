# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules between lvs tiers: what tiers that share a host must agree on."""

from __future__ import annotations

import dataclasses
import typing as t

from ...hosts import Inventory
from ...model import Finding, Stack
from .cluster import Cluster

if t.TYPE_CHECKING:
    from . import Lvs


def between_tiers(tiers: t.Sequence[Lvs], stack: Stack, inventory: Inventory) -> t.Iterator[Finding]:
    """A director has one kernel: its tiers must want the same of it. And it can be no real server of a DR tier."""
    own: dict[str, str] = {}
    settings: dict[tuple[str, str], tuple[str, object]] = {}
    marks: dict[tuple[str, int], str] = {}
    for tier in tiers:
        for host in inventory.members(tier.hosts):
            own.setdefault(host.name, tier.name)
            for name, value in _settings(tier):
                first, other = settings.setdefault((host.name, name), (tier.name, value))
                if other != value:
                    text = (
                        f"{name} is {value} here but {other} in tier {first}: a kernel has one, write the same in both"
                    )
                    yield tier.finding("one-kernel", text, host.name)
            if tier.fwmark and marks.setdefault((host.name, tier.fwmark), tier.name) != tier.name:
                text = f"fwmark {tier.fwmark} is that of tier {marks[host.name, tier.fwmark]} too: take another number"
                yield tier.finding("fwmark", text, host.name)
    yield from _one_writer(tiers, stack, inventory)
    for one in stack.tiers.values():
        if getattr(one, "mode", "") == "dr" and one.state == "present":
            for host in (host for behind in stack.all_behind(one) for host in inventory.members(behind.hosts)):
                if own.get(host.name, one.name) != one.name:
                    text = f"is a real server here and a director of {own[host.name]}: packets could go in circles"
                    yield one.finding("director-is-real-server", text, host.name)


def _one_writer(tiers: t.Sequence[Lvs], stack: Stack, inventory: Inventory) -> t.Iterator[Finding]:
    """Where keepalived writes the table, it does for all tiers of the host."""
    found: dict[str, dict[bool, str]] = {}
    for tier in tiers:
        by_keepalived = Cluster.of(tier, stack, inventory).by_keepalived
        for host in inventory.members(tier.hosts):
            writers = found.setdefault(host.name, {})
            writers.setdefault(by_keepalived, tier.name)
            if len(writers) > 1:
                text = (
                    f"keepalived writes the table for tier {writers[True]}, but not for {writers[False]}: a kernel has"
                    f" one writer: give {writers[False]} a check, or another host"
                )
                yield tier.finding("one-kernel", text, host.name)


def _settings(tier: Lvs) -> t.Iterator[tuple[str, object]]:
    yield "conntrack", tier.tracks_connections
    if tier.conn_tab_bits:
        yield "conn_tab_bits", tier.conn_tab_bits
    yield from tier.sysctls
    given = {name: value for name, value in dataclasses.asdict(tier.timeouts).items() if value}
    if given:  # compared as one: what sets them at boot is one unit
        yield "timeouts", given
