# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change costs clients: nothing when it is good, and nothing when it is refused."""

from __future__ import annotations

import contextlib
import json
import pathlib
import typing as t

import pytest
from edge import Edge, all_watched, share
from play import play, refused
from waiting import until

HOST = "health.example"
TREE = "find /etc/nginx /etc/mixed_lb /var/lib/mixed_lb -type f | sort | xargs sha256sum"
RELOADS = 3

Wanted = t.Callable[..., dict[str, str]]


@pytest.fixture
def wanted(tmp_path: pathlib.Path) -> Wanted:
    """What a run of the playbook is given: in a file, as on the command line it would hold for its second role too."""

    def write(**variables: t.Any) -> dict[str, str]:
        file = tmp_path / "wanted.json"
        file.write_text(json.dumps(variables))
        return {"wanted": str(file)}

    return write


def changed(entries: list[dict[str, t.Any]], name: str, **values: t.Any) -> list[dict[str, t.Any]]:
    """A list of entries in which one has other values."""
    return [{**each, **values} if each["name"] == name else each for each in entries]


@pytest.mark.stage("first")
def test_reloads_lose_no_request(edge: Edge) -> None:
    """Many clients go on asking while nginx gets new workers, again and again."""
    edge.settle()
    with edge.watched(clients=32) as seen:
        for _reload in range(RELOADS):
            edge.reload()
    assert seen["asked"] > 100 and seen["failed"] == 0, seen


@pytest.mark.once
def test_one_that_was_killed_comes_back(edge: Edge) -> None:
    """By systemd, which Debian's unit does not ask for it."""
    dead = edge.pid("nginx")
    edge.run(f"kill -9 {dead}")
    until(lambda: edge.pid("nginx") in ("0", dead), False, "a new nginx")
    edge.settle()
    assert edge.ask(HOST)


@pytest.mark.stage("first")
def test_drain_costs_no_request(edges: list[Edge], described: dict[str, t.Any], wanted: Wanted) -> None:
    """A server is taken out by the inventory and back in; what it has begun it finishes."""
    upstreams = described["nginx_lb_upstreams"]
    (checked,) = (each for each in upstreams if each["name"] == "checked")
    servers = [{**each, "drain": each["address"] == "192.0.2.22"} for each in checked["servers"]]
    with contextlib.ExitStack() as stack:
        begun = [stack.enter_context(edge.connected()) for edge in edges for _turn in range(3)]
        for connection in begun:
            connection.upgrade(HOST, "/chat")
        with all_watched(edges, HOST) as seen:
            drained = play(wanted(nginx_lb_upstreams=changed(upstreams, "checked", servers=servers)))
            assert drained.returncode == 0, drained.stdout
            for edge in edges:
                edge.quiet()
                assert set(share(edge.ask(HOST, count=12))) == {"web1", "web3"}
            assert {connection.echo("still here") for connection in begun} == {"web1", "web2", "web3"}
            undrained = play({})
            assert undrained.returncode == 0, undrained.stdout
            for edge in edges:
                edge.settle()
                assert set(share(edge.ask(HOST, count=12))) == {"web1", "web2", "web3"}
        assert {connection.echo("and here") for connection in begun} == {"web1", "web2", "web3"}
    assert [(one["failed"], one["why"]) for one in seen] == [(0, {}), (0, {})]


NOWHERE = {"certificate": "/etc/ssl/none.pem", "key": "/etc/ssl/none.key"}
# by what is wrong: the list and its entry, what that says, and the words of the refusal, one for each proxy
FAULTS: dict[str, tuple[str, str, dict[str, t.Any], list[str]]] = {
    "syntax": ("sites", "shop", {"lines": ["blance roundly;"]}, ['unknown directive "blance"'] * 2),
    "certificate": ("sites", "shop", {"tls": NOWHERE}, ['cannot load certificate "/etc/ssl/none.pem"'] * 2),
    "version": (
        "upstreams",
        "sessions",
        {"algorithm": "least_conn"},
        [f"sticky with least_conn needs nginx 1.29.6, and the host has {has}" for has in ("1.22.1", "1.26.3")],
    ),
}


@pytest.mark.stage("first")
@pytest.mark.parametrize("what", FAULTS)
def test_what_is_refused_changes_nothing(
    edges: list[Edge], described: dict[str, t.Any], wanted: Wanted, what: str
) -> None:
    """By nginx in its own words, or by the role as this version lacks it; and clients never notice."""
    entries, name, values, words = FAULTS[what]
    variable = f"nginx_lb_{entries}"
    before = [(edge.workers(), edge.run(TREE)) for edge in edges]
    with all_watched(edges) as seen:
        said = refused(wanted(**{variable: changed(described[variable], name, **values)}), "edge")
    # the words are in JSON, where quotes have a backslash
    assert all(said.replace("\\", "").count(each) >= words.count(each) for each in words), said
    assert [(edge.workers(), edge.run(TREE)) for edge in edges] == before
    assert [one["failed"] for one in seen] == [0, 0], seen


@pytest.mark.stage("second")
def test_what_is_no_longer_wanted_is_gone(edge: Edge) -> None:
    """Renamed, moved or absent: no name of the first state is left in any file, no port open, no program running."""
    names = "edge_checked|http/checked|fewest|by-key|by_key|by-client|by_client|routed|behind|announced|other|pages|seldom|mail"
    found = edge.run(
        f"grep -rElw '{names}' /etc/nginx/nginx.conf /etc/nginx/mixed_lb /etc/mixed_lb /run/mixed-lb-checker-edge || true;"
        " find /etc/nginx /etc/mixed_lb /run /var/lib/mixed_lb | grep -Ew 'nginx-other|other.conf|http-checked-.*' || true"
    )
    assert found == "", found
    listening = set(edge.run("ss -Hltn | awk '{print $4}' | sed 's/.*://'").split())
    assert listening & {"9000", "9001", "8085", "9010", "8443"} == {"9010", "8443"}
    for port in (9000, 143):
        (nobody,) = edge.ask(port=port, all_answered=False)
        assert "refused" in nobody["error"]
    assert edge.get("other.example", "/version")["text"] == "second"


@pytest.mark.stage("second")
def test_the_renamed_upstream_is_served_and_drained(edge: Edge) -> None:
    """The check goes on under the new name; who is drained by the inventory stays out."""
    assert edge.out("http/watched") == {"192.0.2.22:8080"}
    assert set(share(edge.ask("health.example", count=12))) == {"web1", "web3"}
    assert share(edge.ask(port=9010, count=5)).keys() <= {"web1", "web2", "web3"}
