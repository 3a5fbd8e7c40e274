# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kind ``lvs``: a director that spreads what its VIPs receive over real servers, by direct routing, NAT or tunnels."""

from __future__ import annotations

import dataclasses
import typing as t

from ...addresses import Address
from ...hosts import Host, Inventory
from ...model import Finding, Stack, Step, Tier
from ...options import (
    Invalid,
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
from . import cascade, directors, parts, rules, together
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
    """See docs/stack.md for every option. ``conntrack: None`` means what the mode needs.

    ``backends``: all names in ``backend``, which itself is the first. ``by_tunnel``: requests come wrapped from tiers in
    front, whose VIPs these are.
    """

    KIND = "lvs"
    BACKENDS = ("servers", "nginx", "haproxy", "lvs")

    hosts: str = option(text)
    backend: str = option(text)
    mode: str = option(choice("dr", "nat", "tun"))
    vips: tuple[Address, ...] = option(some(address), ())
    leaving_vips: tuple[Address, ...] = option(listed(address), ())
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
    drain_timeout: int = option(integer(0, 86400), 60)
    helpers: tuple[str, ...] = option(listed(choice(*HELPERS)), ())
    backends: tuple[str, ...] = ()
    by_tunnel: bool = False

    @property
    def addresses_for_clients(self) -> tuple[Address, ...]:
        return self.vips

    @property
    def own_addresses(self) -> tuple[Address, ...]:
        return self.inner_vips if self.by_tunnel else (*self.vips, *self.inner_vips)

    @property
    def needs(self) -> tuple[str, ...]:
        return self.backends

    def completed(self, tiers: t.Iterable[Tier]) -> Tier:
        if self.vips:
            return self
        fronts = (one for one in tiers if isinstance(one, Lvs) and one.mode == "tun" and self.name in one.needs)
        vips = tuple(dict.fromkeys(vip for one in fronts for vip in one.vips))
        return dataclasses.replace(self, vips=vips, by_tunnel=True) if vips else self

    def holders(self, stack: Stack, inventory: Inventory) -> list[Host]:
        if self.mode == "nat":
            return []
        behind = stack.all_behind(self)
        servers = [host for tier in behind for host in inventory.members(tier.hosts)]
        # the servers behind a tier that is reached by tunnel hold its VIPs, too
        further = [host for tier in behind if tier.kind == self.kind for host in tier.holders(stack, inventory)]
        return [*inventory.members(self.hosts), *servers, *further]

    @property
    def protocols(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(protocol for service in self.services for protocol in service.protocol))

    def asks(self, ports: tuple[int, ...]) -> list[tuple[str, int]]:
        return [
            (protocol, port)
            for service in self.services
            for protocol in service.protocol
            for port in ports
            if len(ports) == 1 or not service.port or {port, 0} & {*service.port, service.server_port}
        ]

    def ports(self, stack: Stack) -> tuple[int, ...]:
        return self._ports(self.services, stack)

    def tcp_ports(self, stack: Stack) -> tuple[int, ...]:
        # 0 is all of them, and none that could be asked
        return tuple(filter(None, self._ports([one for one in self.services if "tcp" in one.protocol], stack)))

    def _ports(self, services: t.Iterable[Service], stack: Stack) -> tuple[int, ...]:
        behind = stack.all_behind(self)
        shared = behind[0].ports(stack) if behind else ()
        return tuple(dict.fromkeys(port for service in services for port in service.port or shared))

    def router_ids(self, inventory: Inventory) -> tuple[int, ...]:
        sides = ("", directors.INNER) if self.inner_vips else ("",)
        moving = len(inventory.members(self.hosts)) > 1 and not self.by_tunnel
        return tuple(self.vrrp.router_id_of(self, side) for side in sides) if moving else ()

    @property
    def tracks_connections(self) -> bool:
        """What ``net.ipv4.vs.conntrack`` will be: NAT needs it for firewalls and source NAT, DR and TUN break."""
        return self.mode == "nat" if self.conntrack is None else self.conntrack

    @classmethod
    def load(cls, raw: t.Mapping[str, object]) -> tuple[t.Self | None, list[str]]:
        """The options of a service may stand in the tier: they hold for all its services, or are its only one."""
        given = raw.get("backend")
        several = given if isinstance(given, list) and given else [given]
        tier, services, problems = read_with_entries(cls, Service, {**raw, "backend": several[0]}, "services")
        try:
            backends = listed(text)(several)
        except Invalid as problem:
            # of a single one it has been said already
            problems += [f"backend {problem}"] if len(several) > 1 else []
            backends = t.cast("tuple[str, ...]", problem.usable or ())
        # VIPs that cannot be read are not left out: nothing may be taken over in their place
        if tier is None or (raw.get("vips") is not None and not tier.vips):
            return None, problems
        return dataclasses.replace(tier, services=services, backends=backends), problems

    def findings(self, stack: Stack, inventory: Inventory) -> t.Iterator[Finding]:
        cluster = Cluster.of(self, stack, inventory)
        for rule in (*rules.RULES, *cascade.RULES):
            yield from rule(cluster)

    @classmethod
    def check_together(cls, tiers: t.Sequence[Tier], stack: Stack, inventory: Inventory) -> t.Iterator[Finding]:
        yield from together.between_tiers([tier for tier in tiers if isinstance(tier, Lvs)], stack, inventory)

    def derive(self, stack: Stack, inventory: Inventory) -> t.Iterator[Step]:
        yield from parts.steps(Cluster.of(self, stack, inventory))
