# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a director does with packets: its virtual services with their real servers, marks, source NAT, as the roles take them."""

from __future__ import annotations

import dataclasses

from ...addresses import family
from ...hosts import Host
from ...model import Part
from .cluster import Cluster
from .service import Service


def services(c: Cluster, director: Host) -> list[Part]:
    """One for each VIP, protocol and port."""
    destinations = _Destinations(c, director)
    return [
        {
            "protocol": port.protocol,
            "address": str(vip),
            "port": port.port,
            **_options(port.service, vip.version),
            "destinations": destinations.of(port.service, vip.version, port.to),
        }
        for vip in c.tier.vips
        for port in c.ports
    ]


def marked_services(c: Cluster, director: Host) -> list[Part]:
    """One for each family, whatever the ports, where packets come by a firewall mark."""
    destinations = _Destinations(c, director)
    service = c.tier.services[0]  # they agree but for protocol and port
    return [
        {
            "fwmark": c.tier.fwmark,
            "family": family(version),
            **_options(service, version),
            # port 0: whatever port the packet came for
            "destinations": destinations.of(service, version, 0),
        }
        for version in c.versions
    ]


def marks(c: Cluster) -> list[Part]:
    """The packets that get the mark."""
    by_protocol: dict[str, list[int]] = {}
    for port in c.ports:
        by_protocol.setdefault(port.protocol, []).append(port.port)
    return [
        {
            "destination": str(vip),
            "protocol": protocol,
            # none named: all of them
            "ports": [] if 0 in numbers else sorted(numbers),
            "mark": c.tier.fwmark,
        }
        for vip in c.tier.vips
        for protocol, numbers in by_protocol.items()
    ]


def _options(service: Service, version: int) -> Part:
    mask = service.persistence_mask.of(version)
    wanted = {
        "scheduler": service.scheduler,
        "scheduler_flags": list(service.scheduler_flags),
        "persistent": service.persistent,
        "persistence_engine": service.persistence_engine,
        "one_packet": service.one_packet,
    }
    options = {key: value for key, value in wanted.items() if value}
    return options if mask is None else {**options, "persistence_mask": mask}


class _Destinations:
    """The real servers of one director as destinations; services on the same port share one list."""

    def __init__(self, c: Cluster, director: Host) -> None:
        self._lists: dict[tuple[int, int | None, int, int], list[Part]] = {}
        self._forward: Part = {"forward": c.tier.mode}
        if c.tier.mode == "tun":
            tunnel = dataclasses.asdict(c.tier.tunnel)
            self._forward["tunnel"] = {key: value for key, value in tunnel.items() if value or key != "port"}
        self._servers = {
            version: [(str(one.address), one.weight) for one in c.targets(director, version)] for version in c.versions
        }

    def of(self, service: Service, version: int, port: int | None) -> list[Part]:
        key = (version, port, service.upper_threshold, service.lower_threshold)
        if key not in self._lists:
            limits = {"upper_threshold": service.upper_threshold, "lower_threshold": service.lower_threshold}
            rest = {**self._forward, **{name: value for name, value in limits.items() if value}}
            self._lists[key] = [
                {"address": rip, "port": port, "weight": weight, **rest} for rip, weight in self._servers[version]
            ]
        return self._lists[key]


def source_nat(c: Cluster, director: Host) -> list[Part]:
    """Whose requests must look as if they came from the director, so that the reply passes it.

    Where a real server's gateway is the director, only clients in its own network; else everybody.
    """
    sources: dict[int, dict[str, None]] = {}
    for version in c.versions:
        paths = c.paths(director, version)
        through = all(path.network and path.dip in server.gateways(version) for server, path in paths)
        everybody = "0.0.0.0/0" if version == 4 else "::/0"
        sources[version] = dict.fromkeys(str(path.network) if through else everybody for _server, path in paths)
    return [
        {
            "source": source,
            "destination": str(vip),
            "protocol": port.protocol,
            **({"port": port.port} if port.port else {}),
        }
        for vip in c.tier.vips
        for source in sources[vip.version]
        for port in c.ports
    ]
