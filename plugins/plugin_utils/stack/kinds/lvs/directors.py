# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directors that run keepalived: the VIPs move between them, and what does not answer its checks leaves the pool."""

from __future__ import annotations

import dataclasses
import typing as t

from ...model import Finding, Part, Step
from ...options import address, boolean, choice, integer, listed, number, option, text
from .. import vrrp
from .cluster import Cluster

if t.TYPE_CHECKING:
    from ...addresses import Address
    from ...hosts import Host

CHECKED = ("tcp", "http", "ssl", "smtp", "dns", "udp", "ping", "misc", "vip")
INNER = "in"
"""Suffix of the instances on the real servers' side of a NAT director."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Check:
    """What a real server must answer. Times are in seconds; 0 and empty mean the role's default."""

    type: str = option(choice(*CHECKED))
    port: int = option(integer(1, 65535), 0)
    path: str = option(text, "")
    host: str = option(text, "")
    status: str = option(text, "")
    query: str = option(text, "")
    name: str = option(text, "")
    payload: str = option(text, "")
    command: str = option(text, "")
    interval: float = option(number(0.1, 3600), 0)
    timeout: float = option(number(0.1, 3600), 0)
    retry: int | None = option(integer(0, 100), None)

    def part(self) -> Part:
        """The check as the role takes it."""
        given = {name: value for name, value in dataclasses.asdict(self).items() if value}
        return given if self.retry is None else {**given, "retry": self.retry}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pool:
    """When the real servers are enough of a service. ``inhibit_on_failure``: a dead one stays, at weight 0.

    ``sorry_server``: who gets all when they are not, one a family; ``sorry_port`` where it listens (NAT).
    """

    quorum: int = option(integer(1, 2**31 - 1), 1)
    hysteresis: int = option(integer(0, 2**31 - 1), 0)
    inhibit_on_failure: bool = option(boolean, False)
    sorry_server: tuple[Address, ...] = option(listed(address), ())
    sorry_port: int = option(integer(1, 65535), 0)


def sorry_servers(c: Cluster) -> t.Iterator[Finding]:
    """The directors can send to them as they send to real servers."""
    tier, given = c.tier, c.tier.pool.sorry_server
    if tier.pool.sorry_port and (tier.mode != "nat" or not given):
        yield tier.finding(
            "sorry-server", "pool.sorry_port: only nat maps ports, and only for a sorry_server: leave it out"
        )
    if given and tier.mode == "tun" and tier.tunnel.type != "ipip":
        words = f"pool.sorry_server: keepalived reaches it by ipip, not by {tier.tunnel.type}: leave it out"
        yield tier.finding("sorry-server", words)
    for one in given:
        twice = [other for other in given if other.version == one.version]
        if len(twice) > 1 and one == twice[0]:
            yield tier.finding("sorry-server", f"pool.sorry_server: give one of IPv{one.version}, not {len(twice)}")
        if one.version not in c.versions:
            yield tier.finding("sorry-server", f"pool.sorry_server: there is no IPv{one.version} VIP: leave {one} out")
        for director in c.directors:
            if tier.mode == "dr" and not any(one in segment.network for segment in director.segments(one.version)):
                words = f"pool.sorry_server: with dr it must be in a network of the director, and {one} is in none"
                yield tier.finding("sorry-server", words, director.name)


def moving_vips(c: Cluster) -> t.Iterator[Finding]:
    """The real servers of a NAT tier need a way back that moves with the VIPs."""
    tier = c.tier
    if tier.inner_vips and tier.mode != "nat":
        # they move on until the connections of nat have ended
        text = f"inner_vips: is for mode nat, not {tier.mode}: leave it out once the tier has moved (migrate.yml)"
        yield tier.finding("mode-option", text, severity="warning")
    if len(c.directors) > 1 and tier.mode == "nat" and not tier.one_armed:
        for version in c.versions:
            if not any(vip.version == version for vip in tier.inner_vips):
                words = "the real servers send their replies to, whoever holds the VIPs"
                yield tier.finding("inner-vips", f"inner_vips: give the IPv{version} address that {words}")
    for director in c.directors:
        for vip in tier.inner_vips:
            if not any(vip in segment.network for segment in director.segments(vip.version)):
                words = (
                    f"none of its networks holds the inner VIP {vip}: take a free address of the real servers' network"
                )
                yield tier.finding("inner-vips", words, director.name)
    if tier.mode == "nat" and not tier.one_armed:
        yield from _inner_vips_reached(c)


def _inner_vips_reached(c: Cluster) -> t.Iterator[Finding]:
    """Real servers send to them as to any neighbour."""
    for server in c.servers:
        for version in c.versions:
            inner = [vip for vip in c.tier.inner_vips if vip.version == version]
            networks = [segment.network for segment in server.segments(version)]
            if inner and networks and not any(vip in network for vip in inner for network in networks):
                words = f"none of its networks holds {' or '.join(map(str, inner))}, where its replies go: take a free address"
                yield c.tier.finding("inner-vips", f"inner_vips: {words} of its network", server.name)


