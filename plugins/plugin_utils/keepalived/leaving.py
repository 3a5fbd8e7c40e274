# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real servers that keepalived still sends to, and will not after its next reload, which cuts their connections."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from .foreign import Options, keepalived_foreign

REAL_SERVER = re.compile(r"^\s*real_server (\S+) (\d+) \{", re.MULTILINE)


def keepalived_leaving(
    services: t.Sequence[Options], virtual_servers: t.Sequence[Options], config: str
) -> list[dict[str, t.Any]]:
    """The destinations of ``services`` (as ``ipvs_info`` tells them) that are in ``config``, the file of before, and no more
    in ``virtual_servers``: what somebody else put there does not leave. UDP has no connections that end.

    Each has ``service`` (its key, as ``ipvs_destination`` takes it), ``destination`` (address and port), and ``text``.
    """
    known = {(ipaddress.ip_address(one), int(port)) for one, port in REAL_SERVER.findall(config)}
    return [
        entry
        for entry in keepalived_foreign(services, virtual_servers)
        if "destination" in entry
        and "weight" not in entry
        and entry["service"].get("protocol") != "udp"
        and (ipaddress.ip_address(entry["destination"]["address"]), entry["destination"]["port"]) in known
    ]
