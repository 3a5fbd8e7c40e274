# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The devices that unwrap what a TUN director sends."""

from __future__ import annotations

import ipaddress
import typing as t
import zlib

# Bytes that wrap a packet, by tunnel type: the outer IP header comes on top (net/netfilter/ipvs/ip_vs_xmit.c).
HEADERS = {"ipip": 0, "gue": 12, "gre": 4}
CHECKSUM_BYTES = {("gre", "csum"): 4, ("gue", "remcsum"): 8}
OUTER = {4: 20, 6: 40}
INNER = {4: 40, 6: 60}
FAMILY = {4: "ipv4", 6: "ipv6"}
# The module of a device, by its type and the family outside.
MODULES = {
    ("ipip", 4): "ipip",
    ("sit", 4): "sit",
    ("gre", 4): "ip_gre",
    ("gue", 4): "ipip",
    ("ip6tnl", 6): "ip6_tunnel",
    ("gre", 6): "ip6_gre",
    ("gue", 6): "ip6_tunnel",
}

Pair = t.Mapping[str, str]
"""``local``: the RIP that the director wraps for; ``remote``: the DIP that it comes from."""


def tunnel_devices(
    pairs: t.Sequence[Pair], vips: t.Sequence[str], tunnel: t.Mapping[str, t.Any], from_anybody: bool = False
) -> list[dict[str, t.Any]]:
    """The ``tunnels`` of ``host_network``: devices for each pair and inner family, bound to both ends.

    A bound device takes packets from its director only. With ``from_anybody`` there are others beside, bound to the RIP
    alone, that take them from any host, as the kernel's own tunl0 would; that one stays down all the same.
    """
    if from_anybody:
        # Beside, not instead: the kernel prefers a bound device, which another tier may have with less to carry.
        pairs = [*pairs, *({**pair, "remote": "any"} for pair in pairs)]
    kind = _kind(tunnel)
    if kind == "gue" and not tunnel.get("port"):
        raise ValueError("a gue tunnel needs a port, the UDP port of the encapsulation, such as 6080")
    inner = sorted({ipaddress.ip_address(vip).version for vip in vips})
    devices = {}
    for pair in pairs:
        for version in inner:
            if _carries(pair, version, pairs):
                device = _device(pair, version, tunnel)
                devices[device["name"]] = device
    return list(devices.values())


def _kind(tunnel: t.Mapping[str, t.Any]) -> str:
    kind = str(tunnel.get("type") or "ipip")
    if kind not in HEADERS:
        raise ValueError(f"unknown tunnel type {kind}: known are {', '.join(HEADERS)}")
    return kind


def _carries(pair: Pair, version: int, pairs: t.Sequence[Pair]) -> bool:
    # A family travels in its own kind where there is such a pair; another one carries it only where there is none.
    own = any(ipaddress.ip_address(each["local"]).version == version for each in pairs)
    return ipaddress.ip_address(pair["local"]).version == version or not own


def _device(pair: Pair, inner: int, tunnel: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    outer = ipaddress.ip_address(pair["local"]).version
    kind = _kind(tunnel)
    # What unwraps depends on what is inside; a device of type gre, or one over IPv6, takes both.
    device_type = (
        kind
        if kind == "gre"
        else {(4, 4): kind, (4, 6): "sit"}.get((outer, inner), "gue" if kind == "gue" else "ip6tnl")
    )
    # To unwrap GUE the kernel has a port beside the plain device: the device is the same, so its name is, too.
    plain_type = {"gue": "ipip" if outer == 4 else "ip6tnl"}.get(device_type, device_type)
    ends = f"{plain_type} {pair['local']} {pair['remote']}"
    device: dict[str, t.Any] = {
        # Named by its ends: two tiers behind one director share it, as the kernel takes only one for them.
        "name": f"lvs-{zlib.crc32(ends.encode()):08x}",
        "type": device_type,
        "local": pair["local"],
        "remote": pair["remote"],
    }
    if kind == "gue":
        device["port"] = tunnel["port"]
    if kind == "gre":
        device["checksum"] = tunnel.get("checksum") == "csum"
    return device


def tunnel_addresses(devices: t.Sequence[t.Mapping[str, t.Any]], vips: t.Sequence[str]) -> list[dict[str, str]]:
    """The ``addresses`` of ``host_network`` that number the devices: each borrows the address of its own end.

    The kernel's reverse path check drops what comes by a device without an IPv4 address, in loose mode too
    (net/ipv4/fib_frontend.c). A device with IPv6 outside that has to carry IPv4 borrows the first IPv4 VIP, as the host
    need not have another IPv4 address.
    """
    ends = {device["name"]: ipaddress.ip_address(device["local"]) for device in devices}
    # Where there are devices with IPv4 outside, it is those that carry IPv4.
    mixed = all(local.version == 6 for local in ends.values())
    vip = next((vip for vip in vips if mixed and ipaddress.ip_address(vip).version == 4), None)
    borrowed = {name: str(local) if local.version == 4 else vip for name, local in ends.items()}
    return [{"address": f"{address}/32", "interface": name} for name, address in borrowed.items() if address]


def tunnel_modules(devices: t.Sequence[t.Mapping[str, t.Any]]) -> list[dict[str, str]]:
    """The ``modules`` of ``kernel_settings`` that these devices need."""
    names = {MODULES[device["type"], ipaddress.ip_address(device["local"]).version] for device in devices}
    # What unwraps GUE hands the packet inside to a plain device.
    names |= {"fou" for device in devices if device.get("port")}
    return [{"name": name} for name in sorted(names)]


def segment_sizes(
    pairs: t.Sequence[Pair], vips: t.Sequence[str], tunnel: t.Mapping[str, t.Any], mtu: int = 1500
) -> dict[str, int]:
    """The largest TCP segment, by family of the VIP, that fits a path of ``mtu`` bytes after the director has wrapped it."""
    kind = _kind(tunnel)
    extra = HEADERS[kind] + CHECKSUM_BYTES.get((kind, str(tunnel.get("checksum"))), 0)
    sizes = {}
    for vip in vips:
        inner = ipaddress.ip_address(vip).version
        outers = [ipaddress.ip_address(pair["local"]).version for pair in pairs if _carries(pair, inner, pairs)]
        if outers:
            sizes[FAMILY[inner]] = mtu - max(OUTER[outer] for outer in outers) - extra - INNER[inner]
    return sizes
