# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role's data becomes in HAProxy's words, and what is refused before HAProxy sees it."""

from __future__ import annotations

import runpy
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.haproxy.files import (
    haproxy_files,
    haproxy_main,
    haproxy_secret_files,
)
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.haproxy.text import quote

ROLE = Path(__file__).resolve().parents[5] / "roles" / "haproxy"
FIXTURES = Path(__file__).parent / "fixtures"
DEFAULTS = {
    name.removeprefix("haproxy_"): value
    for name, value in yaml.safe_load((ROLE / "defaults" / "main.yml").read_text()).items()
}
BASE = {**DEFAULTS, "name": "app", "local_peer": "lb1", "state_file": "/var/lib/haproxy/mixed_lb.state"}
SERVER = {"name": "w1", "address": "192.0.2.21", "port": 80}


def files(**options: t.Any) -> dict[str, str]:
    return {each["path"]: each["content"] for each in haproxy_files({**BASE, **options})}


def scope(**options: t.Any) -> str:
    return files(**options)["/etc/haproxy/mixed_lb/app.cfg"]


def backend(**options: t.Any) -> list[str]:
    versions = {"version": options.pop("version", None)}
    text = scope(backends=[{"name": "web", "servers": [SERVER], **options}], **versions)
    return lines(text[text.index("backend web") :])


def frontend(**options: t.Any) -> list[str]:
    text = scope(frontends=[{"name": "www", "binds": [{"address": "*", "port": 80}], **options}])
    return lines(text[text.index("frontend www") :])


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines()]


def test_about_everything_is_what_haproxy_has_accepted() -> None:
    options = yaml.safe_load((FIXTURES / "full.yml").read_text())
    made = files(**options)
    made |= {each["path"]: each["content"] for each in haproxy_secret_files({**BASE, **options})}
    text = "".join(f"##### {path}\n{content}" for path, content in made.items())
    assert text == (FIXTURES / "full.txt").read_text()


def test_the_main_file_leaves_zero_to_haproxy() -> None:
    text = lines(haproxy_main(BASE))
    assert {"localpeer lb1", "server-state-file /var/lib/haproxy/mixed_lb.state", "hard-stop-after 30m"} <= set(text)
    assert "ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets" in text
    assert not [line for line in text if line.startswith(("maxconn", "nbthread"))]
    assert "nbthread 4" in lines(haproxy_main({**BASE, "threads": 4}))


def test_rules_keep_their_order_within_a_phase() -> None:
    rules = [
        {"phase": "request", "action": "set-header X-B 1", "if": "a"},
        {"phase": "connection", "action": "reject", "unless": "b"},
        {"phase": "request", "action": "set-header X-A 1"},
        {"phase": "request", "action": "deny", "state": "absent"},
    ]
    text = frontend(rules=rules, forwarded_for=False)
    assert [line for line in text if "request" in line and "timeout" not in line] == [
        "tcp-request connection reject unless b",
        "http-request set-header X-B 1 if a",
        "http-request set-header X-A 1",
    ]
    with pytest.raises(ValueError, match="frontend www: a rule of phase request needs mode http"):
        frontend(rules=rules, mode="tcp")


def test_the_name_of_a_certificate_may_be_in_raw_words() -> None:
    for word in ("sni str(app.internal)", "verifyhost app.internal"):
        assert word in str(backend(servers=[{**SERVER, "tls": {"ca": "/c"}, "words": [word]}]))


def test_what_clients_say_about_themselves_does_not_count() -> None:
    assert "http-request del-header X-Forwarded-For" in frontend()
    text = frontend(trusted_proxies=["192.0.2.0/24"])
    assert "http-request del-header X-Forwarded-For unless { src 192.0.2.0/24 }" in text
    assert not [line for line in frontend(mode="tcp") if "orwarded" in line or "forwardfor" in line]


@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_who_the_client_is_comes_from_trusted_proxies_only(mode: str) -> None:
    binds = [{"address": "*", "port": 80}, {"address": "*", "port": 81, "proxy_protocol": True}]
    accepts = [{"phase": "connection", "action": "accept"}]
    text = frontend(mode=mode, binds=binds, rules=accepts, trusted_proxies=["192.0.2.5", "192.0.2.6"])
    assert {"bind *:80", "bind *:81 name proxied"} <= set(text)
    assert [line for line in text if line.startswith("tcp-request connection")] == [
        "tcp-request connection expect-proxy layer4 if { so_name proxied } { src 192.0.2.5 192.0.2.6 }",
        "tcp-request connection accept",
    ]
    assert "bind *:81 accept-proxy" in frontend(mode=mode, binds=binds)
    assert "expect-proxy" not in str(frontend(mode=mode, binds=binds[:1], trusted_proxies=["192.0.2.5"]))
    apart = {"trusted_proxies": ["198.51.100.0/24"], "proxy_protocol_from": ["192.0.2.5"]}
    assert "{ so_name proxied } { src 192.0.2.5 }" in str(frontend(mode=mode, binds=binds, **apart))
    assert "bind *:81 accept-proxy" in frontend(mode=mode, binds=binds, **{**apart, "proxy_protocol_from": []})


