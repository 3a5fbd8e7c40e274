# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which network card carries what."""

from __future__ import annotations

import ipaddress
import typing as t

Interface = t.Mapping[str, t.Any]
"""An entry of ``host_info``'s ``interfaces``: ``name``, ``addresses`` (CIDR strings), ``mtu``, ..."""
# What the kernel by itself gives a device for IPv6 in IPv4 that has no remote end.
COMPATIBLE = ipaddress.ip_network("::/96")


def interface_for(interfaces: t.Sequence[Interface], address: str) -> str:
    """The interface whose network holds ``address``; raises ``ValueError`` where none does."""
    wanted = ipaddress.ip_address(address)
    for interface in interfaces:
        if interface["name"] != "lo" and any(wanted in network for network in networks_of(interface)):
            return str(interface["name"])
    names = ", ".join(str(interface["name"]) for interface in interfaces)
    raise ValueError(
        f"no interface of this host ({names}) is in a network with {address}: give the address to one, or name the interface"
    )


def networks_of(interface: Interface) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """The networks that an interface is in and others may be, too; a lone /32 or /128 is an address, not a network."""
    networks = [ipaddress.ip_interface(address).network for address in interface["addresses"]]
    return [
        network
        for network in networks
        if network.prefixlen < network.max_prefixlen and not network.is_link_local and network != COMPATIBLE
    ]


def interfaces_for(
    interfaces: t.Sequence[Interface], addresses: t.Sequence[str], wanted: str = "", needed: bool = False
) -> list[str]:
    """The interfaces towards ``addresses``, each once and sorted; addresses behind a router add none. ``wanted`` alone if given.

    Raises ``ValueError`` where one is ``needed`` and there is none.
    """
    if wanted:
        return [wanted]
    found, missing = set(), None
    for address in addresses:
        try:
            found.add(interface_for(interfaces, address))
        except ValueError as error:
            missing = error
    if needed and not found and missing:
        raise missing
    return sorted(found)


def vip_addresses(vips: t.Sequence[str], interfaces: t.Sequence[Interface], wanted: str = "") -> list[dict[str, str]]:
    """The ``addresses`` of ``host_network`` for these VIPs: on ``wanted``, or each on the interface of its network."""
    return [
        {
            "address": f"{vip}/{ipaddress.ip_address(vip).max_prefixlen}",
            "interface": wanted or interface_for(interfaces, vip),
        }
        for vip in vips
    ]


def for_interfaces(sysctls: t.Mapping[str, t.Any], names: t.Sequence[str]) -> dict[str, t.Any]:
    """The sysctls with each ``/*/`` written out for every interface in ``names``."""
    return {
        key.replace("/*/", f"/{name}/"): value
        for key, value in sysctls.items()
        for name in (names if "/*/" in key else ("",))
    }


def kernel_keys(sysctls: t.Mapping[str, t.Any], names: t.Sequence[str]) -> dict[str, dict[str, t.Any]]:
    """``sysctls`` and ``optional_sysctls`` of ``kernel_settings``: each ``/*/`` written out for every interface in ``names``.

    Keys of IPv6 are optional: a kernel that was booted without IPv6 has none of them, and needs none.
    """
    keys = for_interfaces(sysctls, names)
    six = {key: value for key, value in keys.items() if key.replace("/", ".").startswith("net.ipv6.")}
    return {"sysctls": {key: value for key, value in keys.items() if key not in six}, "optional_sysctls": six}
