# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tiers of several directors: keepalived holds the VIPs and writes the table."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[5]
VIPS = ["192.0.2.100", "2001:db8:0:2::100"]


def pair(world: t.Any, mode: str = "dr", **options: t.Any) -> t.Any:
    inner = {"inner_vips": ["192.0.2.99", "2001:db8:0:2::99"]} if mode == "nat" else {}
    made = world(mode).set("app", vips=VIPS, **{**inner, **options})
    made.host("lb2", lb_addresses=["192.0.2.11/24", "2001:db8:0:2::11/64"])
    made.groups["directors"] = ["lb1", "lb2"]
    return made


def part(made: t.Any, role: str, host: str) -> dict[str, t.Any]:
    (step,) = [step for step in made.plan().steps if step.role == role and host in step.parts]
    return t.cast("dict[str, t.Any]", step.parts[host])


def test_one_director_without_checks_needs_no_keepalived(world: t.Any) -> None:
    assert [step.role for step in world("dr").plan().steps] == ["lvs_dr", "lvs_dr"]
    assert part(world("nat").host("web1"), "lvs_nat", "lb1")["owner"] == "ipvs_table"


@pytest.mark.parametrize("mode", ["dr", "nat", "tun"])
def test_the_vips_come_last_and_go_first(world: t.Any, mode: str) -> None:
    made = pair(world, mode)
    assert [step.role for step in made.plan().steps] == [f"lvs_{mode}", f"lvs_{mode}", "keepalived"]
    assert part(made, "keepalived", "lb1")["state"] == "present"
    made.set("app", state="absent")
    assert [step.role for step in made.plan().steps] == ["keepalived", f"lvs_{mode}", f"lvs_{mode}"]


def test_exactly_one_has_the_highest_priority_and_each_knows_the_other(world: t.Any) -> None:
    made = pair(world)
    one, two = (part(made, "keepalived", host)["instances"] for host in ("lb1", "lb2"))
    assert [instance["name"] for instance in one] == ["app4", "app6"] == [instance["name"] for instance in two]
    for mine, other in zip(one, two, strict=True):
        assert mine["priority"] > other["priority"]
        assert (mine["peers"], other["peers"]) == ([other["source"]], [mine["source"]])
        assert mine["virtual_router_id"] == other["virtual_router_id"]
    assert [instance["addresses"] for instance in one] == [["192.0.2.100/32"], ["2001:db8:0:2::100/128"]]


def test_a_router_id_stays_with_the_name(world: t.Any) -> None:
    first = part(pair(world), "keepalived", "lb1")["instances"][0]["virtual_router_id"]
    assert 1 <= first <= 255
    assert part(pair(world, vrrp={"router_id": 9}), "keepalived", "lb1")["instances"][0]["virtual_router_id"] == 9


def test_multicast_has_no_peers(world: t.Any) -> None:
    assert part(pair(world, vrrp={"multicast": True}), "keepalived", "lb1")["instances"][0]["peers"] == []


def test_the_way_back_of_nat_moves_with_the_vips(world: t.Any) -> None:
    made = pair(world, "nat")
    assert part(made, "lvs_nat", "web1")["gateways"] == ["192.0.2.99", "2001:db8:0:2::99"]
    found = part(made, "keepalived", "lb1")["instances"]
    assert [instance["name"] for instance in found] == ["app4", "app6", "appin4", "appin6"]
    assert found[0]["virtual_router_id"] != found[2]["virtual_router_id"], "both sides may be one network"


def test_keepalived_is_given_what_the_role_would_have_written(world: t.Any) -> None:
    made = pair(world, scheduler="wrr", persistent=60, check={"type": "http", "path": "/healthz", "retry": 0})
    services = part(made, "lvs_dr", "lb1")["services"]
    checked = part(made, "keepalived", "lb1")["virtual_servers"]
    assert [{key: one[key] for key in service} for service, one in zip(services, checked, strict=True)] == services
    assert checked[0]["checks"] == [{"type": "http", "path": "/healthz", "retry": 0}]


