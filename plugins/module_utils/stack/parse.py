# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host's units, sockets, nginx and its checkers say. Pure; raises ``ValueError`` for what is not as it always is."""

from __future__ import annotations

import ipaddress
import re
import typing as t

Place = tuple[str, int]
"""Address and port."""


def units(text: str) -> dict[str, str]:
    """The states of the units that there are, by name, from ``systemctl show --property=Id,LoadState,ActiveState``."""
    found = {}
    for block in text.strip().split("\n\n"):
        fields = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if fields.get("LoadState") not in (None, "not-found"):
            found[fields["Id"]] = fields["ActiveState"]
    return found


def maintained(text: str) -> bool:
    """Whether a maintenance file of keepalived moves the VIPs away."""
    return text.strip() not in ("", "0")


def moving(text: str) -> bool:
    """Whether it does so for the time of a failover only."""
    return text.strip() == "2"


def connections(text: str) -> int:
    """The active connections of nginx, from its status page. The one that asked is not counted."""
    found = re.search(r"^Active connections: (\d+)", text, re.MULTILINE)
    if not found:
        raise ValueError(f"this is no status page: {text[:100]!r}")
    return max(int(found[1]) - 1, 0)


def pools(wanted: t.Mapping[str, t.Any], said: t.Mapping[str, t.Any]) -> dict[str, dict[str, dict[str, t.Any]]]:
    """By pool and server what its checker was told (``wanted``) and what it has ``said``: how nginx treats the server."""
    found: dict[str, dict[str, dict[str, t.Any]]] = {}
    for pool in wanted["pools"]:
        known = said.get("pools", {}).get(pool["name"], {})
        found[pool["name"]] = {
            server["key"]: {**_server(server), **known[server["key"]]}
            for server in pool["servers"]
            if server["key"] in known
        }
    return found


def _server(server: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """``weight`` and whether it was taken out by hand. The weight of an upstream's server is a word of its line."""
    word = re.search(r"\sweight=(\d+)", server["up"])
    return {"weight": int(word[1]) if word else int(server.get("weight", 1)), "drained": bool(server.get("out"))}


def peers(text: str) -> list[Place]:
    """The far ends of connections, from ``ss -H -t -n state STATE``."""
    found = []
    for line in text.splitlines():
        # Recv-Q, Send-Q, near end, far end
        address, colon, port = line.split()[3].rpartition(":")
        if not colon:
            raise ValueError(f"this is no line of ss: {line!r}")
        bare = ipaddress.ip_address(address.strip("[]").partition("%")[0])
        mapped = bare.ipv4_mapped if isinstance(bare, ipaddress.IPv6Address) else None
        found.append((str(mapped or bare), int(port)))
    return found
