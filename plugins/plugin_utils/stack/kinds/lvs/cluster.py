# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An lvs tier together with its hosts: what the rules look at and the parts are made from."""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from ...addresses import Path, versions
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


@dataclasses.dataclass(frozen=True)
class Cluster:
    """``fronts`` are the tiers that send to this one."""

    tier: Lvs
    directors: list[Host]
    servers: list[Host]
    backend: Tier
    fronts: list[Tier]
    stack: Stack
    inventory: Inventory

    @classmethod
    def of(cls, tier: Lvs, stack: Stack, inventory: Inventory) -> Cluster:
        """Something must stand behind ``tier``: ``check`` sees to that, so ``TypeError`` is a bug."""
        backend = stack.behind(tier)
        if backend is None:
            raise TypeError(f"behind tier {tier.name} stands nothing")
        directors, servers = inventory.members(tier.hosts), inventory.members(backend.hosts)
        return cls(tier, directors, servers, backend, stack.fronts(tier), stack, inventory)

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
        return len(self.directors) > 1 or bool(self.tier.check)

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
        """The ports of the real servers; empty where they are not said."""
        return self.backend.ports(self.stack)

    def _server_port(self, service: Service, port: int) -> int | None:
        listening = self.listening
        if service.server_port is not None:
            return service.server_port
        if not listening or port in listening or port == 0:
            return port
        # NAT maps ports: where the servers have one port only, there is nothing to choose
        return listening[0] if self.tier.mode == "nat" and len(listening) == 1 else None
