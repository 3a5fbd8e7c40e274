# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which way packets take from the first director to the sites, and what the death of a site's director costs."""

from __future__ import annotations

# pylint: disable=unused-import  # pytest finds hooks, fixtures and tests by their names
import re
import typing as t

import pytest
from ask import ask, share
from cascades import (  # noqa: F401  # the tests that both hybrids share
    test_both_name_servers_lead_to_the_vips_in_front,
    test_large_requests_and_replies_come_whole,
    test_real_servers_see_the_client,
    test_replies_pass_nobody_but_a_nat_director,
    test_shares_multiply,
    web_services,
    who_answers,
)
from clients import PATIENT, Clients
from described import Described
from drills import check_gaps
from tunnels import ANY, Tunnel, icmp_filtered
from waiting import until

from lab.capture import Capture, Frame
from lab.cluster import Lab
from lab.machine import mac

# The director of each site, the router's leg there, and its servers.
SITES = {"lb2": (1, ["web1", "web2"]), "lb3": (2, ["web3"])}


def from_macs(frames: t.Iterable[Frame], words: str) -> set[str]:
    """The hardware addresses that packets with these words come from."""
    return {frame.source for frame in frames if re.match(words, frame.text)}


@pytest.mark.parametrize("director", SITES)
def test_requests_come_wrapped_and_replies_leave_bare(lab: Lab, stack: Described, director: str) -> None:
    """Between router and site: from DIP to the site's director with the packet inside; back from the server itself."""
    leg, servers = SITES[director]
    for service in web_services(stack):
        tunnel = Tunnel.of(stack.front, service.vip)
        request = tunnel.request(
            tunnel.end(stack.addresses("lb1")), tunnel.end(stack.addresses(director)), service.port
        )
        reply = re.escape(f"{service.vip}.{service.port} > {tunnel.client}.")
        wanted = {mac(lab.topology.host(server), 0) for server in servers}
        with Capture(lab, f"router.{leg}", f"{ANY} or host {service.vip}") as capture:
            ask(lab, service, 15)
            frames = capture.until(lambda some, reply=reply, wanted=wanted: from_macs(some, reply) == wanted)
        assert from_macs(frames, request.pattern) == {lab.run("router", f"cat /sys/class/net/eth{leg}/address").strip()}
        assert from_macs(frames, reply) == wanted, (service, frames[:9])


def test_servers_get_requests_from_the_director_of_their_site(lab: Lab, stack: Described) -> None:
    for director, (_leg, servers) in SITES.items():
        for service in web_services(stack):
            with Capture(lab, f"{servers[0]}.0", f"tcp and dst host {service.vip}") as capture:
                ask(lab, service, 15)
                frames = capture.until(lambda some: any("Flags [S]" in one.text for one in some))
            assert {frame.source for frame in frames} == {mac(lab.topology.host(director), 0)}, (service, frames[:9])


def test_only_the_first_director_answers_for_the_vip(lab: Lab, stack: Described) -> None:
    """The directors of the sites and their servers hold the VIP too."""
    found = who_answers(lab, [(leg, vip) for leg in (0, 1, 2) for vip in stack.vips])
    wanted = [{mac(lab.topology.host("lb1"), 0)}, set(), set()]
    assert found == {(leg, vip): wanted[leg] for leg, vip in found}


def test_uploads_arrive_where_icmp_does_not(lab: Lab, stack: Described) -> None:
    """The last servers announce segments that fit the tunnel, which is a tier before theirs."""
    with icmp_filtered(lab):
        for service in web_services(stack):
            answers = ask(lab, service, 10, post=200_000, timeout=30)
            assert [answer["received"] for answer in answers] == [200_000] * 10, service


@pytest.mark.once
@pytest.mark.stage("second")
@pytest.mark.parametrize("dead", ["lb3", "web3"])
def test_a_site_that_does_not_answer_gets_no_more(lab: Lab, stack: Described, clients: Clients, dead: str) -> None:
    """Its director dies, or the last server behind that. The other site serves on; once the first director knows, nobody fails."""
    pool = "ipvsadm -Sn | grep -c -e '-r 203.0.113.130:' -e '-r .2001:db8:0:114::10]:' || true"
    try:
        with clients.asking(f"power cut of {dead}") as seen:
            lab.power_cut([dead])
            until(lambda: lab.run("lb1", pool).strip(), "0", "the site is out of the pools")
        check_gaps(seen)
        with clients.asking(f"without {dead}", PATIENT) as seen:
            for service in web_services(stack):
                assert set(share(ask(lab, service, 10))) == {"web1", "web2"}
        assert all(found["failed"] == 0 for found in seen.values()), seen
    finally:
        lab.power_on([dead])
    until(lambda: lab.run("lb1", pool).strip(), "2", "the site is in the pools again")
    for service in web_services(stack):
        assert "web3" in share(ask(lab, service, 10))
