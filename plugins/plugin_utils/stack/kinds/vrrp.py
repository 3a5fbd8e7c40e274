# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VIPs that move between the hosts of a tier: the options of VRRP, and the input of the role ``keepalived``."""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t
import zlib

from ..addresses import Address, versions
from ..hosts import Host
from ..model import Opening, Part, Step, Tier
from ..options import boolean, integer, number, option

HIGHEST = 200
SYNC_GROUP6 = "ff02::81"
SYNC_PORT = 8848
LINK_LOCAL = "fe80::/10"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Vrrp:
    """``router_id`` 0: worked out from the tier's name. Times are in seconds."""

    router_id: int = option(integer(0, 255), 0)
    advert_interval: float = option(number(0.01, 40), 0.1)
    missed_adverts: int = option(integer(1, 100), 7)
    preempt: bool = option(boolean, False)
    preempt_delay: int = option(integer(0, 1000), 0)
    multicast: bool = option(boolean, False)

    def router_id_of(self, tier: Tier, suffix: str = "") -> int:
        """1 to 255, another one on each side. A name always gives the same number: a reordered stack moves no VIP."""
        if self.router_id:
            return self.router_id % 255 + 1 if suffix else self.router_id
        return zlib.crc32((tier.name + suffix).encode()) % 255 + 1


class Side(t.NamedTuple):
    """VIPs in one network of the hosts; ``suffix`` sets its instances apart from those of the other side."""

    vips: t.Sequence[Address]
    interface: str = ""
    suffix: str = ""


def source(host: Host, vip: Address, interface: str) -> Address | None:
    """The address that a host sends its adverts from: its own in the VIP's network; elsewhere the first of the family."""
    for segment in host.segments(vip.version):
        if vip in segment.network:
            return segment.ip
    own = host.own(vip.version)
    return own[0] if own and (interface or host.options.interface) else None


def step(
    tier: Tier, vrrp: Vrrp, hosts: t.Sequence[Host], sides: t.Sequence[Side], extra: t.Callable[[Host], Part]
) -> Step:
    """The step that gives the hosts their VIPs; ``extra`` has what keepalived does for a host beside that."""
    parts = {
        host.name: {
            "name": tier.name,
            "state": tier.state,
            "instances": [made for side in sides for made in _instances(tier, vrrp, host, hosts, side)],
            **extra(host),
        }
        for host in hosts
    }
    if tier.state == "absent":
        about = ["taken back: the VIPs and all that keepalived did for this tier"]
    else:
        vips = ", ".join(str(vip) for side in sides for vip in side.vips)
        holds = f"one of them holds {vips}, {hosts[0].name} first" if len(hosts) > 1 else f"holds {vips}"
        about = [holds if vips else "checks the real servers; the VIPs stay with all of them"]
    openings = {} if tier.state == "absent" else {host: _openings(part, hosts) for host, part in parts.items()}
    return Step(f"{tier.name}: VIPs (keepalived)", tier.name, "main", "keepalived", parts, tuple(about), openings)


def _openings(part: Part, hosts: t.Sequence[Host]) -> tuple[Opening, ...]:
    """Adverts and shared connections, from the other hosts alone."""
    if len(hosts) < 2:
        return ()
    found = []
    for instance in part["instances"]:
        version = ipaddress.ip_interface(instance["addresses"][0]).version
        others = [str(one) for host in hosts for one in host.own(version)]
        if version == 6 and not instance["peers"]:
            # multicast leaves by a link-local address, which the inventory does not know
            others = [LINK_LOCAL]
        sources = tuple(instance["peers"] or (one for one in others if one != instance["source"]))
        found.append(Opening("vrrp", sources=sources))
    # by the interface that the VIPs are on; to 224.0.0.81, so over IPv4, unless another group is named
    six = "group" in part["sync_daemon"]
    sharing = (LINK_LOCAL,) if six else tuple(str(one) for host in hosts for one in host.own(4))
    if part["sync_daemon"] and sharing:
        found.append(Opening("udp", (SYNC_PORT,), sharing))
    return tuple(found)


def _instances(tier: Tier, vrrp: Vrrp, host: Host, hosts: t.Sequence[Host], side: Side) -> t.Iterator[Part]:
    for version in versions(side.vips):
        vips = [vip for vip in side.vips if vip.version == version]
        own = source(host, vips[0], side.interface)
        others = [source(other, vips[0], side.interface) for other in hosts if other is not host]
        yield {
            "name": f"{tier.name}{side.suffix}{version}",
            "interface": side.interface or host.options.interface,
            "virtual_router_id": vrrp.router_id_of(tier, side.suffix),
            "priority": HIGHEST - hosts.index(host),
            "advert_interval": vrrp.advert_interval,
            "missed_adverts": vrrp.missed_adverts,
            "preempt": vrrp.preempt,
            "preempt_delay": vrrp.preempt_delay,
            "source": str(own or ""),
            "peers": [] if vrrp.multicast else [str(one) for one in others if one],
            "addresses": [f"{vip}/{vip.max_prefixlen}" for vip in vips],
        }
