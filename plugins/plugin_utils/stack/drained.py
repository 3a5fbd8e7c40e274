# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Draining: entries of a role without weight for those that are drained, and whether one more may be."""

from __future__ import annotations

import collections.abc as c
import ipaddress
import typing as t

from .serving import unable

LISTS = ("destinations", "servers", "targets", "balanced", "addresses")
"""Where entries of the roles have their members, or lists of these."""

Options = t.Mapping[str, t.Any]


def drain(entries: t.Sequence[Options], drained: t.Mapping[str, t.Sequence[str]], flag: bool = False) -> list[t.Any]:
    """The entries (virtual services, pools, zones) with weight 0 for every member at an address of ``drained``.

    ``drained``: addresses by name, as ``host_info`` returns it. ``flag``: nginx, which takes ``drain: true`` instead.
    """
    gone = {ipaddress.ip_address(one) for addresses in drained.values() for one in addresses}
    return [_entry(entry, gone, flag) for entry in entries] if gone else list(entries)


def _entry(entry: t.Any, gone: c.Collection[t.Any], flag: bool) -> t.Any:
    if not isinstance(entry, c.Mapping):
        return entry
    result = {
        key: [_entry(one, gone, flag) for one in value] if key in LISTS and isinstance(value, list) else value
        for key, value in entry.items()
    }
    if not any(key in entry for key in LISTS) and _at(entry.get("address")) in gone:
        result.pop("weight", None)
        result.update({"drain": True} if flag else {"weight": 0})
    return result


def _at(address: t.Any) -> t.Any:
    """The IP address that a member is at; None for names, sockets and what is none."""
    text = str(address or "")
    host, colon, port = text.rpartition(":")
    # nginx also takes address and port in one
    bare = host if colon and port.isdigit() and (host.startswith("[") or "." in host) else text
    try:
        return ipaddress.ip_address(bare.strip("[]"))
    except ValueError:
        return None


def drain_refusals(status: Options, hosts: t.Sequence[str], by_hand: bool = False) -> list[str]:
    """Why these hosts cannot be drained now, in lines; empty where they can. ``status``: as ``status.status`` returns it.

    ``by_hand``: what nothing here can drain has been taken out of service by somebody.
    """
    unknown = [name for name in hosts if name not in status["hosts"]]
    if unknown:
        return [f"no tier has a host {name}; there are {', '.join(status['hosts'])}" for name in unknown]
    tiers = {tier["name"]: tier for tier in status["tiers"]}
    found = [text for tier in tiers.values() for text in _of_members(tier, tiers, status["hosts"], hosts)]
    for tier in tiers.values():
        staying = _not_drained(tier, tiers, hosts)
        # somebody who has seen to it cannot have left more hosts than there are
        lone = by_hand and len(tier["hosts"]) <= tier["min_available"]
        found += _of_hosts(tier, status["hosts"], hosts, alone=bool(staying) and not lone)
        if tier["min_available"] and not by_hand:
            found += [f"{text} (lb_by_hand=true says that somebody has seen to it)" for text in staying]
    return list(dict.fromkeys(found))


def not_drained(status: Options, hosts: t.Sequence[str]) -> list[str]:
    """Where these hosts of the stack stay in service whatever ``drain`` does, in lines."""
    tiers = {tier["name"]: tier for tier in status["tiers"]}
    return [text for tier in tiers.values() for text in _not_drained(tier, tiers, hosts)]


def _not_drained(tier: Options, tiers: Options, hosts: t.Sequence[str]) -> list[str]:
    """Of one tier. Name servers are asked by turns: nobody sends to them, and nobody has to be told."""
    going = [name for name in tier["hosts"] if name in hosts]
    if not going or tier["state"] != "present" or tier["kind"] == "dns" or tier["instances"]:
        return []
    fronts = [one for one in tiers.values() if one["state"] == "present" and tier["name"] in one["backend"]]
    names = ", ".join(going)
    if tier["kind"] == "storage":
        return [
            f"{', '.join(one['name'] for one in fronts)} would go on using the files of {names} (tier {tier['name']})"
        ]
    if tier["vips"]:
        return [f"no keepalived moves the VIPs of tier {tier['name']} away from {names}"]
    boxes = [one["name"] for one in fronts if one["kind"] == "external"]
    if boxes:
        return [f"{', '.join(boxes)} is somebody else's and would go on sending to {names}: take them out there"]
    sent = {row["name"] for one in fronts for row in one["members"]}
    lost = [name for name in going if name not in sent]
    named = [one["name"] for one in fronts if one["kind"] == "redirect"] if lost else []
    if named:
        return [f"clients of {', '.join(named)} come to {', '.join(lost)} by the name in its url: take them out there"]
    return [f"nothing here sends to {', '.join(lost)} for tier {tier['name']}, so nothing can stop"] if lost else []


