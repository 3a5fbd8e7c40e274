# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``ipvs_info`` does. It never runs ipvsadm before ip_vs is loaded, since that would load it."""

from __future__ import annotations

import typing as t

from . import parse, render
from .app import Session
from .model import ServiceKey, Table
from .runner import Ipvsadm

CONNECTIONS = "/proc/net/ip_vs_conn_sync"
COUNTERS = {"stats": "--stats", "rates": "--rate"}
COLUMNS = ("connections", "in_packets", "out_packets", "in_bytes", "out_bytes")

Result = dict[str, t.Any]


def info(session: Session, gather: t.Collection[str]) -> Result:
    """The table in the schema of ``ipvs_table``'s services, and what ``gather`` names."""
    loaded = session.loaded()
    result: Result = {"loaded": loaded, "version": None, "size": None, "services": []}
    tool = session.ipvsadm
    if loaded:
        listing = tool.listing("-Ln", "--thresholds")
        activity = parse.numbers(listing, "thresholds")
        result["version"], result["size"] = parse.header(listing)
        table = parse.table(tool.listing("-Sn"), activity)
        result["services"] = _services(table, _gathered(tool, gather, activity))
    if "timeouts" in gather:
        result["timeouts"] = parse.timeouts(tool.listing("-Ln", "--timeout"))._asdict() if loaded else None
    if "daemons" in gather:
        found = parse.daemons(tool.listing("-Ln", "--daemon")) if loaded else ()
        result["daemons"] = [daemon._asdict() for daemon in found]
    if "connections" in gather:
        result["connections"] = parse.connections(session.files.read(CONNECTIONS) or "")
    return result


def _gathered(tool: Ipvsadm, gather: t.Collection[str], activity: parse.Numbers) -> dict[str, parse.Numbers]:
    found = {"activity": activity} if "activity" in gather else {}
    if "persistent" in gather:
        found["persistent"] = parse.numbers(tool.listing("-Ln", "--persistent-conn"), "persistent-conn")
    for name, option in COUNTERS.items():
        if name in gather:
            # Without --exact large numbers end in K, M, G or T.
            found[name] = parse.numbers(tool.listing("-Ln", option, "--exact"), option.removeprefix("--"))
    return found


def _services(table: Table, gathered: t.Mapping[str, parse.Numbers]) -> list[Result]:
    services = []
    for key in sorted(table):
        service = {**render.service_options(table[key]), **_counted(gathered, key, None)}
        for options, found in zip(service["destinations"], table[key].destinations, strict=True):
            options.update(_counted(gathered, key, found.key))
        services.append(service)
    return services


def _counted(gathered: t.Mapping[str, parse.Numbers], key: ServiceKey, place: tuple[str, int] | None) -> Result:
    """The numbers of a destination, or of the service itself. What came after the first listing has zeros."""
    result: Result = {}
    for name, numbers in gathered.items():
        found = numbers.get((key, place), (0,) * len(COLUMNS))
        if name in COUNTERS:
            result[name] = dict(zip(COLUMNS, found, strict=True))
        elif place is not None and name == "activity":
            result["active_connections"], result["inactive_connections"] = found[2:4]
        elif place is not None:
            result["persistent_connections"] = found[1]
    return result
