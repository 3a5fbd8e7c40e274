# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kind ``external``: a balancer that somebody else runs, never touched; the servers behind it are prepared for it."""

from __future__ import annotations

import dataclasses
import typing as t

from ..addresses import Address
from ..hosts import Host, Inventory
from ..model import Finding, Opening, Stack, Step, Tier
from ..options import address, boolean, choice, integer, listed, option, some, text
from . import vips
from .lvs import rules
from .lvs.parts import dr_real_servers
from .servers import Servers


@dataclasses.dataclass(frozen=True, kw_only=True)
class External(Tier):
    """``mode: dr`` is direct server return, the box changes MAC addresses only; ``plain`` needs no preparation."""

    KIND = "external"
    BACKENDS = ("servers", "nginx", "haproxy")

    hosts: str = ""
    """Not an option: nothing of the inventory is the box."""
    min_available: int = 0
    """Not an option: nobody here drains it."""
    backend: str = option(text)
    mode: str = option(choice("dr", "plain"))
    vips: tuple[Address, ...] = option(some(address))
    addresses: tuple[Address, ...] = option(some(address))
    port: tuple[int, ...] = option(listed(integer(1, 65535)), ())
    send_proxy_protocol: bool = option(boolean, False)

    def ports(self, stack: Stack) -> tuple[int, ...]:
        return self.port

    @property
    def addresses_for_clients(self) -> tuple[Address, ...]:
        return self.vips

    def servers(self, stack: Stack, inventory: Inventory) -> list[Host]:
        behind = stack.behind(self)
        return inventory.members(behind.hosts) if behind else []

    def holders(self, stack: Stack, inventory: Inventory) -> list[Host]:
        return self.servers(stack, inventory) if self.mode == "dr" else []

    def findings(self, stack: Stack, inventory: Inventory) -> t.Iterator[Finding]:
        if self.mode != "dr":
            return
        servers = self.servers(stack, inventory)
        behind = stack.behind(self)
        if isinstance(behind, Servers) and behind.port:
            for port in sorted(set(self.port) - set(behind.port)):
                yield self.finding("port-mapping", rules.no_mapping(port, behind.name, behind.port))
        yield from vips.apart(self, self.vips, servers)
        yield from rules.gateways_apart(self, servers, {*self.addresses, *self.vips})
        yield from self._segments(servers)

    def _segments(self, servers: list[Host]) -> t.Iterator[Finding]:
        for version in sorted({vip.version for vip in self.vips}):
            own = [one for one in self.addresses if one.version == version]
            if not own:
                yield self.finding("family", f"addresses: the box has an IPv{version} VIP but no IPv{version} address")
            for server in servers if own else ():
                if not server.options.addresses:
                    yield rules.networks_unknown(self, server)
                elif not any(one in segment.network for one in own for segment in server.segments(version)):
                    yield self.finding("dr-segment", rules.not_on_segment("the box", version), server.name)

    def derive(self, stack: Stack, inventory: Inventory) -> t.Iterator[Step]:
        if self.mode == "dr":
            servers = self.servers(stack, inventory)
            behind = stack.behind(self)
            ports = self.port or (behind.ports(stack) if behind else ())
            opening = Opening("tcp", ports, (), tuple(map(str, self.vips)))
            openings = {server.name: (opening,) for server in servers if ports}
            yield dr_real_servers(self, self.vips, servers, dict.fromkeys(self.addresses), openings, {})
