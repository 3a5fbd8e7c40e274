# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How tiers and hosts go: nothing of them stays, and who stays does what is needed without them, and no more."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.load import load
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.retire import (
    Retirement,
    retire_all,
    retire_host,
    retire_tiers,
)

LB2 = {"lb_addresses": ["192.0.2.11/24", "2001:db8:0:2::11/64"]}
FAR = {"name": "far", "kind": "lvs", "hosts": "directors", "mode": "dr", "vips": ["192.0.2.110"], "port": 80}
EDGE = {"name": "edge", "kind": "nginx", "hosts": "fronts", "port": 80, "backend": "app"}


def ask(made: t.Any, how: t.Callable[..., Retirement], *words: t.Any) -> Retirement:
    return how(load({"tiers": made.tiers})[0], made.inventory(), *words)


def taken(going: Retirement) -> list[tuple[str, str, str]]:
    assert going.problems == ()
    return [(step.name, host, part["state"]) for step in going.plan.steps for host, part in sorted(step.parts.items())]


def pair(made: t.Any) -> t.Any:
    """Two directors."""
    made.host("lb2", **LB2).groups["directors"].append("lb2")
    return made


@pytest.mark.parametrize("kind", ["dr", "nat", "tun", "external", "nginx", "haproxy", "redirect", "dns"])
def test_all_of_a_stack_goes(world: t.Any, kind: str) -> None:
    made = world(kind)
    there = made.plan()
    going = ask(made, retire_all)
    assert [step.name for step in going.plan.steps] == [step.name for step in reversed(there.steps)]
    assert {state for _step, _host, state in taken(going)} == {"absent"}
    assert set(going.freed) == {host for step in there.steps for host in step.parts}


@pytest.mark.parametrize("kind", ["dr", "nat", "tun", "external", "nginx", "haproxy", "redirect", "dns"])
def test_a_real_server_goes_and_nobody_sends_to_it(world: t.Any, kind: str) -> None:
    made = world(kind)
    going = ask(made, retire_host, "web2")
    lasting = [step for step in going.plan.steps if "web2" not in step.parts]
    own = going.plan.steps[len(lasting) :]
    assert all(list(step.parts) == ["web2"] and step.parts["web2"]["state"] == "absent" for step in own)
    assert "192.0.2.22" not in str([step.parts for step in lasting]) and "web1" not in str(own)
    assert "web1" not in {host for step in lasting for host in step.parts}, "whose part is the same has nothing to do"
    made.groups["web"].remove("web2")
    parts = {step.name: step.parts for step in made.plan().steps}
    assert all(part == parts[step.name][host] for step in lasting for host, part in step.parts.items())


def test_a_director_goes_from_a_pair_with_checks(world: t.Any) -> None:
    made = pair(world("dr")).set("app", check={"type": "tcp"})
    going = ask(made, retire_host, "lb1")
    assert taken(going)[-2:] == [
        ("app: VIPs (keepalived), taken from lb1", "lb1", "absent"),
        ("app: director (dr), taken from lb1", "lb1", "absent"),
    ]
    assert "lb2" in {host for _step, host, _state in taken(going)}
    assert going.freed == ("lb1",)
    (problem,) = ask(pair(world("dr")), retire_host, "lb1").problems
    assert "lb2 would keep what is no longer in the plan (app: VIPs (keepalived))" in problem


def test_what_another_tier_must_take_over_is_done(world: t.Any) -> None:
    """The daemon that shares connections is laid down by the first tier of the directors."""
    made = pair(world("dr"))
    made.tiers.insert(1, {**FAR, "backend": "web"})
    going = ask(made, retire_tiers, ["app"])
    assert [name for name, _host, state in taken(going) if state == "present"] == ["far: VIPs (keepalived)"] * 2
    assert all(step.parts["lb1"]["sync_daemon"] for step in going.plan.steps if step.name == "far: VIPs (keepalived)")
    assert going.freed == ()


def test_what_is_still_needed_stays(world: t.Any) -> None:
    made = world("dr").host("fe1", lb_addresses=["192.0.2.31/24"])
    made.groups["fronts"] = ["fe1"]
    made.tiers.insert(0, dict(EDGE))
    assert ask(made, retire_tiers, ["app"]).problems == (
        "tier app is still sent to by edge: change or decommission that first",
    )
    assert ask(made, retire_tiers, ["nope"]).problems == ("there is no tier nope; there are edge, app, web",)
    assert ask(made, retire_tiers, ["app", "edge"]).problems == ()
    (problem,) = ask(made, retire_host, "fe1").problems
    assert problem.startswith("without fe1: tier edge: hosts: the group 'fronts' is empty")


def stored(made: t.Any) -> t.Any:
    """The servers mount what a host exports."""
    made.set("web", storage="files").host("nas1", lb_addresses=["192.0.2.31/24"]).groups["storage"] = ["nas1"]
    made.tiers.append({"name": "files", "kind": "storage", "hosts": "storage", "path": "/srv/files"})
    return made


def test_storage_goes_with_all_and_by_itself(world: t.Any) -> None:
    gone = [
        *(("files: mounts", name, "absent") for name in ("web1", "web2")),
        ("files: exports", "nas1", "absent"),
    ]
    made = stored(world("dr"))
    assert taken(ask(made, retire_tiers, ["files"])) == gone
    going = ask(made, retire_all)
    assert taken(going)[-3:] == gone and set(going.freed) == {"lb1", "web1", "web2", "nas1"}


def test_a_server_that_goes_unmounts_while_it_is_let_in(world: t.Any) -> None:
    going = ask(stored(world("dr")), retire_host, "web2")
    assert taken(going) == [
        ("app: director (dr)", "lb1", "present"),
        ("app: real servers (dr), taken from web2", "web2", "absent"),
        ("files: mounts, taken from web2", "web2", "absent"),
        ("files: exports", "nas1", "present"),
    ]
    assert going.freed == ("web2",)
