# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""LVS behind LVS, by name: the same whichever mode is in front. Verifications import these tests."""

from __future__ import annotations

import concurrent.futures
import fractions
import json
import pathlib
import re
import sys

from ask import ask, share
from described import Described, Service, Tier
from tunnels import CLIENT, version
from waiting import until

from lab.cluster import Lab

NAME = "www.shop.example"
BIG = 10_000_000
ROUNDS = 12
# The name servers' checks, and directors', take turns among the requests. In so many rounds equal parts would be 8 off.
CHECKS = 4
SOLICIT = pathlib.Path(__file__).with_name("solicit.py")
COUNTERS = "ipvsadm -Ln --stats --exact"


def web_services(stack: Described) -> list[Service]:
    """The TCP service of each VIP in front."""
    return [service for service in stack.services if service.protocol == "tcp"]


def parts(stack: Described, tier: Tier) -> dict[str, fractions.Fraction]:
    """Each real server's part of what a tier gets."""
    names = tier["backend"] if isinstance(tier["backend"], list) else [tier["backend"]]
    found: dict[str, fractions.Fraction] = {}
    for behind in map(stack.tier, names):
        for host, weight in _weights(stack, tier, behind).items():
            last = {host: fractions.Fraction(1)} if behind["kind"] == "servers" else parts(stack, behind)
            for server, part in last.items():
                found[server] = found.get(server, fractions.Fraction()) + part * weight
    whole = sum(found.values())
    return {server: part / whole for server, part in found.items()}


def _weights(stack: Described, tier: Tier, behind: Tier) -> dict[str, int]:
    """What a tier sends to, with weights: hosts, but the VIP where NAT is in front of LVS."""
    if tier["mode"] == "nat" and behind["kind"] == "lvs":
        return {"": 1}
    return {host: stack.weight(host) if tier.get("scheduler") == "wrr" else 1 for host in stack.members(behind)}


def test_both_name_servers_lead_to_the_vips_in_front(lab: Lab, stack: Described) -> None:
    for host in ("dns1", "dns2"):
        asked = f"dig @{stack.addresses(host)[0]} +short {NAME} A {NAME} AAAA"
        until(
            lambda asked=asked: sorted(lab.run("client", asked, check=False).split()),
            sorted(stack.vips),
            f"the VIPs by {host}",
        )


def test_shares_multiply(lab: Lab, stack: Described) -> None:
    """Each tier gives its parts by its own weights."""
    wanted = parts(stack, stack.front)
    count = ROUNDS * max(part.denominator for part in wanted.values())
    for service in web_services(stack):
        met = share(ask(lab, service, count))
        assert all(abs(met.get(server, 0) - count * part) <= CHECKS for server, part in wanted.items()), (service, met)


def test_real_servers_see_the_client(lab: Lab, stack: Described) -> None:
    for service in stack.services:
        answers = ask(lab, service, 2 * len(stack.real_servers))
        assert {answer["client"] for answer in answers} == {CLIENT[version(service.vip)]}, service


def test_large_requests_and_replies_come_whole(lab: Lab, stack: Described) -> None:
    for service in web_services(stack):
        answers = ask(lab, service, 3, path=f"/bytes/{BIG}", timeout=60)
        assert [answer["bytes"] for answer in answers] == [BIG] * 3, service
        assert [one["received"] for one in ask(lab, service, 3, post=200_000, timeout=30)] == [200_000] * 3, service


def packets(lab: Lab, host: str) -> list[tuple[int, int]]:
    """Packets in and out of each TCP service of a director."""
    rows = [row.split() for row in lab.run(host, COUNTERS).splitlines() if row.startswith("TCP")]
    return [(int(row[3]), int(row[4])) for row in rows]


def test_replies_pass_nobody_but_a_nat_director(lab: Lab, stack: Described) -> None:
    """By the counters of all directors. The kernel sums them up every two seconds."""
    for service in web_services(stack):
        ask(lab, service, 10)
    tiers = [tier for tier in stack.fronts if tier["kind"] == "lvs"]
    for tier in tiers:
        hosts = stack.members(tier)
        until(
            lambda hosts=hosts: any(all(into > 0 for into, _out in packets(lab, host)) for host in hosts),
            True,
            f"requests counted by {hosts}",
        )
        passed = {out > 0 for host in hosts for into, out in packets(lab, host) if into}
        assert passed == {tier["mode"] == "nat"}, (tier["name"], {host: packets(lab, host) for host in hosts})


def who_answers(lab: Lab, asked: list[tuple[int, str]]) -> dict[tuple[int, str], set[str]]:
    """By network of the router's and VIP, the hardware addresses that answer who-has or solicitations. All are asked at once."""
    with concurrent.futures.ThreadPoolExecutor(len(asked)) as pool:
        return dict(zip(asked, pool.map(lambda one: _who_answers(lab, *one), asked), strict=True))


def _who_answers(lab: Lab, unit: int, vip: str) -> set[str]:
    if version(vip) == 6:
        return set(json.loads(lab.run("router", f"{sys.executable} {SOLICIT} eth{unit} {vip}")))
    words = lab.run("router", f"arping -c 2 -w 2 -I eth{unit} {vip}", check=False)
    return {found.lower() for found in re.findall(r"\[([0-9A-F:]{17})\]", words)}
