# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a stack: what hosts say beside what is described."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.keepalived.foreign import destination_key
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack import pools
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.load import load
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.status import status
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.status_table import status_table

VIP = "192.0.2.100"
Said = dict[str, t.Any]


def host(*addresses: str, **more: t.Any) -> Said:
    """The answer of a host on which nothing of interest runs."""
    nics = [{"name": "eth0", "addresses": [f"{one}/32" for one in addresses]}]
    nothing: Said = dict.fromkeys(("ipvs", "keepalived", "haproxy", "nginx"))
    return {"interfaces": nics, "units": {}, "drained": {}, "problems": [], **nothing, **more}


def table(*weights: int, services: int = 1) -> Said:
    """An IPVS table with a real server for each weight."""
    found = [
        {
            "address": f"192.0.2.2{number}",
            "port": 80,
            "weight": weight,
            "active_connections": 3,
            "inactive_connections": 4,
            "rates": {"connections": 5},
        }
        for number, weight in enumerate(weights, 1)
    ]
    service = {"protocol": "tcp", "address": VIP, "port": 80, "scheduler": "wlc", "destinations": found}
    return {"services": [service] * services}


def sound() -> dict[str, Said]:
    """All hosts of the stack in mode dr, as they should be."""
    return {"lb1": host(VIP, ipvs=table(1, 1)), "web1": host(VIP), "web2": host(VIP)}


def look(world: t.Any, seen: t.Mapping[str, Said | None]) -> Said:
    stack, _findings = load({"tiers": world.tiers})
    found = status(stack, world.inventory(), seen)
    assert json.loads(json.dumps(found)) == found
    assert status_table(found)
    return found


def texts(found: Said, *, drift: bool | None = None) -> list[tuple[str, str]]:
    return [(one["host"], one["text"]) for one in found["findings"] if drift in (None, one["drift"])]


def test_a_sound_stack_has_no_findings(world: t.Any) -> None:
    found = look(world("dr"), sound())
    assert found["findings"] == []
    app, web = found["tiers"]
    assert app["vips"] == [{"address": VIP, "holders": ["lb1"]}]
    assert app["members"][0] == {
        "name": "web1",
        "address": "192.0.2.21",
        "port": 80,
        "service": f"tcp {VIP}:80",
        "by": "lb1",
        "tier": "app",
        "step": "app: director (dr)",
        "daemon": "ipvs",
        "ttl": 0,
        "drained": "",
        "weight": 1,
        "wanted_weight": 1,
        "state": "up",
        "check": "",
        "active": 3,
        "inactive": 4,
        "rate": 5,
    }
    assert (web["kind"], web["hosts"], web["members"]) == ("servers", ["web1", "web2"], [])
    assert found["hosts"]["web1"]["reached"] and found["hosts"]["web1"]["vips"] == [VIP]


def test_hosts_that_were_not_reached_are_shown(world: t.Any) -> None:
    found = look(world("dr"), {"lb1": None, "web1": host(VIP)})
    assert {one["state"] for one in found["tiers"][0]["members"]} == {"unknown"}
    assert ("web2", "was not reached") in texts(found)
    assert ("", f"{VIP} is held by nobody; lb1 did not answer") in texts(found)
    assert any("not reached" in line for line in status_table(found))


@pytest.mark.parametrize(
    ("weights", "text"),
    [
        ((1, 7), "web2 (192.0.2.22) for tcp 192.0.2.100:80 is described with weight 1, but has weight 7"),
        ((1,), "web2 (192.0.2.22) for tcp 192.0.2.100:80 is down: it is not in the table"),
        ((1, 1, 1), "not of the description: destination 192.0.2.23 port 80 of tcp 192.0.2.100 80"),
    ],
)
def test_a_table_that_differs_is_drift(world: t.Any, weights: tuple[int, ...], text: str) -> None:
    found = look(world("dr"), {**sound(), "lb1": host(VIP, ipvs=table(*weights))})
    assert texts(found, drift=True) == [("lb1", text)]


