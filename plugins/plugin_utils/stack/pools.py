# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A member of a pool beside what its balancer says about it."""

from __future__ import annotations

import typing as t

from ..keepalived.foreign import Key, destination_key, keepalived_foreign, service_key
from .members import Member

Seen = t.Mapping[str, t.Any]
"""What ``stack_info`` returned on one host."""

MISSING = "it is not in the table"


class Row(t.NamedTuple):
    """``state``: ``up``, ``down``, ``drained`` or ``unknown``. None where nobody tells: ``rate`` is in connections a second.

    ``tier`` is that of ``by``, ``step`` the one that writes it, ``daemon`` ``ipvs``, ``nginx``, ``haproxy`` or ``dns``;
    ``ttl``: seconds that clients go on with an answer of the DNS, else 0. ``drained``: the name that ``by`` has noted its address
    under, its own if it can be; empty where it is not drained.
    """

    name: str
    address: str
    port: int
    service: str
    by: str
    tier: str
    step: str
    daemon: str
    ttl: int
    drained: str
    weight: int | None
    wanted_weight: int
    state: str
    check: str
    active: int | None
    inactive: int | None
    rate: float | None


class Told(t.NamedTuple):
    """What one daemon says of a member."""

    weight: int | None = None
    state: str = "unknown"
    check: str = ""
    active: int | None = None
    inactive: int | None = None
    rate: float | None = None


class Balancer(t.NamedTuple):
    """What one host ``said``, with its IPVS table by service and destination: a member is looked up, not looked for."""

    said: Seen
    ipvs: t.Mapping[tuple[Key, Key], t.Mapping[str, t.Any]]

    @classmethod
    def of(cls, said: Seen) -> Balancer:
        services = (said.get("ipvs") or {}).get("services", ())
        table = {(service_key(one), destination_key(it, one)): it for one in services for it in one["destinations"]}
        return cls(said, table)

    def drained(self, one: Member) -> str:
        """The name under which the member is noted. Roles go by addresses: who has that of another one is drained with it."""
        names = [name for name, addresses in (self.said.get("drained") or {}).items() if one.address in addresses]
        return one.name if one.name in names else next(iter(names), "")


def row(one: Member, balancer: Balancer | None) -> Row:
    """The member as its balancer has it; None where that was not reached."""
    told = READERS[one.daemon](one, balancer) if balancer else Told()
    drained = balancer.drained(one) if balancer else ""
    if told.state in ("up", "unknown") and (drained or one.weight == 0 or told.weight == 0) and balancer:
        told = told._replace(state="drained")
    place = (one.name, one.address, one.port, one.service, one.by, one.tier, one.step, one.daemon, one.ttl, drained)
    return Row(*place, told.weight, one.weight, *told[1:])


def foreign(own: t.Sequence[Member], said: Seen | None) -> list[str]:
    """What is in the IPVS table at these members' services, in words, and is not of the description."""
    services = {str(service_key(one.key[0])): one.key[0] for one in own}
    table = ((said or {}).get("ipvs") or {}).get("services", ())
    found = keepalived_foreign(table, list(services.values()))
    # weights are told row by row
    return [entry["text"] for entry in found if "weight" not in entry]


def _ipvs(one: Member, balancer: Balancer) -> Told:
    service, destination = one.key
    # checks of keepalived take members out; without them somebody did
    checks = ", ".join(check["type"] for check in service.get("checks", ()))
    it = balancer.ipvs.get((service_key(service), destination_key(destination, service)))
    if it is None:
        return Told(None, "down", f"{checks} fails, or somebody took it out" if checks else MISSING)
    dead = it["weight"] == 0 and one.weight > 0 and bool(service.get("inhibit_on_failure"))
    numbers = (it["active_connections"], it["inactive_connections"], it["rates"]["connections"])
    return Told(it["weight"], "down" if dead else "up", checks, *numbers)


def _nginx(one: Member, balancer: Balancer) -> Told:
    scope = ((balancer.said.get("nginx") or {}).get("pools") or {}).get(one.tier) or {}
    known = (scope.get(one.key[0]) or {}).get(one.key[1])
    if known is None:
        return Told()
    weight = 0 if known["drained"] else known["weight"]
    return Told(weight, "down" if known["out"] and not known["drained"] else "up", known["reason"])


def _haproxy(one: Member, balancer: Balancer) -> Told:
    haproxy = balancer.said.get("haproxy") or {}
    for pool in haproxy.get("backends", ()):
        for it in pool["servers"] if pool["name"] == one.key[0] else ():
            if it["name"] == one.key[1]:
                state = "up" if it["up"] else "down"
                weight = it["weight"] if it["state"] == "ready" else 0
                return Told(weight, state if it["state"] == "ready" else "drained", it["check"], it["sessions"])
    return Told(None, "down" if haproxy else "unknown", "HAProxy does not know it")


def _dns(_one: Member, _balancer: Balancer) -> Told:
    """The name server checks by itself, and tells nobody."""
    return Told()


READERS: dict[str, t.Callable[[Member, Balancer], Told]] = {
    "ipvs": _ipvs,
    "nginx": _nginx,
    "haproxy": _haproxy,
    "dns": _dns,
}
