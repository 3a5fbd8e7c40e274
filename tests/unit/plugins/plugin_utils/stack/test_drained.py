# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is drained has no weight in any role's entries, and nobody is drained who is needed."""

from __future__ import annotations

import copy
import typing as t

import pytest
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.drained import (
    drain,
    drain_refusals,
    not_drained,
    undrain_refusals,
)
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.load import load
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.members import members, names_of
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.model import Part
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.status import status

WEB = {f"web{number}": [f"192.0.2.2{number}", f"2001:db8:0:2::2{number}"] for number in (1, 2)}
WEB1 = {"web1": WEB["web1"]}
# What the roles pass through the filter.
ENTRIES = ("services", "virtual_servers", "upstreams", "redirects", "backends", "zones")


@pytest.mark.parametrize("kind", ["dr", "nat", "tun", "nginx", "haproxy", "redirect", "dns"])
def test_every_kind_of_balancer_sends_nothing_to_who_is_drained(world: t.Any, kind: str) -> None:
    made = world(kind)
    made.hosts["web1"]["lb_weight"] = 3
    if kind == "dr":  # over keepalived
        made.set("app", check={"type": "tcp"})
    plan, names = made.plan(), names_of(load({"tiers": made.tiers})[0], made.inventory())
    before = {(one.by, one.service, one.address): one.weight for one in members(plan, names)}
    assert set(before.values()) == {1, 3}
    for step in plan.steps:
        for part in step.parts.values():
            _drain(part, WEB1, flag=step.role == "nginx_lb")
    after = {(one.by, one.service, one.address): one.weight for one in members(plan, names)}
    assert after == {key: 0 if key[2] in WEB1["web1"] else weight for key, weight in before.items()}


def _drain(part: Part, drained: t.Mapping[str, list[str]], *, flag: bool) -> None:
    for name in ENTRIES:
        if name in part:
            given = copy.deepcopy(part[name])
            part[name] = drain(given, drained, flag)
            assert drain(given, {}, flag) == given


def test_addresses_count_however_they_are_written() -> None:
    pool = {"servers": [{"address": "192.0.2.21:80"}, {"address": "[2001:DB8:0:2:0::21]"}, {"address": "unix:/x"}]}
    (found,) = drain([{**pool, "address": "192.0.2.21", "name": "shop"}], WEB1, True)
    assert [one.get("drain", False) for one in found["servers"]] == [True, True, False]
    assert found["address"] == "192.0.2.21" and "drain" not in found
    (found,) = drain([{"servers": [{"address": "localhost", "weight": 2}, {"name": "a"}]}], WEB1)
    assert found == {"servers": [{"address": "localhost", "weight": 2}, {"name": "a"}]}


def said(drained: t.Sequence[str] = (), **more: t.Any) -> dict[str, t.Any]:
    nothing: dict[str, t.Any] = dict.fromkeys(("ipvs", "haproxy", "nginx", "keepalived"))
    return {**nothing, "interfaces": [], "units": {}, "drained": {one: WEB[one] for one in drained}, **more}


def table(*weights: int) -> dict[str, t.Any]:
    found = [
        {
            "address": f"192.0.2.2{number}",
            "port": 80,
            "weight": weight,
            "rates": {"connections": 0},
            **dict.fromkeys(("active_connections", "inactive_connections"), 0),
        }
        for number, weight in enumerate(weights, 1)
    ]
    key = {"protocol": "tcp", "address": "192.0.2.100", "port": 80, "scheduler": "wlc"}
    return {"services": [{**key, "destinations": found}]}


SEEN_TO = " (lb_by_hand=true says that somebody has seen to it)"


def refusals(world: t.Any, seen: dict[str, t.Any], *hosts: str, by_hand: bool = False) -> list[str]:
    stack, _findings = load({"tiers": world.tiers})
    return drain_refusals(status(stack, world.inventory(), seen), hosts, by_hand)


def staying(world: t.Any, *hosts: str) -> list[str]:
    stack, _findings = load({"tiers": world.tiers})
    return not_drained(status(stack, world.inventory(), {}), hosts)


