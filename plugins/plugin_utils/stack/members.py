# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom each balancer sends to, read out of the plan: what is drained, watched and waited for."""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t

from .hosts import Inventory
from .model import Part, Plan, Stack, Step

FAMILIES = (4, 6)


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    """One place that one balancer (``by``) sends to for one service of ``tier``.

    ``name`` is a host's, or a tier's for its VIP; ``port`` 0 where the balancer names none. ``service`` is for people,
    ``key`` what its daemon calls the two: (service, destination).
    """

    tier: str
    step: str
    by: str
    daemon: str
    """``ipvs``, ``nginx``, ``haproxy`` or ``dns``."""
    name: str
    address: str
    port: int
    service: str
    weight: int
    key: tuple[t.Any, t.Any]
    ttl: int = 0
    """Seconds that clients go on with an answer of the DNS."""


class Found(t.NamedTuple):
    """A member in the part of one balancer: its own options, and its key."""

    daemon: str
    service: str
    it: Part
    weight: int
    key: tuple[t.Any, t.Any]
    ttl: int = 0


def members(plan: Plan, names: t.Mapping[str, str]) -> list[Member]:
    """All members of what is wanted, in the order of the steps. ``names``: see ``names_of``."""
    return [
        _member(step, host, found, names)
        for step in plan.steps
        for host, part in step.parts.items()
        if part["state"] == "present"
        for found in _found(step, part)
    ]


def _member(step: Step, host: str, found: Found, names: t.Mapping[str, str]) -> Member:
    it, address = found.it, str(found.it["address"])
    place = (step.tier, step.name, host, found.daemon, names.get(address, address), address, int(it.get("port") or 0))
    return Member(*place, found.service, found.weight, found.key, found.ttl)


def names_of(stack: Stack, inventory: Inventory) -> dict[str, str]:
    """By address the host of a tier that has it, or the tier whose VIP it is."""
    found = {str(vip): tier.name for tier in stack.tiers.values() for vip in tier.own_addresses}
    return {**found, **{one: name for name, own in addresses_of(stack, inventory).items() for one in own}}


def addresses_of(stack: Stack, inventory: Inventory) -> dict[str, list[str]]:
    """The addresses of every host of a tier."""
    hosts = {host.name: host for tier in stack.tiers.values() for host in inventory.members(tier.hosts)}
    return {name: [str(one) for version in FAMILIES for one in host.own(version)] for name, host in hosts.items()}


def service_text(it: Part) -> str:
    """A virtual service for people: ``tcp 192.0.2.100:80`` or ``fwmark 7 ipv6``."""
    if it.get("fwmark"):
        return f"fwmark {it['fwmark']} {it.get('family') or 'ipv4'}"
    address = ipaddress.ip_address(it["address"])
    shown = f"[{address}]" if address.version == 6 else str(address)
    return f"{it['protocol']} {shown}:{it['port']}"


def _found(step: Step, part: Part) -> t.Iterator[Found]:
    reader = {"keepalived": _keepalived, "nginx_lb": _nginx, "haproxy": _haproxy, "dns_lb": _dns}.get(step.role)
    if reader is not None:
        yield from reader(part)
    elif step.part == "director" and part["owner"] == "ipvs_table":
        yield from _ipvs(part["services"])


def _keepalived(part: Part) -> t.Iterator[Found]:
    return _ipvs(part["virtual_servers"])


def _ipvs(services: t.Iterable[Part]) -> t.Iterator[Found]:
    for service in services:
        for it in service["destinations"]:
            yield Found("ipvs", service_text(service), it, it["weight"], (service, it))


def _nginx(part: Part) -> t.Iterator[Found]:
    kind = "stream" if part["streams"] else "http"
    for pool in part["upstreams"]:
        for it in pool["servers"]:
            address = f"[{it['address']}]" if ":" in it["address"] else it["address"]
            yield Found("nginx", pool["name"], it, _share(it), (f"{kind}/{pool['name']}", f"{address}:{it['port']}"))
    for pool in part["redirects"]:
        for it in pool["targets"]:
            yield Found("nginx", pool["name"], it, _share(it), (f"redirect/{pool['name']}", it["url"]))


def _share(it: Part) -> int:
    return 0 if it.get("drain") else int(it.get("weight", 1))


def _haproxy(part: Part) -> t.Iterator[Found]:
    for pool in part["backends"]:
        for it in pool["servers"]:
            yield Found("haproxy", pool["name"], it, int(it.get("weight", 1)), (pool["name"], it["name"]))


def _dns(part: Part) -> t.Iterator[Found]:
    for zone in part["zones"]:
        for name in zone["balanced"]:
            for it in name["addresses"]:
                service = zone["name"] if name["name"] == "@" else f"{name['name']}.{zone['name']}"
                yield Found("dns", service, it, it["weight"], (service, it["address"]), int(name.get("ttl", 0)))
