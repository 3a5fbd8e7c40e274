# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers fall ill, die and come back, and are drained; what the statistics say."""

from __future__ import annotations

import concurrent.futures
import re
import time
import typing as t

import pytest
from edge import BALANCERS, BOUND, LOGIN, ROUND, STATS, WEIGHTS, Answer, Edge, finished
from module import answer, call
from waiting import until
from web import Sites, release

pytestmark = pytest.mark.stage("first")
OTHERS = {"web1", "web3"}


def change(host: str, state: str, *words: str, **options: object) -> dict[str, t.Any]:
    """The state of web2 behind one balancer."""
    return call(host, "haproxy_server", {"backend": "pages", "server": "web2", "state": state, **options}, *words)


def out_after(begin: float, seen: Answer) -> float:
    """Seconds until web2 answered its last client."""
    after = round(seen["last"].get("web2", begin) - begin, 2)
    print(f"out after {after} s")
    return after


def test_an_ill_server_leaves_and_returns(edge: Edge, sites: Sites) -> None:
    """It answers TCP and all else, but 500 on the path of its check. No client gets an error."""
    with edge.crowd("edge1") as seen, edge.crowd("edge2") as other:
        begin = time.monotonic()
        sites["web2"].answer_checks(500)
        edge.wait(lambda balancer: edge.status(balancer)["pages", "web2"] == "DOWN", "web2 is out")
    assert max(out_after(begin, seen), out_after(begin, other)) <= BOUND
    assert seen["failed"] == other["failed"] == 0, (seen, other)
    for balancer in BALANCERS:
        assert set(edge.servers(balancer, 2 * ROUND)) == OTHERS
    sites["web2"].answer_checks(200)
    edge.wait(lambda balancer: edge.status(balancer)["pages", "web2"] == "UP", "web2 is back")
    for balancer in BALANCERS:
        assert set(edge.servers(balancer, ROUND)) == set(WEIGHTS)


def test_nobody_notices_a_dead_server(edge: Edge, sites: Sites) -> None:
    """From the moment that it is dead: until checks say so, connections that it refuses go to another one."""
    sites["web2"].stop()
    with edge.crowd("edge1") as seen:
        edge.wait(lambda balancer: edge.status(balancer)["pages", "web2"] == "DOWN", "web2 is out")
    assert seen["failed"] == 0 and set(seen["servers"]) == OTHERS, seen


def test_a_server_speaks_for_itself(edge: Edge, sites: Sites) -> None:
    """By its agent, whatever checks say."""
    for word, status in (("drain", "DRAIN (agent)"), ("ready", "UP"), ("down", "DOWN (agent)"), ("up", "UP")):
        sites["web2"].say(word)
        edge.wait(lambda balancer, status=status: edge.status(balancer)["account", "web2"] == status, status)
        assert ("web2" in edge.servers("edge1", ROUND, site="account.example")) == (status == "UP"), status


@pytest.fixture
def _ready_again(edge: Edge) -> t.Iterator[None]:
    """Whatever comes of a test, the next one finds web2 ready."""
    yield
    for balancer in BALANCERS:
        edge.socket(balancer, "set server pages/web2 state ready")


@pytest.mark.usefixtures("_ready_again")
@pytest.mark.parametrize("balancer", BALANCERS)
def test_drain(edge: Edge, sites: Sites, balancer: str) -> None:
    """Nothing new comes, not even after a reload; what is open goes on."""
    predicted = change(balancer, "drain", "--check", "--diff")
    assert predicted["changed"] and edge.status(balancer)["pages", "web2"] == "UP"
    assert re.search(r"^-.*ready", predicted["printed"], re.M) and re.search(r"^\+.*drain", predicted["printed"], re.M)
    downloads = [edge.download(balancer) for _turn in range(ROUND)]
    until(lambda: sum(edge.connections(balancer, "pages").values()), ROUND, "downloads are under way")
    assert edge.connections(balancer, "pages")["web2"] > 0
    assert change(balancer, "drain")["changed"]
    assert edge.status(balancer)["pages", "web2"] == "DRAIN"
    with edge.crowd(balancer) as seen:
        edge.reload(balancer)
        assert all(one.poll() is None for one in downloads)
    assert seen["failed"] == 0 and set(seen["servers"]) == OTHERS, seen
    assert not change(balancer, "drain")["changed"]
    backends = answer(balancer, "haproxy_info")["backends"]
    states = {(each["name"], server["name"]): server["state"] for each in backends for server in each["servers"]}
    assert states["pages", "web2"] == "drain"
    release(sites)
    assert [finished(one)["status"] for one in downloads] == [200] * ROUND
    assert change(balancer, "ready")["changed"]
    assert "web2" in edge.servers(balancer, ROUND)


def runs_of_the_module(edge: Edge, balancer: str) -> int:
    """How often it has begun there, as Ansible tells the system's log of every module."""
    return int(edge.run(balancer, "journalctl --boot | grep -c 'haproxy_server.* Invoked with' || true"))


@pytest.mark.usefixtures("_ready_again")
def test_drain_waits_for_sessions(edge: Edge, sites: Sites) -> None:
    """For as long as it was told, and then it says what is left; or until the last one has ended."""
    downloads = [edge.download("edge2") for _turn in range(ROUND)]
    until(lambda: sum(edge.connections("edge2", "pages").values()), ROUND, "downloads are under way")
    sessions = edge.connections("edge2", "pages")["web2"]
    assert sessions > 0
    done = change("edge2", "drain", wait=0.5)
    assert (done["changed"], done["idle"], done["sessions"]) == (True, False, sessions)
    before = runs_of_the_module(edge, "edge2")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        waiting = pool.submit(change, "edge2", "drain", wait=60)
        until(lambda: runs_of_the_module(edge, "edge2") > before, True, "the module runs")
        release(sites)
    done = waiting.result()
    assert (done["changed"], done["idle"], done["sessions"]) == (False, True, 0)
    assert edge.connections("edge2", "pages")["web2"] == 0
    assert [finished(one)["status"] for one in downloads] == [200] * ROUND


@pytest.mark.usefixtures("sites")
def test_statistics_need_the_password(edge: Edge) -> None:
    for balancer in BALANCERS:
        for path, words in (("/stats", "Statistics Report"), ("/metrics", "haproxy_server_status")):
            (stranger,) = edge.ask(balancer, port=STATS, path=path)
            assert stranger["status"] == 401
            (friend,) = edge.ask(balancer, port=STATS, path=path, headers=LOGIN)
            assert friend["status"] == 200 and words in friend["text"]
