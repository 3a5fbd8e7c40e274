# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a tier sends to: its backend's VIPs where it has some, else its backend's hosts."""

from __future__ import annotations

import typing as t

from ..addresses import Address, Path
from ..hosts import Host, Inventory
from ..model import Stack, Tier

FAMILIES = (4, 6)


class Target(t.NamedTuple):
    """One address of the tier behind. ``name`` is a host's or the tier's; ``weight`` 0: no new requests."""

    name: str
    address: Address
    weight: int


def vips_to_ask(tier: Tier) -> list[Address]:
    """The VIPs of a tier without those that are to go, which it still answers on."""
    return [vip for vip in tier.addresses_for_clients if vip not in tier.leaving_vips]


def targets(sender: Host, backend: Tier, inventory: Inventory) -> list[Target]:
    """What ``sender`` asks: each host or VIP of ``backend`` once, by the first family in which it can be reached."""
    if backend.addresses_for_clients:
        vips = vips_to_ask(backend)
        version = next((one for one in FAMILIES if sender.own(one) and any(vip.version == one for vip in vips)), 0)
        found = [vip for vip in vips if vip.version == version]
        names = (
            [backend.name] if len(found) == 1 else [f"{backend.name}{number}" for number in range(1, len(found) + 1)]
        )
        return [Target(name, vip, 1) for name, vip in zip(names, found, strict=True)]
    paths = ((server, reached(sender, server, inventory)) for server in inventory.members(backend.hosts))
    return [Target(server.name, path.rip, server.options.weight) for server, path in paths if path]


def reached(sender: Host, server: Host, inventory: Inventory) -> Path | None:
    """How ``sender`` asks a host; ``None`` where they share no family."""
    return inventory.path(sender, server, FAMILIES, True)


def client_addresses(tier: Tier, inventory: Inventory) -> list[tuple[str, Address, int]]:
    """Where clients find a tier, in all families: the names, addresses and weights of its VIPs or hosts."""
    if tier.addresses_for_clients:
        return [(tier.name, vip, 1) for vip in vips_to_ask(tier)]
    return [
        (host.name, address, host.options.weight)
        for host in inventory.members(tier.hosts)
        for version in FAMILIES
        for address in host.own(version)[:1]
    ]


def headers(tier: Tier, stack: Stack) -> list[bool]:
    """Whether a PROXY protocol header comes first, from each tier in front; clients that are led here send none."""
    found: list[bool] = []
    for front in stack.fronts(tier):
        found += headers(front, stack) if front.kind == "lvs" else [bool(getattr(front, "send_proxy_protocol", False))]
    return found


def senders(tier: Tier, stack: Stack, inventory: Inventory) -> list[tuple[Tier, list[Address]]]:
    """The tiers whose hosts connect to this one's, with their addresses; LVS lets its own clients through to it."""
    found: list[tuple[Tier, list[Address]]] = []
    for front in stack.fronts(tier):
        if front.kind == "lvs":
            found += senders(front, stack, inventory)
        elif front.kind == "external":
            found.append((front, list(getattr(front, "addresses", ()))))
        elif front.kind in ("nginx", "haproxy"):
            hosts = inventory.members(front.hosts)
            found.append((front, [one for host in hosts for version in FAMILIES for one in host.own(version)]))
    return found
