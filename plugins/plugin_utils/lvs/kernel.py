# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which kernel modules a virtual server needs."""

from __future__ import annotations

import typing as t

HELPERS = {"ftp": "ip_vs_ftp", "sip": "ip_vs_pe_sip"}


def ipvs_modules(
    services: t.Sequence[t.Mapping[str, t.Any]], helpers: t.Sequence[str] = (), conn_tab_bits: int = 0
) -> list[dict[str, t.Any]]:
    """The ``modules`` of ``kernel_settings``: ip_vs, the schedulers and persistence engines in use, and helpers by name."""
    parameters = {"conn_tab_bits": conn_tab_bits} if conn_tab_bits else {}
    # "none" is the kernel's word for a service without a scheduler, which takes no module
    schedulers = {service.get("scheduler") or "wlc" for service in services} - {"none"}
    engines = {f"ip_vs_pe_{service['persistence_engine']}" for service in services if service.get("persistence_engine")}
    unknown = sorted(set(helpers) - set(HELPERS))
    if unknown:
        raise ValueError(f"unknown helper {unknown[0]}: known are {', '.join(HELPERS)}")
    extra = {f"ip_vs_{name}" for name in schedulers} | engines | {HELPERS[helper] for helper in helpers}
    return [{"name": "ip_vs", "parameters": parameters}, *({"name": name} for name in sorted(extra))]


def ipvs_scope(vips: t.Sequence[str], services: t.Sequence[t.Mapping[str, t.Any]]) -> list[t.Any]:
    """What of the IPVS table is a tier's own, as ``restrict`` of ``ipvs_table``: its VIPs and its firewall marks."""
    marks = sorted({int(service["fwmark"]) for service in services if service.get("fwmark")})
    return [*vips, *({"fwmark": mark} for mark in marks)]
