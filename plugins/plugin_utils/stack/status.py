# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The description of a stack beside what its hosts say: who holds which VIP, who is in which pool, and what is wrong."""

from __future__ import annotations

import datetime
import ipaddress
import typing as t

from . import pools, serving
from .derive import derive
from .hosts import Inventory
from .members import Member, addresses_of, members, names_of
from .model import Plan, Stack, Tier
from .pools import Row, Seen

UNITS = {"nginx_lb": "nginx.service", "haproxy": "haproxy.service", "keepalived": "keepalived.service"}
UNITS["dns_lb"] = "pdns.service"

Answers = t.Mapping[str, Seen | None]
"""What ``stack_info`` returned on each host; None, or no entry, where it was not reached."""


def status(stack: Stack, inventory: Inventory, seen: Answers) -> dict[str, t.Any]:
    """The state of the stack, as data for JSON.

    ``tiers``: a list of mappings with ``name``, ``kind``, ``mode``, ``backend`` (names of tiers), ``hosts``,
    ``min_available``, ``keep_weights``, ``probes``, ``units`` and ``instances`` (of VRRP) that each of its hosts needs, ``vips`` (``address``,
    ``holders``), ``holders`` and ``members``, whose keys are those of ``pools.Row``;
    ``hosts``: by name ``reached``, ``tiers``, ``drained``, ``maintenance``, ``moving``, ``vips``, ``instances`` (their states),
    ``last_transition`` (by instance, as ISO time), ``units``, ``configurations``;
    ``findings``: ``tier``, ``host``, ``text``, and ``drift``: whether it differs from the description, which a server that is down does
    not.
    """
    plan = derive(stack, inventory)
    names = names_of(stack, inventory)
    wanted = members(plan, names)
    addresses = addresses_of(stack, inventory)
    hosts = {name: _host(name, stack, inventory, seen.get(name)) for name in addresses}
    balancers = {name: pools.Balancer.of(said) for name, said in seen.items() if said}
    tiers, findings = [], list(_of_hosts(plan, hosts, seen))
    for tier in stack.tiers.values():
        own = [one for one in wanted if one.tier == tier.name]
        rows = [pools.row(one, balancers.get(one.by)) for one in own]
        vips = _vips(tier, inventory, hosts)
        tiers.append({**_tier(tier, stack, inventory, vips, rows), **_needed(tier, plan)})
        findings += [*_of_vips(tier, vips, hosts), *_of_real_servers(tier, stack, inventory, hosts)]
        findings += _of_pools(tier, own, rows, seen)
    findings += _of_notes(addresses, seen)
    return {"tiers": tiers, "hosts": hosts, "findings": findings}


def _tier(
    tier: Tier, stack: Stack, inventory: Inventory, vips: list[dict[str, t.Any]], rows: list[Row]
) -> dict[str, t.Any]:
    probes = [(vip, port) for vip in tier.addresses_for_clients for port in tier.tcp_ports(stack)]
    return {
        "name": tier.name,
        "kind": tier.kind,
        "mode": getattr(tier, "mode", ""),
        "state": tier.state,
        "backend": list(tier.needs),
        "hosts": [host.name for host in inventory.members(tier.hosts)],
        "min_available": tier.min_available,
        "keep_weights": bool(getattr(tier, "keep_weights", False)),
        "probes": [{"address": str(vip), "port": port} for vip, port in probes],
        "vips": vips,
        "holders": list(dict.fromkeys(name for vip in vips for name in vip["holders"])),
        "members": [row._asdict() for row in rows],
    }


def _needed(tier: Tier, plan: Plan) -> dict[str, list[str]]:
    """The units and VRRP instances that have to be well on a host that serves for the tier."""
    steps = [step for step in plan.steps if step.tier == tier.name and step.role in UNITS and tier.state == "present"]
    parts = [part for step in steps for part in step.parts.values()]
    instances = dict.fromkeys(one["name"] for part in parts for one in part.get("instances", ()))
    return {"units": list(dict.fromkeys(UNITS[step.role] for step in steps)), "instances": list(instances)}


def _host(name: str, stack: Stack, inventory: Inventory, said: Seen | None) -> dict[str, t.Any]:
    tiers = [tier for tier in stack.tiers.values() if name in inventory.groups.get(tier.hosts, ())]
    vips = {str(vip) for tier in stack.tiers.values() for vip in tier.own_addresses}
    keepalived = (said or {}).get("keepalived") or {}
    return {
        "reached": said is not None,
        "tiers": [tier.name for tier in tiers],
        "drained": sorted((said or {}).get("drained") or ()),
        "maintenance": list(keepalived.get("maintenance", ())),
        "moving": list(keepalived.get("moving", ())),
        "vips": [one for one in _addresses(said) if one in vips],
        "instances": {one["name"]: one["state"] for one in keepalived.get("instances", ())},
        "last_transition": {one["name"]: _time(one["last_transition"]) for one in keepalived.get("instances", ())},
        "units": dict((said or {}).get("units") or {}),
        "configurations": dict((said or {}).get("configurations") or {}),
    }