def undrain_refusals(status: Options, hosts: t.Sequence[str]) -> list[str]:
    """Why these names cannot be taken back: nobody knows them. ``status``: as ``status.status`` returns it."""
    noted = dict.fromkeys(name for host in status["hosts"].values() for name in host["drained"])
    known = dict.fromkeys([*status["hosts"], *noted])
    unknown = [name for name in hosts if name not in known]
    silent = [name for name, host in status["hosts"].items() if not host["reached"]] if unknown else []
    found = [
        f"no tier has a host {name}, and none is noted as drained; there are {', '.join(known)}" for name in unknown
    ]
    return [*found, *([f"{', '.join(silent)} did not answer"] if silent else [])]


def _of_members(tier: Options, tiers: Options, known: Options, hosts: t.Sequence[str]) -> t.Iterator[str]:
    """Every balancer of a tier keeps enough members for every service."""
    going = [one for one in tier["members"] if one["name"] in hosts and not one["drained"]]
    if going and tier["keep_weights"]:
        yield f"tier {tier['name']} leaves weights as they are in the kernel (keep_weights): use ipvs_destination"
    for by in dict.fromkeys(one["by"] for one in going):
        if not known[by]["reached"]:
            yield f"{by} sends to {', '.join(_names(going, by))} and was not reached: bring it back first"
    for name in tier["backend"]:
        behind = tiers[name]
        inside = [one for one in going if one["name"] in behind["hosts"] and known[one["by"]]["reached"]]
        for by in dict.fromkeys(one["by"] for one in inside):
            left = min(_left(tier, by, service, hosts, behind) for service in {one["service"] for one in inside})
            if left < behind["min_available"]:
                yield (
                    f"{by} would have {left} of {len(behind['hosts'])} hosts of tier {name} left for tier {tier['name']}; "
                    f"its min_available is {behind['min_available']}"
                )


def _left(tier: Options, by: str, service: str, hosts: t.Sequence[str], behind: Options) -> int:
    """How many hosts of the tier behind a balancer would still send to for one service."""
    pool = [one for one in tier["members"] if (one["by"], one["service"]) == (by, service)]
    return len({one["name"] for one in pool if one["state"] in ("up", "unknown")} & set(behind["hosts"]) - set(hosts))


def _names(rows: t.Iterable[Options], by: str) -> list[str]:
    return list(dict.fromkeys(one["name"] for one in rows if one["by"] == by))


def _of_hosts(tier: Options, known: Options, hosts: t.Sequence[str], *, alone: bool) -> t.Iterator[str]:
    """Somebody else is there to hold the VIPs, to answer for names, or to do what nobody can be told of (``alone``)."""
    going = [name for name in hosts if name in tier["hosts"] and tier["name"] not in known[name]["maintenance"]]
    if not going or not (tier["instances"] or tier["kind"] == "dns" or alone) or tier["state"] != "present":
        return
    others = [name for name in tier["hosts"] if name not in hosts and tier["name"] not in known[name]["maintenance"]]
    unfit = {name: why for name in others if (why := unable(tier, known[name]))}
    if len(others) - len(unfit) < tier["min_available"]:
        words = "; ".join(f"{name}: {', '.join(why)}" for name, why in unfit.items())
        yield (
            f"tier {tier['name']} would have {len(others) - len(unfit)} of {len(tier['hosts'])} hosts left"
            f"{f' ({words})' if words else ''}; its min_available is {tier['min_available']}"
        )
