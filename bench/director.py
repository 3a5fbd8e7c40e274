# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same load through each kind of balancer: what a request costs it in CPU time, packets and bytes."""

from __future__ import annotations

import pathlib
import tempfile
import typing as t

import yaml

from lab import cluster, report

from . import drawing, labs, processes, tools
from .figures import grid, median

VIP, OWN = "192.0.2.100", "192.0.2.10"
SIZES = {"1 kB": 1000, "100 kB": 100_000}
CONNECTIONS, SECONDS, WARM_UP = 16, 6, 2
SERVERS = ("web1", "web2")
PICTURE = labs.PROJECT / "docs" / "request_costs.svg"
LVS = {"name": "app", "kind": "lvs", "hosts": "directors", "vips": [VIP], "scheduler": "rr", "backend": "web"}
PROXY = {"name": "app", "hosts": "directors", "port": 80, "backend": "web", "backend_port": 80}
WAYS: dict[str, tuple[dict[str, t.Any], str]] = {
    "LVS-DR": ({**LVS, "mode": "dr"}, VIP),
    "LVS-TUN": ({**LVS, "mode": "tun"}, VIP),
    "LVS-NAT": ({**LVS, "mode": "nat"}, VIP),
    "nginx": ({**PROXY, "kind": "nginx"}, OWN),
    "HAProxy": ({**PROXY, "kind": "haproxy"}, OWN),
}
"""By name the tier in front of the real servers, and where a client asks it."""
SERVER = """\
user www-data;
worker_processes 1;
error_log /dev/null;
events { worker_connections 1024; }
http {
    access_log off;
    sendfile on;
    server { listen 80 default_server; root /srv/bench; }
}
"""
TEXT = """\
![CPU time of the balancer for each request]({picture})

A client with {connections} connections at a time asks for {seconds} s, each request in a new connection, through one
balancer that `site.yml` built with the collection's defaults, and two real servers with nginx. Balancer and real servers
are user-mode Linux kernels; client and router are not. CPU time is what the balancer's whole kernel, with all that runs in
it, took of the machine; packets and bytes are those of its only interface, with segments as they are on the wire
(no offloading). Requests a second are those of the whole lab, in which everybody shares {cores} cores: the last column is
how many one core could do at this price, if the balancer had it alone.

"""


class Cost(t.NamedTuple):
    """For one request through the balancer: seconds of CPU, packets and bytes in and out; ``rate``: requests a second."""

    rate: float
    cpu: float
    packets_in: float
    packets_out: float
    bytes_in: float
    bytes_out: float


def measure(rounds: int) -> str:
    costs = {
        (way, size): Cost(*(median(column) for column in zip(*some, strict=True)))
        for way, (tier, address) in WAYS.items()
        for size, some in _way(way, tier, address, rounds).items()
    }
    drawing.draw(
        PICTURE,
        {
            "title": "CPU time of the balancer for each request",
            "unit": "ms on user-mode Linux",
            "ways": list(WAYS),
            "series": {size: [costs[way, size].cpu * 1000 for way in WAYS] for size in SIZES},
        },
    )
    head = ["Way", "Reply", "CPU for a request", "x DR", "Packets in", "out", "Bytes in", "out", "Requests/s", "A core"]
    lines = [_line(way, size, costs[way, size], costs["LVS-DR", size]) for size in SIZES for way in WAYS]
    words = {"picture": PICTURE.name, "connections": CONNECTIONS, "seconds": SECONDS, "cores": processes.cores()}
    return TEXT.format(**words) + grid(head, lines)


def _line(way: str, size: str, cost: Cost, least: Cost) -> list[str]:
    packets = [f"{cost.packets_in:.1f}", f"{cost.packets_out:.1f}"]
    octets = [f"{cost.bytes_in:,.0f}", f"{cost.bytes_out:,.0f}"]
    relative = f"{cost.cpu / least.cpu:.1f}"
    return [
        way,
        size,
        f"{cost.cpu * 1000:.2f} ms",
        relative,
        *packets,
        *octets,
        f"{cost.rate:.0f}",
        f"{1 / cost.cpu:.0f}",
    ]


def _way(way: str, tier: dict[str, t.Any], address: str, rounds: int) -> dict[str, list[Cost]]:
    """All costs of one way, by size of the reply; in a lab of its own."""
    with labs.lab(labs.TOPOLOGIES / "director.yml") as lab, tempfile.TemporaryDirectory() as folder:
        _serve(lab)
        labs.playbook(labs.PROJECT / "site.yml", _inventory(pathlib.Path(folder), tier), labs.way_in(lab))
        for host in ("lb1", *SERVERS):
            lab.run(
                host, "ip link set eth0 gso_max_segs 1 gso_max_size 1514 2>/dev/null || ip link set eth0 gso_max_segs 1"
            )
        found: dict[str, list[Cost]] = {}
        for turn in range(rounds):
            for size, count in SIZES.items():
                with report.step(f"{way}, {size}, round {turn + 1}"):
                    found.setdefault(size, []).append(_cost(lab, f"http://{address}/{count}"))
        return found


def _serve(lab: cluster.Lab) -> None:
    """The real servers answer by nginx, which costs less than the lab's own application."""
    for host in SERVERS:
        labs.put(lab, host, "/etc/nginx/nginx.conf", SERVER.encode())
        for size in SIZES.values():
            labs.put(lab, host, f"/srv/bench/{size}", b"x" * size)
        lab.run(host, "chmod -R a+rX /srv && systemctl unmask nginx.service && systemctl restart nginx.service")


def _inventory(folder: pathlib.Path, tier: dict[str, t.Any]) -> pathlib.Path:
    path = folder / "hosts.yml"
    hosts = {"lb1": {"lb_addresses": [f"{OWN}/24"]}}
    servers = {name: {"lb_addresses": [f"192.0.2.2{number}/24"]} for number, name in enumerate(SERVERS, start=1)}
    stack = {"tiers": [tier, {"name": "web", "kind": "servers", "hosts": "web", "port": 80}]}
    groups = {"directors": {"hosts": hosts}, "web": {"hosts": servers}}
    variables = {"lb_interface": "eth0", "lb_gateway": ["192.0.2.1"], "lb_stack": stack}
    path.write_text(yaml.safe_dump({"all": {"children": groups, "vars": variables}}))
    return path


def _cost(lab: cluster.Lab, url: str) -> Cost:
    """One measurement, the balancer warmed up before."""
    client = lab.sandbox.enter("client")
    tools.load(url, CONNECTIONS, WARM_UP, "-HConnection: close", enter=client)
    before, cpu = _counters(lab), _cpu(lab)
    seen = tools.load(url, CONNECTIONS, SECONDS, "-HConnection: close", enter=client)
    spent, after = _cpu(lab) - cpu, _counters(lab)
    if seen.failed or not seen.good:
        raise RuntimeError(f"{url}: {seen.failed} requests failed, {seen.good} did not")
    passed = {name: (after[name] - before[name]) / seen.good for name in after}
    return Cost(seen.rate, spent / seen.good, *(passed[name] for name in COUNTERS))


COUNTERS = ("rx_packets", "tx_packets", "rx_bytes", "tx_bytes")


def _counters(lab: cluster.Lab) -> dict[str, int]:
    said = lab.run("lb1", "cd /sys/class/net/eth0/statistics && head -qn1 " + " ".join(COUNTERS))
    return dict(zip(COUNTERS, map(int, said.split()), strict=True))


def _cpu(lab: cluster.Lab) -> float:
    pid = lab.machine("lb1").pid()
    if pid is None:
        raise RuntimeError("lb1 is not running")
    return processes.cpu(pid)
