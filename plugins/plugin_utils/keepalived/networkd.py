# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps systemd-networkd off the VIPs: a restart takes away what it did not set, and keepalived then gives up all of them."""

from __future__ import annotations

import typing as t

from ..blocks import wanted
from . import vrrp
from .units import HEAD

Options = t.Mapping[str, t.Any]


def keepalived_networkd_files(options: Options) -> list[dict[str, str]]:
    """A drop-in for each interface that gets VIPs and that systemd-networkd manages, as ``daemon_config`` takes files.

    ``options`` are the variables of the role without ``keepalived_``, and ``host_interfaces``.
    """
    interfaces = options.get("host_interfaces") or ()
    vips: dict[str, list[str]] = {}
    for it in (vrrp.placed(each, interfaces) for each in wanted(options["instances"])):
        for address in it["addresses"]:
            words = address.split()
            where = words[words.index("dev") + 1] if "dev" in words else it["interface"]
            vips.setdefault(where, []).append(words[0])
    return [
        _drop_in(options["name"], interface["network_file"], vips[interface["name"]])
        for interface in interfaces
        if interface["name"] in vips and interface["network_file"]
    ]


def _drop_in(scope: str, path: str, vips: t.Iterable[str]) -> dict[str, str]:
    # keepalived deprecates IPv6 VIPs; networkd takes that for an address with a lease, which only "yes" keeps.
    # Of several scopes' files the last one counts, so "yes" sorts behind.
    keep, place = ("yes", 60) if any(":" in vip for vip in vips) else ("static", 50)
    return {
        "path": f"/etc/systemd/network/{path.rsplit('/', 1)[-1]}.d/{place}-mixed-lb-keepalived-{scope}.conf",
        "content": f"{HEAD}\n# Else a restart of systemd-networkd takes the VIPs away.\n[Network]\nKeepConfiguration={keep}\n",
    }
