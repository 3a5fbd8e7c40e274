# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the hosts get: details by mode, and that roles, playbooks and modules take it as it is."""

from __future__ import annotations

import functools
import json
import pathlib
import sys
import typing as t

import pytest
import yaml
from ansible_collections.mixed_lb.stack.plugins.module_utils.ipvs import wanted

ROOT = pathlib.Path(__file__).parents[5]
SNAPSHOTS = pathlib.Path(__file__).parent / "snapshots"
# Those of a role alone have no stack.
INVENTORIES = sorted(path.parts[-3] for path in (ROOT / "inventories").glob("*/group_vars/all.yml"))
MODES = ["dr", "nat", "tun"]


def part(world: t.Any, name: str, host: str) -> dict[str, t.Any]:
    found: dict[str, t.Any] = next(step for step in world.plan().steps if step.part == name).parts[host]
    return found


def destinations(world: t.Any) -> list[t.Any]:
    found: list[t.Any] = part(world, "director", "lb1")["services"][0]["destinations"]
    return found


@functools.cache
def argument_specs(role: str) -> dict[str, t.Any]:
    """By entry point; large files, so read once."""
    text = (ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text()
    found: dict[str, t.Any] = yaml.safe_load(text)["argument_specs"]
    return found


def from_inventory(world: t.Any, name: str) -> t.Any:
    """An example inventory as a world; its YAML is plain enough to be read without Ansible."""
    folder = ROOT / "inventories" / name
    top = yaml.safe_load((folder / "hosts.yml").read_text())["all"]
    made = world("dr")
    made.tiers = yaml.safe_load((folder / "group_vars" / "all.yml").read_text())["lb_stack"]["tiers"]
    made.groups = {group: list(entry["hosts"]) for group, entry in top["children"].items()}
    made.hosts = {
        host: {**top["vars"], **entry.get("vars", {}), **variables}
        for entry in top["children"].values()
        for host, variables in entry["hosts"].items()
    }
    return made


@pytest.mark.parametrize("name", INVENTORIES)
def test_an_example_inventory_gives_what_it_gave(world: t.Any, name: str) -> None:
    """After an intended change: write the new plan to the snapshot, and read the difference."""
    made = from_inventory(world, name)
    assert made.findings() == []
    plan = {step.name: step.parts for step in made.plan().steps}
    assert plan == yaml.safe_load((SNAPSHOTS / f"{name}.yml").read_text())


@pytest.mark.parametrize("name", INVENTORIES)
def test_every_step_of_an_example_is_taken_whole(world: t.Any, name: str) -> None:
    """Its task file hands on every key of its parts, and the role has an option for each."""
    for step in from_inventory(world, name).plan().steps:
        (task,) = yaml.safe_load((ROOT / "playbooks" / "tasks" / f"{step.role}_{step.part}.yml").read_text())
        for part in step.parts.values():
            assert {f"{step.role}_{key}" for key in part} == set(task["vars"]), step.name
        assert set(task["vars"]) <= set(argument_specs(step.role)[step.part]["options"])


@pytest.mark.parametrize("mode", MODES)
def test_the_ipvs_module_takes_the_services(world: t.Any, mode: str) -> None:
    services = {"port": 443, "persistent": 60, "persistence_mask": {"ipv4": 24, "ipv6": 64}, "upper_threshold": 9}
    sip = {"port": 5060, "protocol": "udp", "persistent": 60, "persistence_engine": "sip", "scheduler": "rr"}
    flags = {"port": 81, "scheduler": "mh", "scheduler_flags": ["mh-port", "mh-fallback"], "protocol": ["tcp", "sctp"]}
    one = {"port": 53, "protocol": "udp", "one_packet": True}
    made = world(mode).set("app", port=None, services=[services, sip, flags, one])
    made.set("app", vips=["192.0.2.100", "2001:db8:0:2::100"])
    table = wanted.table(part(made, "director", "lb1")["services"])
    assert len(table) == 10
    first = next(found for found in table.values() if found.key.port == 443)
    assert (first.persistent, first.persistence_mask) == (60, 24)
    assert {found.forward for service in table.values() for found in service.destinations} == {mode}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["director", "real_server"])
def test_playbook_and_role_know_every_key_of_a_part(world: t.Any, mode: str, name: str) -> None:
    host = "lb1" if name == "director" else "web1"
    keys = {f"lvs_{mode}_{key}" for key in part(world(mode), name, host)}
    (task,) = yaml.safe_load((ROOT / "playbooks" / "tasks" / f"lvs_{mode}_{name}.yml").read_text())
    assert set(task["vars"]) == keys
    assert keys <= set(argument_specs(f"lvs_{mode}")[name]["options"])