def test_each_entry_of_a_table_is_read_once(world: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many members there are: hundreds of servers behind several directors are no few."""
    asked: list[t.Any] = []

    def counted(it: Said, service: Said) -> t.Any:
        asked.append(it)
        return destination_key(it, service)

    monkeypatch.setattr(pools, "destination_key", counted)
    made = world("dr")
    for number in range(3, 10):
        made.host(f"web{number}", lb_addresses=[f"192.0.2.2{number}/24"]).groups["web"].append(f"web{number}")
    found = look(made, {**sound(), "lb1": host(VIP, ipvs=table(*[1] * 9))})
    assert [one["state"] for one in found["tiers"][0]["members"]] == ["up"] * 9
    assert len(asked) == 9 + 9


def test_weights_that_the_kernel_keeps_are_no_drift(world: t.Any) -> None:
    found = look(world("dr").set("app", keep_weights=True), {**sound(), "lb1": host(VIP, ipvs=table(1, 7))})
    assert texts(found) == []


def test_who_is_drained_has_weight_0_and_is_no_finding(world: t.Any) -> None:
    drained = {"drained": {"web2": ["192.0.2.22"]}}
    found = look(world("dr"), {**sound(), "lb1": host(VIP, ipvs=table(1, 0), **drained)})
    assert texts(found) == []
    assert [one["state"] for one in found["tiers"][0]["members"]] == ["up", "drained"]
    assert found["hosts"]["lb1"]["drained"] == ["web2"]
    # somebody gave it its weight back
    found = look(world("dr"), {**sound(), "lb1": host(VIP, ipvs=table(1, 1), **drained)})
    assert texts(found, drift=True) == [
        ("lb1", "web2 (192.0.2.22) for tcp 192.0.2.100:80 is drained, but has weight 1")
    ]


@pytest.mark.parametrize("notes", [{"old": ["192.0.2.22", "192.0.2.99"]}, {"web1": ["192.0.2.22"]}])
def test_a_note_that_outlives_its_host_drains_who_has_the_address(world: t.Any, notes: dict[str, list[str]]) -> None:
    found = look(world("dr"), {**sound(), "lb1": host(VIP, ipvs=table(1, 0), drained=notes)})
    ((name, addresses),) = notes.items()
    words = f"keeps {name} drained at {', '.join(addresses)}, where no tier has a host of that name: undrain {name}"
    assert texts(found) == [("lb1", words)] and texts(found, drift=True) == []
    assert [(one["state"], one["drained"]) for one in found["tiers"][0]["members"]] == [("up", ""), ("drained", name)]
    # noted by its own name, too
    both = {**notes, "web2": ["192.0.2.22"]}
    found = look(world("dr"), {**sound(), "lb1": host(VIP, ipvs=table(1, 0), drained=both)})
    assert [one["drained"] for one in found["tiers"][0]["members"]] == ["", "web2"]


def test_holders_are_counted(world: t.Any) -> None:
    made = world("dr").host("lb2", lb_addresses=["192.0.2.11/24"], lb_gateway=["192.0.2.1"])
    made.groups["directors"].append("lb2")
    keepalived = {"instances": [{"name": "app4", "state": "master", "last_transition": 1.5}], "maintenance": []}
    director = host(VIP, ipvs=table(1, 1), keepalived=keepalived, units={"keepalived.service": "active"})
    found = look(made, {**sound(), "lb1": director, "lb2": director})
    assert texts(found) == [("", f"{VIP} is held by lb1 and lb2")]
    assert found["hosts"]["lb1"]["instances"] == {"app4": "master"}
    assert found["hosts"]["lb1"]["last_transition"] == {"app4": "1970-01-01T00:00:01+00:00"}
    stopped = host(units={"keepalived.service": "inactive"})
    found = look(made, {**sound(), "lb1": stopped, "lb2": stopped})
    assert ("lb2", "keepalived.service is inactive") in texts(found, drift=True)
    assert ("", f"{VIP} is held by nobody") in texts(found)
    # the checks of keepalived take members out of its table: that is no drift
    assert any("web1" in text and "tcp fails" in text for _host, text in texts(found, drift=False))


def test_who_holds_a_vip_of_a_tier_that_is_to_be_absent_is_drift(world: t.Any) -> None:
    made = world("dr").set("app", state="absent")
    assert texts(look(made, sound()), drift=True) == [("lb1", f"still holds {VIP}")]
    assert texts(look(made, {**sound(), "lb1": host()})) == []


def test_a_real_server_without_the_vip_is_drift(world: t.Any) -> None:
    found = look(world("dr"), {**sound(), "web1": host()})
    assert texts(found, drift=True) == [("web1", f"lacks the VIP {VIP} and drops what it is sent")]
    assert texts(look(world("nat"), {**sound(), "web1": host(), "web2": host()})) == []


def test_what_a_daemon_did_not_tell_is_a_finding(world: t.Any) -> None:
    found = look(world("dr"), {**sound(), "web1": host(VIP, problems=["HAProxy: no"], units={"x.service": "failed"})})
    assert texts(found) == [("web1", "x.service has failed"), ("web1", "did not tell: HAProxy: no")]


def checked(**web2: t.Any) -> Said:
    well = {"ok": True, "out": False, "since": 0, "reason": "", "weight": 1, "drained": False}
    pool = {"192.0.2.21:8080": well, "192.0.2.22:8080": {**well, **web2}}
    return {"active_connections": 1, "pools": {"app": {"http/app": pool}}}


def test_nginx_and_its_checker(world: t.Any) -> None:
    units = {"nginx.service": "active"}
    ill = checked(ok=False, out=True, reason="status 500")
    seen = {"lb1": host(units=units, nginx=ill), "lb2": host(units=units, nginx=checked(weight=3))}
    found = look(world("nginx"), {**seen, "web1": host(), "web2": host()})
    assert texts(found) == [
        ("lb1", "web2 (192.0.2.22) for app is down: status 500"),
        ("lb2", "web2 (192.0.2.22) for app is described with weight 1, but has weight 3"),
    ]
    # without a checker nobody knows
    found = look(world("nginx"), {"lb1": host(units=units)})
    assert {one["state"] for one in found["tiers"][0]["members"]} == {"unknown"}


def test_haproxy(world: t.Any) -> None:
    server = {"name": "web1", "up": True, "state": "ready", "weight": 1, "check": "L7OK", "sessions": 2}
    pool = {"name": "app", "servers": [server, {**server, "name": "web2", "state": "drain"}]}
    units = {"haproxy.service": "active"}
    seen = {"lb1": host(units=units, haproxy={"backends": [pool]}), "lb2": host(units=units)}
    found = look(world("haproxy"), {**seen, "web1": host(), "web2": host()})
    first, second, third, _fourth = found["tiers"][0]["members"]
    assert (first["state"], first["weight"], first["active"], first["check"]) == ("up", 1, 2, "L7OK")
    assert (second["state"], second["weight"]) == ("drained", 0)
    assert (third["by"], third["state"]) == ("lb2", "unknown")


def test_names_and_redirects_are_members_too(world: t.Any) -> None:
    for kind, unit in (("dns", "pdns.service"), ("redirect", "nginx.service")):
        seen = {"lb1": host(units={unit: "active"}, drained={"web1": ["192.0.2.21", "2001:db8:0:2::21"]}), "lb2": None}
        members = look(world(kind), seen)["tiers"][0]["members"]
        assert {(one["by"], one["name"], one["state"]) for one in members} == {
            *(("lb1", "web1", "drained"), ("lb1", "web2", "unknown")),
            *(("lb2", "web1", "unknown"), ("lb2", "web2", "unknown")),
        }


@pytest.mark.parametrize(
    ("mode", "options", "units", "instances"),
    [
        ("dr", {}, [], []),
        ("dr", {"check": {"type": "tcp"}}, ["keepalived.service"], ["app4"]),
        ("nginx", {}, ["nginx.service"], []),
        ("nginx", {"vips": [VIP, "2001:db8:0:2::100"]}, ["nginx.service", "keepalived.service"], ["app4", "app6"]),
        ("haproxy", {"vips": [VIP], "state": "absent"}, [], []),
        ("dns", {}, ["pdns.service"], []),
        ("external", {}, [], []),
    ],
)
def test_what_has_to_be_well_on_the_hosts_of_a_tier(
    world: t.Any, mode: str, options: Said, units: list[str], instances: list[str]
) -> None:
    found = look(world(mode).set("app" if mode != "external" else "box", **options), {})["tiers"][0]
    assert (found["units"], found["instances"]) == (units, instances)


@pytest.mark.parametrize("mode", ["dr", "nat", "tun", "external", "nginx", "haproxy", "redirect", "dns"])
def test_every_kind_has_a_status_with_no_host_reached(world: t.Any, mode: str) -> None:
    found = look(world(mode), {})
    assert [tier["name"] for tier in found["tiers"]] == [tier["name"] for tier in world(mode).tiers]


@pytest.mark.parametrize(
    ("mode", "options", "ports"),
    [
        ("dr", {}, [80]),
        ("dr", {"protocol": ["tcp", "udp"], "port": [80, 81]}, [80, 81]),
        ("dr", {"protocol": "udp"}, []),
        ("dr", {"port": 0, "persistent": 60}, []),
        ("nginx", {"vips": [VIP]}, [80]),
        ("nginx", {"vips": [VIP], "protocol": "udp"}, []),
        ("nginx", {}, []),
    ],
)
def test_where_a_tier_can_be_asked_over_tcp(world: t.Any, mode: str, options: Said, ports: list[int]) -> None:
    found = look(world(mode).set("app", **options), {})["tiers"][0]["probes"]
    assert found == [{"address": VIP, "port": port} for port in ports]
