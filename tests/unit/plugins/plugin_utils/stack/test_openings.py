# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a firewall has to let in, by kind and mode."""

from __future__ import annotations

import typing as t

import pytest

Part = dict[str, t.Any]


def openings(world: t.Any, host: str) -> list[Part]:
    return [one.part() for one in world.plan().openings.get(host, [])]


def opening(protocol: str, *ports: int, sources: t.Any = (), destinations: t.Any = (), family: str = "any") -> Part:
    named = {"sources": list(sources), "destinations": list(destinations)}
    return {"family": family, "protocol": protocol, "ports": list(ports), **named}


def pair(made: t.Any) -> t.Any:
    made.groups["directors"] = ["lb1", "lb2"]
    return made.host("lb2", lb_addresses=["192.0.2.11/24", "2001:db8:0:2::11/64"])


def test_adverts_and_shared_connections_come_from_the_other_hosts_alone(world: t.Any) -> None:
    made = pair(world("dr")).set("app", vips=["192.0.2.100", "2001:db8:0:2::100"])
    found = openings(made, "lb1")
    assert opening("vrrp", sources=["192.0.2.11"], family="ipv4") in found
    assert opening("vrrp", sources=["2001:db8:0:2::11"], family="ipv6") in found
    assert [one["ports"] for one in found if one["protocol"] == "udp"] == [[8848]]


def test_multicast_over_ipv6_leaves_by_a_link_local_address(world: t.Any) -> None:
    made = pair(world("dr")).set("app", vips=["192.0.2.100", "2001:db8:0:2::100"], vrrp={"multicast": True})
    found = openings(made, "lb1")
    assert opening("vrrp", sources=["192.0.2.11"], family="ipv4") in found
    assert opening("vrrp", sources=["fe80::/10"], family="ipv6") in found


def test_shared_connections_come_by_any_network_of_the_hosts(world: t.Any) -> None:
    made = pair(world("dr")).host("lb2", lb_addresses=["198.51.100.11/24", "192.0.2.11/24"])
    found = [one for one in openings(made, "lb1") if one["ports"] == [8848]]
    assert found == [opening("udp", 8848, sources=["192.0.2.10", "198.51.100.11", "192.0.2.11"], family="ipv4")]


def test_connections_of_ipv6_vips_alone_are_shared_over_ipv6(world: t.Any) -> None:
    made = pair(world("dr")).set("app", vips=["2001:db8:0:2::100"])
    (daemon,) = [step.parts["lb1"]["sync_daemon"] for step in made.plan().steps if step.role == "keepalived"]
    assert daemon["group"] == "ff02::81"
    found = [one for one in openings(made, "lb1") if one["ports"] == [8848]]
    assert found == [opening("udp", 8848, sources=["fe80::/10"], family="ipv6")]


def test_nothing_but_the_services_is_open_to_everybody_where_no_director_has_an_ipv4_address(world: t.Any) -> None:
    made = pair(world("dr")).set("app", vips=["2001:db8:0:2::100"])
    for name, number in (("lb1", 10), ("lb2", 11)):
        made.host(name, lb_addresses=[f"2001:db8:0:2::{number}/64"])
    assert [one["protocol"] for one in openings(made, "lb1") if not one["sources"]] == ["tcp"]


def test_services_are_let_in_at_the_vips_on_both_sides(world: t.Any) -> None:
    wanted = opening("tcp", 80, destinations=["192.0.2.100"], family="ipv4")
    assert openings(world("dr"), "lb1") == openings(world("dr"), "web1") == [wanted]
    assert openings(world("external").set("box", port=80), "web1") == [wanted]


def test_who_sends_clients_to_https_is_asked_by_http_too(world: t.Any) -> None:
    tls = {"certificate": "/etc/ssl/a.pem", "key": "/etc/ssl/a.key"}
    assert openings(world("nginx").set("app", port=443, tls=tls, redirect_https=True), "lb1") == [
        opening("tcp", 443, 80)
    ]


def test_a_real_server_of_nat_is_asked_at_its_own_address(world: t.Any) -> None:
    made = world("nat").set("web", port=8080)
    assert openings(made, "web2") == [opening("tcp", 8080, destinations=["192.0.2.22"], family="ipv4")]


@pytest.mark.parametrize(
    ("tunnel", "vip", "protocol", "ports"),
    [
        ({}, "192.0.2.100", "ipencap", ()),
        ({}, "2001:db8:0:2::100", "ipv6", ()),
        ({"tunnel": {"type": "gre"}}, "192.0.2.100", "gre", ()),
        ({"tunnel": {"type": "gue", "port": 6080}}, "192.0.2.100", "udp", (6080,)),
    ],
)
def test_tunnels_are_let_in_from_the_directors(
    world: t.Any, tunnel: Part, vip: str, protocol: str, ports: tuple[int, ...]
) -> None:
    made = world("tun").set("app", vips=[vip], tunnel_family="ipv4", **tunnel)
    ends = {"sources": ["192.0.2.10"], "destinations": ["192.0.2.21"], "family": "ipv4"}
    assert openings(made, "web1")[0] == opening(protocol, *ports, **ends)


def test_tunnels_from_anybody_are_let_in_from_anybody(world: t.Any) -> None:
    made = world("tun").set("app", vips=["192.0.2.100"], tunnel_from_anybody=True)
    assert openings(made, "web1")[0] == opening("ipencap", destinations=["192.0.2.21"], family="ipv4")


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("nginx", [opening("tcp", 80)]),
        ("haproxy", [opening("tcp", 80)]),
        ("redirect", [opening("tcp", 80)]),
        ("dns", [opening("udp", 53), opening("tcp", 53)]),
    ],
)
def test_proxies_and_name_servers_are_open_to_everybody(world: t.Any, kind: str, wanted: list[Part]) -> None:
    assert openings(world(kind), "lb1") == wanted
    assert openings(world(kind).set("app", state="absent"), "lb1") == []


def test_stick_tables_are_shared_among_the_tier(world: t.Any) -> None:
    found = openings(world("haproxy").set("app", peers=True), "lb1")
    assert opening("tcp", 10000, sources=["192.0.2.10", "192.0.2.11"], family="ipv4") in found
