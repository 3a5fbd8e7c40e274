# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keepalived writes about itself when it is asked for JSON. Pure."""

from __future__ import annotations

import json
import typing as t

STATES = {0: "init", 1: "backup", 2: "master", 3: "fault"}


class UnknownAnswer(ValueError):
    """The daemon's words are not what this version knows."""


def instances(text: str) -> list[dict[str, t.Any]]:
    """The VRRP instances, as ``keepalived_info`` returns them; raises ``UnknownAnswer`` for what is no such list."""
    try:
        return [_instance(entry["data"], entry["stats"]) for entry in json.loads(text)]
    except (ValueError, KeyError, TypeError) as error:
        raise UnknownAnswer(f"keepalived's own JSON cannot be read ({type(error).__name__}: {error})") from error


def _instance(data: t.Mapping[str, t.Any], statistics: t.Mapping[str, int]) -> dict[str, t.Any]:
    addresses = [vip.split() for vip in [*data.get("vips", []), *data.get("evips", [])]]
    return {
        "name": data["iname"],
        "state": STATES.get(data["state"], "unknown"),
        "wanted_state": STATES.get(data["wantstate"], "unknown"),
        "interface": data["ifp_ifname"],
        "virtual_router_id": data["vrid"],
        "priority": data["effective_priority"],
        "base_priority": data["base_priority"],
        "master_priority": data["master_priority"],
        "advert_interval": data["adver_int"],
        "preempt": not data["nopreempt"],
        "last_transition": data["last_transition"],
        # "192.0.2.100 dev eth0 scope global set": the last word is there while the host holds it
        "addresses": [{"address": words[0], "held": words[-1] == "set"} for words in addresses],
        "statistics": dict(statistics),
    }