def test_one_of_two_may_go_but_not_both(world: t.Any) -> None:
    seen = {"lb1": said(ipvs=table(1, 1))}
    assert refusals(world("dr"), seen, "web1") == []
    few = "lb1 would have 0 of 2 hosts of tier web left for tier app; its min_available is 1"
    assert refusals(world("dr"), seen, "web1", "web2") == [few]
    # who is drained, or down, does not count
    seen = {"lb1": said(["web1"], ipvs=table(0, 1))}
    assert refusals(world("dr"), seen, "web2") == [few]
    assert refusals(world("dr"), {"lb1": said(ipvs=table(1))}, "web1") == [few]
    # again after an interruption, also where it was drained under another name
    assert refusals(world("dr"), seen, "web1") == []
    assert refusals(world("dr"), {"lb1": {**seen["lb1"], "drained": {"old": WEB["web1"]}}}, "web1") == []
    assert refusals(world("dr").set("web", min_available=0), seen, "web2") == []
    assert refusals(world("dr").set("web", min_available=2), {"lb1": said(ipvs=table(1, 1))}, "web1") != []


def test_a_host_that_nobody_knows(world: t.Any) -> None:
    (text,) = refusals(world("dr"), {}, "wbe1")
    assert text == "no tier has a host wbe1; there are lb1, web1, web2"


def test_who_is_taken_back_is_known(world: t.Any) -> None:
    stack, _findings = load({"tiers": world("dr").tiers})
    seen = {name: said() for name in ("web1", "web2")} | {"lb1": {**said(), "drained": {"old": ["192.0.2.21"]}}}
    found = status(stack, world("dr").inventory(), seen)
    assert undrain_refusals(found, ["web1", "old"]) == []
    unknown = "no tier has a host wbe1, and none is noted as drained; there are lb1, web1, web2"
    assert undrain_refusals(found, ["wbe1", "web1"]) == [f"{unknown}, old"]
    assert undrain_refusals(status(stack, world("dr").inventory(), {}), ["wbe1"]) == [
        unknown,
        "lb1, web1, web2 did not answer",
    ]


def test_every_balancer_must_hear_of_it(world: t.Any) -> None:
    (text,) = refusals(world("nginx"), {"lb1": said(nginx={"pools": {}})}, "web1")
    assert text == "lb2 sends to web1 and was not reached: bring it back first"


def test_weights_that_are_the_kernels_are_not_ours(world: t.Any) -> None:
    (text,) = refusals(world("dr").set("app", keep_weights=True), {"lb1": said(ipvs=table(1, 1))}, "web1")
    assert "keep_weights" in text


def test_somebody_else_must_hold_the_vips(world: t.Any) -> None:
    made = world("dr").host("lb2", lb_addresses=["192.0.2.11/24"], lb_gateway=["192.0.2.1"])
    alone = "tier app would have 0 of 1 hosts left; its min_available is 1"
    stays = "no keepalived moves the VIPs of tier app away from lb1"
    assert refusals(made, {"lb1": said(ipvs=table(1, 1))}, "lb1") == [alone, stays + SEEN_TO]
    made.groups["directors"].append("lb2")
    well = holding("backup", ipvs=table(1, 1))
    resting = {**well, "keepalived": {**well["keepalived"], "maintenance": ["app"]}}
    assert refusals(made, {"lb1": well, "lb2": well}, "lb1") == []
    assert refusals(made, {"lb1": well}, "lb1") != []
    assert refusals(made, {"lb1": well, "lb2": {**well, "units": {}}}, "lb1") != []
    # it runs, and does not answer
    assert refusals(made, {"lb1": well, "lb2": {**well, "keepalived": None}}, "lb1") != []
    assert refusals(made, {"lb1": well, "lb2": resting}, "lb1") != []
    assert refusals(made, {"lb1": well, "lb2": resting}, "lb2") == []
    assert refusals(world("dns"), {"lb1": said()}, "lb1") != []


