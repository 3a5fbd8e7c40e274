# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses: the types, and which pair of them a director and a real server talk over."""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t

if t.TYPE_CHECKING:
    from .hosts import Host

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def family(version: int) -> str:
    """``ipv4`` or ``ipv6``."""
    return f"ipv{version}"


def versions(addresses: t.Iterable[Address]) -> list[int]:
    """The families (4, 6) that occur, IPv4 first."""
    return sorted({one.version for one in addresses})


@dataclasses.dataclass(frozen=True, slots=True)
class Path:
    """How requests travel from a director to a real server; ``network``: the one both are in, where one is known."""

    dip: Address
    rip: Address
    network: Network | None = None


def on_link(director: Host, server: Host, version: int) -> Path | None:
    """The first pair of addresses of one family in a network that both hosts have."""
    for near in director.segments(version):
        for far in server.segments(version):
            if far.network == near.network:
                return Path(near.ip, far.ip, near.network)
    return None


def networks_known(*hosts: Host) -> bool:
    """Whether the inventory gives the networks of all these hosts, and not bare addresses only."""
    return all(host.options.addresses for host in hosts)


def path(director: Host, server: Host, families: tuple[int, ...], routed: bool) -> Path | None:
    """The pair of addresses in the first of ``families`` (4, 6) that both hosts have; ``None`` where there is none.

    A common network comes first; where there is none, ``routed`` (TUN) takes any pair.
    """
    for used in families:
        direct = on_link(director, server, used)
        if direct:
            return direct
        dips = [one for one in director.options.dip if one.version == used] or director.own(used)
        rips = server.own(used)
        if dips and rips and (routed or not networks_known(director, server)):
            return Path(dips[0], rips[0])
    return None
