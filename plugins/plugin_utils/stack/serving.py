# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a balancer sends to members again that were taken back, and whether a host can serve for its tier."""

from __future__ import annotations

import typing as t

from .members import service_text

Data = t.Mapping[str, t.Any]


RUNNING = ("active", "reloading")
"""States of a unit."""
WELL = ("backup", "master", "init")
"""States of a VRRP instance that holds VIPs, or takes them when nobody else does."""


def unable(tier: Data, host: Data) -> list[str]:
    """Why a host cannot serve for its tier now, or hold the VIPs; both as ``status.status`` returns them.

    In maintenance the instances are in fault, whatever else they would be.
    """
    if not host["reached"]:
        return ["it was not reached"]
    units = {unit: host["units"].get(unit, "not installed") for unit in tier["units"]}
    found = [f"{unit} is {state} there" for unit, state in units.items() if state not in RUNNING]
    if tier["name"] in host["maintenance"] or found:
        return found
    states = {one: host["instances"].get(one, "unknown") for one in tier["instances"]}
    return [f"VRRP instance {one} is {state} there" for one, state in states.items() if state not in WELL]


def not_serving(seen: Data, rows: t.Sequence[Data]) -> list[str]:
    """The members that get no traffic, each once. ``seen``: what ``stack_info`` returned on their balancer.

    ``rows``: members of the balancer, as ``status.status`` returns them. Whoever has weight 0 in the description is not
    waited for; who is not checked, or checked by a name server, is taken to serve.
    """
    late = [row["name"] for row in rows if row["wanted_weight"] and not SERVES[row["daemon"]](row, seen)]
    return list(dict.fromkeys(late))


def _ipvs(row: Data, seen: Data) -> bool:
    services = (seen.get("ipvs") or {}).get("services", ())
    pools = [one["destinations"] for one in services if service_text(one) == row["service"]]
    return any(_at(row, one) and one["weight"] for pool in pools for one in pool)


def _haproxy(row: Data, seen: Data) -> bool:
    pools = [one["servers"] for one in (seen.get("haproxy") or {}).get("backends", ()) if one["name"] == row["service"]]
    return any(_at(row, one) and one["up"] and one["state"] == "ready" for pool in pools for one in pool)


def _nginx(row: Data, seen: Data) -> bool:
    pools = ((seen.get("nginx") or {}).get("pools") or {}).get(row["tier"]) or {}
    ends = {f"{row['address']}:{row['port']}", f"[{row['address']}]:{row['port']}"}
    return not any(it["out"] for pool in pools.values() for key, it in pool.items() if key in ends)


def _dns(_row: Data, _seen: Data) -> bool:
    return True


def _at(row: Data, one: Data) -> bool:
    return (one["address"], one["port"]) == (row["address"], row["port"])


SERVES: dict[str, t.Callable[[Data, Data], bool]] = {"ipvs": _ipvs, "haproxy": _haproxy, "nginx": _nginx, "dns": _dns}
