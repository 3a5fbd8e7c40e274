# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be true of VIPs, whatever the tier that has them."""

from __future__ import annotations

import typing as t

from ..addresses import Address, versions
from ..hosts import Host, Inventory
from ..model import Finding, Tier


def leaving(tier: Tier) -> t.Iterator[Finding]:
    """VIPs that leave are still among those of the tier, and leave others behind that can be asked."""
    there = tier.addresses_for_clients
    for vip in tier.leaving_vips:
        if vip not in there:
            text = f"leaving_vips: {vip} is none of its vips: it is among both until nobody asks for it any more"
            yield tier.finding("leaving-vips", text)
    for version in versions(tier.leaving_vips):
        if not any(vip.version == version and vip not in tier.leaving_vips for vip in there):
            text = f"leaving_vips: no IPv{version} VIP is left to ask: keep one, or add the new one to vips first"
            yield tier.finding("leaving-vips", text)


def apart(tier: Tier, vips: t.Iterable[Address], hosts: t.Iterable[Host]) -> t.Iterator[Finding]:
    """No host has a VIP as an address of its own."""
    vips = list(vips)
    for host in hosts:
        for vip in vips:
            if host.holds(vip):
                yield _on_nic(tier, vip, host.name)


def free(tiers: t.Sequence[Tier], inventory: Inventory) -> t.Iterator[Finding]:
    """What the hosts of ``tiers`` hold is no address of any of their hosts, no network's, and not their own way out."""
    hosts = {host.name: host for tier in tiers for host in inventory.members(tier.hosts)}
    owner = {one: host.name for host in hosts.values() for version in (4, 6) for one in host.own(version)}
    networks = {segment.network for host in hosts.values() for segment in host.segments(4)}
    reserved = {
        one: network
        for network in networks
        if network.prefixlen < network.max_prefixlen - 1
        for one in (network.network_address, network.broadcast_address)
    }
    for tier in tiers:
        for vip in tier.own_addresses if tier.hosts else ():
            if vip in owner:
                yield _on_nic(tier, vip, owner[vip])
            if vip in reserved:
                text = f"vips: {vip} is the network's own or the broadcast address of {reserved[vip]}: take a host's"
                yield tier.finding("vip-address", text)
        for host in inventory.members(tier.hosts):
            for vip in set(tier.addresses_for_clients) & set(host.options.gateway):
                text = f"the VIP {vip} is its lb_gateway: who holds it has no way out, take a free address"
                yield tier.finding("vip-address", text, host.name)


def _on_nic(tier: Tier, vip: Address, host: str) -> Finding:
    text = f"the VIP {vip} is an address of its NIC: a VIP is an address of its own, take a free one"
    return tier.finding("vip-on-nic", text, host)


def in_networks(
    tier: Tier, vips: t.Iterable[Address], hosts: t.Sequence[Host], interface: str, multicast: bool
) -> t.Iterator[Finding]:
    """It is known which NIC of each host gets a VIP, and where its adverts come from."""
    vips = list(vips)
    # where none has one, all send by multicast
    told = {version for host in hosts for version in (4, 6) if host.own(version)}
    for host in hosts:
        for vip in vips:
            named = interface or host.options.interface
            # by multicast, adverts of IPv6 come from an address that every NIC has
            if named and vip.version in told and not host.own(vip.version) and (vip.version == 4 or not multicast):
                text = f"has no IPv{vip.version} address to send adverts of the VIP {vip} from: add one to lb_addresses"
                yield tier.finding("vip-interface", text, host.name)
            elif not named and not any(vip in segment.network for segment in host.segments(vip.version)):
                text = f"none of its networks holds the VIP {vip}: name the NIC by interface or lb_interface"
                yield tier.finding("vip-interface", text, host.name)
