# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory says about hosts: its own data, never facts, and only of the hosts that a tier names."""

from __future__ import annotations

import dataclasses
import typing as t

from .addresses import Address, Interface, Path, path
from .model import Finding
from .options import Invalid, address, cidr, integer, listed, option, read, text

Variables = t.Callable[[str, tuple[str, ...]], t.Mapping[str, object]]
MAX_WEIGHT = 2**31 - 1  # Debian's ipvsadm; upstream's stops at 65535


@dataclasses.dataclass(frozen=True, kw_only=True)
class HostOptions:
    """The variables of a host; in the inventory each is called ``lb_`` and its name."""

    addresses: tuple[Interface, ...] = option(listed(cidr), ())
    gateway: tuple[Address, ...] = option(listed(address), ())
    weight: int = option(integer(0, MAX_WEIGHT), 1)
    interface: str = option(text, "")
    dip: tuple[Address, ...] = option(listed(address), ())


KEYS = tuple(f"lb_{field.name}" for field in dataclasses.fields(HostOptions))


@dataclasses.dataclass(frozen=True)
class Host:
    """A host of the inventory. ``bare`` is the literal ``ansible_host`` of one that has no ``lb_addresses``."""

    name: str
    options: HostOptions
    bare: tuple[Address, ...] = ()
    problems: tuple[str, ...] = ()

    def own(self, version: int) -> list[Address]:
        """Its addresses of one family (4 or 6), in the inventory's order."""
        known = [entry.ip for entry in self.options.addresses] if self.options.addresses else self.bare
        return [one for one in known if one.version == version]

    @property
    def written(self) -> tuple[str, ...]:
        """All its addresses as text, IPv4 first."""
        return tuple(str(one) for version in (4, 6) for one in self.own(version))

    def segments(self, version: int) -> list[Interface]:
        """The same with their networks; empty where the networks are not known."""
        return [entry for entry in self.options.addresses if entry.version == version]

    def holds(self, one: Address) -> bool:
        """Whether ``one`` is an address of a NIC of this host."""
        return one in self.own(one.version)

    def gateways(self, version: int) -> list[Address]:
        return [one for one in self.options.gateway if one.version == version]


class Inventory:
    """Groups and hosts of the whole inventory. ``variables(host, keys)`` gives those of the keys that are set."""

    def __init__(self, groups: t.Mapping[str, t.Sequence[str]], variables: Variables) -> None:
        self._groups = groups
        self._variables = variables
        self._paths: dict[tuple[str, str, tuple[int, ...], bool], Path | None] = {}
        self._hosts: dict[str, Host] = {}

    @property
    def groups(self) -> t.Mapping[str, t.Sequence[str]]:
        return self._groups

    def members(self, group: str) -> list[Host]:
        """The hosts of a group in the inventory's order; empty where there is no such group."""
        return [self.host(name) for name in self._groups.get(group, ())]

    def without(self, name: str) -> Inventory:
        """The same without one host."""
        groups = {group: [host for host in hosts if host != name] for group, hosts in self._groups.items()}
        return Inventory(groups, self._variables)

    def host(self, name: str) -> Host:
        """One host, read at its first use."""
        if name not in self._hosts:
            self._hosts[name] = _read(name, self._variables(name, (*KEYS, "ansible_host")))
        return self._hosts[name]

    def path(self, director: Host, server: Host, families: tuple[int, ...], routed: bool) -> Path | None:
        """``addresses.path``, computed once for every pair of hosts however many services they share."""
        key = (director.name, server.name, families, routed)
        if key not in self._paths:
            self._paths[key] = path(director, server, families, routed)
        return self._paths[key]

    def findings(self) -> list[Finding]:
        """What is wrong with the hosts read so far, and addresses that two of them claim."""
        found = [
            Finding("", host.name, "host-variables", text) for host in self._hosts.values() for text in host.problems
        ]
        owner: dict[Address, str] = {}
        for host in self._hosts.values():
            for one in (*host.own(4), *host.own(6)):
                first = owner.setdefault(one, host.name)
                if first != host.name:
                    found.append(Finding("", host.name, "address-twice", f"{one} is an address of {first} too"))
        return found


def _read(name: str, variables: t.Mapping[str, object]) -> Host:
    given = {key: variables[key] for key in KEYS if variables.get(key) is not None}
    options, problems = read(HostOptions, given, prefix="lb_")
    options = options or HostOptions()
    for one in options.dip:
        if options.addresses and all(one != entry.ip for entry in options.addresses):
            problems.append(f"lb_dip {one} is not among its lb_addresses")
    bare: tuple[Address, ...] = ()
    # an empty list, as a template may give it, says as little as none
    if given.get("lb_addresses", []) == []:
        try:
            bare = (address(variables.get("ansible_host", name)),)
        except Invalid:
            problems.append("has no address: set lb_addresses to a list such as [10.20.0.11/24]")
    return Host(name, options, bare, tuple(problems))
