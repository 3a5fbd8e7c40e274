# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nginx, HAProxy, redirect and DNS are given, and that roles and playbooks take it."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[5]
ROLES = {"nginx": "nginx_lb", "haproxy": "haproxy", "dns": "dns_lb"}


def part(world: t.Any, role: str, host: str = "lb1") -> dict[str, t.Any]:
    found: dict[str, t.Any] = next(step for step in world.plan().steps if step.role == role).parts[host]
    return found


@pytest.mark.parametrize(("kind", "role"), ROLES.items())
def test_playbook_and_role_know_every_key_of_a_part(world: t.Any, kind: str, role: str) -> None:
    keys = {f"{role}_{key}" for key in part(world(kind), role)}
    (task,) = yaml.safe_load((ROOT / "playbooks" / "tasks" / f"{role}_main.yml").read_text())
    assert set(task["vars"]) == keys
    spec = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text())
    assert keys <= set(spec["argument_specs"]["main"]["options"])


@pytest.mark.parametrize("engine", ["nginx", "haproxy"])
def test_a_redirect_fills_the_same_variables(world: t.Any, engine: str) -> None:
    found = part(world("redirect").set("app", engine=engine), ROLES[engine])
    assert set(found) == set(part(world(engine), ROLES[engine]))


def test_targets_have_names_of_their_own(world: t.Any) -> None:
    urls = ["http://{host}.a.example", "http://{host}.b.example", "http://c.example", "http://d.example"]
    made = world("redirect").set("app", engine="haproxy", url=None, targets=[{"url": url} for url in urls])
    (backend,) = part(made, "haproxy")["backends"]
    assert [one["name"] for one in backend["servers"]] == ["web1", "web2", "web1-2", "web2-2", "web", "web-2"]


def test_targets_are_checked_in_a_family_of_all_hosts(world: t.Any) -> None:
    made = world("redirect").set("app", url=None, check={"path": "/"}).host("lb2", lb_addresses=["2001:db8:0:2::11/64"])
    inner = {"name": "inner", "kind": "haproxy", "hosts": "web", "port": 81, "backend": "web", "backend_port": 8080}
    made.tiers.append({**inner, "vips": ["192.0.2.100", "2001:db8:0:2::100"]})
    urls = {"http://{host}.a.example": "web", "http://b.example": "inner"}
    made.set("app", targets=[{"url": url, "backend": backend} for url, backend in urls.items()])
    (redirect,) = part(made, "nginx_lb")["redirects"]
    six = ["2001:db8:0:2::21", "2001:db8:0:2::22", "2001:db8:0:2::100"]
    assert [one["address"] for one in redirect["targets"]] == six


def test_a_pool_is_the_hosts_behind_with_their_weights(world: t.Any) -> None:
    made = world("nginx").host("web1", lb_weight=3).host("web2", lb_weight=0)
    (upstream,) = part(made, "nginx_lb")["upstreams"]
    assert upstream["servers"] == [
        {"address": "192.0.2.21", "port": 8080, "weight": 3},
        {"address": "192.0.2.22", "port": 8080, "drain": True},
    ]
    made = world("haproxy").host("web2", lb_weight=0)
    (backend,) = part(made, "haproxy")["backends"]
    assert [(one["name"], one["weight"]) for one in backend["servers"]] == [("web1", 1), ("web2", 0)]


def test_a_tier_with_vips_is_asked_there_and_the_first_family_that_both_have_counts(world: t.Any) -> None:
    made = world("dr").set("app", vips=["2001:db8:0:2::100", "192.0.2.100"], port=80)
    made.tiers.insert(0, {"name": "edge", "kind": "haproxy", "hosts": "edge", "backend": "app"})
    made.groups["edge"] = ["edge1", "edge2"]
    made.host("edge1", lb_addresses=["192.0.2.31/24", "2001:db8:0:2::31/64"]).host(
        "edge2", lb_addresses=["2001:db8::2/64"]
    )
    servers = [part(made, "haproxy", host)["backends"][0]["servers"][0] for host in ("edge1", "edge2")]
    assert [(one["name"], one["address"], one["port"]) for one in servers] == [
        ("app", "192.0.2.100", 80),
        ("app", "2001:db8:0:2::100", 80),
    ]


