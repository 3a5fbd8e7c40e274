# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold on the host before anything is changed. Pure."""

from __future__ import annotations

import typing as t

from .model import Address, Key, Live, NetworkProblem, Record, Route, Tunnel, Wanted


def check(scope: str, wanted: Wanted, record: Record, others: t.Mapping[str, Record], live: Live) -> None:
    """Raises ``NetworkProblem`` with one finding a line."""
    problems = [
        *_interfaces(wanted, live),
        *_scopes(scope, wanted, others),
        *_addresses(wanted, record, others, live),
        *_tunnels(wanted, record, others, live),
        *_routes(wanted, live),
    ]
    if problems:
        raise NetworkProblem("\n".join(problems))


def _interfaces(wanted: Wanted, live: Live) -> t.Iterator[str]:
    there = {*live.links, *(tunnel.name for tunnel in wanted.of(Tunnel))}
    for item in (*wanted.of(Address), *wanted.of(Route)):
        if item.interface is not None and item.interface not in there:
            what = item.address if isinstance(item, Address) else f"route to {item.to}"
            yield f"{what}: there is no interface {item.interface} here, only {', '.join(sorted(live.links))}"


def _scopes(scope: str, wanted: Wanted, others: t.Mapping[str, Record]) -> t.Iterator[str]:
    for name, other in sorted(others.items()):
        theirs = other.items
        for item in wanted.items:
            if theirs.get(item.key, item) != item:
                yield (
                    f"{' '.join(map(str, item.key))}: scope {scope} and scope {name} want it differently;"
                    " give both the same, or make one of them absent"
                )


def _addresses(wanted: Wanted, record: Record, others: t.Mapping[str, Record], live: Live) -> t.Iterator[str]:
    owners: dict[Key, str] = {key: name for name, other in sorted(others.items()) for key in other.items}
    here = [item for item in live.items.values() if isinstance(item, Address) and not item.ip.is_link_local]
    leaving = set(record.items) - {item.key for item in wanted.items} - set(owners) - set(record.found)
    # A tunnel may borrow an address of the host: that is how a point-to-point device is numbered.
    states = (wanted, record.wanted, *(other.wanted for other in others.values()))
    tunnels = {tunnel.name for state in states for tunnel in state.of(Tunnel)}
    for item in wanted.of(Address):
        for other in here:
            if other.ip != item.ip or other.key in leaving or other.key == item.key:
                continue
            if tunnels & {item.interface, other.interface}:
                continue
            owner = f" (scope {owners[other.key]})" if other.key in owners else ""
            where = f"{item.address} is wanted on {item.interface}, but {other.address} is on {other.interface}{owner}"
            yield f"{where}: a host holds a virtual address once; remove one of them"


def _tunnels(wanted: Wanted, record: Record, others: t.Mapping[str, Record], live: Live) -> t.Iterator[str]:
    ours = {*record.items, *(key for other in others.values() for key in other.items)}
    for item in wanted.of(Tunnel):
        now = live.items.get(item.key)
        if item.key in ours and item.key not in record.found:
            continue
        if item.name in live.links and not (isinstance(now, Tunnel) and now.meets(item)):
            yield f"tunnel {item.name}: an interface of this name, not made by this module, is there; choose another"


def _routes(wanted: Wanted, live: Live) -> t.Iterator[str]:
    for item in wanted.of(Route):
        if item.key in live.opaque:
            yield (
                f"route to {item.to} in table {item.table}: there is one that this module cannot put back (several next"
                " hops or another type); give another metric or table, or remove it first"
            )
