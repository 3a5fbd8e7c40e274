# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stacks of 1,000 hosts and 500 services, as plain data."""

from __future__ import annotations

import itertools
import typing as t

Data = dict[str, t.Any]
HOSTS, SERVICES = 1000, 500
FIRST_PORT = 8000


class World(t.NamedTuple):
    """``lb_stack``, the variables of each host, and the hosts of each group."""

    stack: Data
    hosts: dict[str, Data]
    groups: dict[str, list[str]]


def pairs(clusters: int) -> World:
    """Pairs of directors with keepalived, in mode DR; every real server of a cluster serves all of its ports."""
    world = World({"tiers": []}, {}, {})
    ports = [FIRST_PORT + number for number in range(SERVICES // clusters)]
    for cluster in range(clusters):
        names = _hosts(world, cluster, HOSTS // clusters)
        world.groups.update({f"lb{cluster}": names[:2], f"web{cluster}": names[2:]})
        app: Data = {"name": f"app{cluster}", "kind": "lvs", "mode": "dr", "hosts": f"lb{cluster}"}
        app |= {"backend": f"web{cluster}", "vips": [_address(cluster, 1)], "vrrp": {"router_id": cluster + 1}}
        world.stack["tiers"] += [app, _servers(cluster, ports)]
    return world


def hybrids(clusters: int) -> World:
    """Name servers over clusters of a proxy, a director and real servers, in all modes; two services a cluster."""
    world = World({"tiers": []}, {}, {})
    names = []
    for cluster in range(clusters):
        hosts = _hosts(world, cluster, HOSTS // clusters)
        edge, app, web = (f"{word}{cluster}" for word in ("edge", "app", "web"))
        world.groups.update({edge: hosts[:1], app: hosts[1:2], web: hosts[2:]})
        world.stack["tiers"] += [
            {"name": edge, "kind": ("nginx", "haproxy")[cluster % 2], "hosts": edge, "port": 80, "backend": app},
            {"name": app, "kind": "lvs", "hosts": app, "backend": web, "vips": [_address(cluster, 1)]}
            | {"mode": ("dr", "nat", "tun")[cluster % 3]},
            _servers(cluster, [FIRST_PORT]),
        ]
        names.append({"record": f"shop{cluster}", "backend": edge})
    world.groups["dns"] = _hosts(world, clusters, 2)
    world.stack["tiers"].append({"name": "dns", "kind": "dns", "hosts": "dns", "zone": "shop.example", "names": names})
    return world


SHAPES: dict[str, tuple[str, t.Callable[[], World]]] = {
    "one": ("one pair of directors, all services on all real servers", lambda: pairs(1)),
    "pairs": ("50 pairs of directors", lambda: pairs(50)),
    "hybrids": ("250 hybrids of all kinds behind two name servers", lambda: hybrids(250)),
}


def _servers(cluster: int, ports: list[int]) -> Data:
    return {"name": f"web{cluster}", "kind": "servers", "hosts": f"web{cluster}", "port": ports}


def _hosts(world: World, cluster: int, count: int) -> list[str]:
    """New hosts in a network of their own; its address 1 stays free for a VIP."""
    numbers = itertools.islice(itertools.count(2), count)
    made = {f"c{cluster}h{number}": {"lb_addresses": [f"{_address(cluster, number)}/16"]} for number in numbers}
    world.hosts.update(made)
    return list(made)


def _address(cluster: int, number: int) -> str:
    return f"10.{cluster}.{number // 256}.{number % 256}"
