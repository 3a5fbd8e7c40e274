# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks that change what a stack is, by the real ansible-playbook, over hosts that answer what a test wants."""

from __future__ import annotations

import json
import pathlib

import pytest
from ansible_collections.mixed_lb.stack.tests.unit.plugins.action.stand_ins import asked, called
from ansible_collections.mixed_lb.stack.tests.unit.plugins.action.test_operations import VIPS, answers, run, seen, text

pytestmark = pytest.mark.plays

ENDED = {"known": 3, "connections": 0, "left": {}, "states": {}, "waited": 2}
BOTH = [("real_server", name) for name in ("web1", "web2", "web3")] + [("director", "lb1")]


def test_migrate_takes_the_steps_waits_and_takes_them_again(collections: pathlib.Path) -> None:
    said = answers()
    said["lb1"]["ipvs_wait"] = ENDED
    said["lb1"]["stack_info"]["interfaces"] = [{"name": "eth0", "addresses": [*VIPS, "192.0.2.11/24"]}]
    done = run(collections, "migrate", said, lb_tier="app", lb_drain_timeout=9)
    assert done.returncode == 0, text(done)
    # old connections and new ones share what the kernel knows of a destination
    ((host, words),) = asked(done, "host_network")
    routes = [(one["to"], one["via"]) for one in json.loads(words)["routes"]]
    assert host == "lb1" and routes == [(f"192.0.2.2{n}/32", f"192.0.2.2{n}") for n in (1, 2, 3)]
    assert json.loads(words)["purge"] is False and done.stdout.index("ASKED host_network") < done.stdout.index("CALLED")
    ((host, words),) = asked(done, "ipvs_wait")
    given = json.loads(words)
    # ansible-core below 2.19 hands on what a template makes as text
    assert host == "lb1" and {**given, "timeout": int(given["timeout"])} == {"vips": list(VIPS), "timeout": 9}
    steps = called(done)
    assert [sorted(steps[:3]), steps[3:4]] == [BOTH[:3], BOTH[3:]]
    assert [sorted(steps[4:7]), steps[7:]] == [BOTH[:3], BOTH[3:]]


def test_migrate_lets_new_peers_in_first_and_closes_nothing(collections: pathlib.Path) -> None:
    said = answers()
    said["lb1"]["ipvs_wait"] = ENDED
    done = run(collections, "migrate", said, lb_tier="app", lb_firewall=True)
    assert done.returncode == 0, text(done)
    assert sorted(called(done)[:4]) == sorted(("main", host) for _part, host in BOTH)
    assert "main" not in {part for part, _host in called(done)[4:]}


def test_migrate_leaves_what_is_in_use(collections: pathlib.Path) -> None:
    said = answers()
    said["lb1"]["ipvs_wait"] = {
        **ENDED,
        "connections": 2,
        "left": {"192.0.2.21": 2},
        "states": {"ESTABLISHED": 2},
        "waited": 60,
    }
    done = run(collections, "migrate", said, lb_tier="app")
    assert done.returncode == 2
    assert "after 60 s 2 connections still go as they began" in text(done)
    assert len(called(done)) == 4


def test_a_refused_migrate_changes_nothing(collections: pathlib.Path) -> None:
    away = answers()
    del away["web2"]
    for said, tier, why in (
        (away, "app", "web2 was not reached"),
        (answers(), "web", "no present tier of kind lvs has this name; there are app"),
        (answers(), "nope", "no present tier of kind lvs has this name; there are app"),
        ({**answers(), "lb1": {"stack_info": {**seen(), "interfaces": []}}}, "app", "its VIPs are held by nobody"),
    ):
        done = run(collections, "migrate", said, lb_tier=tier)
        assert done.returncode == 2 and f"{tier} cannot be migrated: {why}" in text(done), text(done)
        assert called(done) == []


def test_a_host_goes_after_the_others_do_without_it(collections: pathlib.Path) -> None:
    done = run(collections, "decommission", answers(), lb_host="web2")
    assert done.returncode == 0, text(done)
    # "main" is the firewall of the host that is left with nothing
    assert called(done) == [("director", "lb1"), ("main", "web2"), ("director", "lb1"), ("real_server", "web2")]
    states = [(host, json.loads(words)["state"]) for host, words in asked(done, "drained_members")]
    assert states[0] == ("lb1", "drained") and ("lb1", "present") in states[1:]
    assert "Left as before the first run, but for packages: web2." in text(done)


@pytest.mark.parametrize("asked_for", [{"lb_tier": "app"}, {"lb_all": True}])
def test_a_tier_goes_from_the_front(collections: pathlib.Path, asked_for: dict[str, object]) -> None:
    done = run(collections, "decommission", answers(), **asked_for)
    assert done.returncode == 0, text(done)
    assert sorted(called(done)[:4]) == sorted(("main", host) for _part, host in BOTH), "their firewalls"
    assert (called(done)[4:5], sorted(called(done)[5:])) == (BOTH[3:], BOTH[:3])


def test_a_refused_decommission_changes_nothing(collections: pathlib.Path) -> None:
    away = answers()
    del away["web2"]
    for said, variables, why in (
        (answers(), {}, "give one of host"),
        (answers(), {"lb_host": "web1", "lb_all": "true"}, "give one of host"),
        (answers(), {"lb_host": "web9"}, "no tier has a host web9; there are lb1, web1, web2, web3"),
        (answers(), {"lb_tier": "web"}, "tier web is still sent to by app"),
        (answers(), {"lb_host": "lb1"}, "without lb1: tier app: hosts: the group 'directors' is empty"),
        (away, {"lb_tier": "app"}, "web2 cannot be reached"),
        (answers({"web1": 1}), {"lb_host": "web1"}, "web1 cannot be drained"),
    ):
        done = run(collections, "decommission", said, **variables)
        assert done.returncode == 2 and why in text(done), text(done)
        assert (called(done), asked(done, "drained_members")) == ([], [])


def kept(run: str, *earlier: str) -> dict[str, object]:
    return {"run": run, "earlier": list(earlier)}


def test_rollback_undoes_the_last_run_host_by_host(collections: pathlib.Path) -> None:
    said = answers(configurations={"keepalived-app": kept("2", "1"), "nginx-far": kept("9", "1")})
    done = run(collections, "rollback", said, lb_tier="app")
    assert done.returncode == 0, text(done)
    ((host, words),) = asked(done, "daemon_rollback")
    assert host == "lb1" and json.loads(words) == {"names": ["keepalived-app"], "run": "2"}
    assert called(done) == []


def test_a_refused_rollback_changes_nothing(collections: pathlib.Path) -> None:
    for said, tier, why in (
        (answers(), "nope", "there is no tier nope; there are app, web"),
        (answers(), "app", "no host of it has a daemon's configuration"),
        (answers(configurations={"keepalived-app": kept("")}), "app", "site.yml has not laid down what is there"),
        (answers(configurations={"keepalived-app": kept("2")}), "app", "nothing is kept from before the run 2"),
    ):
        done = run(collections, "rollback", said, lb_tier=tier)
        assert done.returncode == 2 and f"{tier} cannot be rolled back: {why}" in text(done), text(done)
        assert asked(done, "daemon_rollback") == []
