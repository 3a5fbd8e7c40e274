# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What clients see, in every mode: who answers, how often, and whether all of it comes."""

from __future__ import annotations

import typing as t

import pytest
from ask import ask, share
from described import Described, Service

from lab.client import fresh_ports
from lab.cluster import Lab

CLIENTS = [f"198.51.100.{number}" for number in range(10, 16)]
BIG = 10_000_000
ROUNDS = 3


def wanted(stack: Described, **conditions: object) -> list[Service]:
    found = [s for s in stack.services if all(getattr(s, key) == value for key, value in conditions.items())]
    assert found, f"the stack has no service with {conditions}"
    return found


def fair(answers: list[dict[str, t.Any]], weights: dict[str, int]) -> bool:
    """Whether everybody's share is exactly that of the weights."""
    return share(answers) == {host: ROUNDS * weight for host, weight in weights.items()}


def evidence(lab: Lab, service: Service, answers: list[dict[str, t.Any]]) -> str:
    """What a wrong share may come from: who answered in which order, and every connection that the director knows."""
    order = " ".join(f"{answer['server']}:{answer['port']}" for answer in answers)
    front = "lb1" if "lb1" in [host.name for host in lab.topology.hosts] else "box"
    return f"{service}: {order}\n{lab.run(front, 'ipvsadm -Lnc | sort')}"


@pytest.mark.stage("first")
@pytest.mark.modes("dr", "nat", "tun")
def test_shares_are_weights(lab: Lab, stack: Described) -> None:
    """wrr: each real server answers as often as its weight says, over TCP and UDP, IPv4 and IPv6."""
    weights = {host: stack.weight(host) for host in stack.real_servers}
    for service in wanted(stack, scheduler="wrr"):
        answers = ask(lab, service, ROUNDS * sum(weights.values()))
        assert fair(answers, weights), evidence(lab, service, answers)


@pytest.mark.kinds("lvs")
@pytest.mark.stage("first")
@pytest.mark.modes("dr", "nat", "tun")
def test_a_port_that_is_used_again_is_scheduled_anew(lab: Lab, stack: Described) -> None:
    """A director remembers each connection for minutes: whoever had another in between does not meet the same servers."""
    total = sum(stack.weight(host) for host in stack.real_servers)
    for service in wanted(stack, scheduler="wrr", protocol="tcp"):
        ports = {"first-port": fresh_ports(lab, total)}
        first = [answer["server"] for answer in ask(lab, service, total, **ports)]
        ask(lab, service)
        answers = ask(lab, service, total, **ports)
        assert [answer["server"] for answer in answers] == first[1:] + first[:1], evidence(lab, service, answers)


@pytest.mark.stage("second")
def test_rr_ignores_weights(lab: Lab, stack: Described) -> None:
    """rr: everybody the same."""
    for service in wanted(stack, scheduler="rr", persistent=0):
        answers = ask(lab, service, ROUNDS * len(stack.real_servers))
        assert fair(answers, dict.fromkeys(stack.real_servers, 1)), evidence(lab, service, answers)


@pytest.mark.stage("second")
def test_sh_keeps_a_client(lab: Lab, stack: Described) -> None:
    """sh: the same client meets the same real server, and not all clients meet the same one."""
    met = set()
    for service in wanted(stack, scheduler="sh"):
        for client in CLIENTS if ":" not in service.vip else [""]:
            answers = share(ask(lab, service, 4, source=client))
            assert len(answers) == 1, f"{service} from {client or 'the client'}: {answers}"
            met |= set(answers)
    assert len(met) > 1


@pytest.mark.stage("second")
def test_persistence_keeps_a_client(lab: Lab, stack: Described) -> None:
    """rr with persistence: a client stays where it was first, and clients are spread."""
    met = set()
    for service in (s for s in stack.services if s.persistent):
        for client in CLIENTS if ":" not in service.vip else [""]:
            answers = share(ask(lab, service, 4, source=client))
            assert len(answers) == 1, f"{service} from {client or 'the client'}: {answers}"
            met |= set(answers)
    assert met == set(stack.real_servers)


def test_real_servers_see_the_client(lab: Lab, stack: Described) -> None:
    """The client's own address arrives, and the reply is sent from the address that the mode says."""
    for service in stack.services:
        for answer in ask(lab, service, 4):
            assert answer["client"] == ("2001:db8:0:51::10" if ":" in service.vip else "198.51.100.10"), service
            if stack.mode == "nat":
                assert answer["local"] in stack.addresses(answer["server"])
            else:
                assert answer["local"] == service.vip


def test_big_replies_come_whole(lab: Lab, stack: Described) -> None:
    """10 MB from each real server."""
    for service in wanted(stack, protocol="tcp"):
        answers = ask(lab, service, 3, path=f"/bytes/{BIG}", timeout=60)
        assert [answer["bytes"] for answer in answers] == [BIG] * 3, service


def test_big_requests_arrive_whole(lab: Lab, stack: Described) -> None:
    """Full-size packets towards the real servers: what a tunnel's extra header would break."""
    for service in wanted(stack, protocol="tcp"):
        assert [answer["received"] for answer in ask(lab, service, 3, post=200_000, timeout=30)] == [200_000] * 3, (
            service
        )


@pytest.mark.modes("nat")
@pytest.mark.stage("second")
def test_firewall_mark_holds_ports_together(lab: Lab, stack: Described) -> None:
    """One virtual service for all ports of a tier: a client meets the same real server on each of them."""
    met = set()
    for vip, clients in (("192.0.2.101", CLIENTS), ("2001:db8:0:2::101", [""])):
        for client in clients:
            answers = [ask(lab, Service("tcp", vip, port, "rr", 60), source=client)[0] for port in (8080, 8081, 8080)]
            assert len(share(answers)) == 1, (vip, client, answers)
            met |= set(share(answers))
    assert met == set(stack.real_servers)


@pytest.mark.modes("nat")
@pytest.mark.stage("second")
def test_one_armed_director_answers_in_its_own_name(lab: Lab, stack: Described) -> None:
    """Source NAT: the real servers see the director, and every one of them is reached."""
    service = Service("tcp", "192.0.2.102", 8082, "rr", 0)
    answers = ask(lab, service, ROUNDS * len(stack.real_servers))
    assert fair(answers, dict.fromkeys(stack.real_servers, 1)), evidence(lab, service, answers)
    assert {answer["client"] for answer in answers} == {"203.0.113.10"}
