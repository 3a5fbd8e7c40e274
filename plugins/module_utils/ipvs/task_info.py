# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``ipvs_info`` does. It never runs ipvsadm before ip_vs is loaded, since that would load it."""

from __future__ import annotations

import typing as t

from . import parse, render
from .app import Session
from .model import DestinationKey, ServiceKey, Table
from .parse import Activity, Counters, Persistence, Place, Row
from .runner import Ipvsadm

CONNECTIONS = "/proc/net/ip_vs_conn_sync"
COUNTERS = {"stats": "--stats", "rates": "--rate"}

Result = dict[str, t.Any]


class Gathered(t.NamedTuple):
    """The numbers that were asked for; ``counters`` by their name in the result."""

    activity: t.Mapping[Place, Activity] | None
    persistent: t.Mapping[Place, Persistence] | None
    counters: t.Mapping[str, t.Mapping[Place, Counters]]


def info(session: Session, gather: t.Collection[str]) -> Result:
    """The table in the schema of ``ipvs_table``'s services, and what ``gather`` names."""
    loaded = session.loaded()
    result: Result = {"loaded": loaded, "version": None, "size": None, "services": []}
    tool = session.ipvsadm
    if loaded:
        listing = tool.listing("-Ln", "--thresholds")
        activity = parse.numbers(listing, Activity)
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


def _gathered(tool: Ipvsadm, gather: t.Collection[str], activity: t.Mapping[Place, Activity]) -> Gathered:
    def numbers(row: type[Row], *options: str) -> dict[Place, Row]:
        return parse.numbers(tool.listing("-Ln", *options), row)

    return Gathered(
        activity if "activity" in gather else None,
        numbers(Persistence, "--persistent-conn") if "persistent" in gather else None,
        # Without --exact large numbers end in K, M, G or T.
        {name: numbers(Counters, option, "--exact") for name, option in COUNTERS.items() if name in gather},
    )


def _services(table: Table, gathered: Gathered) -> list[Result]:
    services = []
    for key in sorted(table):
        service = {**render.service_options(table[key]), **_counted(gathered, key, None)}
        for options, found in zip(service["destinations"], table[key].destinations, strict=True):
            options.update(_counted(gathered, key, found.key))
        services.append(service)
    return services


def _counted(gathered: Gathered, key: ServiceKey, place: DestinationKey | None) -> Result:
    """The numbers of a destination, or of the service itself. What came after the first listing has zeros."""
    at = (key, place)
    result: Result = {name: numbers.get(at, Counters())._asdict() for name, numbers in gathered.counters.items()}
    if place is not None and gathered.activity is not None:
        found = gathered.activity.get(at, Activity())
        result |= {"active_connections": found.active, "inactive_connections": found.inactive}
    if place is not None and gathered.persistent is not None:
        result["persistent_connections"] = gathered.persistent.get(at, Persistence()).persistent
    return result
