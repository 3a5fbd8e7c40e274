# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""LVS behind LVS: what the hosts of both tiers get, and what must be true of them."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.kinds.lvs import cascade
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.summary import summary

VIPS = ["198.51.100.100", "2001:db8:0:51::100"]
INNER = ["192.0.2.100", "2001:db8:0:2::100"]
OUTSIDE = ["198.51.100.10/24", "2001:db8:0:51::10/64"]
TOP = {"name": "top", "kind": "lvs", "hosts": "top", "vips": VIPS, "backend": "app"}


def nested(world: t.Any, mode: str) -> t.Any:
    """The tier ``top`` (glb) in this mode, ``app`` (lb1, lb2) in mode dr behind it, and behind that the servers."""
    made = world("dr").set("app", vips=INNER if mode == "nat" else None)
    made.tiers.insert(0, {**TOP, "mode": mode})
    inside = ["192.0.2.9/24", "2001:db8:0:2::9/64"] if mode == "nat" else []
    made.host("glb", lb_addresses=[*OUTSIDE, *inside], lb_gateway=["198.51.100.1", "2001:db8:0:51::1"])
    made.host("lb2", lb_addresses=["192.0.2.11/24", "2001:db8:0:2::11/64"])
    made.groups.update(top=["glb"], directors=["lb1", "lb2"])
    return made


def part(made: t.Any, role: str, name: str, host: str) -> dict[str, t.Any]:
    found = [
        step.parts[host] for step in made.plan().steps if (step.role, step.part) == (role, name) and host in step.parts
    ]
    assert len(found) == 1
    return t.cast("dict[str, t.Any]", found[0])


def targets(made: t.Any, role: str, host: str) -> set[tuple[str, str, int]]:
    services = part(made, role, "director", host)["services"]
    return {(one["address"], to["address"], to["port"]) for one in services for to in one["destinations"]}


@pytest.mark.parametrize("mode", ["tun", "nat"])
def test_what_is_behind_is_ready_before_what_is_in_front(world: t.Any, mode: str) -> None:
    made = nested(world, mode)
    assert made.findings() == []
    tiers = [step.tier for step in made.plan().steps]
    assert tiers == sorted(tiers)
    made.set("top", state="absent").set("app", state="absent")
    assert [step.tier for step in made.plan().steps] == sorted(tiers, reverse=True)


def test_tun_sends_to_every_director_behind_and_all_hold_the_vips(world: t.Any) -> None:
    made = nested(world, "tun")
    rips = {"192.0.2.10", "192.0.2.11", "2001:db8:0:2::10", "2001:db8:0:2::11"}
    assert {to for _vip, to, _port in targets(made, "lvs_tun", "glb")} == rips
    for host in ("lb1", "lb2"):
        director, server = part(made, "lvs_dr", "director", host), part(made, "lvs_tun", "real_server", host)
        assert (director["hold_vips"], director["vips"], director["owner"]) == (False, VIPS, "ipvs_table")
        assert (server["vips"], server["directors"]) == (VIPS, ["198.51.100.10", "2001:db8:0:51::10"])
        # its own replies are none
        assert server["path_mtu"] == 0
    assert part(made, "lvs_dr", "real_server", "web1")["vips"] == VIPS
    assert "keepalived" not in {step.role for step in made.plan().steps}


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        ({}, {"ipv4": 1440, "ipv6": 1400}),
        ({"tunnel": {"type": "gue", "port": 6080}}, {"ipv4": 1428, "ipv6": 1388}),
        ({"path_mtu": 1400, "tunnel_family": "ipv6"}, {"ipv4": 1320, "ipv6": 1300}),
        ({"path_mtu": 0}, {}),
    ],
)
def test_the_last_servers_announce_what_fits_the_tunnel(world: t.Any, options: t.Any, sizes: dict[str, int]) -> None:
    made = nested(world, "tun").set("top", **options)
    assert part(made, "lvs_dr", "real_server", "web1")["segment_sizes"] == sizes


