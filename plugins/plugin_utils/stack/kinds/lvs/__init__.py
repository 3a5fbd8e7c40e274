# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kind ``lvs``: a director that spreads what its VIPs receive over real servers, by direct routing, NAT or tunnels."""

from __future__ import annotations

import dataclasses
import typing as t

from ...addresses import Address
from ...hosts import Inventory
from ...model import Finding, Stack, Step, Tier
from ...options import (
    address,
    boolean,
    choice,
    integer,
    listed,
    nested,
    option,
    read_with_entries,
    settings,
    some,
    text,
)
from ..vrrp import Vrrp
from . import directors, parts, rules, together
from .cluster import Cluster
from .directors import Check, Pool
from .service import Service

MAX_TIMEOUT = 31 * 86400  # seconds; the kernel's own limit
HELPERS = ("ftp", "sip")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tunnel:
    """The encapsulation of TUN. ``port`` is GUE's UDP port; ``checksum`` what the outer header carries."""

    type: str = option(choice("ipip", "gue", "gre"), "ipip")
    port: int = option(integer(0, 65535), 0)
    checksum: str = option(choice("none", "csum", "remcsum"), "none")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Timeouts:
    """Seconds until the kernel forgets an idle connection; 0 leaves what is set."""

    tcp: int = option(integer(0, MAX_TIMEOUT), 0)
    tcpfin: int = option(integer(0, MAX_TIMEOUT), 0)
    udp: int = option(integer(0, MAX_TIMEOUT), 0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lvs(Tier):
    """See docs/stack.md for every option. ``conntrack: None`` means what the mode needs."""

    KIND = "lvs"
    BACKENDS = ("servers", "nginx", "haproxy")

    hosts: str = option(text)
    backend: str = option(text)
    mode: str = option(choice("dr", "nat", "tun"))
    vips: tuple[Address, ...] = option(some(address))
    services: tuple[Service, ...] = ()
    fwmark: int = option(integer(1, 2**32 - 1), 0)
    inner_vips: tuple[Address, ...] = option(listed(address), ())
    vrrp: Vrrp = option(nested(Vrrp), Vrrp())  # noqa: RUF009 - frozen, so one may be shared
    sync: bool = option(boolean, True)
    check: tuple[Check, ...] = option(listed(nested(Check)), ())
    pool: Pool = option(nested(Pool), Pool())  # noqa: RUF009 - frozen, so one may be shared
    interface: str = option(text, "")
    one_armed: bool = option(boolean, False)
    gateway_mode: str = option(choice("replies", "default"), "replies")
    tunnel: Tunnel = option(nested(Tunnel), Tunnel())  # noqa: RUF009 - frozen, so one may be shared
    tunnel_family: str = option(choice("ipv4", "ipv6"), "")
    tunnel_from_anybody: bool = option(boolean, False)
    path_mtu: int = option(integer(0, 65535), 1500)
    conn_tab_bits: int = option(integer(8, 27), 0)
    conntrack: bool | None = option(boolean, None)
    sysctls: tuple[tuple[str, str | int], ...] = option(settings, ())
    timeouts: Timeouts = option(nested(Timeouts), Timeouts())  # noqa: RUF009 - frozen, so one may be shared
    keep_weights: bool = option(boolean, False)
    drain_timeout: int = option(integer(0, 86400), 0)
    helpers: tuple[str, ...] = option(listed(choice(*HELPERS)), ())

    @property
    def addresses_for_clients(self) -> tuple[Address, ...]:
        return self.vips

    @property
    def own_addresses(self) -> tuple[Address, ...]:
        return (*self.vips, *self.inner_vips)

    def ports(self, stack: Stack) -> tuple[int, ...]:
        return self._ports(self.services, stack)

    def tcp_ports(self, stack: Stack) -> tuple[int, ...]:
        # 0 is all of them, and none that could be asked
        return tuple(filter(None, self._ports([one for one in self.services if "tcp" in one.protocol], stack)))

    def _ports(self, services: t.Iterable[Service], stack: Stack) -> tuple[int, ...]:
        behind = stack.behind(self)
        shared = behind.ports(stack) if behind else ()
        return tuple(dict.fromkeys(port for service in services for port in service.port or shared))

    def router_ids(self, inventory: Inventory) -> tuple[int, ...]:
        sides = ("", directors.INNER) if self.inner_vips else ("",)
        several = len(inventory.members(self.hosts)) > 1
        return tuple(self.vrrp.router_id_of(self, side) for side in sides) if several else ()

    @property
    def tracks_connections(self) -> bool:
        """What ``net.ipv4.vs.conntrack`` will be: NAT needs it for firewalls and source NAT, DR and TUN break."""
        return self.mode == "nat" if self.conntrack is None else self.conntrack

    @classmethod
    def load(cls, raw: t.Mapping[str, object]) -> tuple[t.Self | None, list[str]]:
        """The options of a service may stand in the tier: they hold for all its services, or are its only one."""
        tier, services, problems = read_with_entries(cls, Service, raw, "services")
        return (dataclasses.replace(tier, services=services) if tier else None), problems

    def findings(self, stack: Stack, inventory: Inventory) -> t.Iterator[Finding]:
        cluster = Cluster.of(self, stack, inventory)
        for rule in rules.RULES:
            yield from rule(cluster)

    @classmethod
    def check_together(cls, tiers: t.Sequence[Tier], stack: Stack, inventory: Inventory) -> t.Iterator[Finding]:
        yield from together.between_tiers([tier for tier in tiers if isinstance(tier, Lvs)], stack, inventory)

    def derive(self, stack: Stack, inventory: Inventory) -> t.Iterator[Step]:
        yield from parts.steps(Cluster.of(self, stack, inventory))