def stacked(world: t.Any, **outer: t.Any) -> t.Any:
    """HAProxy in front of LVS in front of nginx: nginx hears from HAProxy, whatever LVS does between."""
    made = world("nat").set("app", backend="inner", port=80)
    made.tiers.insert(0, {"name": "outer", "kind": "haproxy", "hosts": "outer", "backend": "app", **outer})
    made.tiers.insert(2, {"name": "inner", "kind": "nginx", "hosts": "web", "backend": "files", "backend_port": 80})
    made.tiers.append({"name": "files", "kind": "servers", "hosts": "files"})
    made.tiers.remove(next(tier for tier in made.tiers if tier["name"] == "web"))
    made.groups |= {"outer": ["edge1"], "files": ["store"]}
    made.host("edge1", lb_addresses=["192.0.2.31/24"])
    return made.host("store", lb_addresses=["192.0.2.41/24"])


def test_those_in_front_are_trusted_also_behind_lvs(world: t.Any) -> None:
    (site,) = part(stacked(world), "nginx_lb", "web1")["sites"]
    assert (site["trusted_proxies"], site["proxy_protocol"]) == (["192.0.2.31"], False)


def test_the_proxy_protocol_is_spoken_on_both_sides(world: t.Any) -> None:
    made = stacked(world, send_proxy_protocol=True)
    (site,) = part(made, "nginx_lb", "web1")["sites"]
    (backend,) = part(made, "haproxy", "edge1")["backends"]
    assert site["proxy_protocol"] and backend["servers"][0]["proxy_protocol"] == "v2"
    assert site["real_ip_header"] == "X-Forwarded-For", "which comes with the scheme that the client took"


def test_a_proxy_that_speaks_no_http_says_nothing_by_headers(world: t.Any) -> None:
    made = stacked(world, send_proxy_protocol=True, protocol="tcp")
    (site,) = part(made, "nginx_lb", "web1")["sites"]
    assert site["proxy_protocol"] and "real_ip_header" not in site


def test_a_header_that_nobody_writes_is_not_believed(world: t.Any) -> None:
    made = stacked(world, send_proxy_protocol=True, front={"forwarded_for": False})
    (site,) = part(made, "nginx_lb", "web1")["sites"]
    assert site["proxy_protocol"] and "real_ip_header" not in site


def test_who_sends_the_proxy_protocol_is_apart_from_whose_headers_count(world: t.Any) -> None:
    made = stacked(world, send_proxy_protocol=True).set(
        "inner", kind="haproxy", front={"trusted_proxies": ["198.51.100.0/24"]}
    )
    (frontend,) = part(made, "haproxy", "web1")["frontends"]
    assert (frontend["trusted_proxies"], frontend["proxy_protocol_from"]) == (["198.51.100.0/24"], ["192.0.2.31"])
    made.host("edge1", lb_addresses=None, ansible_host="192.0.2.31")
    (frontend,) = part(made, "haproxy", "web1")["frontends"]
    assert frontend["proxy_protocol_from"] == [], "it may be known by another network"


def test_nobody_hides_who_sends_the_proxy_protocol(world: t.Any) -> None:
    made = stacked(world, send_proxy_protocol=True).set("app", one_armed=True)
    (finding,) = [one for one in made.findings() if one.severity == "error"]
    assert (finding.rule, finding.tier) == ("proxy-protocol", "inner") and "one_armed of tier app" in finding.message


def test_a_check_is_told_in_the_words_of_each(world: t.Any) -> None:
    check = {"type": "https", "path": "/up", "host": "a.example", "interval": 0.5, "fall": 4}
    (upstream,) = part(world("nginx").set("app", check=check), "nginx_lb")["upstreams"]
    assert upstream["check"] == {**check, "timeout": 1, "rise": 2}
    (backend,) = part(world("haproxy").set("app", check=check), "haproxy")["backends"]
    words = {"type": "http", "tls": True, "path": "/up", "host": "a.example", "interval": "500ms"}
    assert (backend["check"], backend["timeouts"]) == ({**words, "rise": 2, "fall": 4}, {"check": "1000ms"})


def test_what_balances_connections_gets_one_for_each_request(world: t.Any) -> None:
    for kind, key, wanted in (("nginx", "keepalive", 0), ("haproxy", "lines", ["option http-server-close"])):
        made = world(kind).set("app", backend="box")
        role, pools = ("nginx_lb", "upstreams") if kind == "nginx" else ("haproxy", "backends")
        assert key not in part(world(kind), role)[pools][0]
        box = {"name": "box", "kind": "external", "mode": "dr", "vips": ["192.0.2.100"], "addresses": ["192.0.2.5"]}
        made.tiers.append({**box, "port": 80, "backend": "web"})
        assert part(made, role)[pools][0][key] == wanted


