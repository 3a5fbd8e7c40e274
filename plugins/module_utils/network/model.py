# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses, tunnels, routes, rules and packet-filter rules as values that compare with ``==``. Pure."""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t

Key = tuple[object, ...]
TABLES = {"default": 253, "main": 254, "local": 255}
# Ahead of the kernel's own 1024, so a default route of the host or of a router's announcement stays beside ours.
METRIC = {4: 0, 6: 512}
# A tunnel's remote end that is any host, in the words of ip.
ANYBODY = "any"


class NetworkProblem(Exception):
    """What is asked for makes no sense, cannot be done, or failed; the text says what, where and what to do."""


@dataclasses.dataclass(frozen=True)
class Port:
    """A UDP port on which the kernel takes GUE (foo-over-UDP with a header) from any peer."""

    family: int
    number: int

    @property
    def key(self) -> Key:
        return ("port", self.family, self.number)


@dataclasses.dataclass(frozen=True)
class Tunnel:
    """A tunnel device; ``kind`` is the kernel's name for it, ``remote`` an address or ``ANYBODY``.

    ``mtu`` ``None``: whatever the kernel chose.
    """

    name: str
    kind: str
    local: str
    remote: str
    checksum: bool = False
    mtu: int | None = None
    up: bool = True

    @property
    def key(self) -> Key:
        return ("tunnel", self.name)

    def meets(self, wanted: Tunnel) -> bool:
        return wanted == (dataclasses.replace(self, mtu=None) if wanted.mtu is None else self)


@dataclasses.dataclass(frozen=True)
class Address:
    """An address with its prefix length on an interface; ``deprecated``: never chosen as a source (IPv6 only)."""

    interface: str
    address: str
    deprecated: bool = False

    @property
    def key(self) -> Key:
        return ("address", self.interface, self.address)

    @property
    def ip(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
        return ipaddress.ip_interface(self.address).ip

    @property
    def network(self) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
        return ipaddress.ip_interface(self.address).network


@dataclasses.dataclass(frozen=True)
class Route:
    """A route. ``interface`` ``None``: the kernel finds it; ``extra``: words of a foreign route, to put it back."""

    family: int
    to: str
    table: int = 254
    metric: int = 0
    type: str = "unicast"
    via: str | None = None
    interface: str | None = None
    onlink: bool = False
    advmss: int | None = None
    extra: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        return ("route", self.family, self.table, self.to, self.metric)

    def meets(self, wanted: Route) -> bool:
        interface = self.interface if wanted.interface is None else wanted.interface
        return self == dataclasses.replace(wanted, interface=interface, extra=self.extra)


@dataclasses.dataclass(frozen=True)
class Rule:
    """A rule of the routing policy; its own key, as the kernel has it. ``extra``: selectors that we never write."""

    family: int
    priority: int
    table: int
    source: str | None = None
    to: str | None = None
    fwmark: int | None = None
    protocol: str | None = None
    source_port: int | None = None
    suppress_prefixlength: int | None = None
    invert: bool = False
    extra: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        return ("rule", *dataclasses.astuple(self))


Item: t.TypeAlias = "Port | Tunnel | Address | Route | Rule"
KINDS: dict[str, type[Item]] = {"port": Port, "tunnel": Tunnel, "address": Address, "route": Route, "rule": Rule}
# (family, table of the packet filter) to the rules of the scope's own chain in it, without the chain's name.
Filters = t.Mapping[tuple[int, str], tuple[str, ...]]


@dataclasses.dataclass(frozen=True)
class Wanted:
    """All that one scope wants."""

    items: tuple[Item, ...] = ()
    filters: Filters = dataclasses.field(default_factory=dict)

    def of(self, kind: type[t.Any]) -> list[t.Any]:
        return [item for item in self.items if isinstance(item, kind)]

    def beside(self, earlier: Wanted) -> Wanted:
        """This and what was wanted ``earlier``; where both are about one thing, this."""
        items = {item.key: item for item in (*earlier.items, *self.items)}
        filters = {
            place: tuple(dict.fromkeys((*self.filters.get(place, ()), *earlier.filters.get(place, ()))))
            for place in {**earlier.filters, **self.filters}
        }
        return Wanted(tuple(items.values()), filters)


@dataclasses.dataclass(frozen=True)
class Record:
    """A scope's memory: what it laid down, and what it ``found`` in the place of some of that."""

    wanted: Wanted = Wanted()
    found: t.Mapping[Key, Item] = dataclasses.field(default_factory=dict)
    files: tuple[str, ...] = ()

    @property
    def items(self) -> dict[Key, Item]:
        return {item.key: item for item in self.wanted.items}


@dataclasses.dataclass(frozen=True)
class Link:
    """An interface; ``index`` is the kernel's number for it, ``kind`` its type (``""`` for hardware)."""

    name: str
    index: int
    kind: str = ""
    mac: str | None = None
    mtu: int = 0
    up: bool = False
    announces: bool = False


@dataclasses.dataclass(frozen=True)
class Live:
    """What is on the host. ``opaque`` are keys of routes that cannot be expressed here (several next hops);
    ``shadowed`` are routes behind another one of the same key, which comes first;
    ``secondaries`` are IPv4 addresses that the kernel may drop when their primary address goes."""

    links: t.Mapping[str, Link]
    items: t.Mapping[Key, Item]
    opaque: frozenset[Key] = frozenset()
    shadowed: tuple[Route, ...] = ()
    secondaries: tuple[Address, ...] = ()
    # (family, table) to the scope's own chain: ``None`` where there is none; then whether the hook jumps to it.
    chains: t.Mapping[tuple[int, str], tuple[tuple[str, ...] | None, bool]] = dataclasses.field(default_factory=dict)
    # The iptables to call, by family.
    tools: t.Mapping[int, str] = dataclasses.field(default_factory=dict)
