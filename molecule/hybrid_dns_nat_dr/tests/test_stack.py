# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which way packets take through the NAT director and the pair behind it, and what the death of one of the pair costs."""

from __future__ import annotations

# pylint: disable=unused-import  # pytest finds hooks, fixtures and tests by their names
import pytest
from ask import ask
from cascades import (  # noqa: F401  # the tests that both hybrids share
    test_both_name_servers_lead_to_the_vips_in_front,
    test_large_requests_and_replies_come_whole,
    test_real_servers_see_the_client,
    test_replies_pass_nobody_but_a_nat_director,
    test_shares_multiply,
    web_services,
    who_answers,
)
from clients import Clients
from described import Described
from drills import check_power_cut_and_return
from pair import Pair
from tunnels import CLIENT, version

from lab.capture import Capture, syn_acks
from lab.cluster import Lab
from lab.machine import mac


def test_requests_come_by_the_pair_and_replies_leave_by_the_nat_director(
    lab: Lab, stack: Described, pair: Pair
) -> None:
    """At the servers' cables, which have a default route to somebody else."""
    holder = mac(lab.topology.host(pair.gather()), 0)
    inner = stack.tier("app")["vips"]
    for service in web_services(stack):
        vip = next(one for one in inner if version(one) == version(service.vip))
        begin = f"{CLIENT[version(vip)]}."
        for server in stack.real_servers:
            with Capture(lab, f"{server}.0", f"tcp and host {vip} and host {CLIENT[version(vip)]}") as capture:
                ask(lab, service, 8)
                frames = capture.until(lambda frames: bool(syn_acks(frames)))
            asked = [one for one in frames if one.text.startswith(begin) and f"> {vip}.8080: Flags [S]" in one.text]
            assert asked and {frame.source for frame in asked} == {holder}, (service, server, frames[:9])
            assert {frame.target for frame in syn_acks(frames)} == {mac(lab.topology.host("lb1"), 1)}, (service, server)


def test_only_its_holder_answers_for_each_vip(lab: Lab, stack: Described, pair: Pair) -> None:
    holders = {0: mac(lab.topology.host("lb1"), 0), 2: mac(lab.topology.host(pair.gather()), 0)}
    asked = [(0, vip) for vip in stack.vips] + [(2, vip) for vip in stack.tier("app")["vips"]]
    found = who_answers(lab, asked)
    assert found == {(leg, vip): {holders[leg]} for leg, vip in asked}


@pytest.mark.once
@pytest.mark.stage("second")
def test_power_cut_and_return_of_the_holder_behind(pair: Pair, clients: Clients) -> None:
    """The NAT director notices nothing but the new neighbour."""
    check_power_cut_and_return(pair, clients)
