# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks, run by the real ansible-playbook; site.yml with roles that only say that they were called."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess

import pytest
from ansible_collections.mixed_lb.stack.tests.unit.plugins.action.stand_ins import called, play

INVENTORIES = ["dsr_behind_appliance", "lvs_dr", "lvs_ha", "lvs_nat", "lvs_tun"]
# Steps of their two hosts, by the role.
PROXIES = {
    "keepalived": ["nginx_lb", "keepalived", "haproxy", "keepalived", "dns_lb"],
    "redirect": ["nginx_lb", "haproxy"],
}
ORDER = ["real_server", "director", "main"]
BROKEN = {
    "tiers": [{"name": "app", "kind": "lvs", "vips": ["x"], "hosts": "nobody"}, {"name": "web", "kind": "server"}]
}
# every variable is written out (counting alone would not look at it): one that the plan does not have fails here
STORED = {
    "tiers": [
        {"name": "web", "kind": "servers", "hosts": "web", "storage": "files"},
        {"name": "files", "kind": "storage", "hosts": "storage", "path": "/srv/files"},
        {"name": "app", "kind": "nginx", "hosts": "directors", "backend": "web", "backend_port": 8080},
    ]
}


@pytest.mark.parametrize(("inventory", "roles"), PROXIES.items())
def test_proxies_are_built_before_what_leads_to_them(
    collections: pathlib.Path, inventory: str, roles: list[str]
) -> None:
    run = play(collections, "site.yml", inventory)
    assert run.returncode == 0, run.stdout + run.stderr
    assert re.findall(r"CALLED (\w+) main edge1", run.stdout) == roles
    assert re.findall(r"CALLED (\w+) main edge2", run.stdout) == roles


@pytest.mark.parametrize("inventory", INVENTORIES)
def test_validate_shows_what_each_host_gets_and_connects_to_none(collections: pathlib.Path, inventory: str) -> None:
    run = play(collections, "playbooks/validate.yml", inventory)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "192.0.2.100, 2001:db8:0:2::100" in run.stdout
    assert "web1, web2" in run.stdout
    assert "WARNING" not in run.stdout + run.stderr


@pytest.mark.parametrize("inventory", INVENTORIES)
def test_site_goes_from_the_back_to_the_front(collections: pathlib.Path, inventory: str) -> None:
    run = play(collections, "site.yml", inventory)
    assert run.returncode == 0, run.stdout + run.stderr
    order = called(run)
    pair = [(part, host) for part in ("director", "main") for host in ("lb1", "lb2")]
    fronts = {"dsr_behind_appliance": [], "lvs_ha": pair}.get(inventory, [("director", "lb1")])
    servers = [("real_server", f"web{number}") for number in ((1, 2) if inventory == "lvs_ha" else (1, 2, 3))]
    assert sorted(order[: len(servers)]) == servers
    assert sorted(order[len(servers) :]) == sorted(fronts)
    assert [part for part, _host in order] == sorted((part for part, _host in order), key=ORDER.index)


def test_storage_is_there_before_it_is_mounted(collections: pathlib.Path, tmp_path: pathlib.Path) -> None:
    more = tmp_path / "storage.yml"
    more.write_text(json.dumps({"storage": {"hosts": {"nas1": {"ansible_host": "192.0.2.31"}}}}))
    run = play(collections, "site.yml", "lvs_dr", "-i", str(more), "-e", json.dumps({"lb_stack": STORED}))
    assert run.returncode == 0, run.stdout + run.stderr
    mounts = [("client", f"web{number}") for number in (1, 2, 3)]
    assert [called(run)[0], *sorted(called(run)[1:-1]), called(run)[-1]] == [
        ("server", "nas1"),
        *mounts,
        ("main", "lb1"),
    ]


@pytest.mark.parametrize(("asked_for", "times"), [({"lb_firewall": True}, 2), ({"lb_firewall": False}, 1), ({}, 0)])
def test_peers_are_let_in_first_and_strangers_closed_out_last_where_that_is_asked_for(
    collections: pathlib.Path, asked_for: dict[str, bool], times: int
) -> None:
    run = play(collections, "site.yml", "lvs_ha", "-e", json.dumps(asked_for))
    assert run.returncode == 0, run.stdout + run.stderr
    for host, roles in (("lb1", ["lvs_dr", "keepalived"]), ("web1", ["lvs_dr"])):
        first, last = ["firewall"] * (times > 0), ["firewall"] * (times > 1)
        assert re.findall(rf"CALLED (\w+) \w+ {host} ", run.stdout) == [*first, *roles, *last]
    steps = [name == "firewall" for name in re.findall(r"CALLED (\w+) ", run.stdout)]
    hosts = 4
    assert steps == [True] * hosts * (times > 0) + [False] * 6 + [True] * hosts * (times > 1), "all hosts at once"


