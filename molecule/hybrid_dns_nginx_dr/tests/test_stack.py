# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""By name through all tiers: who answers, which way packets take, and what a broken tier does to those in front of it."""

from __future__ import annotations

import collections

import pytest
from browser import browse
from clients import PATIENT, Clients
from described import Described, Service
from pair import Pair
from play import play
from proxies import front
from waiting import until

from lab.capture import Capture, syn_acks
from lab.cluster import Lab
from lab.machine import mac

NAME = "www.shop.example"
ROUNDS = 8
CHECKS = 3
BIG = 10_000_000


def test_both_name_servers_lead_to_the_vips(lab: Lab, stack: Described, edges: Pair) -> None:
    for host in ("dns1", "dns2"):
        ask = f"dig @{stack.addresses(host)[0]} +short {NAME} A {NAME} AAAA"
        until(
            lambda ask=ask: sorted(lab.run("client", ask).split()), sorted(front(stack)["vips"]), f"the VIPs by {host}"
        )


def test_shares_are_those_of_the_directors(lab: Lab, stack: Described, edges: Pair, directors: Pair) -> None:
    """However many proxies, workers and connections are between: each request is scheduled by itself, and the name
    servers' checks take turns among them."""
    weighted = stack.front["scheduler"] == "wrr"
    weights = {host: stack.weight(host) if weighted else 1 for host in stack.real_servers}
    for vip in front(stack)["vips"]:
        request = {"address": vip, "port": 80, "headers": {"Host": NAME}}
        answers = browse(lab, [request] * ROUNDS * sum(weights.values()))
        served = collections.Counter(answer["said"]["server"] for answer in answers)
        assert all(abs(served[host] - ROUNDS * weight) <= CHECKS for host, weight in weights.items()), (vip, served)


def test_replies_do_not_pass_the_directors(lab: Lab, stack: Described, edges: Pair, directors: Pair) -> None:
    """At the cable of the proxy: it asks the director's hardware address, and hears from that of the real server."""
    edge, director = edges.gather(), directors.gather()
    vip = stack.vips[0]
    with Capture(lab, f"{edge}.1", f"tcp and host {vip}") as capture:
        browse(lab, [{"address": front(stack)["vips"][0], "port": 80}] * ROUNDS * 3)
        frames = capture.until(lambda some: len({one.source for one in syn_acks(some)}) == 3)
    machines = {mac(lab.topology.host(host), 0): host for host in (*stack.real_servers, "lb1", "lb2")}
    asked = {machines.get(one.target) for one in frames if f"> {vip}.8080: Flags [S]" in one.text}
    replied = {machines.get(one.source) for one in syn_acks(frames)}
    assert (asked, replied) == ({director}, set(stack.real_servers))


def test_a_large_reply_comes_whole(lab: Lab, stack: Described, edges: Pair) -> None:
    for vip in front(stack)["vips"]:
        (answer,) = browse(lab, [{"address": vip, "port": 80, "path": f"/bytes/{BIG}"}])
        assert len(answer["text"]) == BIG


# What a director cannot do, and what a proxy would.
CHANGES = {"lvs": {"sysctls": {"net.ipv4.no_such_key": 1}}, "nginx": {"pool": {"max_fails": 9}}}


@pytest.mark.once
@pytest.mark.stage("first")
def test_a_tier_that_fails_keeps_those_in_front_as_they_are(lab: Lab, stack: Described, clients: Clients) -> None:
    """The run ends with the directors, before the proxies, which were to change too. Nobody notices."""
    look = "sha256sum /etc/nginx/mixed_lb/http/*.conf; systemctl show --property=MainPID nginx"
    before = {host: lab.run(host, look) for host in ("edge1", "edge2")}
    changed = [{**tier, **CHANGES.get(tier["kind"], {})} for tier in stack.tiers]
    with clients.asking("a tier that fails", PATIENT) as seen:
        done = play({"lb_stack": {"tiers": changed}}, playbook="site.yml")
    said = done.stdout + done.stderr
    assert done.returncode != 0 and "no_such_key" in said, said
    assert {host: lab.run(host, look) for host in before} == before
    assert all(found["failed"] == 0 for found in seen.values()), seen


@pytest.mark.once
@pytest.mark.stage("first")
def test_weights_and_servers_change_without_a_failed_request(lab: Lab, stack: Described, clients: Clients) -> None:
    """By site.yml alone; a download that is under way goes on."""
    vip = front(stack)["vips"][0]
    with clients.asking("weights", PATIENT) as seen:
        download = clients.download(Service("tcp", vip, 80, "", 0))
        assert play({"lb_weight": 1}, playbook="site.yml").returncode == 0
        assert not download.lacks()
        assert play({}, playbook="site.yml").returncode == 0
    assert all(found["failed"] == 0 for found in seen.values()), seen
