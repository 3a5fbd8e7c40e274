# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody else put into the kernel's table where keepalived's virtual servers are.

keepalived neither sees nor mends it: where a service is there already it keeps that one's scheduler and destinations.
"""

from __future__ import annotations

import ipaddress
import typing as t

from ..blocks import wanted

Options = t.Mapping[str, t.Any]
Key = tuple[t.Any, ...]

SETTINGS = ("scheduler_flags", "persistent", "persistence_mask", "persistence_engine", "one_packet")


def keepalived_foreign(
    services: t.Sequence[Options], virtual_servers: t.Sequence[Options], inhibit_on_failure: bool = False
) -> list[dict[str, t.Any]]:
    """The entries of ``services`` (as ``ipvs_info`` tells them) on these virtual servers' addresses and marks that are not theirs.

    Each has ``service`` (its key, as ``ipvs_destination`` takes it), ``text`` for people, and ``destination`` (address
    and port) or ``wanted`` (the service's own options) where not the whole service is foreign; and ``weight`` where a
    destination of ours has another one. ``inhibit_on_failure``: weight 0 is what keepalived gives the dead ones.
    """
    ours = {service_key(it): it for it in wanted(virtual_servers)}
    places = {_place(key) for key in ours}
    found: list[dict[str, t.Any]] = []
    for service in services:
        key = service_key(service)
        if _place(key) not in places:
            continue
        entry: dict[str, t.Any] = {"service": _options(service)}
        if key not in ours:
            found.append({**entry, "text": f"service {_name(service)}"})
            continue
        it = ours[key]
        scheduler = it.get("scheduler") or "wlc"
        if service["scheduler"] != scheduler:
            text = f"scheduler {service['scheduler']} of {_name(service)}, in place of {scheduler}"
            # a service is edited as a whole
            rest = {name: it[name] for name in SETTINGS if it.get(name) is not None}
            found.append({**entry, "wanted": {**rest, "scheduler": scheduler}, "text": text})
        inhibit = bool(it.get("inhibit_on_failure", inhibit_on_failure))
        found += [{**entry, **one} for one in _destinations(service, it, inhibit)]
    return found


def _destinations(service: Options, it: Options, inhibit: bool) -> t.Iterator[dict[str, t.Any]]:
    pool = {destination_key(each, it): each for each in wanted(it.get("destinations"))}
    sorry = [destination_key(each, it) for each in [it.get("sorry_server")] if each]
    # a check may say what the weight is
    dynamic = any(check.get("dynamic") or check.get("type") == "file" for check in _checks(it))
    for each in service["destinations"]:
        key = destination_key(each, service)
        end = {"address": each["address"], "port": each["port"]}
        text = f"destination {each['address']} port {each['port']} of {_name(service)}"
        if key not in pool:
            if key not in sorry:
                yield {"destination": end, "text": text}
            continue
        weight = int(pool[key].get("weight", 1))
        if each["weight"] != weight and not dynamic and not (inhibit and each["weight"] == 0):
            yield {
                "destination": end,
                "weight": weight,
                "text": f"weight {each['weight']} of {text}, in place of {weight}",
            }


def _checks(it: Options) -> list[Options]:
    return [
        *(it.get("checks") or ()),
        *(check for each in it.get("destinations") or () for check in each.get("checks") or ()),
    ]


def service_key(it: Options) -> Key:
    """What tells a virtual service from others, however its address is written."""
    if it.get("fwmark"):
        return (it.get("family") or "ipv4", int(it["fwmark"]))
    return (it["protocol"], ipaddress.ip_address(it["address"]), int(it["port"]))


def _place(key: Key) -> t.Any:
    """What tells whose a service is: its address, or its family and mark."""
    return key if len(key) == 2 else key[1]


def destination_key(it: Options, service: Options) -> Key:
    """What tells a destination from others of its service; without a port it has the service's."""
    port = it.get("port")
    return (ipaddress.ip_address(it["address"]), int(service.get("port") or 0 if port is None else port))


def _options(service: Options) -> dict[str, t.Any]:
    names = ("fwmark", "family") if service.get("fwmark") else ("protocol", "address", "port")
    return {name: service[name] for name in names if name in service}


def _name(service: Options) -> str:
    return " ".join(str(value) for value in _options(service).values())