def test_vips_are_asked_again_as_somebody_else_may_answer(world: t.Any) -> None:
    made = world("nginx").set("app", backend="inner")
    made.tiers.append(
        {"name": "inner", "kind": "haproxy", "hosts": "web", "port": 81, "backend": "web", "backend_port": 8080}
    )
    assert "tries" not in part(made, "nginx_lb")["upstreams"][0]
    made.tiers[-1]["vips"] = ["192.0.2.100"]
    found = part(made, "nginx_lb")
    assert (found["upstreams"][0]["tries"], found["sites"][0]["next_upstream"]) == (3, {"tries": 3})
    (stream,) = part(made.set("app", protocol="tcp"), "nginx_lb")["streams"]
    assert stream["tries"] == 3


def test_a_vip_that_leaves_is_served_and_led_to_no_more(world: t.Any) -> None:
    made = world("nginx").set("app", backend="inner")
    inner = {"name": "inner", "kind": "haproxy", "hosts": "web", "port": 81, "backend": "web", "backend_port": 8080}
    made.tiers.append({**inner, "vips": ["192.0.2.100", "192.0.2.101"], "leaving_vips": ["192.0.2.101"]})
    (upstream,) = part(made, "nginx_lb")["upstreams"]
    assert [each["address"] for each in upstream["servers"]] == ["192.0.2.100"]
    (step,) = [step for step in made.plan().steps if step.role == "keepalived"]
    assert step.parts["web1"]["instances"][0]["addresses"] == ["192.0.2.100/32", "192.0.2.101/32"]


def test_more_options_of_front_and_pool_win(world: t.Any) -> None:
    made = world("nginx").set("app", front={"compression": True}, pool={"max_fails": 3, "algorithm": "hash"})
    found = part(made, "nginx_lb")
    assert found["sites"][0]["compression"] and found["upstreams"][0]["algorithm"] == "hash"


def test_vips_go_where_the_daemon_runs(world: t.Any) -> None:
    found = part(world("haproxy").set("app", vips=["192.0.2.100"]), "keepalived")
    assert (found["units"], found["virtual_servers"]) == (["haproxy.service"], [])


def test_a_name_is_answered_with_the_addresses_of_its_tiers(world: t.Any) -> None:
    made = world("dns").set("app", backend=["web", "app2"], answer="failover", weights=[1, 5])
    made.tiers.append(
        {"name": "app2", "kind": "lvs", "hosts": "others", "mode": "nat", "vips": ["192.0.2.100"], "port": 80}
    )
    made.tiers[-1]["backend"] = "web"
    made.groups["others"] = ["lb3"]
    made.host("lb3", lb_addresses=["192.0.2.12/24", "2001:db8:0:2::12/64"]).host("web1", lb_weight=2)
    (zone,) = part(made, "dns_lb")["zones"]
    (name,) = zone["balanced"]
    found = [(one["address"], one["priority"], one["weight"]) for one in name["addresses"] if ":" not in one["address"]]
    assert found == [("192.0.2.21", 1, 2), ("192.0.2.22", 1, 1), ("192.0.2.100", 2, 5)]
    assert name["check"] == {"type": "http", "port": 8080}
    assert zone["nameservers"] == ["ns1", "ns2"]
    assert {"name": "ns2", "type": "A", "values": ["192.0.2.11"]} in zone["records"]


def test_plain_records_stand_beside_those_of_the_name_servers(world: t.Any) -> None:
    mail = {"name": "mail", "type": "A", "values": ["192.0.2.9"]}
    made = world("dns").set("app", records=[mail], zone_options={"ttl": 60, "nameservers": ["ns1", "ns.example."]})
    (zone,) = part(made, "dns_lb")["zones"]
    assert [one["name"] for one in zone["records"]] == ["ns1", "ns1", "ns2", "ns2", "mail"]
    assert (zone["records"][-1], zone["ttl"], zone["nameservers"]) == (mail, 60, ["ns1", "ns.example."])


def test_what_goes_asks_nothing_of_what_may_be_gone(world: t.Any) -> None:
    made = world("dr").set("app", state="absent")
    made.tiers.insert(0, {"name": "edge", "kind": "nginx", "hosts": "edge", "backend": "app", "state": "absent"})
    made.groups["edge"] = ["edge1"]
    made.host("edge1", lb_addresses=["192.0.2.31/24"])
    steps = [(step.tier, step.role) for step in made.plan().steps]
    assert steps[0] == ("edge", "nginx_lb"), "from the front"
    assert part(made, "nginx_lb", "edge1")["upstreams"] == []
