# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who answers for a VIP on the wire: the director, and nobody else."""

from __future__ import annotations

import re

import pytest
from ask import ask
from described import Described

from lab.capture import Capture
from lab.cluster import Lab
from lab.machine import mac


def director_mac(lab: Lab, stack: Described) -> str:
    return mac(lab.topology.host("lb1" if stack.front["kind"] == "lvs" else "box"), 0)


def test_only_the_director_answers_arp(lab: Lab, stack: Described) -> None:
    """Every reply to who-has VIP has the director's hardware address."""
    vip = next(vip for vip in stack.vips if ":" not in vip)
    words = lab.run("router", f"arping -c 3 -w 4 -I eth0 {vip}", check=False)
    assert set(re.findall(r"\[([0-9A-F:]{17})\]", words)) == {director_mac(lab, stack).upper()}, words


def test_only_the_director_answers_neighbour_solicitations(lab: Lab, stack: Described) -> None:
    """The same for IPv6: one speaker of advertisements for the VIP."""
    vip = next(vip for vip in stack.vips if ":" in vip)
    with Capture(lab, "lan", "icmp6 and ip6[40] == 136") as capture:
        lab.run("router", "ip -6 neighbour flush dev eth0")
        ask(lab, next(service for service in stack.services if service.vip == vip))
        frames = capture.until(lambda frames: any(vip in frame.text for frame in frames))
    assert {frame.source for frame in frames if f"tgt is {vip}" in frame.text} == {director_mac(lab, stack)}, frames


@pytest.mark.modes("dr")
def test_real_servers_ask_with_their_own_address(lab: Lab, stack: Described) -> None:
    """arp_announce: a real server that speaks as the VIP still asks for its gateway as itself."""
    vip = next(vip for vip in stack.vips if ":" not in vip)
    for server in stack.real_servers:
        rip = next(address for address in stack.addresses(server) if ":" not in address)
        with Capture(lab, f"{server}.0", "arp[6:2] == 1") as capture:
            lab.run(server, f"ip neighbour flush dev eth0; ping -c 1 -W 1 -I {vip} 192.0.2.1 >/dev/null || test $? = 1")
            frames = capture.until(lambda frames: any("who-has 192.0.2.1 " in frame.text for frame in frames))
        asked = [
            frame.text
            for frame in frames
            if "who-has 192.0.2.1 " in frame.text and frame.source == mac(lab.topology.host(server), 0)
        ]
        assert asked and all(f"tell {rip}" in text for text in asked), frames


def test_neighbours_of_the_client_are_right_after_traffic(lab: Lab, stack: Described) -> None:
    """However much the real servers send, the router goes on knowing the VIP at the director."""
    for service in stack.services:
        ask(lab, service, 6)
    known = lab.run("router", "ip neighbour show dev eth0")
    for vip in stack.vips:
        assert f"{vip} lladdr {director_mac(lab, stack)}" in known, known
