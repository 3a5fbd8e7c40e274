# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cookies of the application's own, users and their passwords, queues, slow starts, TLS to the servers, and servers at run time."""

from __future__ import annotations

import csv
import time
import typing as t
import uuid

import pytest
from edge import BALANCERS, WEIGHTS, Edge, finished
from module import call
from waiting import until
from web import Sites, release

pytestmark = [pytest.mark.once, pytest.mark.stage("first"), pytest.mark.usefixtures("sites")]
QUEUE, SLOW_START = 3, 5
STAFF = {"Authorization": "Basic YW5uOmFub3RoZXIgcGFzc3dvcmQ="}
"""ann:another password"""
OTHER = {"Authorization": "Basic YW5uOnBhc3N3b3Jk"}


def statistics(edge: Edge, balancer: str, backend: str) -> dict[str, dict[str, str]]:
    """All that HAProxy counts of each server of a backend, and of itself."""
    rows = csv.DictReader(edge.socket(balancer, "show stat").removeprefix("# ").splitlines())
    return {row["svname"]: row for row in rows if row["pxname"] == backend}


@pytest.mark.parametrize(
    ("site", "name", "seen"),
    [("forms.example", "SESSION", "{server}~mine"), ("legacy.example", "VISITOR", "{server}")],
    ids=["prefix", "rewrite"],
)
def test_the_applications_cookie_keeps_a_session(edge: Edge, site: str, name: str, seen: str) -> None:
    """With either balancer; the application meets its own cookie again, or one whose value does not matter to it."""
    (first,) = edge.ask("edge1", site=site, path=f"/cookie/{name}")
    server = first["said"]["server"]
    (cookie,) = first["cookies"]
    value = seen.format(server=server)
    assert cookie == f"{name}={value}"
    back = {"forms.example": f"{name}=mine", "legacy.example": f"{name}={server}"}[site]
    for balancer in BALANCERS:
        answers = edge.ask(balancer, 6, site=site, headers={"Cookie": f"{name}={value}"})
        assert {(one["said"]["server"], one["said"]["headers"]["cookie"]) for one in answers} == {(server, back)}


@pytest.mark.parametrize("balancer", BALANCERS)
def test_a_site_for_users(edge: Edge, balancer: str) -> None:
    answers = [edge.ask(balancer, port=84, headers=headers)[0]["status"] for headers in ({}, OTHER, STAFF)]
    assert answers == [401, 401, 200]


def test_who_finds_no_place_waits_and_not_for_ever(edge: Edge, sites: Sites) -> None:
    """The server is asked for one thing at a time: the next one waits, and is served or told that it took too long."""
    words: dict[str, t.Any] = {"headers": {"Host": "reports.example"}}
    first = edge.download("edge1", **words)
    until(lambda: edge.connections("edge1", "reports")["web1"], 1, "a download is under way")
    begin = time.monotonic()
    (late,) = edge.ask("edge1", site="reports.example")
    assert late["status"] == 503 and QUEUE <= time.monotonic() - begin < QUEUE + 2
    second = edge.download("edge1", path="/", **words)
    until(lambda: statistics(edge, "edge1", "reports")["BACKEND"]["qcur"], "1", "the second one waits")
    release(sites)
    assert [finished(one)["status"] for one in (first, second)] == [200, 200]


def test_who_comes_back_gets_clients_bit_by_bit(edge: Edge, sites: Sites) -> None:
    """Its weight grows for the time of its slow start."""
    sites["web2"].stop()
    edge.wait(lambda balancer: edge.status(balancer)["forms", "web2"] == "DOWN", "web2 is out")
    sites["web2"].start()
    begin, weights = 0.0, list[int]()
    deadline = time.monotonic() + 4 * SLOW_START
    while not weights or weights[-1] < 100:
        row = statistics(edge, "edge1", "forms")["web2"]
        if row["status"].startswith("UP"):
            begin = begin or time.monotonic()
            weights.append(int(row["weight"]))
        assert time.monotonic() < deadline, weights
    assert time.monotonic() - begin >= SLOW_START / 2 and len(set(weights)) > 3 and sorted(weights) == weights, weights


@pytest.mark.parametrize("balancer", BALANCERS)
def test_servers_are_asked_by_tls(edge: Edge, sites: Sites, balancer: str) -> None:
    """And checked so: one that does not take part is out."""
    assert set(edge.servers(balancer, 4, site="vault.example")) == {"web1", "web2"}
    assert edge.status(balancer)["vault", "web1"] == "UP"
    sites["web1"].stop()
    edge.wait(lambda balancer: edge.status(balancer)["vault", "web1"] == "DOWN", "web1 is out")
    assert set(edge.servers(balancer, 4, site="vault.example")) == {"web2"}


def test_weight_and_maintenance_outlive_a_reload(edge: Edge) -> None:
    """As they were set at run time; until they are set back."""
    try:
        call("edge1", "haproxy_server", {"backend": "pages", "server": "web1", "weight": 60})
        call("edge1", "haproxy_server", {"backend": "pages", "server": "web3", "state": "maint"})
        edge.reload("edge1")
        assert edge.servers("edge1", 40) == {"web1": 30, "web2": 10}
        assert edge.status("edge1")["pages", "web3"] == "MAINT"
    finally:
        call("edge1", "haproxy_server", {"backend": "pages", "server": "web1", "weight": WEIGHTS["web1"]})
        call("edge1", "haproxy_server", {"backend": "pages", "server": "web3", "state": "ready"})


@pytest.mark.parametrize("balancer", BALANCERS)
def test_a_server_comes_and_goes_at_run_time(edge: Edge, balancer: str) -> None:
    """Without a reload; what is there twice is one change."""
    server = {"backend": "reports", "server": "web9", "address": "192.0.2.23", "port": 8080}
    assert call(balancer, "haproxy_server", server)["changed"]
    assert not call(balancer, "haproxy_server", server)["changed"]
    until(lambda: edge.status(balancer).get(("reports", "web9"), "").startswith("UP"), True, "web9 is up")
    assert set(edge.servers(balancer, 4, site="reports.example")) == {"web1", "web3"}
    gone = {"backend": "reports", "server": "web9", "state": "absent", "wait": 10}
    assert call(balancer, "haproxy_server", gone)["changed"]
    assert not call(balancer, "haproxy_server", gone)["changed"]
    assert set(edge.servers(balancer, 4, site="reports.example")) == {"web1"}


@pytest.mark.parametrize("balancer", BALANCERS)
def test_the_journal_has_every_request(edge: Edge, balancer: str) -> None:
    mark = uuid.uuid4().hex
    (said,) = edge.ask(balancer, path=f"/{mark}")
    server = said["said"]["server"]
    found = f"journalctl --quiet --output=cat --identifier=haproxy --grep={mark} --lines=1 | grep -c 'pages/{server} ' || true"
    until(lambda: edge.run(balancer, found).strip(), "1", "the request is told")
