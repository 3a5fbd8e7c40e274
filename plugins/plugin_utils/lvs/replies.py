# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a real server's replies leave: through the director (NAT), or straight to the client in packets that fit (TUN).

Both are policy routes in a table of their own. The main table, and so whatever manages the network, stays as it is.
"""

from __future__ import annotations

import ipaddress
import typing as t

from .places import Interface, interface_for, networks_of

Paths = dict[str, list[dict[str, t.Any]]]
"""``routes`` and ``rules`` in the form that ``host_network`` takes."""

EVERYTHING = {4: "0.0.0.0/0", 6: "::/0"}
FAMILY = {4: "ipv4", 6: "ipv6"}


def nat_paths(
    services: t.Sequence[t.Mapping[str, t.Any]],
    gateways: t.Sequence[str],
    interfaces: t.Sequence[Interface],
    mode: str = "replies",
    table: int = 4010,
    ssh_port: int = 22,
) -> Paths:
    """The way back through the director for a NAT real server.

    ``replies``: only what the ``services`` (``address``, ``protocol``, ``port``) answer goes by the director, also to clients in the
    server's own network. ``default``: all that the main table has no better route for than its default, except what the ssh
    server says, so that no connection of an administrator is cut; another tier's ``replies`` on the same host come first.
    """
    by_family = {ipaddress.ip_address(gateway).version: gateway for gateway in gateways}
    routes = [
        {
            "to": EVERYTHING[version],
            "via": gateway,
            "interface": interface_for(interfaces, gateway),
            "table": table,
            "onlink": True,
        }
        for version, gateway in by_family.items()
    ]
    rules: list[dict[str, t.Any]] = []
    if mode == "default":
        for version in by_family:
            family = {"family": FAMILY[version]}
            rules.append({**family, "priority": table + 1, "table": "main", "suppress_prefixlength": 0})
            ssh = {"protocol": "tcp", "source_port": ssh_port, "invert": True}
            rules.append({**family, "priority": table + 2, "table": table, **ssh})
    else:
        for service in services:
            version = ipaddress.ip_address(service["address"]).version
            if version in by_family:
                rules.append(
                    {
                        "family": FAMILY[version],
                        "priority": table,
                        "from": str(ipaddress.ip_network(service["address"])),
                        "protocol": service["protocol"],
                        "source_port": service["port"],
                        "table": table,
                    }
                )
    return {"routes": routes, "rules": rules}


def tun_paths(
    vips: t.Sequence[str],
    interfaces: t.Sequence[Interface],
    gateways: t.Mapping[str, t.Mapping[str, str] | None],
    mss: t.Mapping[str, int],
    table: int = 4020,
) -> Paths:
    """Replies from a VIP announce a segment size that still fits when the director has wrapped the client's answer.

    A route's advmss does it in the SYN-ACK itself: on every kernel, without a packet filter, and where no ICMP gets
    through. ``mss`` is by family (``ipv4``, ``ipv6``); 0 leaves that family alone. Each size has a routing table of its
    own, 40201440 for ``table`` 4020 and 1440 bytes: tiers of one size share it, those of others do not get in its way.
    """
    routes, rules = [], []
    for version in sorted({ipaddress.ip_address(vip).version for vip in vips}):
        size = mss.get(FAMILY[version], 0)
        gateway = gateways.get(FAMILY[version])
        if not size:
            continue
        sized = table * 10_000 + size
        for interface in interfaces:
            for network in networks_of(interface):
                if network.version == version and interface["name"] != "lo":
                    routes.append({"to": str(network), "interface": interface["name"], "table": sized, "advmss": size})
        if gateway:
            way = {"via": gateway["address"], "interface": gateway["interface"]}
            routes.append({"to": EVERYTHING[version], **way, "table": sized, "advmss": size})
        rules += [
            {"family": FAMILY[version], "priority": table, "from": str(ipaddress.ip_network(vip)), "table": sized}
            for vip in vips
            if ipaddress.ip_address(vip).version == version
        ]
    return {"routes": routes, "rules": rules}
