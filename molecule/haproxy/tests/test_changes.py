# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""New configurations: good ones lose no client, broken ones are refused and change nothing, what went is gone."""

from __future__ import annotations

import typing as t

import pytest
import yaml
from edge import BALANCERS, PATIENCE, ROUND, STATS, Edge
from frame import PROJECT
from play import play, refused
from waiting import until
from web import Sites

FILES = "/etc/haproxy /etc/default/haproxy /etc/systemd/system/haproxy.service.d /var/lib/mixed_lb"
STATE = f"find {FILES} -type f -exec sha256sum {{}} + | sort; systemctl show -p MainPID,NRestarts haproxy"
FIRST = yaml.safe_load((PROJECT / "inventories" / "haproxy" / "group_vars" / "edge.yml").read_text())
MISSING = {"name": "sites", "certificates": [{"path": "/etc/ssl/shop/missing.pem"}]}
UNMAPPED = {"phase": "request", "action": "set-path %[path,map(/etc/haproxy/missing.map)]"}


def with_frontend(**words: t.Any) -> dict[str, t.Any]:
    """What there is, and one frontend more."""
    odd = {"name": "odd", "binds": [{"address": "*", "port": 8088}], "default_backend": "pages", **words}
    return {"haproxy_frontends": [*FIRST["haproxy_frontends"], odd]}


@pytest.mark.stage("first")
@pytest.mark.parametrize(
    ("host", "variables", "words"),
    [
        ("edge1", {"haproxy_lines": ["frontend odd", "    blance roundrobin"]}, "unknown keyword 'blance'"),
        ("edge2", {"haproxy_certificate_lists": [MISSING]}, "missing.pem"),
        ("edge1", with_frontend(rules=[UNMAPPED]), "missing.map"),
        (
            "edge2",
            with_frontend(rules=[{**UNMAPPED, "action": "set-path %[path,map(@no.map@)]"}]),
            "no such entry in maps",
        ),
        # ssh listens there: HAProxy's own check says nothing, and its start would cost two seconds without service.
        ("edge1", with_frontend(binds=[{"address": "*", "port": 22}]), "port 22 of 0.0.0.0: Address already in use"),
    ],
    ids=["syntax", "certificate", "map", "map-name", "port"],
)
def test_broken_configurations_are_refused(
    edge: Edge, sites: Sites, host: str, variables: dict[str, t.Any], words: str
) -> None:
    """With HAProxy's own words; it goes on as before, and no client notices."""
    before = edge.run(host, STATE)
    with edge.crowd(host, pause=0.1) as seen:
        said = refused(variables, host)
    assert words.lower() in said.lower(), said
    assert edge.run(host, STATE) == before
    assert seen["failed"] == 0, seen


@pytest.mark.stage("first")
@pytest.mark.parametrize("balancer", BALANCERS)
def test_reloads_under_load(edge: Edge, sites: Sites, balancer: str) -> None:
    """No new request of many clients fails."""
    with edge.crowd(balancer, clients=24, pause=0.05) as seen:
        for _turn in range(4):
            edge.run(balancer, "systemctl reload haproxy")
    assert seen["failed"] == 0, seen


@pytest.mark.stage("first")
@pytest.mark.parametrize("balancer", BALANCERS)
def test_a_reload_past_a_worker_that_does_not_answer(edge: Edge, sites: Sites, balancer: str) -> None:
    """It hands over no sockets, closes them with clients that wait there, and none of them notices but by waiting."""
    children = "pgrep --parent $(systemctl show --value -p MainPID haproxy)"
    given_up = "journalctl --boot --unit=haproxy | grep -c 'Failed to get the sockets from the old process'"
    wait = f"for i in $(seq 300); do [ $({children} | wc -l) -gt 1 ] && break; sleep 0.1; done"
    before = edge.run(balancer, f"{given_up} || true")
    with edge.crowd(balancer, clients=24, pause=0.05, timeout=PATIENCE) as seen:
        edge.run(
            balancer, f"old=$({children}); kill -STOP $old; systemctl reload haproxy & {wait}; kill -CONT $old; wait"
        )
        until(lambda: edge.run(balancer, f"{children} | wc -l").strip(), "1", "the old worker is gone")
    assert int(edge.run(balancer, given_up)) > int(before), "it was asked in vain"
    assert seen["failed"] == 0, seen


@pytest.mark.stage("first")
def test_a_change_under_load(edge: Edge, sites: Sites) -> None:
    """A frontend comes and goes: no client of the others notices, and nothing is left of it."""
    before = edge.run("edge2", STATE)
    with edge.crowd("edge2", pause=0.1) as seen:
        done = play(with_frontend(), "--limit", "edge2")
        assert edge.servers("edge2", ROUND, port=8088)
        back = play({}, "--limit", "edge2")
    assert done.returncode == back.returncode == 0, done.stdout + back.stdout
    assert seen["failed"] == 0, seen
    with pytest.raises(AssertionError, match="refused"):
        edge.ask("edge2", port=8088)
    # Not restarted; the files are those from before, but for the record, which has earlier ones beside it.
    assert [line for line in before.splitlines() if "/var/lib/" not in line] == [
        line for line in edge.run("edge2", STATE).splitlines() if "/var/lib/" not in line
    ]


@pytest.mark.stage("first")
def test_secrets_are_roots(edge: Edge) -> None:
    for balancer in BALANCERS:
        assert edge.run(balancer, "stat -c '%U %a' /etc/haproxy/mixed_lb/shop.secret.cfg").split() == ["root", "600"]


@pytest.mark.stage("second")
def test_nothing_stale_after_a_change(edge: Edge, sites: Sites) -> None:
    """The renamed backend and map, the absent server, frontend and list, listens, users and peers are gone, from disk too."""
    for balancer in BALANCERS:
        assert edge.servers(balancer, 40) == {"web1": 30, "web2": 10}
        assert set(edge.servers(balancer, 10, site="blog.example")) == {"web1"}
        found = {backend for backend, _server in edge.status(balancer)}
        assert found == {"shop", "blog"}
        for port in (81, 82, 25, 5222, 8443, 10000):
            with pytest.raises(AssertionError, match="refused"):
                edge.ask(balancer, port=port)
        files = edge.run(balancer, "cd /etc/haproxy/mixed_lb && find . -type f | sort").split()
        assert files == ["./free_ports.py", "./shop.cfg", "./shop/hosts.map"], files
        (page,) = edge.ask(balancer, port=STATS, path="/stats", headers={})
        assert page["status"] == 200
        (denied,) = edge.ask(balancer, port=STATS, path="/stats", source="192.0.2.52")
        assert denied["status"] == 403