def test_a_service_without_a_tcp_port_is_checked_by_one_of_its_tier_or_by_ping(world: t.Any) -> None:
    services = [{"port": 53, "protocol": ["udp", "tcp"]}]
    both = part(pair(world, port=None, services=services), "keepalived", "lb1")["virtual_servers"]
    assert {one["protocol"]: one["checks"] for one in both} == {
        "tcp": [{"type": "tcp"}],
        "udp": [{"type": "tcp", "port": 53}],
    }
    alone = part(pair(world, protocol="udp"), "keepalived", "lb1")["virtual_servers"]
    assert alone[0]["checks"] == [{"type": "ping"}]


def test_a_check_alone_brings_keepalived_to_a_single_director(world: t.Any) -> None:
    made = world("dr").set("app", check={"type": "tcp"})
    found = part(made, "keepalived", "lb1")
    assert found["instances"][0]["peers"] == [] and found["sync_daemon"] == {}


@pytest.mark.parametrize("first", [{"hosts": "one", "check": {"type": "tcp"}}, {"hosts": "directors", "sync": False}])
def test_a_tier_that_shares_nothing_does_not_keep_others_from_it(world: t.Any, first: dict[str, t.Any]) -> None:
    made = pair(world)
    made.groups["one"] = ["lb1"]
    other = {"name": "api", "kind": "lvs", "mode": "dr", "vips": ["192.0.2.101"], "port": 81, "backend": "web"}
    made.tiers.insert(0, {**other, **first})
    daemons = {step.tier: step.parts["lb1"]["sync_daemon"] for step in made.plan().steps if step.role == "keepalived"}
    assert daemons["api"] == {} and daemons["app"]["instance"] == "app4"


def test_directors_share_connections_once_a_host(world: t.Any) -> None:
    made = pair(world)
    other = {"name": "api", "kind": "lvs", "hosts": "directors", "mode": "dr", "vips": ["192.0.2.101"], "port": 81}
    made.tiers.append({**other, "backend": "web"})
    daemons = [step.parts["lb1"]["sync_daemon"] for step in made.plan().steps if step.role == "keepalived"]
    assert sorted(map(bool, daemons)) == [False, True]
    assert max(daemons, key=len)["both"], "the tiers move one by one"
    assert part(pair(world), "keepalived", "lb1")["sync_daemon"]["both"], "keepalived has nothing to do at a move"
    assert part(pair(world, sync=False), "keepalived", "lb1")["sync_daemon"] == {}


def test_no_connections_are_shared_beside_tunnels_of_another_family(world: t.Any) -> None:
    """The kernel refuses one or the other."""
    made = pair(world)
    far = {"name": "far", "kind": "lvs", "hosts": "directors", "mode": "tun", "vips": ["192.0.2.101"], "port": 81}
    made.tiers.append({**far, "tunnel_family": "ipv6", "backend": "web"})
    assert not any(step.parts["lb1"]["sync_daemon"] for step in made.plan().steps if step.role == "keepalived")


def test_playbook_and_role_know_every_key_of_a_part(world: t.Any) -> None:
    keys = {f"keepalived_{key}" for key in part(pair(world), "keepalived", "lb1")}
    (task,) = yaml.safe_load((ROOT / "playbooks" / "tasks" / "keepalived_main.yml").read_text())
    assert set(task["vars"]) == keys
    spec = yaml.safe_load((ROOT / "roles" / "keepalived" / "meta" / "argument_specs.yml").read_text())
    assert keys <= set(spec["argument_specs"]["main"]["options"])


def test_a_sorry_server_is_of_the_family_and_the_mode(world: t.Any) -> None:
    pool = {"quorum": 2, "sorry_server": ["192.0.2.9", "2001:db8:0:2::9"]}
    for mode, more in (("dr", {}), ("tun", {}), ("nat", {"sorry_port": 8080})):
        made = pair(world, mode, pool={**pool, **more})
        found = [service["sorry_server"] for service in part(made, "keepalived", "lb1")["virtual_servers"]]
        ends = [{"address": one, "forward": mode, **({"port": 8080} if more else {})} for one in pool["sorry_server"]]
        assert found == ends, mode
    only_four = pair(world, pool={"sorry_server": "192.0.2.9"})
    assert ["sorry_server" in one for one in part(only_four, "keepalived", "lb1")["virtual_servers"]] == [True, False]
    marked = pair(world, fwmark=7, pool={"sorry_server": pool["sorry_server"]})
    found = [one["sorry_server"]["address"] for one in part(marked, "keepalived", "lb1")["virtual_servers"]]
    assert found == pool["sorry_server"]