@pytest.mark.parametrize("mode", MODES)
def test_a_part_has_the_same_keys_whatever_is_asked(world: t.Any, mode: str) -> None:
    rich = {"fwmark": 5, "conntrack": True, "timeouts": {"udp": 30}, "sysctls": {"net.ipv4.vs.pmtu_disc": 0}}
    plain, full = world(mode), world(mode).set("app", **rich)
    for name, host in (("director", "lb1"), ("real_server", "web1")):
        assert list(part(plain, name, host)) == list(part(full, name, host))


def test_weight_zero_is_a_weight(world: t.Any) -> None:
    made = world("dr").host("web1", lb_weight=0).host("web2", lb_weight="7")
    assert [one["weight"] for one in destinations(made)] == [0, 7]


def test_options_of_the_tier_hold_for_all_its_services(world: t.Any) -> None:
    services = [{"port": 80}, {"port": [443, 8443], "scheduler": "sh"}]
    made = world("dr").set("app", port=None, scheduler="wrr", persistent=30, services=services)
    found = part(made, "director", "lb1")["services"]
    assert [(one["port"], one["scheduler"], one["persistent"]) for one in found] == [
        (80, "wrr", 30),
        (443, "sh", 30),
        (8443, "sh", 30),
    ]


def test_ports_come_from_the_servers_where_the_tier_names_none(world: t.Any) -> None:
    made = world("dr").set("app", port=None).set("web", port=[80, 443])
    assert [one["port"] for one in part(made, "director", "lb1")["services"]] == [80, 443]


def test_nat_maps_to_the_only_port_of_the_servers(world: t.Any) -> None:
    made = world("nat").set("web", port=8080)
    assert [one["port"] for one in destinations(made)] == [8080, 8080]
    assert part(made, "real_server", "web1")["services"] == [{"address": "192.0.2.21", "protocol": "tcp", "port": 8080}]
    assert part(made, "real_server", "web1")["gateways"] == ["192.0.2.10"]


def test_a_fwmark_makes_one_service_a_family_and_the_marks_for_it(world: t.Any) -> None:
    made = world("dr").set("app", fwmark=7, port=[443, 80], vips=["192.0.2.100", "2001:db8:0:2::100"], persistent=60)
    director = part(made, "director", "lb1")
    assert [(one["fwmark"], one["family"]) for one in director["services"]] == [(7, "ipv4"), (7, "ipv6")]
    assert {one["port"] for service in director["services"] for one in service["destinations"]} == {0}
    assert director["marks"] == [
        {"destination": vip, "protocol": "tcp", "ports": [80, 443], "mark": 7}
        for vip in ("192.0.2.100", "2001:db8:0:2::100")
    ]
    assert len(wanted.table(director["services"])) == 2


@pytest.mark.parametrize(("gateway", "source"), [("192.0.2.10", "192.0.2.0/24"), ("192.0.2.1", "0.0.0.0/0")])
def test_one_armed_hides_only_the_clients_it_must(world: t.Any, gateway: str, source: str) -> None:
    made = world("nat").set("app", one_armed=True)
    made.host("web1", lb_gateway="192.0.2.10").host("web2", lb_gateway=gateway)
    assert part(made, "director", "lb1")["source_nat"] == [
        {"source": source, "destination": "192.0.2.100", "protocol": "tcp", "port": 80}
    ]
    assert part(made, "real_server", "web1")["gateways"] == []


def test_conntrack_is_left_to_the_mode_until_it_is_asked_for(world: t.Any) -> None:
    assert part(world("dr"), "director", "lb1")["sysctls"] == {}
    asked = world("dr").set("app", conntrack=True, sysctls={"net.ipv4.vs.pmtu_disc": 0})
    assert part(asked, "director", "lb1")["sysctls"] == {"net.ipv4.vs.pmtu_disc": 0, "net.ipv4.vs.conntrack": 1}


def test_a_tunnel_takes_the_other_family_where_one_is_missing(world: t.Any) -> None:
    made = world("tun").set("app", vips=["2001:db8:0:2::100"]).host("web1", lb_addresses=["203.0.113.21/24"])
    assert [one["address"] for one in destinations(made)] == ["203.0.113.21", "2001:db8:0:2::22"]
    assert part(made, "real_server", "web1")["tunnels"] == [{"local": "203.0.113.21", "remote": "192.0.2.10"}]
    assert len(wanted.table(part(made, "director", "lb1")["services"])) == 1


@pytest.mark.parametrize(
    ("family", "rip", "dip"),
    [("ipv4", "203.0.113.21", "192.0.2.10"), ("ipv6", "2001:db8:0:113::21", "2001:db8:0:2::10")],
)
def test_a_tunnel_has_the_family_outside_that_is_asked_for(world: t.Any, family: str, rip: str, dip: str) -> None:
    made = world("tun").set("app", vips=["192.0.2.100", "2001:db8:0:2::100"], tunnel_family=family)
    made.groups["web"] = ["web1"]
    made.host("web1", lb_addresses=["203.0.113.21/24", "2001:db8:0:113::21/64"])
    table = wanted.table(part(made, "director", "lb1")["services"])
    assert [one.address for service in table.values() for one in service.destinations] == [rip, rip]
    assert part(made, "real_server", "web1")["tunnels"] == [{"local": rip, "remote": dip}]


