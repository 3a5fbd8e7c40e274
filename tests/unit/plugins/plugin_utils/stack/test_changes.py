# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which run a rollback undoes, and when a tier cannot be moved to another mode."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.changes import (
    failover_refusals,
    migrate_refusals,
    rollback,
)
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.pools import MISSING


def state(**hosts: t.Any) -> dict[str, t.Any]:
    """A pair of proxies; each host has the runs of its scopes, the one of what is there last; None: not reached."""
    known = {
        name: {
            "reached": scopes is not None,
            "configurations": {
                scope: {"run": runs[-1], "earlier": list(runs[:-1])} for scope, runs in (scopes or {}).items()
            },
        }
        for name, scopes in hosts.items()
    }
    return {"hosts": known, "tiers": [{"name": "edge", "kind": "nginx", "hosts": list(hosts)}]}


def test_the_last_run_of_any_host_is_undone_where_it_changed_something() -> None:
    one = {"nginx-edge": "12", "keepalived-edge": "1", "nginx-other": "19"}
    found = rollback(state(a=one, b={"nginx-edge": "13", "nginx-checker-edge": "3"}), "edge")
    assert found == {
        "run": "3",
        "scopes": {"a": [], "b": ["nginx-edge"]},
        "kept": {"b": ["nginx-checker-edge"]},
        "refusals": [],
    }


def test_who_went_back_already_is_left_while_others_go() -> None:
    """Cut off after the first of two: the first is at run 1 again, and keeps that one."""
    found = rollback(state(a={"nginx-edge": "11"}, b={"nginx-edge": "12"}), "edge")
    assert (found["run"], found["scopes"]) == ("2", {"a": [], "b": ["nginx-edge"]})


def test_a_host_that_was_not_reached_is_a_reason_to_refuse() -> None:
    found = rollback(state(a={"nginx-edge": "12"}, b=None, c=None), "edge")
    assert found["refusals"] == ["b, c were not reached"]


def lvs(**more: t.Any) -> dict[str, t.Any]:
    row = {"by": "lb1", "service": "tcp 192.0.2.100:80", "state": "up", "check": "http"}
    app = {"name": "app", "kind": "lvs", "state": "present", "hosts": ["lb1"], "backend": ["web"], "holders": ["lb1"]}
    app |= {"members": [row, {**row, "state": "down"}], **more}
    web = {"name": "web", "kind": "servers", "state": "present", "hosts": ["web1"], "backend": []}
    return {"tiers": [app, web], "hosts": {name: {"reached": True} for name in ("lb1", "web1")}}


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (lvs(state="absent"), "no present tier"),
        (lvs(holders=[]), "held by nobody"),
        (lvs(holders=["lb1", "lb2"]), "held by lb1 and lb2"),
        (lvs(members=[{**lvs()["tiers"][0]["members"][0], "state": "down"}]), "none of these real servers now"),
    ],
)
def test_what_cannot_be_moved(made: dict[str, t.Any], why: str) -> None:
    (refusal,) = migrate_refusals(made, "app")
    assert why in refusal


def test_what_can_be_moved() -> None:
    assert migrate_refusals(lvs(), "app") == []
    # ipvs_table waits for those that go
    row = {**lvs()["tiers"][0]["members"][0], "state": "down", "check": MISSING}
    assert migrate_refusals(lvs(members=[row]), "app") == []
    away = lvs()
    away["hosts"]["web1"]["reached"] = False
    assert migrate_refusals(away, "app") == ["web1 was not reached"]


def pair(**lb2: t.Any) -> dict[str, t.Any]:
    """Two hosts with VIPs; the first one holds them."""
    well = {"reached": True, "maintenance": [], "moving": [], "units": {"nginx.service": "active"}}
    hosts = {
        "lb1": {**well, "instances": {"edge4": "master"}},
        "lb2": {**well, "instances": {"edge4": "backup"}, **lb2},
    }
    edge = {"name": "edge", "hosts": ["lb1", "lb2"], "units": ["nginx.service"], "instances": ["edge4"]}
    return {"hosts": hosts, "tiers": [edge, {**edge, "name": "still", "instances": []}]}


@pytest.mark.parametrize(
    ("made", "tier", "to", "why"),
    [
        (pair(), "edge", "lb2", []),
        (pair(), "nope", "lb2", ["no present tier of that name has VIPs that move"]),
        (pair(), "still", "lb2", ["no present tier of that name has VIPs that move"]),
        (pair(), "edge", "web1", ["it is not a host of that tier; there are lb1, lb2"]),
        (pair(reached=False), "edge", "lb2", ["it was not reached"]),
        (pair(units={}), "edge", "lb2", ["nginx.service is not installed there"]),
        (pair(instances={"edge4": "fault"}), "edge", "lb2", ["VRRP instance edge4 is fault there"]),
        (pair(instances={}), "edge", "lb2", ["VRRP instance edge4 is unknown there"]),
        (pair(maintenance=["edge"]), "edge", "lb2", ["it is in maintenance; undrain.yml ends that"]),
    ],
)
def test_where_vips_cannot_go(made: dict[str, t.Any], tier: str, to: str, why: list[str]) -> None:
    assert failover_refusals(made, tier, to) == why


def test_a_failover_that_was_cut_off_is_no_reason_to_refuse() -> None:
    """Its own file is what puts the instances into fault."""
    left: dict[str, t.Any] = {"maintenance": ["edge"], "moving": ["edge"], "instances": {"edge4": "fault"}}
    assert failover_refusals(pair(**left), "edge", "lb2") == []
    assert failover_refusals(pair(**left, units={"nginx.service": "failed"}), "edge", "lb2") != []