def test_directors_that_are_reached_by_tunnel_check_but_move_nothing(world: t.Any) -> None:
    made = nested(world, "tun").set("app", check={"type": "tcp"})
    daemon = part(made, "keepalived", "main", "lb2")
    assert (daemon["instances"], daemon["sync_daemon"]) == ([], {})
    assert [one["checks"] for one in daemon["virtual_servers"]] == [[{"type": "tcp"}]] * 2
    assert "     checks the real servers; the VIPs stay with all of them" in summary(made.plan())


@pytest.mark.parametrize(
    ("options", "check"),
    [({}, "vip"), ({"protocol": "udp"}, "ping"), ({"tunnel_family": "ipv6"}, "ping"), ({"fwmark": 7}, "ping")],
)
def test_a_pair_in_front_of_tunnels_asks_for_the_vip(world: t.Any, options: t.Any, check: str) -> None:
    made = nested(world, "tun").set("top", **options).set("app", protocol=["tcp", "udp"])
    made.host(
        "glb2",
        lb_addresses=["198.51.100.11/24", "2001:db8:0:51::11/64"],
        lb_gateway=["198.51.100.1", "2001:db8:0:51::1"],
    )
    made.groups["top"] = ["glb", "glb2"]
    assert made.findings() == []
    found = [one["checks"] for one in part(made, "keepalived", "main", "glb")["virtual_servers"]]
    assert found == [[{"type": check}]] * 2


def test_tun_spreads_over_the_directors_of_several_sites(world: t.Any) -> None:
    made = nested(world, "tun").set("top", backend=["app", "far"])
    made.tiers += [
        {"name": "far", "kind": "lvs", "hosts": "far", "mode": "dr", "port": 80, "backend": "farm"},
        {"name": "farm", "kind": "servers", "hosts": "farm"},
    ]
    made.groups.update(far=["lb3"], farm=["web3"])
    made.host("lb3", lb_addresses=["203.0.113.10/24", "2001:db8:0:113::10/64"], lb_weight=2)
    made.host("web3", lb_addresses=["203.0.113.21/24", "2001:db8:0:113::21/64"])
    assert made.findings() == []
    services = part(made, "lvs_tun", "director", "glb")["services"]
    weights = {to["address"]: to["weight"] for one in services for to in one["destinations"] if "." in to["address"]}
    assert weights == {"192.0.2.10": 1, "192.0.2.11": 1, "203.0.113.10": 2}
    assert part(made, "lvs_dr", "real_server", "web3")["vips"] == VIPS


def test_nat_sends_to_the_vips_behind_and_the_last_servers_reply_through_it(world: t.Any) -> None:
    made = nested(world, "nat").set("top", port=8000, inner_vips=["192.0.2.98", "2001:db8:0:2::98"])
    assert targets(made, "lvs_nat", "glb") == {(vip, inner, 80) for vip, inner in zip(VIPS, INNER, strict=True)}
    for host in ("web1", "web2"):
        server = part(made, "lvs_nat", "real_server", host)
        assert server["gateways"] == ["192.0.2.98", "2001:db8:0:2::98"]
        assert server["services"] == [{"address": vip, "protocol": "tcp", "port": 80} for vip in INNER]
    assert part(made, "lvs_dr", "director", "lb1")["hold_vips"]
    # the pair behind is one like any other
    assert part(made, "keepalived", "main", "lb1")["instances"]
    assert part(made, "lvs_dr", "real_server", "web1")["segment_sizes"] == {}


def test_nat_asks_the_pool_of_the_tier_behind_not_its_hosts(world: t.Any) -> None:
    """The weights are those of the tier behind, and so is the judgement of its scheduler."""
    made = nested(world, "nat").set("top", scheduler="rr").set("app", scheduler="wrr").host("web1", lb_weight=3)
    assert made.findings() == []