def holding(state: str, nginx: str = "active", **more: t.Any) -> dict[str, t.Any]:
    instance = {"name": "app4", "state": state, "last_transition": 0}
    keepalived = {"instances": [instance], "maintenance": [], "moving": []}
    return said(keepalived=keepalived, units={"keepalived.service": "active", "nginx.service": nginx}, **more)


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (holding("fault"), "VRRP instance app4 is fault there"),
        (holding("backup", "failed"), "nginx.service is failed there"),
        (holding("backup", "inactive"), "nginx.service is inactive there"),
        (holding("backup", "reloading"), ""),
        (holding("backup"), ""),
    ],
)
def test_who_is_ill_holds_no_vips(world: t.Any, other: dict[str, t.Any], why: str) -> None:
    made = world("nginx").set("app", vips=["192.0.2.100"])
    words = f"tier app would have 0 of 2 hosts left (lb2: {why}); its min_available is 1"
    assert refusals(made, {"lb1": holding("master"), "lb2": other}, "lb1") == ([words] if why else [])


def test_a_name_server_needs_another_one_that_answers(world: t.Any) -> None:
    for state, count in (("active", 0), ("failed", 1)):
        seen = {"lb1": said(), "lb2": said(units={"pdns.service": state})}
        assert len(refusals(world("dns"), seen, "lb1")) == count


FILES = {"name": "files", "kind": "storage", "hosts": "lone", "path": "/srv/files"}


@pytest.mark.parametrize(
    ("mode", "host", "why"),
    [
        ("dr", "lb1", "no keepalived moves the VIPs of tier app away from lb1"),
        ("external", "web1", "box is somebody else's and would go on sending to web1: take them out there"),
        ("nginx", "lb1", "nothing here sends to lb1 for tier app, so nothing can stop"),
        ("redirect", "lb1", "nothing here sends to lb1 for tier app, so nothing can stop"),
        ("dr", "nas1", "web would go on using the files of nas1 (tier files)"),
        ("dr", "web1", ""),
        ("dns", "web1", ""),
        ("dns", "lb1", ""),
    ],
)
def test_what_cannot_be_drained_is_not_called_drained(world: t.Any, mode: str, host: str, why: str) -> None:
    made = world(mode).host("nas1", lb_addresses=["192.0.2.31/24"])
    made.groups["lone"] = ["nas1"]
    made.set("web", storage="files").tiers.append(dict(FILES))
    units = dict.fromkeys(("nginx.service", "pdns.service"), "active")
    seen = {name: said(units=units, ipvs=table(1, 1)) for name in made.hosts}
    assert staying(made, host) == ([why] if why else [])
    assert (why + SEEN_TO in refusals(made, seen, host)) == bool(why)
    assert refusals(made, seen, host, by_hand=True) == []
    # the others must be enough in any case, where there are others
    assert refusals(made, seen, *made.groups["web"], *made.groups["directors"], by_hand=True) != []
    for tier in ("app", "web", "files") if mode != "external" else ("web", "files"):
        made.set(tier, min_available=0)
    assert refusals(made, seen, host) == []


def test_who_has_vips_that_move_or_is_sent_to_is_drained(world: t.Any) -> None:
    assert staying(world("nginx").set("app", vips=["192.0.2.100"]), "lb1", "web1") == []
    made = world("nginx").host("fe1", lb_addresses=["192.0.2.31/24"])
    made.groups["fronts"] = ["fe1"]
    made.tiers.insert(0, {"name": "edge", "kind": "haproxy", "hosts": "fronts", "port": 80, "backend": "app"})
    assert staying(made, "lb1") == []
    made.set("edge", state="absent")
    assert staying(made, "lb1", "fe1") == ["nothing here sends to lb1 for tier app, so nothing can stop"]


def test_of_a_tier_that_goes_nobody_has_to_stay(world: t.Any) -> None:
    for mode in ("nginx", "dns"):
        assert refusals(world(mode).set("app", state="absent"), {}, "lb1", "lb2") == []
