# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which way packets take: what each mode is about."""

from __future__ import annotations

import pytest
from ask import ask
from described import Described, Service

from lab.capture import Capture, syn_acks
from lab.cluster import Lab
from lab.machine import mac


def services(stack: Described) -> list[Service]:
    """One TCP service of each family."""
    return [service for service in stack.services if service.protocol == "tcp"]


def host_mac(lab: Lab, name: str, nic: int = 0) -> str:
    return mac(lab.topology.host(name), nic)


@pytest.mark.modes("dr")
def test_dr_replies_come_from_the_real_server_itself(lab: Lab, stack: Described) -> None:
    """At the router: requests go to the director's hardware address, replies come from the answering real server's."""
    front = "lb1" if stack.front["kind"] == "lvs" else "box"
    for service in services(stack):
        with Capture(lab, "router.0", f"tcp and host {service.vip}") as capture:
            for server in {answer["server"] for answer in ask(lab, service, 4)}:
                frames = capture.until(
                    lambda frames, server=server: any(
                        frame.source == host_mac(lab, server) for frame in syn_acks(frames)
                    )
                )
                assert any(frame.source == host_mac(lab, server) for frame in syn_acks(frames)), (service, server)
        servers = {host_mac(lab, name) for name in stack.real_servers}
        assert {frame.source for frame in syn_acks(frames)} <= servers, service
        assert {frame.target for frame in frames if "Flags [S]," in frame.text} == {host_mac(lab, front)}, service


@pytest.mark.modes("nat")
@pytest.mark.stage("first")
def test_nat_both_ways_cross_the_director(lab: Lab, stack: Described) -> None:
    """At a real server's cable: client to RIP on the mapped port, both directions by the director's hardware address."""
    director = host_mac(lab, "lb1", 1)
    for service in services(stack):
        six = ":" in service.vip
        client = "2001:db8:0:51::10" if six else "198.51.100.10"
        for server in stack.real_servers:
            rip = next(address for address in stack.addresses(server) if (":" in address) == six)
            with Capture(lab, f"{server}.0", "tcp") as capture:
                ask(lab, service, 8)
                frames = capture.until(lambda frames: bool(syn_acks(frames)))
            asked = [
                frame for frame in frames if f"{client}." in frame.text and f"> {rip}.8080: Flags [S]" in frame.text
            ]
            assert asked and {frame.source for frame in asked} == {director}, (service, server)
            assert {frame.target for frame in syn_acks(frames)} == {director}, (service, server)


@pytest.mark.modes("nat")
def test_nat_serves_the_real_servers_own_network(lab: Lab, stack: Described) -> None:
    """A client beside the real servers gets its replies by the director too, not on the short way."""
    for service in services(stack):
        answers = ask(lab, service, 4, host="neighbour")
        assert {answer["client"] for answer in answers} <= {"203.0.113.77", "2001:db8:0:113::77"}


@pytest.mark.kinds("lvs")
@pytest.mark.modes("dr", "tun")
def test_director_sees_one_direction_only(lab: Lab, stack: Described) -> None:
    """The director's own counters: packets in, none out."""
    for service in services(stack):
        ask(lab, service, 4)
    # The kernel sums its counters up every two seconds.
    counted = "ipvsadm -Ln --stats --exact | awk '$1 == \"TCP\" && $4 > 0 {found = 1} END {exit !found}'"
    lab.run("lb1", f"for i in $(seq 40); do {counted} && break; sleep 0.2; done")
    rows = [row.split() for row in lab.run("lb1", "ipvsadm -Ln --stats --exact").splitlines() if row.startswith("TCP")]
    assert sum(int(row[3]) for row in rows) > 0, rows
    assert [int(row[4]) for row in rows] == [0] * len(rows), rows
