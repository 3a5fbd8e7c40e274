# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a director needs while some of a destination's connections go by DR and others by NAT or TUN.

The kernel keeps one route for a destination, that of the packet that came first. One of NAT or TUN names no next hop where
the real server is a neighbour; DR with that one asks the network for the VIP, which nobody there answers, and its packets
are lost. A route by which each real server is its own next hop is right for all three.
"""

from __future__ import annotations

import ipaddress
import typing as t

from .places import Interface, interfaces_for
from .replies import FAMILY, Paths


def neighbour_paths(addresses: t.Sequence[str], interfaces: t.Sequence[Interface], table: int = 4030) -> Paths:
    """Routes to those of the ``addresses`` that are in networks of this host, in a table of their own."""
    own = {ipaddress.ip_interface(one).ip for interface in interfaces for one in interface["addresses"]}
    routes, versions = [], set()
    for address in dict.fromkeys(ipaddress.ip_address(one) for one in addresses):
        for name in interfaces_for(interfaces, [str(address)]) if address not in own else []:
            versions.add(address.version)
            routes.append(
                {
                    "to": str(ipaddress.ip_network(address)),
                    "via": str(address),
                    "interface": name,
                    "table": table,
                    "onlink": True,
                }
            )
    rules = [{"family": FAMILY[version], "priority": table, "table": table} for version in sorted(versions)]
    return {"routes": routes, "rules": rules}
