# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An lvs tier behind another one.

TUN in front: every director behind is a real server of it. All of them hold the VIPs on ``lo`` and serve what the tunnels
bring, so nothing moves between them. NAT in front: it sends to the VIPs of the tier behind, whose last servers reply
through it.
"""

from __future__ import annotations

import typing as t

from ....lvs.tunnels import segment_sizes as segments_in
from ...hosts import Host
from ...model import Finding
from .cluster import Cluster

Findings = t.Iterator[Finding]


def is_director(c: Cluster, server: Host) -> bool:
    """Whether a real server of this tier is a director of a tier behind."""
    return any(server in c.inventory.members(one.hosts) for one in c.cascades)


def segment_sizes(c: Cluster) -> dict[str, int]:
    """By family, the largest TCP segment that fits the tunnels by which requests come; empty where there are none."""
    sizes: dict[str, int] = {}
    for front in c.tunnels:
        if not front.tier.path_mtu:
            continue
        ways = [
            front.path(sender, director, version)
            for sender in front.directors
            for director in c.directors
            for version in front.versions
        ]
        pairs = [{"local": str(way.rip), "remote": str(way.dip)} for way in ways if way]
        tunnel = {"type": front.tier.tunnel.type, "checksum": front.tier.tunnel.checksum}
        for family, size in segments_in(pairs, [str(vip) for vip in c.tier.vips], tunnel, front.tier.path_mtu).items():
            sizes[family] = min(size, sizes.get(family, size))
    return sizes


def vips_are_known(c: Cluster) -> Findings:
    # of a tier in front that cannot be used, nothing is known
    if not c.tier.vips and not c.stack.broken:
        text = "vips: is missing; only behind an lvs tier of mode tun, whose VIPs they are, it can be left out"
        yield c.tier.finding("vips-of-tunnel", text)
    for front in c.tunnels:
        if front.tier.state != "present":
            text = f"vips: are those of tier {front.tier.name}, which goes: set state: absent here too, or write vips"
            yield c.tier.finding("vips-of-tunnel", text)


def nothing_moves(c: Cluster) -> Findings:
    defaults = {field.name: field.default for field in c.tier.__dataclass_fields__.values()}
    for name in ("vrrp", "sync") if c.tier.by_tunnel else ():
        if getattr(c.tier, name) != defaults[name]:
            text = f"{name}: behind a tunnel all directors hold the VIPs, and none moves: leave it out"
            yield c.tier.finding("mode-option", text)


def order(c: Cluster) -> Findings:
    for one in c.cascades:
        if c.tier.mode == "dr" or one.mode != "dr":
            text = f"backend: tier {one.name} is {one.mode} behind {c.tier.mode}; behind tun or nat stands dr"
            yield c.tier.finding("cascade", text)
        elif c.tier.mode == "tun" and not one.by_tunnel:
            text = f"vips: are those of tier {c.tier.name} in front, as a tunnel changes no address: leave them out"
            yield one.finding("vips-of-tunnel", text)
    if c.tier.mode == "nat" and c.cascades and len(c.cascades) < len(c.backends):
        text = "backend: in mode nat all tiers behind are of kind lvs, or none is"
        yield c.tier.finding("cascade", text)


def services_are_served(c: Cluster) -> Findings:
    for one in c.cascades:
        behind = Cluster.of(one, c.stack, c.inventory)
        served = {(port.protocol, port.port) for port in behind.ports}
        for port in c.ports:
            if port.to is not None and not {(port.protocol, port.to), (port.protocol, 0)} & served:
                text = (
                    f"protocol: tier {one.name} serves no {port.protocol} {port.to}: add it there, or leave it out here"
                )
                yield c.tier.finding("cascade", text)


def vips_are_reached(c: Cluster) -> Findings:
    """NAT sends to the VIP of the tier behind as to any neighbour."""
    for one in c.cascades if c.tier.mode == "nat" else ():
        for version in c.versions:
            if not any(vip.version == version for vip in one.vips):
                text = f"vips: tier {one.name} behind has no IPv{version} one: add one there"
                yield c.tier.finding("family", text)
        for director in c.directors:
            for vip in one.vips:
                segments = director.segments(vip.version)
                if segments and not any(vip in segment.network for segment in segments):
                    text = f"none of its networks holds {vip}, the VIP of tier {one.name}: take one that they share"
                    yield c.tier.finding("nat-network", text, director.name)


def checks(c: Cluster) -> Findings:
    """Directors that are reached by tunnel serve nothing at their own addresses."""
    for check in c.tier.check if c.tier.mode == "tun" and c.cascades else ():
        if check.type not in ("vip", "ping", "misc") and not check.port:
            text = f"check {check.type}: a director behind listens on no port of its own: take vip, ping or misc"
            yield c.tier.finding("cascade", text)


RULES: tuple[t.Callable[[Cluster], Findings], ...] = (
    vips_are_known,
    nothing_moves,
    order,
    services_are_served,
    vips_are_reached,
    checks,
)
