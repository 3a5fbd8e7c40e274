# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same load through each kind of balancer: what a request costs it in CPU time, packets and bytes."""

from __future__ import annotations

import contextlib
import json
import pathlib
import subprocess
import sys
import tempfile
import time
import typing as t

import yaml

from lab import cluster, report

from . import drawing, labs, processes, tools
from .figures import grid, median

VIP, OWN = "192.0.2.100", "192.0.2.10"
SIZES = {"1 kB": 1000, "100 kB": 100_000}
CONNECTIONS, SECONDS, WARM_UP = 16, 4, 1
SETTLE = 1
RATES = {"1 kB": 400, "100 kB": 100}
LATE, ATTEMPTS = 1.0, 5
"""By how many seconds the client may be behind its own clock, and how often it may try."""
PORTS = "net.ipv4.ip_local_port_range='1024 65535' net.ipv4.tcp_tw_reuse=1"
"""A client that runs out of ports, which it does after 14,000 connections by default, looks for one with all of its CPU."""
CLIENT = pathlib.Path(__file__).with_name("offered.py")
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
![Requests a second, and CPU time, packets and bytes of the balancer for each request]({picture})

One balancer that `site.yml` built with the collection's defaults before two real servers with nginx, all of them user-mode
Linux kernels, and a client behind a router, which are not; each request in a new connection. CPU time, packets and bytes are
for the same load on each way, {small} requests a second of 1 kB and {large} of 100 kB over {seconds} s, asked without waiting
for answers; all were answered. Requests a second are what {connections} connections get that ask again as soon as they are
answered, and `busy` is the part of its core that the balancer took for that: where it is far from 100 %, the real servers
or other work of the machine were the limit and not the balancer.

CPU time is what the balancer's kernel, with all that runs in it (so also who writes a proxy's log), took of the machine, by
the machine's own clock, less what it takes when nobody asks. {place} Packets and bytes are those of the balancer's only interface, with segments as they
are on the wire (no offloading when sending); bytes are those of IP.