def checked_vips(c: Cluster) -> t.Iterator[Finding]:
    """What asks real servers for the VIP needs real servers that hold it, and a TCP port."""
    for check in c.tier.check:
        if check.type == "vip" and c.tier.mode == "nat":
            yield c.tier.finding("check-vip", "check vip: with nat no real server holds the VIP: take another check")
        elif check.type == "vip" and (
            c.tier.fwmark or (not check.port and any(one.protocol != "tcp" for one in c.ports))
        ):
            words = "check vip: asks for one VIP by TCP: write port, the TCP port to ask, and leave fwmark out"
            yield c.tier.finding("check-vip", words)
        elif check.type == "vip" and _mixes_families(c):
            words = "check vip: asks real servers of the VIP's own family only: leave tunnel_family out, or take another check"
            yield c.tier.finding("check-vip", words)


def step(c: Cluster, services: t.Callable[[Host], list[Part]], timeouts: Part) -> Step:
    """The step that lets keepalived hold the VIPs and write the table."""
    sides = [] if c.tier.by_tunnel else [vrrp.Side(c.tier.vips, c.tier.interface)]
    if c.tier.inner_vips:
        sides.append(vrrp.Side(c.tier.inner_vips, suffix=INNER))

    daemon = _sync_daemon(c)

    def extra(director: Host) -> Part:
        return {
            "virtual_servers": [_checked(c, service) for service in services(director)],
            "sync_daemon": daemon,
            "timeouts": timeouts,
            "drain_timeout": c.tier.drain_timeout,
            "units": [],
        }

    return vrrp.step(c.tier, c.tier.vrrp, c.directors, sides, extra)


def gateways(c: Cluster, dips: t.Iterable[Address]) -> list[str]:
    """Where the real servers of a NAT tier send their replies: to whoever holds the VIPs."""
    return list(dict.fromkeys(str(one) for one in (c.tier.inner_vips or dips)))


def _checked(c: Cluster, service: Part) -> Part:
    pool = {name: getattr(c.tier.pool, name) for name in ("quorum", "hysteresis", "inhibit_on_failure")}
    found = {name: value for name, value in pool.items() if value} | _sorry_server(c, service)
    return {**service, **found, "checks": [check.part() for check in c.tier.check] or _default_checks(c, service)}


def _sorry_server(c: Cluster, service: Part) -> Part:
    """That of the service's family, forwarded to as the real servers are."""
    pool = c.tier.pool
    six = service.get("family") == "ipv6" or ":" in service.get("address", "")
    for one in pool.sorry_server:
        if (one.version == 6) == six:
            port = {"port": pool.sorry_port} if pool.sorry_port else {}
            return {"sorry_server": {"address": str(one), "forward": c.tier.mode, **port}}
    return {}


def _default_checks(c: Cluster, service: Part) -> list[Part]:
    """Whether a TCP port answers; a service without one is checked by a TCP port of its tier, or by ping.

    Directors behind a tunnel listen on no port of their own: they are asked for the VIP, which asks those behind them.
    """
    if c.tier.mode == "tun" and c.cascades:
        asked = service.get("protocol") == "tcp" and service["port"] and not _mixes_families(c)
        return [{"type": "vip" if asked else "ping"}]
    if service.get("protocol") == "tcp" and service["port"]:
        return [{"type": "tcp"}]
    ports = [one.to for one in c.ports if one.protocol == "tcp" and one.to]
    return [{"type": "tcp", "port": ports[0]}] if ports else [{"type": "ping"}]


def _sync_daemon(c: Cluster) -> Part:
    """A host has one, which the first tier of its directors that shares connections lays down.

    Each director sends and receives at any time. Where the daemon follows the VIPs, keepalived starts and stops it at each
    move; there 2.3.3 was seen to wait for the kernel's answer for ever, with VIPs that another director held too.
    """
    together = [c, *(Cluster.of(one, c.stack, c.inventory) for one in c.beside)]
    names = list(c.stack.tiers)
    sharing = [one for one in together if len(one.directors) > 1 and one.tier.sync and not one.tier.by_tunnel]
    first = min(sharing, key=lambda one: names.index(one.tier.name), default=None)
    # The kernel refuses it beside destinations of another family than their service.
    if first is not c or any(map(_mixes_families, together)):
        return {}
    return {
        "instance": f"{c.tier.name}{c.versions[0]}",
        "both": True,
        "id": c.tier.vrrp.router_id_of(c.tier),
        # The kernel's own group is one of IPv4, which an interface with IPv6 VIPs alone may not have.
        **({"group": vrrp.SYNC_GROUP6} if c.versions[0] == 6 else {}),
    }


def _mixes_families(c: Cluster) -> bool:
    return any(
        path.rip.version != version
        for director in c.directors
        for version in c.versions
        for _server, path in c.paths(director, version)
    )
