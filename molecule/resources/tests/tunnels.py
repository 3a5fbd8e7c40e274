# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a tier's packets must look like in their tunnel, read from its description."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import typing as t

from described import Tier

from lab.cluster import Lab

CLIENT = {4: "198.51.100.10", 6: "2001:db8:0:51::10"}
# Every packet in a packet, as tcpdump's filter.
ANY = "ip proto 4 or ip proto 41 or ip proto 47 or ip6 proto 4 or ip6 proto 41 or ip6 proto 47 or udp port 6080"


def version(address: str) -> int:
    """4 or 6."""
    return 6 if ":" in address else 4


@dataclasses.dataclass(frozen=True)
class Tunnel:
    """The tunnel that carries requests for one VIP; ``family`` is that of the packet outside."""

    vip: str
    family: int
    from_anybody: bool
    type: str = "ipip"
    port: int = 0
    checksum: str = "none"

    @classmethod
    def of(cls, tier: Tier, vip: str) -> Tunnel:
        """Without a family in the tier: the VIP's own."""
        family = int(tier.get("tunnel_family", f"ipv{version(vip)}")[-1])
        return cls(vip, family, tier.get("tunnel_from_anybody", False), **tier.get("tunnel", {}))

    @property
    def client(self) -> str:
        """The client's address towards the VIP."""
        return CLIENT[version(self.vip)]

    def end(self, addresses: t.Iterable[str]) -> str:
        """Which of a host's addresses is its end of the tunnel."""
        return next(address for address in addresses if version(address) == self.family)

    def request(self, dip: str, rip: str, port: int) -> re.Pattern[str]:
        """What tcpdump says of a wrapped request to a port of the VIP; into GUE it does not look."""
        inside = rf".*{self.client}[.]\d+ > {self.vip}[.]{port}: "
        # An offset is said only where there is a checksum.
        summed = ", off 0x0" if self.checksum == "csum" else ""
        header = {
            "ipip": rf"{dip} > {rip}: {inside}",
            "gre": rf"{dip} > {rip}: GREv0{summed}, proto {inside}",
            "gue": rf"{dip}[.]\d+ > {rip}[.]{self.port}: UDP",
        }
        return re.compile(header[self.type])

    @property
    def forged(self) -> str:
        """The same tunnel in the words of ``forge.py``."""
        return {"gue": f"gue:{self.port}", "gre": "gre+csum" if self.checksum == "csum" else "gre"}.get(
            self.type, "ipip"
        )


@contextlib.contextmanager
def icmp_filtered(lab: Lab) -> t.Iterator[None]:
    """Nobody tells the client that its packets are too big: the router drops the director's ICMP, and it forgets."""
    rules = [
        f"ip {family} rule %s iif eth0 ipproto {name} blackhole"
        for family, name in (("-4", "icmp"), ("-6", "ipv6-icmp"))
    ]
    lab.run("client", "ip route flush cache && ip -6 route flush cache")
    try:
        lab.run("router", " && ".join(rule % "add" for rule in rules))
        yield
    finally:
        lab.run("router", "; ".join(rule % "delete" for rule in rules))