def test_no_step_is_taken_where_new_peers_could_not_be_let_in(collections: pathlib.Path) -> None:
    run = play(collections, "site.yml", "lvs_ha", "-e", json.dumps({"lb_firewall": True}), "-e", "broken=lb2")
    assert run.returncode != 0
    assert set(re.findall(r"CALLED (\w+) ", run.stdout)) == {"firewall"}


def test_the_front_is_not_touched_when_the_back_failed(collections: pathlib.Path) -> None:
    run = play(collections, "site.yml", "lvs_dr", "-e", "broken=web2")
    assert run.returncode != 0
    assert ("real_server", "web2") in called(run)
    assert ("director", "lb1") not in called(run)


@pytest.mark.parametrize("limit", ["lb1", "web3"])
def test_limit_takes_hosts_out_of_the_run_but_not_out_of_the_plan(collections: pathlib.Path, limit: str) -> None:
    full = json.dumps(summary_of(play(collections, "playbooks/validate.yml", "lvs_nat")))
    assert json.dumps(summary_of(play(collections, "playbooks/validate.yml", "lvs_nat", "--limit", limit))) == full
    run = play(collections, "site.yml", "lvs_nat", "--limit", limit, "--check")
    assert run.returncode == 0, run.stdout + run.stderr
    assert [host for _part, host in called(run)] == [limit]


def test_all_errors_are_reported_at_once_and_no_host_is_touched(collections: pathlib.Path) -> None:
    run = play(collections, "site.yml", "lvs_dr", "-e", json.dumps({"lb_stack": BROKEN}))
    assert run.returncode != 0
    output = run.stdout + run.stderr
    for words in ("lb_stack has", "'x'", "mode is missing", "no group 'nobody'", "did you mean 'servers'?"):
        assert words in output
    assert called(run) == []
    assert "Traceback" not in output


def test_an_inventory_without_a_stack_says_what_to_do(collections: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (tmp_path / "hosts.yml").write_text("all: {hosts: {lb1: {}}}\n")
    run = play(collections, "playbooks/validate.yml", str(tmp_path / "hosts.yml"))
    assert run.returncode != 0
    assert "lb_stack is not defined" in run.stdout + run.stderr


def test_a_stack_that_names_what_is_not_there_is_named_itself(collections: pathlib.Path) -> None:
    stack = {"tiers": [{"name": "web", "kind": "servers", "hosts": "{{ nope }}"}]}
    run = play(collections, "playbooks/validate.yml", "lvs_dr", "-e", json.dumps({"lb_stack": stack}))
    assert run.returncode != 0
    assert "lb_stack cannot be read: 'nope' is undefined" in run.stdout + run.stderr


def test_templates_in_the_stack_and_in_host_variables_are_rendered(collections: pathlib.Path) -> None:
    more = {"vip": "192.0.2.77", "lb_stack": json.loads(json.dumps(STACK)), "heavy": 7, "lb_weight": "{{ heavy }}"}
    run = play(collections, "playbooks/validate.yml", "lvs_dr", "-e", json.dumps(more))
    assert run.returncode == 0, run.stdout + run.stderr
    assert "answers on 192.0.2.77" in run.stdout
    assert "weight 7" in run.stdout


STACK = {
    "tiers": [
        {"name": "app", "kind": "lvs", "hosts": "directors", "mode": "dr", "vips": ["{{ vip }}"], "backend": "web"},
        {"name": "web", "kind": "servers", "hosts": "web", "port": "{{ 80 * 100 }}"},
    ]
}


def summary_of(run: subprocess.CompletedProcess[str]) -> list[str]:
    assert run.returncode == 0, run.stdout + run.stderr
    found = re.findall(r'^        "(.*?)",?$', run.stdout, re.MULTILINE)
    assert found, run.stdout
    return found
