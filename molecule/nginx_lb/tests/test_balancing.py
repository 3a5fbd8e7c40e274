# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gets a request: by weight and algorithm, by session, and when a server does not answer."""

from __future__ import annotations

import typing as t

import pytest
from edge import TRUSTED, Edge, share
from web import Sites

ALL = {"web1", "web2", "web3"}
ROUNDS = 3
# Where a session begins is chance: so many miss one of three servers once in ten million times.
SESSIONS = 40


def test_shares_are_weights(edge: Edge, described: dict[str, t.Any]) -> None:
    """Exactly, as all workers count together, by IPv4 and IPv6."""
    (app,) = (each for each in described["nginx_lb_upstreams"] if each["name"] == "app")
    weights = {f"web{each['address'][-1]}": each.get("weight", 1) for each in app["servers"] if "state" not in each}
    wanted = {server: ROUNDS * weight for server, weight in weights.items()}
    assert share(edge.ask(count=sum(wanted.values()))) == wanted
    by_ipv6 = {"address": edge.address6}
    assert share(edge.ask_all([by_ipv6] * sum(wanted.values()))) == wanted


@pytest.mark.stage("first")
def test_least_conn_spares_a_busy_server(edge: Edge) -> None:
    """While one server has a connection that stays, the other one gets all requests."""
    with edge.connected() as connection:
        connection.upgrade("ways.example", "/fewest/")
        (idle,) = {"web1", "web2"} - {connection.echo("who")}
        assert share(edge.ask("ways.example", "/fewest/", count=6)) == {idle: 6}


@pytest.mark.stage("first")
def test_hash_keeps_a_key(edge: Edge) -> None:
    """A key meets the same server each time, and on both proxies; keys are spread."""
    keys = [f"/key/?key={number}" for number in range(12)]
    first, second = (
        edge.ask_all([{"path": key, "headers": {"Host": "ways.example"}} for key in keys]) for _turn in "ab"
    )
    assert [each["said"]["server"] for each in first] == [each["said"]["server"] for each in second]
    assert set(share(first)) == ALL


@pytest.mark.stage("first")
def test_ip_hash_keeps_a_client(edge: Edge) -> None:
    """The client that a trusted proxy speaks for: the same one meets the same server, and clients are spread."""
    clients = [{"Host": "behind.example", "X-Forwarded-For": f"203.0.{number}.7"} for number in range(12)]
    first, second = (edge.ask_all([{"source": TRUSTED, "headers": client} for client in clients]) for _turn in "ab")
    assert [each["said"]["server"] for each in first] == [each["said"]["server"] for each in second]
    assert set(share(first)) == ALL


@pytest.mark.stage("first")
def test_random_reaches_all(edge: Edge) -> None:
    assert set(share(edge.ask("ways.example", "/any/", count=40))) == ALL


def test_a_session_stays_where_it_began(edge: Edge) -> None:
    """Who has no cookie gets one; who has one meets the same server, and need not get another."""
    begun = edge.ask("ways.example", "/sessions/", count=SESSIONS)
    assert set(share(begun)) == ALL
    cookies = [answer["cookies"] for answer in begun]
    assert all(len(each) == 1 and "; HttpOnly" in each[0] for each in cookies), cookies
    sent = [{"Host": "ways.example", "Cookie": each[0].partition(";")[0]} for each in cookies]
    later = edge.ask_all([{"path": "/sessions/", "headers": headers} for headers in sent for _turn in "ab"])
    assert [each["said"]["server"] for each in later] == [each["said"]["server"] for each in begun for _turn in "ab"]
    assert not any(each["cookies"] for each in later)


@pytest.mark.stage("first")
def test_a_dead_server_costs_no_request(edge: Edge, sites: Sites) -> None:
    """It is killed under the eyes of many clients; what it would have had goes to the others."""
    with edge.watched() as seen:
        sites["web2"].stop()
        assert set(share(edge.ask(count=12))) == {"web1", "web3"}
    assert seen["failed"] == 0, seen


@pytest.mark.stage("first")
def test_only_what_is_safe_is_sent_twice(edge: Edge, sites: Sites) -> None:
    """One of two servers takes requests and closes. A GET goes to the other one; a POST is told that it failed."""
    assert share(edge.ask("ways.example", "/breaking/", count=6)) == {"web2": 6}
    before = {name: site.requests() for name, site in sites.items()}
    answers = edge.ask("ways.example", "/breaking/", count=6, method="POST", body="order")
    after = {name: site.requests() for name, site in sites.items()}

    def came(name: str, port: int) -> int:
        return after[name].get(f"POST {port}", 0) - before[name].get(f"POST {port}", 0)

    assert sorted(answer["status"] for answer in answers) == [200] * 3 + [502] * 3
    assert (came("web1", 8082), came("web2", 8080)) == (3, 3)


@pytest.mark.stage("first")
def test_the_only_server_is_asked_again_where_it_may_be_another_one(edge: Edge, sites: Sites) -> None:
    """It takes requests and closes: each is sent twice, and the server is never left alone for it."""
    before = sites["web1"].requests()
    answers = edge.ask("ways.example", "/again/", count=6)
    assert {answer["status"] for answer in answers} == {502}
    assert sites["web1"].requests()["GET 8082"] - before.get("GET 8082", 0) == 2 * len(answers)