FAR = ["203.0.113.21/24", "2001:db8:0:113::21/64"]
# Mode in front, tiers and hosts to change, where the finding is, its rule, some of its words.
CASES: list[tuple[str, dict[str, dict[str, t.Any]], str, str, str]] = [
    ("tun", {"app": {"vips": VIPS}}, "app", "vips-of-tunnel", "leave them out"),
    ("tun", {"top": {"state": "absent"}}, "app", "vips-of-tunnel", "which goes"),
    ("nat", {"app": {"vips": None}}, "app", "vips-of-tunnel", "is missing"),
    ("tun", {"app": {"vrrp": {"preempt": True}}}, "app", "mode-option", "vrrp: behind a tunnel"),
    ("tun", {"app": {"mode": "tun", "vips": INNER}}, "top", "cascade", "app is tun behind tun"),
    ("nat", {"app": {"mode": "nat"}}, "top", "cascade", "app is nat behind nat"),
    ("tun", {"top": {"mode": "dr"}, "app": {"vips": INNER}}, "top", "cascade", "app is dr behind dr"),
    ("nat", {"top": {"backend": ["app", "web"]}, "web": {"port": 80}}, "top", "cascade", "all tiers behind"),
    ("tun", {"top": {"protocol": ["tcp", "udp"]}}, "top", "cascade", "app serves no udp 80"),
    ("tun", {"top": {"port": 81}}, "top", "port-mapping", "app listens on 80, not on 81"),
    ("nat", {"top": {"server_port": 81}}, "top", "cascade", "app serves no tcp 81"),
    ("nat", {"app": {"vips": INNER[:1]}}, "top", "family", "no IPv6 one"),
    (
        "nat",
        {"app": {"vips": ["203.0.113.100", INNER[1]], "interface": "eth0"}},
        "top, host glb",
        "nat-network",
        "203.0.113.100",
    ),
    ("nat", {"glb": {"lb_addresses": OUTSIDE}}, "top, host web1", "nat-network", "must pass the director"),
    ("tun", {"top": {"check": {"type": "tcp"}}}, "top", "cascade", "take vip, ping or misc"),
    ("tun", {"web1": {"lb_gateway": "192.0.2.10"}}, "app, host web1", "gateway-is-director", "use a router"),
    ("tun", {"top": {"hosts": "web"}}, "top, host web1", "client-in-tier", "would not be balanced"),
    ("tun", {"www": {"hosts": "web"}}, "www, host web1", "client-in-tier", "would not leave the host"),
    ("tun", {"app": {"backend": "top"}}, "top", "backend-cycle", "top -> app -> top"),
]


def test_of_vips_that_cannot_be_read_it_is_said_where_they_stand(world: t.Any) -> None:
    found = [str(one) for one in nested(world, "tun").set("top", vips=["x"]).findings()]
    assert [one.partition(":")[0] for one in found] == ["tier top"], found


def is_found(world: t.Any, case: tuple[t.Any, ...]) -> bool:
    mode, changes, where, rule, words = case
    made = nested(world, mode)
    if "www" in changes:
        made.tiers.append({"name": "www", "kind": "dns", "zone": "a.example", "record": "w", "backend": "top"})
    for name, options in changes.items():
        (made.host if name in made.hosts else made.set)(name, **options)
    found = [str(one) for one in made.findings()]
    return any(one.startswith(f"tier {where}: ") and words in one and one.endswith(f"[{rule}]") for one in found)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[3]}: {case[4]}")
def test_a_bad_cascade_is_found_out(world: t.Any, case: tuple[t.Any, ...]) -> None:
    assert is_found(world, case)


@pytest.mark.parametrize("rule", cascade.RULES, ids=lambda rule: rule.__name__)
def test_every_rule_has_a_case_that_only_it_finds(world: t.Any, rule: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cascade, "RULES", tuple(one for one in cascade.RULES if one is not rule))
    assert not all(is_found(world, case) for case in CASES)
