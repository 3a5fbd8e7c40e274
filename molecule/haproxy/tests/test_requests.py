# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who answers what: weights, algorithms, maps, and what the servers learn of the client."""

from __future__ import annotations

import pytest
from edge import BALANCERS, CLIENTS, ROUND, WEIGHTS, Edge, finished, near
from waiting import until
from web import Sites, release

pytestmark = [pytest.mark.stage("first"), pytest.mark.usefixtures("sites")]
TURNS = 5


@pytest.mark.parametrize("balancer", BALANCERS)
@pytest.mark.parametrize("port", [80, 5222], ids=["http", "tcp"])
def test_weights(edge: Edge, balancer: str, port: int) -> None:
    shares = edge.servers(balancer, TURNS * ROUND, port=port)
    assert near(shares, {server: TURNS * weight // 10 for server, weight in WEIGHTS.items()}), shares


def test_ipv6(edge: Edge) -> None:
    answers = edge.browse([{"address": "2001:db8:0:2::11", "port": 80}] * ROUND)
    assert {answer["said"]["server"] for answer in answers} == set(WEIGHTS)
    assert {answer["said"]["headers"]["x-forwarded-for"] for answer in answers} == {"2001:db8:0:2::51"}


def test_a_path_stays_with_its_server(edge: Edge, sites: Sites) -> None:
    """A server that dies takes only its own paths along."""
    paths = [f"/{number}" for number in range(60)]

    def found(balancer: str) -> list[str]:
        words = {"address": BALANCERS[balancer], "port": 80, "headers": {"Host": "blog.example"}}
        return [answer["said"]["server"] for answer in edge.browse([{**words, "path": path} for path in paths])]

    before = {balancer: found(balancer) for balancer in BALANCERS}
    assert before == {balancer: found(balancer) for balancer in BALANCERS}
    sites["web3"].stop()
    edge.wait(lambda balancer: edge.status(balancer)["blog", "web3"] == "DOWN", "web3 is down")
    for balancer, servers in before.items():
        assert set(servers) == set(WEIGHTS)
        after = found(balancer)
        assert {one for one, other in zip(servers, after, strict=True) if one != other} == {"web3"}
        assert "web3" not in after


def test_least_connections(edge: Edge, sites: Sites) -> None:
    """Downloads are under way: nobody has two more than anybody else."""
    busy = [edge.download("edge1", headers={"Host": "account.example"}) for _turn in range(4)]
    until(lambda: sorted(edge.connections("edge1", "account").values()), [1, 1, 2], "four downloads, spread")
    release(sites)
    assert [finished(one)["status"] for one in busy] == [200] * 4


def test_servers_learn_the_client(edge: Edge) -> None:
    """In a header; what a client says of itself does not count."""
    lies = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
    (said,) = (answer["said"] for answer in edge.ask("edge1", source=CLIENTS[1], headers=lies))
    assert (said["headers"]["x-forwarded-for"], said["headers"]["x-forwarded-proto"]) == (CLIENTS[1], "http")


@pytest.mark.parametrize("port", [5222, 25], ids=["v1", "v2"])
def test_servers_learn_the_client_by_proxy_protocol(edge: Edge, port: int) -> None:
    (said,) = (answer["said"] for answer in edge.ask("edge1", port=port, source=CLIENTS[2]))
    assert said["proxy"].split()[:3] == ["PROXY", "TCP4", CLIENTS[2]]


def test_the_client_by_proxy_protocol(edge: Edge) -> None:
    """From another balancer in front."""
    line = "PROXY TCP4 203.0.113.7 192.0.2.11 4711 81"
    (said,) = (answer["said"] for answer in edge.ask("edge2", port=81, proxy=line))
    assert said["headers"]["x-forwarded-for"] == "203.0.113.7"
    with pytest.raises(AssertionError, match="failed"):
        edge.ask("edge2", port=81)


def test_cookie_keeps_a_session(edge: Edge, sites: Sites) -> None:
    """With either balancer, while the server lives; the application never sees it."""
    (first,) = edge.ask("edge1", site="account.example")
    (cookie,) = first["cookies"]
    server = first["said"]["server"]
    assert cookie.startswith(f"SRV={server};") and "HttpOnly" in cookie
    for balancer in BALANCERS:
        answers = edge.ask(balancer, 6, site="account.example", headers={"Cookie": f"SRV={server}; mine=1"})
        assert {answer["said"]["server"] for answer in answers} == {server}
        assert {answer["said"]["headers"]["cookie"] for answer in answers} == {"mine=1"}
    sites[server].stop()
    (moved,) = edge.ask("edge1", site="account.example", headers={"Cookie": f"SRV={server}"})
    assert moved["said"]["server"] != server


def test_peers_share_who_belongs_where(edge: Edge) -> None:
    """A client that comes by the other balancer meets its server; so does one after a reload."""
    first = {client: edge.servers("edge1", 1, port=25, source=client) for client in CLIENTS}
    assert len({str(server) for server in first.values()}) == len(WEIGHTS)

    def known() -> bool:
        table = edge.socket("edge2", "show table mail")
        return all(f"key={client} " in table for client in CLIENTS)

    until(known, True, "learned by the other one")
    for turn in ("by the other", "after a reload"):
        for client, server in first.items():
            assert list(edge.servers("edge2", 4, port=25, source=client)) == list(server), turn
        edge.reload("edge2")
        until(known, True, "learned by the new process")
