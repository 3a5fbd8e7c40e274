# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NAT real servers with a default route of their own: what takes it, and what goes by the director."""

from __future__ import annotations

import json

import pytest
from described import Described
from module import call

from lab.capture import Capture, Frame
from lab.cluster import Lab
from lab.machine import mac

EVERYTHING = {4: "0.0.0.0/0", 6: "::/0"}
DIP = {4: "203.0.113.10", 6: "2001:db8:0:113::10"}
EVENTS = "/run/route-events"
# What gateway_mode default comes to, in a table that no tier has.
BY_THE_DIRECTOR = {
    "routes": [{"to": EVERYTHING[v], "via": DIP[v], "interface": "eth0", "table": 4090, "onlink": True} for v in DIP],
    "rules": [
        {"family": family, "priority": priority, **rule}
        for family in ("ipv4", "ipv6")
        for priority, rule in (
            (4091, {"table": "main", "suppress_prefixlength": 0}),
            (4092, {"table": 4090, "protocol": "tcp", "source_port": 22, "invert": True}),
        )
    ],
}


def marker(table: int) -> str:
    """Shell words that end when the watcher has told of a route in this table, and so of all before it."""
    route = f"unreachable 192.0.2.250 table {table}"
    return f"until grep -q 'table {table}' {EVENTS}; do ip route add {route}; ip route del {route}; done"


def address(stack: Described, server: str, version: int) -> str:
    return next(one for one in stack.addresses(server) if (":" in one) == (version == 6))


def answers(lab: Lab, server: str, rip: str, words: str, request: str, sign: str) -> set[str]:
    """The hardware addresses that the server sends its answers to while the client makes a request."""

    def found(frames: list[Frame]) -> list[Frame]:
        return [frame for frame in frames if frame.source == mac(lab.topology.host(server), 0) and sign in frame.text]

    with Capture(lab, f"{server}.0", f"{words} and host {rip}") as capture:
        lab.run("client", request)
        return {frame.target for frame in found(capture.until(lambda frames: bool(found(frames))))}


def refused(lab: Lab, server: str, rip: str) -> set[str]:
    """A port that nobody serves."""
    return answers(lab, server, rip, "tcp port 9", f"! bash -c ': </dev/tcp/{rip}/9'", "Flags [R.]")


def logged_in(lab: Lab, server: str, rip: str) -> set[str]:
    return answers(lab, server, rip, "tcp port 22", f"bash -c 'read -r </dev/tcp/{rip}/22'", "Flags [S.]")


def router_mac(lab: Lab) -> str:
    return str(json.loads(lab.run("router", "ip -json link show eth2"))[0]["address"])


def with_a_gateway(lab: Lab, stack: Described) -> list[str]:
    """Real servers with a default route past the director."""
    found = [server for server in stack.real_servers if lab.topology.host(server).gateways]
    assert {lab.topology.host(server).network_manager for server in found} == {"ifupdown", "networkd"}
    return found


@pytest.mark.modes("nat")
@pytest.mark.stage("first")
def test_replies_leaves_all_else_to_the_default_route(lab: Lab, stack: Described) -> None:
    """gateway_mode replies: what is no service keeps its way."""
    for server in with_a_gateway(lab, stack):
        for version in (4, 6):
            rip = address(stack, server, version)
            assert refused(lab, server, rip) == {router_mac(lab)}, (server, version)
            assert logged_in(lab, server, rip) == {router_mac(lab)}, (server, version)


@pytest.mark.modes("nat")
@pytest.mark.stage("second")
def test_default_takes_all_but_ssh_by_the_director(lab: Lab, stack: Described) -> None:
    """gateway_mode default: whatever else the host has for a default route, or none at all."""
    director = mac(lab.topology.host("lb1"), 1)
    for version in (4, 6):
        for server in stack.real_servers:
            assert refused(lab, server, address(stack, server, version)) == {director}, (server, version)
        for server in with_a_gateway(lab, stack):
            assert logged_in(lab, server, address(stack, server, version)) == {router_mac(lab)}, (server, version)


@pytest.mark.modes("nat")
@pytest.mark.stage("first")
def test_default_comes_and_goes_without_a_gap(lab: Lab, stack: Described) -> None:
    """By the kernel's own account: the host's default route is left alone, and no rule ever leads where no route is."""
    servers = with_a_gateway(lab, stack)
    watch = f"nohup ip monitor route rule >{EVENTS} 2>&1 </dev/null & echo $! >{EVENTS}.pid"
    for server in servers:
        lab.run(server, f"{watch}; {marker(4095)}")
    call(",".join(servers), "host_network", {"name": "gap", **BY_THE_DIRECTOR})
    call(",".join(servers), "host_network", {"name": "gap", "state": "absent"})
    script = f"{marker(4096)}; kill $(cat {EVENTS}.pid); cat {EVENTS}; rm {EVENTS} {EVENTS}.pid"
    told = [lab.run(server, script).splitlines() for server in servers]
    order = [("+", "route")] * 2 + [("+", "rule")] * 4 + [("-", "rule")] * 4 + [("-", "route")] * 2
    for events in ([line for line in lines if "default" in line or "lookup" in line] for lines in told):
        assert all("4090" in line or line.removeprefix("Deleted ").startswith("4091:") for line in events), events
        signs = ["-" if line.startswith("Deleted ") else "+" for line in events]
        kinds = ["route" if "default" in line else "rule" for line in events]
        assert list(zip(signs, kinds, strict=True)) == order, events
