# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""BFD: neighbours that say many times a second that they are there; what loses one is out before a check could fail."""

from __future__ import annotations

import typing as t

from ..blocks import Block, optional, wanted

Options = t.Mapping[str, t.Any]

LONGEST = 31
"""keepalived's own limit of a name."""
WORDS = {"multiplier": "multiplier", "max_hops": "max_hops"}


def instances(options: Options) -> list[Block]:
    """Those of a scope, for its checks alone: VIPs do not move when a real server goes."""
    return [_instance(each) for each in wanted(options.get("bfd_instances"))]


def _instance(it: Options) -> Block:
    where, source = f"bfd_instances: {it['name']}", it.get("source")
    if len(it["name"]) > LONGEST:
        raise ValueError(f"{where}: keepalived takes names of at most {LONGEST} characters")
    if source and (":" in source) != (":" in it["neighbor"]):
        raise ValueError(f"{where}: source {source} and neighbor {it['neighbor']} are of different families")
    milliseconds = round(float(it.get("interval") or 0.2) * 1000)
    return Block(
        f"bfd_instance {it['name']}",
        [
            "checker",
            f"neighbor_ip {it['neighbor']}",
            *optional(it, {"source": "source_ip"}),
            f"min_rx {milliseconds}",
            f"min_tx {milliseconds}",
            *optional({"multiplier": 3, **it}, WORDS),
            *(["passive"] if it.get("passive") else []),
            *it.get("lines", ()),
        ],
    )