@pytest.mark.parametrize(
    ("defaults", "own"),
    [
        ({"tls": {"ca": "/c"}}, {"tls": {"ca": "/c", "verify_host": "w1"}}),
        ({"tls": {"ca": "/c", "server_name": "w.example"}}, {}),
        ({"tls": {"ca": "/c"}, "words": ["sni req.hdr(host)"]}, {}),
        ({}, {"tls": {"verify": False}}),
    ],
)
def test_a_certificate_has_a_name_or_none_is_looked_at(defaults: dict[str, t.Any], own: dict[str, t.Any]) -> None:
    backend(server_defaults=defaults, servers=[{**SERVER, **own}])


def test_weight_nought_is_a_weight() -> None:
    assert "server w1 192.0.2.21:80 weight 0 check" in backend(servers=[{**SERVER, "weight": 0}])


def test_what_a_hash_is_of_is_said_to_the_servers() -> None:
    found = backend(balance="hash", balance_on="src", hash_type="consistent", hash_key="addr", version="3.0.11-1")
    assert {"hash-type consistent", "default-server hash-key addr"} <= set(found)


def test_absent_entries_leave_nothing() -> None:
    text = scope(
        backends=[
            {"name": "gone", "state": "absent", "servers": [SERVER]},
            {"name": "web", "servers": [{**SERVER, "state": "absent"}]},
        ]
    )
    assert "gone" not in text and "192.0.2.21" not in text


def test_ipv6_has_brackets_and_a_port_is_not_needed() -> None:
    servers = [{"name": "a", "address": "2001:db8::1", "port": 80}, {"name": "b", "address": "2001:db8::2"}]
    text = backend(servers=servers)
    assert "server a [2001:db8::1]:80 check" in text and "server b [2001:db8::2] check" in text


def test_files_stand_for_their_names() -> None:
    made = files(
        maps=[{"name": "sites", "entries": [{"key": "a.example", "value": "web x"}]}],
        lists=[{"name": "blocked", "entries": ["192.0.2.9"]}],
        frontends=[
            {
                "name": "www",
                "binds": [{"address": "*", "port": 80}],
                "acls": [{"name": "bad", "test": "src -f @blocked.list@"}],
                "routes": [{"backend": "%[req.hdr(host),map(@sites.map@)]"}],
            }
        ],
    )
    assert made["/etc/haproxy/mixed_lb/app/sites.map"] == "a.example web x\n"
    text = made["/etc/haproxy/mixed_lb/app.cfg"]
    assert "acl bad src -f /etc/haproxy/mixed_lb/app/blocked.list" in text
    assert "map(/etc/haproxy/mixed_lb/app/sites.map)" in text
    with pytest.raises(ValueError, match=r"@sites\.map@: there is no such entry in maps"):
        scope(lines=["# @sites.map@"])


def test_secrets_are_in_the_secret_file_alone() -> None:
    options = {
        "stats": {"binds": [{"address": "*", "port": 8404}], "users": [{"name": "ops", "password": "s3cret"}]},
        "userlists": [{"name": "staff", "users": [{"name": "ann", "password_hash": "$6$hash", "groups": ["a"]}]}],
    }
    assert "s3cret" not in str(files(**options)) and "hash" not in str(files(**options))
    ((path, text),) = ((each["path"], each["content"]) for each in haproxy_secret_files({**BASE, **options}))
    assert path == "/etc/haproxy/mixed_lb/app.secret.cfg"
    assert {"user ops insecure-password s3cret", 'user ann password "\\$6\\$hash" groups a'} <= set(lines(text))
    assert haproxy_secret_files(BASE) == []


def test_words_are_quoted_where_they_must_be() -> None:
    assert [quote(word) for word in ("a", "a b", '"', "$x", "a\n", "#")] == [
        "a",
        '"a b"',
        '"\\""',
        '"\\$x"',
        '"a\\n"',
        '"#"',
    ]


def test_the_format_of_the_log_is_written_as_it_is_given() -> None:
    """JSON, say, which quotes of HAProxy's would cut into several words."""
    assert r'log-format "{\"client\":\"%ci\", \"cost\":\"\$\"}"' in frontend(log_format='{"client":"%ci", "cost":"$"}')


def test_generation_can_be_asked_for() -> None:
    assert "setenv MIXED_LB_app @generation@" in lines(scope())
    assert "setenv MIXED_LB_a_b @generation@" in lines(
        haproxy_files({**BASE, "name": "a-b"})[0]["content"]
    )  # no dash in a variable