def _addresses(said: Seen | None) -> list[str]:
    found = [one for each in (said or {}).get("interfaces") or () for one in each["addresses"]]
    return list(dict.fromkeys(str(ipaddress.ip_interface(one).ip) for one in found))


def _time(seconds: float) -> str:
    """Since 1970, as ISO time; empty for never."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat("T", "seconds") if seconds else ""


def _vips(tier: Tier, inventory: Inventory, hosts: t.Mapping[str, t.Any]) -> list[dict[str, t.Any]]:
    own = [host.name for host in inventory.members(tier.hosts)]
    return [
        {"address": str(vip), "holders": [name for name in own if str(vip) in hosts[name]["vips"]]}
        for vip in tier.own_addresses
    ]


def finding(text: str, tier: str = "", host: str = "", *, drift: bool = False) -> dict[str, t.Any]:
    """One thing that is wrong."""
    return {"tier": tier, "host": host, "text": text, "drift": drift}


Findings = t.Iterator[dict[str, t.Any]]


def _of_hosts(plan: Plan, hosts: t.Mapping[str, t.Any], seen: Answers) -> Findings:
    roles: dict[str, dict[str, str]] = {}
    for step in plan.steps:
        for host, part in step.parts.items():
            if step.role in UNITS and part["state"] == "present":
                roles.setdefault(host, {}).setdefault(UNITS[step.role], step.tier)
    for name, host in hosts.items():
        said = seen.get(name)
        if said is None:
            yield finding("was not reached", host=name)
            continue
        needed = roles.get(name, {})
        for unit, tier in needed.items():
            state = host["units"].get(unit, "not installed")
            if state not in serving.RUNNING:
                yield finding(f"{unit} is {state}", tier, name, drift=True)
        for unit, state in host["units"].items():
            if state == "failed" and unit not in needed:
                yield finding(f"{unit} has failed", host=name)
        for problem in said.get("problems") or ():
            yield finding(f"did not tell: {problem}", host=name)


def _of_vips(tier: Tier, vips: list[dict[str, t.Any]], hosts: t.Mapping[str, t.Any]) -> Findings:
    asked = [name for name, host in hosts.items() if tier.name in host["tiers"]]
    for vip in vips if asked else ():
        holders, silent = vip["holders"], [name for name in asked if not hosts[name]["reached"]]
        if tier.state == "absent":
            for host in holders:
                yield finding(f"still holds {vip['address']}", tier.name, host, drift=True)
        elif tier.state == "present" and len(holders) > 1:
            yield finding(f"{vip['address']} is held by {' and '.join(holders)}", tier.name)
        elif tier.state == "present" and not holders:
            rest = f"; {', '.join(silent)} did not answer" if silent else ""
            yield finding(f"{vip['address']} is held by nobody{rest}", tier.name)


def _of_real_servers(tier: Tier, stack: Stack, inventory: Inventory, hosts: t.Mapping[str, t.Any]) -> Findings:
    """Those of direct routing and tunnels answer for the VIP only where they hold it, too."""
    behind = stack.behind(tier)
    if getattr(tier, "mode", "") not in ("dr", "tun") or tier.state == "absent" or behind is None:
        return
    for server in inventory.members(behind.hosts):
        for vip in tier.addresses_for_clients if hosts[server.name]["reached"] else ():
            if str(vip) not in hosts[server.name]["vips"]:
                yield finding(f"lacks the VIP {vip} and drops what it is sent", tier.name, server.name, drift=True)


def _of_pools(tier: Tier, own: list[Member], rows: list[Row], seen: Answers) -> Findings:
    keeps = bool(getattr(tier, "keep_weights", False))
    for row in rows:
        wanted = 0 if row.drained else row.wanted_weight
        where = f"{row.name} ({row.address}) for {row.service}"
        if row.state == "down":
            # who left a table that is written without checks was taken out by hand
            drift = row.check == pools.MISSING
            yield finding(f"{where} is down{f': {row.check}' if row.check else ''}", tier.name, row.by, drift=drift)
        elif row.weight is not None and row.weight != wanted and not keeps:
            why = "is drained, but" if row.drained else f"is described with weight {wanted}, but"
            yield finding(f"{where} {why} has weight {row.weight}", tier.name, row.by, drift=True)
    for by in dict.fromkeys(one.by for one in own if one.daemon == "ipvs"):
        for text in pools.foreign([one for one in own if one.by == by], seen.get(by)):
            yield finding(f"not of the description: {text}", tier.name, by, drift=True)


def _of_notes(addresses: t.Mapping[str, t.Sequence[str]], seen: Answers) -> Findings:
    """Who was drained and has got another name or other addresses since; another host may have them now."""
    for host in addresses:
        for name, noted in ((seen.get(host) or {}).get("drained") or {}).items():
            if not set(noted) & set(addresses.get(name, ())):
                where = f"{name} drained at {', '.join(noted)}"
                yield finding(f"keeps {where}, where no tier has a host of that name: undrain {name}", host=host)
