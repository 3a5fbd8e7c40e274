# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An lvs tier together with its hosts: what the rules look at and the parts are made from."""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from ...addresses import Address, Path, versions
from ...hosts import Host, Inventory
from ...model import Stack, Tier
from .service import Service

if t.TYPE_CHECKING:
    from . import Lvs


class Port(t.NamedTuple):
    """One virtual service but for its address. ``to``: the real servers' port; ``None`` where it cannot be known."""

    service: Service
    protocol: str
    port: int
    to: int | None


class Target(t.NamedTuple):
    """What a director sends to. ``name`` is a host's, or that of the tier whose VIP it is."""

    name: str
    address: Address
    weight: int


@dataclasses.dataclass(frozen=True)
class Cluster:
    """``servers`` are prepared for this tier, ``fronts`` send to it.

    The servers are the hosts of ``backends``. Only where NAT sends to the VIPs of another lvs tier, they are the hosts
    behind that one: it is their replies that have to come back.
    """

    tier: Lvs
    directors: list[Host]
    servers: list[Host]
    backends: list[Tier]
    fronts: list[Tier]
    stack: Stack
    inventory: Inventory

    @classmethod
    def of(cls, tier: Lvs, stack: Stack, inventory: Inventory) -> Cluster:
        """``tier`` with all that stands behind it and in front of it."""
        backends = stack.all_behind(tier)
        found = {host.name: host for one in backends for host in _servers(tier, one, stack, inventory)}
        directors = inventory.members(tier.hosts)
        return cls(tier, directors, list(found.values()), backends, stack.fronts(tier), stack, inventory)

    @property
    def behind(self) -> str:
        """The names of the tiers behind."""
        return ", ".join(one.name for one in self.backends)

    @property
    def cascades(self) -> list[Lvs]:
        """The tiers behind that are lvs tiers themselves."""
        return [one for one in self.backends if isinstance(one, type(self.tier))]

    @property
    def tunnels(self) -> list[Cluster]:
        """The tiers in front by whose tunnels the requests come, also those on their way out."""
        if not self.tier.by_tunnel:
            return []
        tiers = (one for one in self.stack.tiers.values() if self.tier.name in one.needs)
        fronts = (one for one in tiers if isinstance(one, type(self.tier)) and one.mode == "tun")
        return [Cluster.of(one, self.stack, self.inventory) for one in fronts]

    @property
    def versions(self) -> list[int]:
        """The families of the VIPs."""
        return versions(self.tier.vips)

    def path(self, director: Host, server: Host, version: int) -> Path | None:
        """How requests for a VIP of this family travel; ``None`` where they cannot."""
        return self.inventory.path(director, server, self._families_outside(version), self.tier.mode == "tun")

    def _families_outside(self, version: int) -> tuple[int, ...]:
        """The families that may carry requests for a VIP of this one, the best first; only a tunnel has a choice."""
        if self.tier.mode != "tun":
            return (version,)
        return {"ipv4": (4,), "ipv6": (6,)}.get(self.tier.tunnel_family, (version, 10 - version))

    def paths(self, director: Host, version: int) -> list[tuple[Host, Path]]:
        """The real servers that can be reached, each with its path."""
        found = ((server, self.path(director, server, version)) for server in self.servers)
        return [(server, path) for server, path in found if path]

    def targets(self, director: Host, version: int) -> list[Target]:
        """The real servers of a director; NAT takes another lvs tier as one, at its VIPs."""
        if self.tier.mode == "nat" and self.cascades:
            vips = ((one.name, vip) for one in self.cascades for vip in one.vips)
            return [Target(name, vip, 1) for name, vip in vips if vip.version == version]
        return [Target(server.name, path.rip, server.options.weight) for server, path in self.paths(director, version)]

    def answers_from(self, server: Host) -> list[Address]:
        """The addresses that a real server's replies come from, before NAT changes them."""
        if self.tier.mode == "nat" and self.cascades:
            own = (one for one in self.cascades if server in _servers(self.tier, one, self.stack, self.inventory))
            return list(dict.fromkeys(vip for one in own for vip in one.vips))
        found = (self.path(director, server, version) for director in self.directors for version in self.versions)
        return list(dict.fromkeys(path.rip for path in found if path))

    def dips(self) -> list[str]:
        """The directors' addresses towards the real servers, each once."""
        used = {
            path.dip: None
            for director in self.directors
            for version in self.versions
            for _server, path in self.paths(director, version)
        }
        return [str(dip) for dip in used]

    @property
    def by_keepalived(self) -> bool:
        """Whether keepalived writes the directors' table and holds the VIPs."""
        return (len(self.directors) > 1 and not self.tier.by_tunnel) or bool(self.tier.check)

    @functools.cached_property
    def beside(self) -> list[Lvs]:
        """The other tiers that want something of this one's director."""
        names = {host.name for host in self.directors}
        return [
            one
            for one in self.stack.tiers.values()
            if isinstance(one, type(self.tier)) and one is not self.tier and one.state == "present"
            if any(host.name in names for host in self.inventory.members(one.hosts))
        ]

    @functools.cached_property
    def ports(self) -> list[Port]:
        """Every pair of protocol and port that the tier serves."""
        return [
            Port(service, protocol, port, self._server_port(service, port))
            for service in self.tier.services
            for protocol in service.protocol
            for port in service.port or self.listening
        ]

    @property
    def listening(self) -> tuple[int, ...]:
        """The ports that all real servers listen on; empty where they are not said."""
        said = [ports for ports in (one.ports(self.stack) for one in self.backends) if ports]
        return tuple(port for port in said[0] if all(port in ports for ports in said)) if said else ()

    def _server_port(self, service: Service, port: int) -> int | None:
        listening = self.listening
        if service.server_port is not None:
            return service.server_port
        if not listening or port in listening or port == 0:
            return port
        # NAT maps ports: where the servers have one port only, there is nothing to choose
        return listening[0] if self.tier.mode == "nat" and len(listening) == 1 else None


def _servers(tier: Lvs, backend: Tier, stack: Stack, inventory: Inventory) -> list[Host]:
    """The hosts of one tier behind that are prepared for ``tier``."""
    if tier.mode == "nat" and isinstance(backend, type(tier)):
        return [host for last in stack.all_behind(backend) for host in inventory.members(last.hosts)]
    return inventory.members(backend.hosts)