def test_only_what_may_be_sent_twice_is() -> None:
    once = "http-request disable-l7-retry unless METH_GET or METH_HEAD or METH_OPTIONS"
    assert once in backend(retry_on=["conn-failure", "503"])
    assert once not in backend(retry_on=["conn-failure"])


def test_redirects_choose_among_those_that_are_up() -> None:
    servers = [
        {**SERVER, "redirect": "https://s1.example/"},
        {**SERVER, "name": "w2", "redirect": "https://s2.example:8443/base"},
    ]
    native = backend(servers=servers)
    assert "server w1 192.0.2.21:80 check redir https://s1.example" in native
    assert "http-after-response set-header Cache-Control no-store" in native
    assert [line for line in native if line.endswith("{ req.hdr(host) -m str -i s1.example s2.example:8443 }")]
    rules = backend(servers=servers, redirect_code=308)
    assert "server w1 192.0.2.21:80 check" in rules and "server w1 192.0.2.21:80 track web/w1" in rules
    assert (
        "http-request redirect prefix https://s2.example:8443/base code 308"
        " if { var(txn.pick),sub(txn.upto1) -m int lt 0 }" in rules
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"balance": "robin"}, "balance 'robin' is none of roundrobin"),
        ({"balance": "hdr"}, "balance hdr needs balance_on"),
        ({"balance": "leastconn", "balance_on": "x"}, "balance leastconn has no balance_on"),
        ({"balance": "uri", "mode": "tcp"}, "balance uri needs mode http"),
        ({"hash_balance_factor": 120}, "hash_balance_factor needs hash_type consistent"),
        ({"hash_key": "addr", "version": "2.6.12-1"}, "hash_key needs HAProxy 3.0, and 2.6.12-1 is installed"),
        ({"mode": "log", "version": "2.6.12-1"}, "mode log needs HAProxy 3.0"),
        ({"version": "2.4.1"}, "HAProxy 2.4.1 is too old: this role needs 2.6"),
        ({"cookie": {"name": "S"}, "mode": "tcp"}, "cookie needs mode http"),
        ({"cookie": {"name": "S", "mode": "prefix", "indirect": True}}, "indirect and preserve need mode insert"),
        ({"servers": [{**SERVER, "cookie": "a"}]}, "server w1: cookie is given, but the backend has none"),
        ({"servers": [SERVER, SERVER]}, "backend web: servers: w1 is there more than once"),
        ({"servers": [{**SERVER, "name": "a b"}]}, "'a b' may have letters"),
        ({"servers": [{**SERVER, "tls": {}}, {**SERVER, "name": "w2", "tls": {"alpn": "h2"}}]}, "w2: tls needs ca"),
        ({"servers": [{**SERVER, "tls": {"ca": "/c"}}]}, "server w1: tls needs server_name or verify_host"),
        ({"server_defaults": {"tls": {"ca": "/c"}}}, "server w1: tls needs server_name or verify_host"),
        ({"check": {"interval": 2}}, "check: interval: '2' must be a number with its unit"),
        ({"timeouts": {"server": "1 h"}}, "timeouts: server: '1 h' must be"),
        ({"stick": ["on src"]}, "stick needs stick_table"),
        ({"from": "slow"}, r"from: there is no slow in defaults \(none\)"),
        ({"lines": ["a\nb"]}, "holds a line break"),
        ({"check": {"type": "pgsql"}}, "a check of type pgsql needs user"),
        ({"check": {"type": "tls", "steps": ["connect"]}}, "a check of type tls has no steps"),
        ({"redirect_code": 302}, "no server has redirect"),
        ({"servers": [{**SERVER, "redirect": "/here"}]}, "'/here' must be a URL"),
        ({"servers": [{**SERVER, "redirect": "http://a.example/?x"}]}, "without a query"),
        (
            {"redirect_code": 302, "servers": [{**SERVER, "redirect": "http://a.example"}, {**SERVER, "name": "w2"}]},
            "server w2 has no redirect",
        ),
        (
            {"redirect_code": 302, "check": {"type": "none"}, "servers": [{**SERVER, "redirect": "http://a.example"}]},
            "redirect_code needs a check",
        ),
    ],
)
def test_what_cannot_be_is_refused_by_name(options: dict[str, t.Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        backend(**options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"default_backend": "nowhere"}, "frontend www: there is no backend nowhere; there are none"),
        ({"routes": [{"backend": "nowhere"}]}, "there is no backend nowhere"),
        ({"binds": []}, "without an address to listen on"),
        ({"binds": [{"address": "*", "port": 443, "tls": {"alpn": ["h2"]}}]}, "tls needs certificates"),
        (
            {"binds": [{"address": "*", "tls": {"certificates": ["/c"], "client_verify": "required"}}]},
            "client_verify required needs client_ca",
        ),
        (
            {"binds": [{"address": "*", "tls": {"certificate_list": "edge"}}]},
            "@edge.crtlist@: there is no such entry in certificate_lists",
        ),
    ],
)
def test_what_a_frontend_cannot_do_is_refused(options: dict[str, t.Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        frontend(**options)


def test_loops_are_refused() -> None:
    target = {**SERVER, "redirect": "http://192.0.2.1:8080"}
    front = {"name": "www", "binds": [{"address": "192.0.2.1", "port": 8080}], "default_backend": "r"}
    back = {"name": "r", "servers": [target]}
    with pytest.raises(ValueError, match="leads back to the balancer"):
        scope(frontends=[front], backends=[back])
    other = {**SERVER, "redirect": "https://www.example"}
    with pytest.raises(ValueError, match="leads back to the balancer"):
        scope(backends=[{"name": "r", "servers": [other]}], redirect_own_names=["www.example"])
    scope(frontends=[{**front, "binds": [{"address": "192.0.2.1", "port": 80}]}], backends=[back])


def test_modes_of_both_ends_fit() -> None:
    front = {"name": "www", "binds": [{"address": "*", "port": 80}], "default_backend": "raw"}
    with pytest.raises(ValueError, match="mode is http, but that of backend raw is tcp"):
        scope(frontends=[front], backends=[{"name": "raw", "mode": "tcp"}])


def test_names_are_unique_and_peers_hold_this_host() -> None:
    with pytest.raises(ValueError, match="backends and listens: web is there more than once"):
        scope(backends=[{"name": "web"}], listens=[{"name": "web"}])
    with pytest.raises(ValueError, match="lb2, lb3 do not hold this host, lb1"):
        scope(peers=[{"name": "lb2", "address": "192.0.2.2"}, {"name": "lb3", "address": "192.0.2.3"}])


@pytest.mark.parametrize(
    ("stats", "words"),
    [
        ({"users": []}, "stats: binds"),
        ({"binds": [{"address": "192.0.2.1", "port": 1}]}, "everybody who reaches 192.0.2.1 could read them"),
        ({"binds": [{"address": "::1", "port": 1}], "admin": True}, "give users"),
        (
            {"binds": [{"address": "*", "port": 1}], "users": [{"name": "a"}]},
            "user a needs either password or password_hash",
        ),
    ],
)
def test_statistics_are_not_for_everybody(stats: dict[str, t.Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        scope(stats=stats)
        haproxy_secret_files({**BASE, "stats": stats})


SAVER = runpy.run_path(str(ROLE / "files" / "save_state.py"))
STATE = """1
# be_id be_name srv_id srv_name srv_addr ...
3 web 1 w1 127.0.0.1 2 8 7 10 3 1 0 4 0 0 0 0 - 80 - 0 0 - - 0
3 web 2 w2 127.0.0.1 0 0 7 10 3 1 0 4 0 0 0 0 - 80 - 0 0 - - 0
3 web 3 w3 127.0.0.1 0 5 7 10 3 1 0 4 0 0 0 0 - 80 - 0 0 - - 0
4 old 1 w1 127.0.0.1 2 8 7 10 3 1 0 4 0 0 0 0 - 80 - 0 0 - - 0
5 new 1 w9 127.0.0.1 0 1 7 10 3 1 0 4 0 0 0 0 - 80 - 0 0 - - 0
"""


def test_saved_state_gives_way_where_the_configuration_knows_better() -> None:
    configuration = """
frontend web
    server no 192.0.2.1:1
backend web from app
    server w1 [2001:db8::1]:8081 check
    server w2 192.0.2.9 weight 3
    server w3 192.0.2.9:80 check
# backend old
listen new from app
    server w9 web9.example:8089 agent-check
defaults x
    server w1 192.0.2.1:2
"""
    servers = SAVER["configured"]([configuration])
    assert servers == {
        ("web", "w1"): ("8081", True),
        ("web", "w2"): ("0", False),
        ("web", "w3"): ("80", True),
        ("new", "w9"): ("8089", True),
    }
    kept = SAVER["carried"](STATE, servers).splitlines()
    assert kept[:2] == STATE.splitlines()[:2]
    found = {" ".join(line.split()[1:4:2]): line.split() for line in kept[2:]}
    # w3 was disabled in the configuration, which says itself whether it still is; "old" is not there any more
    assert set(found) == {"web w1", "web w2", "new w9"}
    assert {name: fields[18] for name, fields in found.items()} == {"web w1": "8081", "web w2": "0", "new w9": "8089"}
    # one without a check would never come back by itself; one with a check stays down until that has passed
    assert (found["web w2"][5], found["new w9"][5]) == ("2", "0")
    assert found["web w1"][:18] == STATE.splitlines()[2].split()[:18]