"""
APART = """\
The balancer has a core for itself; real servers, client, and what the machine does for the lab's wires run on the other, the
delivery of what the balancer sends included. The client took {client:.0%} of that core at most."""
TOGETHER = """\
The machine has a single core, which everybody shares; the delivery of what the balancer sends is in its CPU time."""


class Cost(t.NamedTuple):
    """``rate``, ``busy``: requests a second without a limit, and the part of a core that the balancer took for them.

    The others are for one request under the load that is the same for all: seconds of CPU, packets and bytes in and out.
    ``client``: the largest part of a core that the client took.
    """

    rate: float
    busy: float
    client: float
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
    drawing.draw(PICTURE, {"ways": list(WAYS), "rows": [panels(costs, size) for size in SIZES]})
    head = ["Way", "Reply", "CPU for a request", "x DR", "Packets in", "out", "Bytes in", "out", "Requests/s", "Busy"]
    lines = [line(way, size, costs[way, size], costs["LVS-DR", size]) for size in SIZES for way in WAYS]
    place = APART.format(client=max(cost.client for cost in costs.values())) if processes.cores() > 1 else TOGETHER
    rates = dict(zip(("small", "large"), RATES.values(), strict=True))
    words = {"picture": PICTURE.name, "connections": CONNECTIONS, "seconds": SECONDS, "place": place, **rates}
    return TEXT.format(**words) + grid(head, lines)


def panels(costs: dict[tuple[str, str], Cost], size: str) -> list[drawing.Panel]:
    """A row of the picture: all about one size of the reply."""
    these = [costs[way, size] for way in WAYS]
    return [
        {"title": f"{size}: requests/s", "series": {"": [cost.rate for cost in these]}},
        {"title": f"{size}: CPU ms/request", "series": {"": [cost.cpu * 1000 for cost in these]}},
        {
            "title": f"{size}: packets/request",
            "series": {"in": [cost.packets_in for cost in these], "out": [cost.packets_out for cost in these]},
        },
        {
            "title": f"{size}: kB/request",
            "series": {
                "in": [cost.bytes_in / 1000 for cost in these],
                "out": [cost.bytes_out / 1000 for cost in these],
            },
        },
    ]


def line(way: str, size: str, cost: Cost, least: Cost) -> list[str]:
    packets = [f"{cost.packets_in:.1f}", f"{cost.packets_out:.1f}"]
    octets = [f"{cost.bytes_in:,.0f}", f"{cost.bytes_out:,.0f}"]
    relative = f"{cost.cpu / least.cpu:.1f}"
    most = [f"{cost.rate:,.0f}", f"{cost.busy:.0%}"]
    return [way, size, f"{cost.cpu * 1000:.3f} ms", relative, *packets, *octets, *most]


def _way(way: str, tier: dict[str, t.Any], address: str, rounds: int) -> dict[str, list[Cost]]:
    """All costs of one way, by size of the reply; in a lab of its own."""
    with labs.lab(labs.TOPOLOGIES / "director.yml") as lab, tempfile.TemporaryDirectory() as folder:
        _serve(lab)
        lab.run("client", f"sysctl -qw {PORTS}")
        labs.playbook(labs.PROJECT / "site.yml", _inventory(pathlib.Path(folder), tier), labs.way_in(lab))
        for host in ("lb1", *SERVERS):
            lab.run(
                host, "ip link set eth0 gso_max_segs 1 gso_max_size 1514 2>/dev/null || ip link set eth0 gso_max_segs 1"
            )
        found: dict[str, list[Cost]] = {}
        with _apart(lab):
            idle = _idle(lab)
            for turn in range(rounds):
                for size in SIZES:
                    with report.step(f"{way}, {size}, round {turn + 1}"):
                        found.setdefault(size, []).append(_cost(lab, address, size, idle))
        return found


@contextlib.contextmanager
def _apart(lab: cluster.Lab) -> t.Iterator[None]:
    """The balancer on a core of its own, where there is one, and all others on the rest."""
    own, rest = processes.apart()
    for machine in lab.machines():
        processes.pin(_pid(lab, machine.host.name), own if machine.host.name == "lb1" else rest)
    # What the balancer sends goes through bridge, router and client in its own time unless another core takes it over.
    mask = f"{sum(1 << core for core in rest if core < 32):x}" if own != rest else "0"
    queue = "/sys/class/net/lb1.0/queues/rx-0/rps_cpus"
    lab.sandbox.sh(f"unshare --mount sh -ec 'mount -t sysfs none /sys && echo {mask} >{queue}'")
    with processes.confined(rest):
        yield


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


def _idle(lab: cluster.Lab) -> float:
    """The part of a core that the balancer takes when nobody asks: for timers and for looking at its servers."""
    lab.run("lb1", "systemctl is-system-running --wait >/dev/null || true")
    time.sleep(SETTLE)
    cpu = _cpu(lab)
    time.sleep(SECONDS)
    return (_cpu(lab) - cpu) / SECONDS


def _cost(lab: cluster.Lab, address: str, size: str, idle: float) -> Cost:
    """One measurement, the balancer warmed up before."""
    client, path = lab.sandbox.enter("client"), f"/{SIZES[size]}"
    url, closing = f"http://{address}{path}", "-HConnection: close"
    tools.load(url, CONNECTIONS, WARM_UP, closing, enter=client)
    cpu = _cpu(lab)
    seen = tools.load(url, CONNECTIONS, SECONDS, closing, enter=client)
    busy = (_cpu(lab) - cpu) / SECONDS
    if seen.failed or not seen.good:
        raise RuntimeError(f"{url}: {seen.failed} requests failed, {seen.good} did not")
    for _attempt in range(ATTEMPTS):
        before, cpu, begin = _counters(lab), _cpu(lab), time.monotonic()
        offered = _offer(client, address, path, RATES[size])
        spent = _cpu(lab) - cpu - idle * (time.monotonic() - begin)
        after = _counters(lab)
        if offered["failed"]:
            raise RuntimeError(f"{url}: {offered['failed']} requests failed of {RATES[size]} a second")
        if offered["late"] <= LATE:
            break
        report.say(f"again: the client was late by {offered['late']:.1f} s, as this machine has other things to do")
    else:
        raise RuntimeError(f"{url}: this machine is too busy for {RATES[size]} requests a second by the clock")
    passed = [(after[name] - before[name]) / offered["good"] for name in COUNTERS]
    return Cost(seen.rate, busy, seen.busy, spent / offered["good"], *passed)


def _offer(client: list[str], address: str, path: str, rate: int) -> dict[str, float]:
    """Put the load on, and return what the client says of it."""
    argv = [*client, sys.executable, str(CLIENT), address, "80", path, str(rate), str(SECONDS)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    seen: dict[str, float] = json.loads(done.stdout)
    return seen


ETHERNET = 14
COUNTERS = ("rx_packets", "tx_packets", "rx_bytes", "tx_bytes")


def _counters(lab: cluster.Lab) -> dict[str, int]:
    said = lab.run("lb1", "cd /sys/class/net/eth0/statistics && head -qn1 " + " ".join(COUNTERS))
    return at_ip(dict(zip(COUNTERS, map(int, said.split()), strict=True)))


def at_ip(counted: dict[str, int]) -> dict[str, int]:
    """Bytes of IP packets: the host's driver counts the header of Ethernet when it sends, and not when it receives."""
    return counted | {"tx_bytes": counted["tx_bytes"] - ETHERNET * counted["tx_packets"]}


def _cpu(lab: cluster.Lab) -> float:
    return processes.cpu(_pid(lab, "lb1"))


def _pid(lab: cluster.Lab, name: str) -> int:
    pid = lab.machine(name).pid()
    if pid is None:
        raise RuntimeError(f"{name} is not running")
    return pid
