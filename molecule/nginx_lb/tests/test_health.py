# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Active checks: sick servers leave the pool in time, and come back; whatever becomes of the checker, nginx goes on."""

from __future__ import annotations

import time
import typing as t

import pytest
from edge import Edge, all_watched, share
from frame import stage
from waiting import until
from web import Sites

POOL = "http/checked"
HOST, UNIT = "health.example", "mixed-lb-checker-edge.service"
ADDRESS = {f"web{number}": f"192.0.2.2{number}:8080" for number in (1, 2, 3)}
# in the second state one is drained
SERVERS = {"web1", "web2", "web3"} if stage() == "first" else {"web1", "web3"}
AFTERWARDS = 1


def bound(described: dict[str, t.Any]) -> float:
    """The seconds within which a sick server has to be out."""
    return float(described["nginx_lb_check_interval"]) * int(described["nginx_lb_check_fall"]) + 1


def test_a_sick_server_leaves_in_time_and_comes_back(
    edges: list[Edge], described: dict[str, t.Any], sites: Sites
) -> None:
    """It goes on answering requests, but its health says 500. Clients ask meanwhile, and none of them fails."""
    limit = bound(described)
    with all_watched(edges, HOST) as seen:
        begin = time.monotonic()
        sites["web3"].answer_checks(500)
        until(lambda: time.monotonic() > begin + limit + AFTERWARDS, True, "a second more than it may take")
    for edge, one in zip(edges, seen, strict=True):
        took = one["last"]["web3"] - begin
        print(f"{edge.name}: web3 answered for {took:.2f} s after it fell sick; it may for {limit} s")
        assert one["failed"] == 0 and 0 < took <= limit, one
        assert share(edge.ask(HOST, count=12)).keys() == SERVERS - {"web3"}
    sites["web3"].answer_checks(200)
    for edge in edges:
        edge.settle()
        assert share(edge.ask(HOST, count=12)).keys() == SERVERS


@pytest.mark.stage("first")
def test_the_last_server_stays(edges: list[Edge], sites: Sites) -> None:
    """All are sick; the one that fell sick last goes on."""
    for sick in (("web2", "web3"), ("web1",)):
        for name in sick:
            sites[name].answer_checks(500)
        for edge in edges:
            until(lambda: [_ok(edge, name) for name in sick], [False] * len(sick), f"sick for {edge.name}: {sick}")  # noqa: B023
    for edge in edges:
        edge.quiet()
        assert edge.out(POOL) == {ADDRESS["web2"], ADDRESS["web3"]}
        assert share(edge.ask(HOST, count=6)) == {"web1": 6}


def _ok(edge: Edge, name: str) -> bool:
    return bool(edge.status()["pools"][POOL][ADDRESS[name]]["ok"])


@pytest.mark.stage("first")
def test_death_of_the_checker_changes_nothing(edges: list[Edge], sites: Sites) -> None:
    """Killed while a server is out: nginx goes on as it was, and so does the checker when systemd has started it again."""
    sites["web1"].answer_checks(500)
    for edge in edges:
        until(lambda: ADDRESS["web1"] in edge.out(POOL), True, f"out at {edge.name}: web1")  # noqa: B023
        edge.quiet()
    before = {edge.name: (edge.workers(), edge.pid(UNIT), edge.since()) for edge in edges}
    with all_watched(edges, HOST) as seen:
        for edge in edges:
            edge.run(f"kill -9 {before[edge.name][1]}")
        for edge in edges:
            until(lambda: edge.since() != before[edge.name][2], True, f"back on {edge.name}: the checker")  # noqa: B023
            assert edge.pid(UNIT) not in ("0", before[edge.name][1])
    for edge, one in zip(edges, seen, strict=True):
        assert one["failed"] == 0 and set(one["servers"]) == SERVERS - {"web1"}, one
        assert edge.workers() == before[edge.name][0]
        assert ADDRESS["web1"] in edge.out(POOL)


@pytest.mark.stage("first")
def test_the_checker_takes_a_change_without_a_restart(edge: Edge) -> None:
    """It begins anew as the same process, with another child, however often it is told."""
    begin, restarts = edge.pid(UNIT), f"systemctl show --property=NRestarts --value {UNIT}"
    before = edge.run(restarts)
    for _reload in range(3):
        child = edge.run(f"pgrep -P {begin}")
        edge.run(f"systemctl reload {UNIT}")
        until(lambda: edge.run(f"pgrep -P {begin} || true") not in ("", child), True, "another child")  # noqa: B023
    assert (edge.pid(UNIT), edge.run(restarts)) == (begin, before)
    edge.settle()


def test_the_checker_has_few_rights_and_reloads_nginx(edge: Edge) -> None:
    """Who talks to servers is nobody; who reloads nginx is root without root's powers, and systemd has done as it said."""
    parent = edge.pid(UNIT)
    child = edge.run(f"pgrep -P {parent}").strip()
    rows = {
        process: dict(
            line.split(":\t", 1) for line in edge.run(f"cat /proc/{process}/status").splitlines() if ":\t" in line
        )
        for process in (parent, child)
    }
    assert rows[parent]["Uid"].split()[0] == "0" and rows[child]["Uid"].split() == ["65534"] * 4
    # CAP_SETGID and CAP_SETUID, with which the parent makes the child; the child has none
    assert int(rows[parent]["CapEff"], 16) == 1 << 6 | 1 << 7 and int(rows[child]["CapEff"], 16) == 0
    assert {row["NoNewPrivs"] for row in rows.values()} == {"1"}
    inside = f"nsenter --target={parent} --mount --"
    edge.run(f"{inside} test -w /etc/nginx/mixed_lb/servers/edge")
    edge.run(f"! {inside} touch /etc/nginx/nginx.conf && ! {inside} touch /etc/mixed_lb/x && ! {inside} touch /usr/x")
    assert edge.status()["told"]
    journal = edge.run(f"journalctl --boot --unit={UNIT} --unit=nginx.service --output=short-precise")
    assert "is back" in journal and "was not reloaded" not in journal, journal
    reloads = edge.run("journalctl --boot --unit=nginx.service --output=cat | grep -c '^Reloaded'")
    assert int(reloads) > 0