def test_a_tunnel_starts_at_the_dip_that_is_named(world: t.Any) -> None:
    addresses = ["192.0.2.10/24", "198.51.100.10/24"]
    made = world("tun").host("lb1", lb_addresses=addresses, lb_dip="198.51.100.10")
    made.host("web1", lb_addresses=["203.0.113.21/24"])
    assert part(made, "real_server", "web1")["directors"] == ["198.51.100.10"]
    # a common network is the better way
    assert part(made, "real_server", "web2")["directors"] == ["192.0.2.10"]


def test_addresses_are_those_in_the_common_network(world: t.Any) -> None:
    made = world("nat").host("web1", lb_addresses=["203.0.113.21/24", "192.0.2.21/24"])
    assert destinations(made)[0]["address"] == "192.0.2.21"


@pytest.mark.parametrize("addresses", [None, []])
def test_a_host_without_lb_addresses_is_known_by_its_ansible_host(world: t.Any, addresses: t.Any) -> None:
    made = world("dr").host("web1", lb_addresses=addresses, ansible_host="192.0.2.21")
    assert destinations(made)[0]["address"] == "192.0.2.21"


def test_the_interface_of_the_tier_comes_before_the_hosts(world: t.Any) -> None:
    made = world("dr").host("lb1", lb_interface="eth0").host("web1", lb_interface="eth7").set("app", interface="eth1")
    assert part(made, "director", "lb1")["interface"] == "eth1"
    assert part(made, "real_server", "web1")["interface"] == "eth7"


def test_what_goes_goes_first_and_from_the_front(world: t.Any) -> None:
    made = world("dr").set("app", state="absent")
    # the VIP of a tier on its way out is free for another
    more = {"name": "new", "kind": "lvs", "hosts": "directors", "mode": "dr", "vips": ["192.0.2.100"], "port": 81}
    made.tiers.insert(0, {**more, "backend": "web"})
    steps = made.plan().steps
    assert [(step.tier, step.part) for step in steps] == [
        ("app", "director"),
        ("app", "real_server"),
        ("new", "real_server"),
        ("new", "director"),
    ]
    assert {one["state"] for step in steps[:2] for one in step.parts.values()} == {"absent"}


@pytest.mark.parametrize(("others", "left"), [({}, {"udp": 30}), ({"udp": 30}, {}), ({"tcp": 60}, {})])
def test_a_tier_that_goes_leaves_the_timeouts_to_one_that_stays(
    world: t.Any, others: dict[str, int], left: dict[str, int]
) -> None:
    made = world("dr").set("app", state="absent", timeouts={"udp": 30})
    stays = {"name": "new", "kind": "lvs", "hosts": "directors", "mode": "dr", "vips": ["192.0.2.101"], "port": 81}
    made.tiers.append({**stays, "backend": "web", "timeouts": others})
    parts = {step.tier: step.parts["lb1"] for step in made.plan().steps if step.part == "director"}
    assert (parts["app"]["timeouts"], parts["new"]["timeouts"]) == (left, others)


def test_a_plain_external_box_needs_nothing(world: t.Any) -> None:
    assert world("external").set("box", mode="plain").plan().steps == ()


def test_the_plan_is_plain_data(world: t.Any) -> None:
    for mode in MODES:
        for step in world(mode).plan().steps:
            assert json.loads(json.dumps(step.parts)) == step.parts


def calls(world: t.Any, servers: int, tiers: int) -> int:
    """Python calls that load, check and derive take: time without a clock."""
    made = world("dr")
    made.tiers = []
    for number in range(tiers):
        names = [f"s{number}-{one}" for one in range(servers)]
        made.groups[f"g{number}"] = names
        for place, name in enumerate(names):
            made.host(name, lb_addresses=[f"10.{number}.{place // 250}.{place % 250 + 1}/8"])
        vip = f"10.255.{number // 250}.{number % 250 + 1}"
        front = {"name": f"t{number}", "kind": "lvs", "mode": "dr", "hosts": "directors", "vips": [vip], "port": 80}
        made.tiers += [
            {**front, "backend": f"b{number}"},
            {"name": f"b{number}", "kind": "servers", "hosts": f"g{number}"},
        ]
    made.host("lb1", lb_addresses=["10.254.0.1/8"])
    count = 0

    def profile(_frame: t.Any, event: str, _arg: t.Any) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(profile)
    try:
        made.plan()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize(("small", "large"), [((20, 2), (80, 2)), ((2, 20), (2, 80))])
def test_the_work_grows_with_the_hosts_and_tiers_and_no_faster(
    world: t.Any, small: tuple[int, int], large: tuple[int, int]
) -> None:
    assert calls(world, *large) < 4.5 * calls(world, *small)
