# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pair at rest: names lead to the VIPs, each is held once and serves; a sick server is out of both pools."""

from __future__ import annotations

import json
import math

import pytest
from browser import browse
from clients import PATIENT, Clients
from drills import check_all_answered
from frame import stage
from proxies import Proxies, tiers, wait_for
from waiting import until
from web import Sites

from lab.cluster import Lab

WEIGHTS = {"web1": 1, "web2": 2, "web3": 1}
TOTAL = 120


@pytest.mark.parametrize("server", ["192.0.2.11", "192.0.2.12"])
def test_both_name_servers_lead_to_the_vips(lab: Lab, pair: Proxies, server: str) -> None:
    """Once they know that all VIPs answer again."""
    names = {"shop": "shop.example", "api": "api.shop.example"}
    for tier in tiers(stage()):
        name = names[tier["name"]]
        if stage() == "second" and tier["name"] == "api":
            assert lab.run("client", f"dig +noall +comments {name} @{server}").count("NXDOMAIN") == 1
            continue
        ask = f"dig @{server} +short {name} A {name} AAAA"
        until(lambda ask=ask: sorted(lab.run("client", ask).split()), sorted(tier["vips"]), f"the VIPs of {name}")


def test_each_vip_serves_in_shares(lab: Lab, pair: Proxies, clients: Clients) -> None:
    for tier in tiers(stage()):
        if tier.get("algorithm"):
            continue  # least connections: what is idle gets no share that could be told before
        for vip in tier["vips"]:
            answers = browse(lab, [{"address": vip, "port": tier["port"]}] * TOTAL)
            served = [one["said"]["server"] for one in answers]
            of = sum(WEIGHTS.values())
            for host, weight in WEIGHTS.items():
                # turns by weight, but each worker takes its own
                assert math.isclose(served.count(host), TOTAL * weight / of, abs_tol=3), (vip, json.dumps(served))


@pytest.mark.once
def test_a_sick_server_gets_nothing_and_no_request_fails(pair: Proxies, clients: Clients, sites: Sites) -> None:
    sites["web2"].answer_checks(500)
    wait_for(pair.lab, {"web1", "web3"})
    with clients.asking("without a server", PATIENT) as seen:
        wait_for(pair.lab, {"web1", "web3"})
    check_all_answered(seen)
    assert all(set(found["servers"]) <= {"web1", "web3"} for found in seen.values()), seen
