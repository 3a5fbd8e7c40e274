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
CHECKSUM_BYTES = {"gre": 4}
OUTER = {4: 20, 6: 40}
INNER = {4: 40, 6: 60}
FAMILY = {4: "ipv4", 6: "ipv6"}

Pair = t.Mapping[str, str]
"""``local``: the RIP that the director wraps for; ``remote``: the DIP that it comes from."""


def tunnel_devices(
    pairs: t.Sequence[Pair], vips: t.Sequence[str], tunnel: t.Mapping[str, t.Any], fallback: bool = False
) -> list[dict[str, t.Any]]:
    """The ``tunnels`` of ``host_network``: one device for each pair and inner family, bound to both ends.

    A bound device takes packets from its director only. ``fallback`` adds tunl0, which takes them from anybody.
    """
    inner = sorted({ipaddress.ip_address(vip).version for vip in vips})
    devices = [_device(pair, version, tunnel) for pair in pairs for version in inner if _carries(pair, version, vips, pairs)]
    if fallback:
        devices.append({"name": "tunl0", "type": "ipip", "rp_filter": 2})
    return devices


def _carries(pair: Pair, version: int, vips: t.Sequence[str], pairs: t.Sequence[Pair]) -> bool:
    # A family travels in its own kind where there is such a pair; another one carries it only where there is none.
    own = any(ipaddress.ip_address(each["local"]).version == version for each in pairs)
    return ipaddress.ip_address(pair["local"]).version == version or not own


def _device(pair: Pair, inner: int, tunnel: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    outer = ipaddress.ip_address(pair["local"]).version
    kind = str(tunnel.get("type") or "ipip")
    if kind != "ipip" and (outer, inner) != (4, 4):
        raise ValueError(f"tunnel type {kind} is there for IPv4 in IPv4 only; for {pair['local']} use ipip")
    name = {(4, 6): "sit", (6, 4): "ip6tnl", (6, 6): "ip6tnl"}.get((outer, inner), kind)
    ends = f"{name} {inner} {pair['local']} {pair['remote']}"
    device: dict[str, t.Any] = {
        # Two tiers behind one director share a device: the kernel takes only one for a pair of ends.
        "name": f"lvs-{zlib.crc32(ends.encode()):08x}",
        "type": name,
        "local": pair["local"],
        "remote": pair["remote"],
        # Strict reverse path filtering would drop every client: their way back is not this device.
        "rp_filter": 2,
    }
    if name == "ip6tnl":
        device["mode"] = {4: "ipip6", 6: "ip6ip6"}[inner]
    if kind == "gue":
        device["port"] = tunnel["port"]
    if kind != "ipip":
        device["checksum"] = tunnel.get("checksum") or "none"
    return device


def segment_sizes(
    pairs: t.Sequence[Pair], vips: t.Sequence[str], tunnel: t.Mapping[str, t.Any], mtu: int = 1500
) -> dict[str, int]:
    """The largest TCP segment, by family of the VIP, that fits a path of ``mtu`` bytes after the director has wrapped it."""
    kind = str(tunnel.get("type") or "ipip")
    extra = HEADERS[kind] + (CHECKSUM_BYTES.get(kind, 0) if tunnel.get("checksum") == "csum" else 0)
    sizes = {}
    for vip in vips:
        inner = ipaddress.ip_address(vip).version
        outers = [ipaddress.ip_address(pair["local"]).version for pair in pairs if _carries(pair, inner, vips, pairs)]
        if outers:
            sizes[FAMILY[inner]] = mtu - max(OUTER[outer] for outer in outers) - extra - INNER[inner]
    return sizes
