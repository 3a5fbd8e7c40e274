# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kind ``dns``: name servers that answer with the addresses of the tier behind, those that work."""

from __future__ import annotations

import dataclasses
import typing as t

from ..hosts import Host, Inventory
from ..model import Finding, Listener, Opening, Part, Stack, Step, Tier
from ..options import Invalid, choice, integer, listed, mapping, nested, option, read_with_entries, some, text
from .targets import client_addresses

ANSWERS = ("all", "weighted", "failover", "geo", "hashed")
WHEN_DOWN = ("all", "none", "servfail", "fallback")
PORT = 53
WEB_PORTS = {"http": 80, "https": 443}
TAKEN = {"name": "zone", "records": "records", "balanced": "names"}
"""Options of a zone that the tier has under its own names."""


def zone_options(value: object) -> t.Mapping[str, t.Any]:
    """A parser of options."""
    found = mapping(value)
    wrong = [f"has {key}: write it as {own} of the tier" for key, own in TAKEN.items() if key in found]
    if wrong:
        raise Invalid("; ".join(wrong))
    return found


@dataclasses.dataclass(frozen=True, kw_only=True)
class Check:
    """What every address must answer, asked by each name server itself. ``timeout`` is in seconds."""

    type: str = option(choice("none", "tcp", "http", "https"), "tcp")
    path: str = option(text, "")
    host: str = option(text, "")
    contains: str = option(text, "")
    port: int = option(integer(1, 65535), 0)
    timeout: int = option(integer(1, 60), 0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Name:
    """One balanced name: the addresses of one tier or more. With ``failover`` the first tier is answered while it is up."""

    record: str = option(text)
    backend: tuple[str, ...] = option(some(text))
    answer: str = option(choice(*ANSWERS), "all")
    weights: tuple[int, ...] = option(listed(integer(0, 10**6)), ())
    count: int | None = option(integer(0, 100), None)
    ttl: int = option(integer(0, 86400), 30)
    check: Check = option(nested(Check), Check())  # noqa: RUF009 - frozen, so one may be shared
    when_down: str = option(choice(*WHEN_DOWN), "all")
    places: t.Mapping[str, t.Any] | None = option(mapping, None)
    fallback: tuple[str, ...] = option(listed(text), ())


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dns(Tier):
    """``records`` are plain ones, ``zone_options`` what else the role takes for a zone, both as the role takes them."""

    KIND = "dns"
    BACKENDS = ("nginx", "haproxy", "redirect", "lvs", "servers", "external")

    hosts: str = option(text)
    backend: str = ""
    """Not the tier's option: each of its names has its own."""
    zone: str = option(text)
    names: tuple[Name, ...] = ()
    records: tuple[t.Mapping[str, t.Any], ...] = option(listed(mapping), ())
    zone_options: t.Mapping[str, t.Any] | None = option(zone_options, None)

    @classmethod
    def load(cls, raw: t.Mapping[str, object]) -> tuple[t.Self | None, list[str]]:
        """The options of a name may stand in the tier: they hold for all its names, or are its only one."""
        tier, names, problems = read_with_entries(cls, Name, raw, "names")
        return (dataclasses.replace(tier, names=names) if tier else None), problems

    @property
    def needs(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(backend for name in self.names for backend in name.backend))

    def ports(self, stack: Stack) -> tuple[int, ...]:
        return (PORT,)

    def listeners(self, stack: Stack, host: Host) -> tuple[Listener, ...]:
        # tiers on the same hosts share the server, but a zone is one tier's
        zone = f"zone {self.zone}"
        return tuple(Listener(protocol, PORT, zone, self.KIND, host.written) for protocol in ("udp", "tcp"))

    def findings(self, stack: Stack, inventory: Inventory) -> t.Iterator[Finding]:
        hosts = inventory.members(self.hosts)
        if len(hosts) == 1:
            text_ = "hosts: one name server alone is missing while it restarts: take two, best at different sites"
            yield self.finding("name-servers", text_, severity="warning")
        for name in self.names:
            if name.weights and len(name.weights) != len(name.backend):
                text_ = f"weights: {name.record} has {len(name.weights)} of them for {len(name.backend)} tiers: one for each"
                yield self.finding("dns-weights", text_)
            for tier in (stack.tiers[one] for one in name.backend):
                yield from self._reachable(name, tier, stack, inventory)
            asked = {self._port(name, stack.tiers[one], stack) for one in name.backend} - {0}
            if len(asked) > 1 and name.check.type != "none":
                ports = " and ".join(map(str, sorted(asked)))
                text_ = f"check: all tiers of {name.record} are asked at one port, but have {ports}: say which, or take names"
                yield self.finding("port-missing", f"{text_} of their own")
            for place in set(name.places or {}) - set(name.backend):
                text_ = f"places: {place} is no backend of {name.record}; it has {', '.join(name.backend)}"
                yield self.finding("places", text_)
        records = [name.record for name in self.names]
        for record in sorted({one for one in records if records.count(one) > 1}):
            yield self.finding("record-twice", f"names: {record} is there twice: give one entry both backends")

    def _reachable(self, name: Name, tier: Tier, stack: Stack, inventory: Inventory) -> t.Iterator[Finding]:
        if not client_addresses(tier, inventory):
            yield self.finding(
                "dns-address", f"backend: tier {tier.name} has no address: set lb_addresses of its hosts"
            )
        if name.check.type != "none" and not self._port(name, tier, stack):
            text_ = f"check: say which port of {tier.name} it asks for {name.record}, as the tier says none, or several"
            yield self.finding("port-missing", text_)
        inside = {host.name for host in tier.holders(stack, inventory)}
        for host in inventory.members(self.hosts):
            if host.name in inside:
                text_ = f"is in tier {tier.name} too: its check of the VIP would not leave the host: use another host"
                yield self.finding("client-in-tier", text_, host.name)

    def _port(self, name: Name, tier: Tier, stack: Stack) -> int:
        ports = tier.ports(stack)
        usual = WEB_PORTS.get(name.check.type, 0)
        return name.check.port or (ports[0] if len(ports) == 1 else usual if usual in ports else 0)

    def derive(self, stack: Stack, inventory: Inventory) -> t.Iterator[Step]:
        hosts = inventory.members(self.hosts)
        zones = [self._zone(stack, inventory)] if self.state == "present" else []
        parts = {
            host.name: {
                "name": self.name,
                "state": self.state,
                "zones": zones,
                "listen": [str(one) for version in (4, 6) for one in host.own(version)],
            }
            for host in hosts
        }
        about = self._about(zones) if zones else ["taken back: all that this tier laid down"]
        asked = (Opening("udp", (PORT,)), Opening("tcp", (PORT,)))
        openings = {host.name: asked for host in hosts} if zones else {}
        yield Step(f"{self.name}: dns", self.name, "main", "dns_lb", parts, tuple(about), openings)

    def _zone(self, stack: Stack, inventory: Inventory) -> Part:
        servers = [f"ns{number}" for number, _host in enumerate(inventory.members(self.hosts), start=1)]
        hosts = zip(servers, inventory.members(self.hosts), strict=True)
        own = [
            {"name": server, "type": kind, "values": [str(one) for one in host.own(version)]}
            for server, host in hosts
            for kind, version in (("A", 4), ("AAAA", 6))
            if host.own(version)
        ]
        return {
            "name": self.zone,
            "nameservers": servers,
            "records": [*own, *map(dict, self.records)],
            "balanced": [self._balanced(name, stack, inventory) for name in self.names],
            **(self.zone_options or {}),
        }

    def _balanced(self, name: Name, stack: Stack, inventory: Inventory) -> Part:
        addresses = []
        for place, backend in enumerate(name.backend):
            tier = stack.tiers[backend]
            for _name, address, weight in client_addresses(tier, inventory):
                addresses.append(
                    {
                        "address": str(address),
                        "priority": place + 1,
                        "weight": weight * (name.weights[place] if name.weights else 1),
                        **(name.places or {}).get(backend, {}),
                    }
                )
        found: Part = {"name": name.record, "answer": name.answer, "ttl": name.ttl, "when_down": name.when_down}
        found["addresses"] = addresses
        if name.count is not None:
            found["count"] = name.count
        if name.fallback:
            found["fallback"] = list(name.fallback)
        if name.check.type != "none":
            check = {key: value for key, value in dataclasses.asdict(name.check).items() if value}
            port = self._port(name, stack.tiers[name.backend[0]], stack)
            found["check"] = {**check, "port": port}
        return found

    def _about(self, zones: list[Part]) -> t.Iterator[str]:
        for zone in zones:
            for one in zone["balanced"]:
                places = ", ".join(entry["address"] for entry in one["addresses"])
                yield f"{one['name']}.{zone['name']}: {one['answer']} of {places}"
