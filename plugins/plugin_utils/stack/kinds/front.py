# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kinds ``nginx``, ``haproxy`` and ``redirect`` share: hosts whose own daemon answers clients, at VIPs if wished."""

from __future__ import annotations

import dataclasses
import typing as t

from ..addresses import Address
from ..hosts import Inventory
from ..model import Finding, Listener, Stack, Step, Tier
from ..options import address, choice, integer, listed, nested, number, option, text
from . import vips, vrrp
from .vrrp import Vrrp

EVERYWHERE = frozenset(("", "*", "0.0.0.0", "::"))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Check:
    """What every member of the pool must answer. Times are in seconds; ``rise`` and ``fall`` count answers in a row."""

    type: str = option(choice("http", "https", "tcp"), "")
    path: str = option(text, "/")
    host: str = option(text, "")
    port: int = option(integer(1, 65535), 0)
    interval: float = option(number(0.1, 3600), 2)
    timeout: float = option(number(0.1, 3600), 1)
    rise: int = option(integer(1, 1000), 2)
    fall: int = option(integer(1, 1000), 3)


def listeners(
    daemon: str, protocol: str, places: t.Iterable[tuple[str, str]], names: t.Iterable[str] = ("",)
) -> tuple[Listener, ...]:
    """Listeners at pairs of address and port as a daemon takes them; what has no single port is left out."""
    found: dict[int, list[str]] = {}
    for address_, port in places:
        if port.isdigit():
            found.setdefault(int(port), []).append(address_.strip("[]"))
    return tuple(
        Listener(protocol, port, name, daemon, () if EVERYWHERE & {*some} else tuple(some))
        for port, some in found.items()
        for name in names
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Front(Tier):
    """``vips`` move between the hosts on which the daemon runs; nobody is told to ask ``leaving_vips`` of them."""

    BACKENDS = ("servers", "nginx", "haproxy", "lvs", "external")

    hosts: str = option(text)
    check: Check | None = option(nested(Check), None)  # noqa: RUF009 - frozen
    vips: tuple[Address, ...] = option(listed(address), ())
    leaving_vips: tuple[Address, ...] = option(listed(address), ())
    vrrp: Vrrp = option(nested(Vrrp), Vrrp())  # noqa: RUF009 - frozen, so one may be shared
    interface: str = option(text, "")

    @property
    def addresses_for_clients(self) -> tuple[Address, ...]:
        return self.vips

    def router_ids(self, inventory: Inventory) -> tuple[int, ...]:
        return (self.vrrp.router_id_of(self),) if self.vips else ()

    def findings(self, stack: Stack, inventory: Inventory) -> t.Iterator[Finding]:
        hosts = inventory.members(self.hosts)
        yield from vips.leaving(self)
        yield from vips.in_networks(self, self.vips, hosts, self.interface, self.vrrp.multicast)

    def vip_steps(self, inventory: Inventory, daemon: str) -> t.Iterator[Step]:
        """The step that gives the hosts their VIPs, where there are some: without ``daemon`` a host must not have them."""
        watched = [] if self.state == "absent" else [f"{daemon}.service"]
        beside = {"virtual_servers": [], "sync_daemon": {}, "timeouts": {}, "drain_timeout": 0, "units": watched}
        if self.vips:
            hosts, sides = inventory.members(self.hosts), [vrrp.Side(self.vips, self.interface)]
            yield vrrp.step(self, self.vrrp, hosts, sides, lambda _host: beside)
