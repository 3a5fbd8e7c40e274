# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role's data becomes in nginx's words; the scenario ``nginx_lb`` has the real one read it."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.blocks import Raw, render
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.nginx import pools, versions
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.nginx.files import (
    nginx_checker_unit,
    nginx_checks,
    nginx_files,
)
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.nginx.values import endpoint, quoted, time, word

ROLE = Path(__file__).resolve().parents[5] / "roles" / "nginx_lb"
DEFAULTS = {
    name.removeprefix("nginx_lb_"): value
    for name, value in yaml.safe_load((ROLE / "defaults" / "main.yml").read_text()).items()
}
FIXTURES = Path(__file__).parent / "fixtures"
BOOKWORM, TRIXIE, LATER = "1.22.1-9+deb12u11", "1.26.3-3+deb13u7", "1.31.0-1~trixie"
TLS = {"certificate": "/c.pem", "key": "/k.pem"}


def upstream(**more: t.Any) -> dict[str, t.Any]:
    servers = [{"address": "192.0.2.21"}, {"address": "2001:db8::22", "port": 81}]
    return {"name": "app", "port": 80, "servers": servers, **more}


def site(**more: t.Any) -> dict[str, t.Any]:
    return {"name": "shop", "domains": ["shop.example"], "upstream": "app", **more}


def files(version: str = BOOKWORM, **options: t.Any) -> dict[str, dict[str, t.Any]]:
    made = nginx_files({**DEFAULTS, "name": "edge", **options}, version)
    return {
        each["path"]: {**each, "secret": each in made["secret_files"]}
        for each in [*made["files"], *made["secret_files"]]
    }


def http(version: str = BOOKWORM, **options: t.Any) -> str:
    options = {"upstreams": [upstream()], "sites": [site()], **options}
    return str(files(version, **options)["/etc/nginx/mixed_lb/http/edge.conf"]["content"])


def stream(**options: t.Any) -> str:
    return str(files(**{"upstreams": [upstream()], **options})["/etc/nginx/mixed_lb/stream/edge.conf"]["content"])


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines()]


def block(text: str, head: str) -> list[str]:
    """The lines of the one block that begins so."""
    found = lines(text)
    (start,) = [number for number, line in enumerate(found) if line.startswith(head)]
    return found[start : found.index("}", start) + 1]


def test_every_variable_of_the_role_reaches_the_filters() -> None:
    handed = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())["__nginx_lb_options"]
    assert {*handed} == {*DEFAULTS, "name"} - {"state", "packages"}
    # who is drained on the host is drained in all that has members
    drained = " | mixed_lb.stack.drain(__nginx_lb_host.drained, true)"
    more = dict.fromkeys(("upstreams", "redirects"), drained)
    assert handed == {name: "{{ nginx_lb_" + name + more.get(name, "") + " }}" for name in handed}


def test_raw_lines_are_written_as_they_are() -> None:
    assert render(["a", Raw("if ($x) {"), Raw("return 1;"), Raw("}")], ";") == "a;\nif ($x) {\nreturn 1;\n}\n"


def test_words_times_and_endpoints() -> None:
    assert [time(each) for each in (2, 0.5, "10", "1h")] == ["2s", "500ms", "10s", "1h"]
    assert quoted('a "b" \\c') == '"a \\"b\\" \\\\c"'
    # nginx takes one of two backslashes away, in regular expressions too
    assert quoted(r"^/x\\y\"z") == r'"^/x\\\\y\\\"z"'
    addresses = [
        ("192.0.2.1", 80),
        ("2001:db8::1", 80),
        ("[2001:db8::1]:81", 80),
        ("a.example:82", 80),
        ("unix:/s", None),
    ]
    assert [endpoint(address, port, "x") for address, port in addresses] == [
        "192.0.2.1:80",
        "[2001:db8::1]:80",
        "[2001:db8::1]:81",
        "a.example:82",
        "unix:/s",
    ]
    for bad in ("a b", "a;", "{", ""):
        with pytest.raises(ValueError, match="must be one word"):
            word(bad, "here")


def test_the_main_file_is_the_same_for_all_scopes() -> None:
    main = "/etc/nginx/nginx.conf"
    one = files(upstreams=[upstream()], sites=[site()])[main]
    other = files(name="inner", streams=[{"name": "s", "listen": ["1"], "upstream": "app"}], upstreams=[upstream()])
    assert one == other[main]


def test_the_running_configuration_can_be_told() -> None:
    assert {"listen 127.0.0.1:8090;", "server_name edge.nginx-lb.invalid;", 'return 200 "@generation@";'} <= set(
        lines(http())
    )


def test_the_log_is_json() -> None:
    main = files()["/etc/nginx/nginx.conf"]["content"]
    (line,) = [line for line in lines(main) if line.startswith("log_format")]
    keys = json.loads(line.removeprefix("log_format mixed_lb_json escape=json '").removesuffix("';"))
    assert {"upstream", "upstream_status", "upstream_response_time", "status", "request_time"} <= set(keys)


def test_servers_have_what_they_and_their_upstream_say() -> None:
    servers = [
        {"address": "192.0.2.21", "weight": 3, "max_fails": 0, "words": ["slow"]},
        {"address": "192.0.2.22", "port": 81, "backup": True},
        {"address": "192.0.2.23", "drain": True},
        {"address": "192.0.2.24", "state": "absent"},
    ]
    text = http(upstreams=[upstream(servers=servers, max_fails=2, fail_timeout=5, max_conns=9, lines=["# end"])])
    assert block(text, "upstream") == [
        "upstream edge_app {",
        "zone edge_app_http 128k;",
        "server 192.0.2.21:80 weight=3 max_conns=9 max_fails=0 fail_timeout=5s slow;",
        "server 192.0.2.22:81 max_conns=9 max_fails=2 fail_timeout=5s backup;",
        "server 192.0.2.23:80 max_conns=9 max_fails=2 fail_timeout=5s down;",
        "keepalive 32;",
        "# end",
        "}",
    ]


def test_a_server_is_there_as_often_as_it_may_be_asked_and_never_left_alone() -> None:
    servers = [
        {"address": "192.0.2.100"},
        {"address": "192.0.2.101", "drain": True},
        {"address": "192.0.2.102", "max_fails": 3},
    ]
    found = block(http(upstreams=[upstream(servers=servers, tries=2)]), "upstream")
    assert found[2:5] == [
        "server 192.0.2.100:80 max_fails=0; server 192.0.2.100:80 max_fails=0;",
        "server 192.0.2.101:80 max_fails=0 down; server 192.0.2.101:80 max_fails=0 down;",
        "server 192.0.2.102:80 max_fails=3; server 192.0.2.102:80 max_fails=3;",
    ]


def test_no_connection_is_kept_where_none_shall_be() -> None:
    """Later versions keep some unasked, and then weights of who is behind a VIP would not count for what goes over them."""

    def kept(version: str) -> list[str]:
        found = block(http(version, upstreams=[upstream(keepalive=0)]), "upstream")
        return [line for line in found if line.startswith("keepalive")]

    assert [kept(version) for version in (TRIXIE, "1.29.6", "1.29.7", LATER)] == [[], [], *[["keepalive 0;"]] * 2]


def test_many_servers_have_the_memory_that_they_need() -> None:
    servers = [{"address": f"192.0.2.{number}"} for number in range(1, 101)]
    assert "zone edge_app_http 400k;" in block(http(upstreams=[upstream(servers=servers)]), "upstream")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"algorithm": "least_conn"}, "least_conn;"),
        ({"algorithm": "ip_hash"}, "ip_hash;"),
        ({"algorithm": "hash", "hash_key": "$request_uri"}, "hash $request_uri consistent;"),
        ({"algorithm": "hash", "hash_key": "$request_uri", "consistent": False}, "hash $request_uri;"),
        ({"algorithm": "random"}, "random two least_conn;"),
    ],
)
def test_the_method_stands_before_the_servers_and_keepalive(options: dict[str, t.Any], line: str) -> None:
    assert block(http(upstreams=[upstream(**options)]), "upstream")[2] == line


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"upstreams": [upstream(), upstream()]}, "app is there twice"),
        ({"upstreams": [upstream(name="a-b"), upstream(name="a_b")]}, "a_b is there twice"),
        ({"upstreams": [upstream(name="A")]}, "the name 'A' must be"),
        ({"upstreams": [upstream(servers=[])]}, "there is no server that is no backup"),
        (
            {"upstreams": [upstream(servers=[{"address": "192.0.2.1"}, {"address": "192.0.2.1"}])]},
            "192.0.2.1:80 is there twice",
        ),
        ({"upstreams": [upstream(port=None)]}, "192.0.2.21 has no port"),
        ({"upstreams": [upstream(tries=0)]}, "upstream app: tries is 0"),
        ({"upstreams": [upstream(tries=2, max_conns=9)]}, "count max_conns for each of 2 tries apart"),
        ({"upstreams": [upstream(servers=[{"address": "192.0.2.1", "weight": 0}])]}, "say drain: true"),
        ({"upstreams": [upstream(algorithm="hash")]}, "hash needs a hash_key"),
        ({"upstreams": [upstream(algorithm="fair")]}, "unknown algorithm fair"),
        *(
            (
                {"upstreams": [upstream(**how, servers=[{"address": "a"}, {"address": "b", "backup": True}])]},
                "knows no backup",
            )
            for how in (
                {"algorithm": "ip_hash"},
                {"algorithm": "hash", "hash_key": "$x"},
                {"algorithm": "random"},
                {"sticky": {"cookie": "lb"}},
            )
        ),
        (
            {"upstreams": [upstream(algorithm="ip_hash", sticky={"cookie": "lb"})]},
            "sticky with ip_hash needs nginx 1.29.6, and the host has 1.22.1",
        ),
        ({"upstreams": [upstream(algorithm="least_time")]}, "least_time needs nginx 1.31.0, and the host has 1.22.1"),
        (
            {"upstreams": [upstream(servers=[{"address": "a.example", "resolve": True}])]},
            "resolve needs nginx 1.27.3, and the host has 1.22.1",
        ),
        ({"sites": [site(tls=TLS, http3=True)]}, "HTTP/3 needs nginx 1.25.0, and the host has 1.22.1"),
        ({"sites": [site(upstream="ap")]}, "there is no upstream ap in nginx_lb_upstreams, which has app"),
        ({"sites": [site(), site()]}, "shop is there twice"),
        ({"sites": [site(), site(name="b", proxy_protocol=True)]}, "only one of them has proxy_protocol"),
        (
            {"sites": [site(), site(name="b", tls=TLS, redirect_https=True, proxy_protocol=True)]},
            "sites shop and b listen on 80, but only one of them has proxy_protocol",
        ),
        (
            {"redirects": [{"name": "w", "targets": [{"url": "http://a.example"}], "proxy_protocol": True}]},
            "sites shop and w listen on 80",
        ),
        ({"sites": [site(redirect_https=True)]}, "redirect_https needs tls"),
        ({"sites": [{"name": "shop"}]}, "needs an upstream, locations, or redirect_https"),
        ({"sites": [site(tls={"certificate": "/c"})]}, "tls needs the path of a key"),
        ({"sites": [site(routes=[{"header": "X", "upstream": "app"}])]}, "one of value and regex"),
        (
            {"sites": [site(routes=[{"header": "X", "cookie": "y", "value": "1", "upstream": "app"}])]},
            "one of header, cookie",
        ),
        *(
            ({"sites": [site(routes=[{**key, "value": "1", "upstream": "app"}])]}, words)
            for key, words in (
                ({"argument": "a-b"}, "nginx has no variable for the name 'a-b'"),
                ({"header": "X.Y"}, "nginx has no variable for the name 'x.y'"),
                ({"cookie": "a=b"}, "the name of the cookie 'a=b' may have"),
            )
        ),
        ({"upstreams": [upstream(sticky={"cookie": "a=b"})]}, "upstream app: the name of the cookie 'a=b' may have"),
        ({"sites": [site(cache={"name": "pages"})]}, "there is no cache pages"),
        ({"sites": [site(limit_requests=[{"name": "x"}])]}, "there is no x in nginx_lb_request_limits"),
        ({"sites": [site(limit_connections=[{"name": "x"}])]}, "there is no x in nginx_lb_connection_limits"),
        (
            {"sites": [site(next_upstream={"conditions": ["non_idempotent"]})]},
            "next_upstream cannot have non_idempotent",
        ),
        ({"upstreams": [upstream(protocol="grpc")]}, "gRPC needs http2: true"),
        (
            {
                "upstreams": [upstream(), upstream(name="rpc", protocol="grpc")],
                "sites": [site(routes=[{"header": "X", "value": "1", "upstream": "rpc"}])],
            },
            "must all be spoken to in the same way, not by grpc and http",
        ),
        ({"upstreams": [upstream(protocol="https", tls={"ca": "/ca.pem"})]}, "with a ca needs a name"),
        (
            {"streams": [{"name": "s", "listen": ["1"], "upstream": "app", "upstream_tls": {"ca": "/ca.pem"}}]},
            "stream s: tls to servers with a ca needs a name",
        ),
        ({"streams": [{"name": "s", "listen": ["1"]}]}, "needs an upstream or names"),
        ({"streams": [{"name": "s", "upstream": "app"}]}, "needs listen"),
        ({"streams": [{"name": "s", "listen": ["1"], "upstream": "x"}]}, "there is no upstream x"),
        (
            {"streams": [{"name": "s", "listen": ["1"], "upstream": "app", "protocol": "udp", "tls": TLS}]},
            "udp has neither",
        ),
        (
            {"streams": [{"name": "s", "listen": ["1"], "upstream": "app", "protocol": "udp", "proxy_protocol": True}]},
            "from TCP only",
        ),
        (
            {"streams": [{"name": "s", "listen": ["1"], "tls": TLS, "names": [{"names": ["a"], "upstream": "app"}]}]},
            "leave one out",
        ),
        (
            {"mails": [{"name": "m", "protocol": "imap", "listen": ["143"], "auth_http": "a", "starttls": "on"}]},
            "needs tls",
        ),
        ({"upstreams": [upstream(check={"rise": 0})]}, "must be 1 or more"),
    ],
)
def test_what_cannot_work_is_refused_by_name(options: dict[str, t.Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        http(**options)


def test_what_is_absent_is_not_looked_at() -> None:
    text = http(
        sites=[site(), site(name="old", upstream="gone", state="absent")],
        upstreams=[upstream(), {"name": "!", "state": "absent"}],
    )
    assert "old" not in text


def test_sessions_are_kept_by_a_cookie_that_says_where_to_go() -> None:
    text = http(upstreams=[upstream(sticky={"cookie": "lb", "max_age": 60, "secure": True})])
    assert "hash $edge_app_session consistent;" in block(text, "upstream")
    assert block(text, "map $cookie_lb $edge_app_set_cookie")[1:3] == [
        'default "";',
        '"" "lb=$request_id; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; Secure";',
    ]
    assert "add_header Set-Cookie $edge_app_set_cookie always;" in block(text, 'location "/"')


def test_a_cookie_whose_name_ends_no_variable_is_found_by_a_map() -> None:
    """``$cookie_shop-id`` is ``$cookie_shop`` and a constant: all clients at one server, and a route that nobody takes."""
    routes = [{"cookie": "a.b", "value": "1", "upstream": "app"}]
    text = http(upstreams=[upstream(sticky={"cookie": "shop-id"})], sites=[site(routes=routes)])
    for variable, name in (("edge_app_cookie", r"shop\\-id"), ("edge_shop_0_route_1_cookie", r"a\\.b")):
        expression = rf'"~(?:^|;\\s*){name}=([^;]*)" $1;'
        assert block(text, f"map $http_cookie ${variable}")[1:3] == ['default "";', expression]
        assert f"map ${variable} $" in text
    assert block(text, "map $edge_app_cookie $edge_app_session")[1:3] == [
        "default $edge_app_cookie;",
        '"" $request_id;',
    ]
    assert '"" "shop-id=$request_id; Path=/; HttpOnly; SameSite=Lax";' in lines(text)
    assert "$cookie_" not in text


def test_nginx_keeps_sessions_itself_where_it_can() -> None:
    servers = [
        {"address": "192.0.2.21"},
        {"address": "192.0.2.22", "drain": True},
        {"address": "192.0.2.23", "down": True},
    ]
    text = http(LATER, upstreams=[upstream(sticky={"cookie": "lb"}, servers=servers, algorithm="least_conn")])
    found = block(text, "upstream")
    assert {"least_conn;", "sticky cookie lb path=/ httponly samesite=lax;"} <= set(found)
    assert {"server 192.0.2.22:80 drain;", "server 192.0.2.23:80 down;"} <= set(found)
    assert "Set-Cookie" not in text and "edge_app_session" not in text


def test_http2_is_said_as_the_version_reads_it() -> None:
    old, new = (http(version, sites=[site(tls=TLS)]) for version in (BOOKWORM, TRIXIE))
    assert "listen 443 ssl http2;" in lines(old) and "http2 on;" not in old
    assert {"listen 443 ssl;", "http2 on;"} <= set(lines(new))
    assert "http2" not in http(TRIXIE, sites=[site(tls=TLS, http2=False)])


def test_http3_is_told_to_clients_and_each_address_opened_once_a_worker() -> None:
    sites = [site(tls=TLS, http3=True, listen=["443"]), site(name="b", tls=TLS, http3=True, listen=["443"])]
    text = lines(http(TRIXIE, sites=sites))
    assert text.count("listen 443 quic reuseport;") == text.count("listen 443 quic;") == 1
    assert text.count("add_header Alt-Svc 'h3=\":443\"; ma=86400' always;") == 2


def test_tls_is_the_intermediate_profile() -> None:
    text = http(sites=[site(tls={**TLS, "hsts": 60, "client_ca": "/ca.pem"})])
    assert {
        "ssl_protocols TLSv1.2 TLSv1.3;",
        "ssl_prefer_server_ciphers off;",
        "ssl_session_tickets off;",
        "ssl_verify_client on;",
        'add_header Strict-Transport-Security "max-age=60" always;',
    } <= set(lines(text))
    assert "add_header Strict" not in http(sites=[site(tls=TLS)])


def test_plain_http_goes_to_https_with_its_method() -> None:
    text = lines(http(sites=[site(tls=TLS, redirect_https=True, listen=["8443"], default=True)]))
    assert {"listen 80 default_server;", "return 308 https://$host:8443$request_uri;"} <= set(text)


def test_a_post_is_asked_once_unless_said_otherwise() -> None:
    def conditions(**more: t.Any) -> list[str]:
        return [line for line in lines(http(sites=[site(**more)])) if line.startswith("proxy_next_upstream")]

    assert conditions() == [
        "proxy_next_upstream error timeout;",
        "proxy_next_upstream_tries 2;",
        "proxy_next_upstream_timeout 10s;",
    ]
    more = conditions(
        next_upstream={"conditions": ["error", "http_503"], "non_idempotent": True, "tries": 3, "timeout": 0.5}
    )
    assert more == [
        "proxy_next_upstream error http_503 non_idempotent;",
        "proxy_next_upstream_tries 3;",
        "proxy_next_upstream_timeout 500ms;",
    ]


def test_who_the_client_is_comes_from_trusted_proxies_only() -> None:
    own = {
        'proxy_set_header X-Forwarded-For "$remote_addr";',
        'proxy_set_header X-Forwarded-Proto "$scheme";',
        'proxy_set_header X-Forwarded-Port "$server_port";',
    }
    assert own <= set(lines(http()))
    text = lines(http(trusted_proxies=["192.0.2.0/24"]))
    assert {"real_ip_header X-Forwarded-For;", 'proxy_set_header X-Forwarded-For "$mixed_lb_forwarded_for";'} <= set(
        text
    )
    text = lines(http(trusted_proxies=["192.0.2.0/24"], sites=[site(proxy_protocol=True)]))
    assert {
        "listen 80 proxy_protocol;",
        "set_real_ip_from 192.0.2.0/24;",
        "real_ip_header proxy_protocol;",
        "real_ip_recursive on;",
        # whoever speaks that protocol leaves the client's headers as they are
        *own,
    } <= set(text)


def test_a_trusted_proxy_says_how_the_client_came() -> None:
    """One that ends TLS speaks plain HTTP with nginx, and the application must not send its clients to https again."""
    cached = {"caches": [{"name": "pages"}], "sites": [site(cache={"name": "pages"}, real_ip_header="X-Client")]}
    assert {
        'proxy_set_header X-Forwarded-For "$remote_addr";',
        'proxy_set_header X-Forwarded-Proto "$mixed_lb_forwarded_proto";',
        'proxy_set_header X-Forwarded-Port "$mixed_lb_forwarded_port";',
        'proxy_cache_key "$mixed_lb_forwarded_proto$mixed_lb_host$request_uri";',
    } <= set(lines(http(trusted_proxies=["192.0.2.0/24"], **cached)))
    main = files()["/etc/nginx/nginx.conf"]["content"]
    assert block(main, 'map "$remote_addr $realip_remote_addr $http_x_forwarded_proto"')[1:3] == [
        "default $scheme;",
        r'"~^(\S+) (?!\1 )\S+ ([a-z]+)$" $2;',
    ]


def test_routes_are_tried_in_order() -> None:
    routes = [
        {"header": "X-Canary", "value": "1", "upstream": "canary"},
        {"cookie": "Beta", "regex": r"^\d+$", "upstream": "canary"},
    ]
    text = http(upstreams=[upstream(), upstream(name="canary")], sites=[site(routes=routes)])
    assert block(text, "map $http_x_canary $edge_shop_0_route_1")[1:3] == [
        "default $edge_shop_0_route_2;",
        '"1" edge_canary;',
    ]
    assert block(text, "map $cookie_Beta $edge_shop_0_route_2")[1:3] == ["default edge_app;", r'"~^\\d+$" edge_canary;']
    assert "proxy_pass http://$edge_shop_0_route_1;" in block(text, 'location "/"')


def test_nothing_but_a_websocket_is_upgraded() -> None:
    """By h2c a client would speak with the server past every rule of the locations."""
    assert {
        'proxy_set_header Upgrade "$mixed_lb_upgrade";',
        'proxy_set_header Connection "$mixed_lb_connection";',
    } <= set(lines(http()))
    main = files()["/etc/nginx/nginx.conf"]["content"]
    for variable, word_ in (("upgrade", "websocket"), ("connection", "upgrade")):
        found = block(main, f"map $http_upgrade $mixed_lb_{variable}")
        assert found[1:-1] == ['default "";', f"websocket {word_};"]


def test_locations_have_from_the_site_what_they_do_not_say() -> None:
    locations = [
        {"path": "/api", "match": "exact", "upstream": "app", "read_timeout": 300},
        {"path": r"\.php$", "match": "regex", "return": 404, "lines": ["# own"]},
    ]
    text = http(sites=[site(read_timeout=30, set_headers={"X-Edge": "1"}, locations=locations)])
    assert {"proxy_read_timeout 300s;", 'proxy_set_header X-Edge "1";'} <= set(block(text, 'location = "/api"'))
    assert block(text, r'location ~ "\\.php$"')[1:3] == ["return 404;", "# own"]
    assert "proxy_read_timeout 30s;" in block(text, 'location "/"')


def test_a_header_of_ones_own_is_sent_in_place_of_the_roles() -> None:
    text = lines(http(sites=[site(set_headers={"host": "inner.example", "X-forwarded-proto": "https"})]))
    found = [
        line for line in text if line.lower().startswith(("proxy_set_header host", "proxy_set_header x-forwarded-p"))
    ]
    assert found == [
        'proxy_set_header X-Forwarded-Port "$server_port";',
        'proxy_set_header host "inner.example";',
        'proxy_set_header X-forwarded-proto "https";',
    ]


def test_no_location_shows_files_of_the_balancer() -> None:
    canary = [{"header": "X", "value": "1", "upstream": "app"}]
    text = http(sites=[site(routes=canary, locations=[{"path": "/slow", "read_timeout": 300}])])
    assert {"proxy_pass http://$edge_shop_0_route_1;", "proxy_read_timeout 300s;"} <= set(
        block(text, 'location "/slow"')
    )
    assert "proxy_pass http://$edge_shop_1_route_1;" in block(text, 'location "/"')
    with pytest.raises(ValueError, match="site shop: the location /slow needs an upstream, return, or lines"):
        http(sites=[site(upstream=None, locations=[{"path": "/slow"}])])


def test_a_site_without_domains_answers_for_the_others() -> None:
    assert "listen 80 default_server;" in lines(http(sites=[site(domains=[])]))
    assert "listen 80;" in lines(http())


def test_servers_are_spoken_to_as_they_want() -> None:
    def location(**more: t.Any) -> set[str]:
        return set(block(http(upstreams=[upstream(**more)], sites=[site(tls=TLS)]), 'location "/"'))

    assert {"grpc_pass grpc://edge_app;", "grpc_next_upstream error timeout;"} <= location(protocol="grpc")
    verified = location(protocol="https", tls={"name": "app.example", "ca": "/ca.pem"})
    assert {"proxy_pass https://edge_app;", "proxy_ssl_verify on;", "proxy_ssl_name app.example;"} <= verified
    # the upstream's name, which is nginx's choice, is no host's
    assert "proxy_ssl_name $host;" in location(protocol="https")
    assert 'proxy_set_header Connection "$mixed_lb_connection";' in location()


def test_caches_and_limits() -> None:
    text = http(
        caches=[{"name": "pages", "max_size": "2g"}],
        request_limits=[{"name": "few", "rate": "5r/s"}],
        connection_limits=[{"name": "few"}],
        sites=[
            site(
                cache={"name": "pages", "valid": {200: 60}},
                limit_requests=[{"name": "few", "burst": 9}],
                limit_connections=[{"name": "few", "connections": 7}],
                compression=True,
                large_header_buffers="4 32k",
            )
        ],
    )
    assert {
        "limit_req_zone $binary_remote_addr zone=edge_few_rate:10m rate=5r/s;",
        "limit_req zone=edge_few_rate burst=9 nodelay;",
        "limit_conn edge_few_connections 7;",
        "limit_req_status 429;",
        "proxy_cache edge_pages_cache;",
        "proxy_cache_lock on;",
        "proxy_cache_valid 200 60s;",
        "gzip on;",
        "large_client_header_buffers 4 32k;",
    } <= set(lines(text))


def test_an_answer_is_kept_for_the_host_that_the_server_was_told() -> None:
    """Else who writes another host, or a port, into his own request would change what others get."""
    text = http(caches=[{"name": "pages"}], sites=[site(cache={"name": "pages"})])
    assert {
        'proxy_set_header Host "$mixed_lb_host";',
        'proxy_cache_key "$scheme$mixed_lb_host$request_uri";',
    } <= set(block(text, 'location "/"'))
    main = files()["/etc/nginx/nginx.conf"]["content"]
    assert block(main, "map $http_host $mixed_lb_host")[1:3] == ["default $host;", '"~(:[0-9]+)$" $host$1;']


def test_streams_are_chosen_by_name_and_tell_who_the_client_is() -> None:
    names = [{"names": ["a.example", "~^b"], "upstream": "app"}]
    text = stream(streams=[{"name": "sni", "listen": ["443"], "names": names, "send_proxy_protocol": True}])
    assert block(text, "map $ssl_preread_server_name")[1:5] == [
        "hostnames;",
        "default 127.0.0.1:1;",
        "a.example edge_app;",
        '"~^b" edge_app;',
    ]
    assert {"ssl_preread on;", "proxy_pass $edge_sni_upstream;", "proxy_protocol on;"} <= set(lines(text))
    assert "keepalive" not in text and "zone edge_app_stream 128k;" in lines(text)


def test_datagrams() -> None:
    udp = {"name": "dns", "listen": ["53"], "protocol": "udp", "upstream": "app", "responses": 1}
    assert {"listen 53 udp reuseport;", "proxy_responses 1;"} <= set(lines(stream(streams=[udp])))


def test_an_upstream_is_where_it_is_used() -> None:
    only = files(upstreams=[upstream()], streams=[{"name": "s", "listen": ["1"], "upstream": "app"}])
    assert "upstream edge_app" not in only["/etc/nginx/mixed_lb/http/edge.conf"]["content"]
    both = files(upstreams=[upstream()], sites=[site()], streams=[{"name": "s", "listen": ["1"], "upstream": "app"}])
    assert all(
        "upstream edge_app" in both[f"/etc/nginx/mixed_lb/{kind}/edge.conf"]["content"] for kind in ("http", "stream")
    )
    assert "/etc/nginx/mixed_lb/main/stream.conf" in both and "/etc/nginx/mixed_lb/main/mail.conf" not in both


def test_mail_is_secret_for_its_headers() -> None:
    mail = {
        "name": "m",
        "protocol": "imap",
        "listen": ["143"],
        "auth_http": "127.0.0.1/a",
        "auth_http_headers": {"X-Key": "k"},
    }
    found = files(mails=[{**mail, "tls": TLS, "starttls": "only", "auth": ["plain"]}])[
        "/etc/nginx/mixed_lb/mail/edge.conf"
    ]
    assert found["secret"] and "mode" not in found
    assert {'auth_http_header X-Key "k";', "starttls only;", "imap_auth plain;", "listen 143;"} <= set(
        lines(found["content"])
    )


CHECKED = {"upstreams": [upstream(check={"path": "/healthz", "status": ["200", "204-206"], "fall": 5}, max_conns=3)]}


def told(**options: t.Any) -> dict[str, t.Any]:
    text = nginx_checks({**DEFAULTS, "name": "edge", **options}, BOOKWORM)
    assert text.startswith("\n{"), "Ansible would read it as data"
    return t.cast("dict[str, t.Any]", json.loads(text))


def test_the_checker_is_told_of_every_server() -> None:
    (pool,) = told(**CHECKED)["pools"]
    assert (pool["interval"], pool["timeout"], pool["rise"], pool["fall"], pool["min_up"]) == (2, 1, 2, 5, 1)
    first, second = pool["servers"]
    assert (first["up"], first["down"]) == (
        "server 192.0.2.21:80 max_conns=3;",
        "server 192.0.2.21:80 max_conns=3 down;",
    )
    assert first["check"]["status"] == [[200, 200], [204, 206]] and first["check"]["path"] == "/healthz"
    assert (second["check"]["address"], second["check"]["port"], second["check"]["host"]) == (
        "2001:db8::22",
        81,
        "[2001:db8::22]:81",
    )


def test_a_checked_server_comes_and_goes_with_all_its_tries() -> None:
    (pool,) = told(upstreams=[upstream(servers=[{"address": "192.0.2.100"}], tries=2, check={})])["pools"]
    (server,) = pool["servers"]
    assert server["up"] == "server 192.0.2.100:80 max_fails=0; server 192.0.2.100:80 max_fails=0;"
    assert server["down"] == "server 192.0.2.100:80 max_fails=0 down; server 192.0.2.100:80 max_fails=0 down;"


def test_nginx_includes_what_the_checker_writes() -> None:
    (pool,) = told(**CHECKED)["pools"]
    found = files(**CHECKED)
    assert found[pool["file"]]["keep"] and found[pool["file"]]["content"].count("server ") == 2
    assert f"include {pool['file']};" in lines(found["/etc/nginx/mixed_lb/http/edge.conf"]["content"])
    folder = pool["file"].rpartition("/")[0]
    assert f"ReadWritePaths={folder}\n" in nginx_checker_unit("edge")
    assert any(path.startswith(f"{folder}/") and not each.get("keep") for path, each in found.items())


def test_other_servers_are_another_file() -> None:
    """Else nginx would go on with the servers of before."""

    def file(**more: t.Any) -> str:
        (pool,) = told(upstreams=[upstream(check={}, **more)])["pools"]
        return str(pool["file"])

    assert len({file(), file(servers=[{"address": "192.0.2.21"}]), file(max_conns=1), file(name="b")}) == 4
    assert file() == file(lines=["# x"])


@pytest.mark.parametrize(
    ("more", "streams", "kind"),
    [
        ({"check": {}}, False, "http"),
        ({"check": {}, "protocol": "grpcs"}, False, "https"),
        ({"check": {}}, True, "tcp"),
        ({"check": {"path": "/healthz"}}, True, "http"),
        ({"check": {"type": "tcp"}}, False, "tcp"),
    ],
)
def test_servers_are_asked_as_they_are_spoken_to(more: dict[str, t.Any], streams: bool, kind: str) -> None:
    uses = [{"name": "s", "listen": ["1"], "upstream": "app"}] if streams else []
    (pool,) = told(upstreams=[upstream(**more)], streams=uses)["pools"]
    assert {each["check"]["type"] for each in pool["servers"]} == {kind}


def test_what_is_drained_stays_down() -> None:
    servers = [{"address": "192.0.2.21", "drain": True}, {"address": "192.0.2.22"}]
    (pool,) = told(upstreams=[upstream(check={}, servers=servers)])["pools"]
    assert [server["out"] for server in pool["servers"]] == [True, False]
    assert files(upstreams=[upstream(check={}, servers=servers)])[pool["file"]]["content"].startswith(
        "server 192.0.2.21:80 down;"
    )


def test_nothing_is_checked_unasked() -> None:
    assert nginx_checks({**DEFAULTS, "name": "edge", "upstreams": [upstream()]}, BOOKWORM) == ""


@pytest.mark.parametrize(
    ("check", "words"),
    [
        ({"path": "healthz"}, "as in a URL"),
        ({"path": "/a b"}, "as in a URL"),
        ({"host": "a\r\nb"}, "as in a URL"),
        ({"status": ["2xx"]}, "must be a number or a range"),
        ({"expects": "("}, "no regular expression"),
        ({"interval": -1}, "must be above 0"),
    ],
)
def test_checks_that_cannot_work_are_refused(check: dict[str, t.Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        told(upstreams=[upstream(check=check)])


def test_versions_are_read_from_packages() -> None:
    assert [versions.parsed(each) for each in (BOOKWORM, "1:1.26.3-1")] == [(1, 22, 1), (1, 26, 3)]
    with pytest.raises(ValueError, match="no version of nginx"):
        versions.parsed("none")


# Redirects.


def redirect(**more: t.Any) -> dict[str, t.Any]:
    targets = [{"url": "https://a.example", "weight": 3}, {"url": "http://b.example:8080/"}]
    return {"name": "www", "domains": ["www.example", "*.www.example"], "targets": targets, **more}


def test_clients_are_divided_and_told_not_to_remember() -> None:
    text = http(redirects=[redirect(status=307)])
    assert block(text, "split_clients") == [
        'split_clients "$remote_addr$request_id" $edge_www_target {',
        "75.00% https://a.example;",
        "* http://b.example:8080;",
        "}",
    ]
    assert {'add_header Cache-Control "no-store" always;', "return 307 $edge_www_target$request_uri;"} <= set(
        lines(text)
    )
    assert {'"a.example" 1;', '"b.example:8080" 1;', "if ($edge_www_is_target) {"} <= set(lines(text))


def test_numbers_may_come_as_text() -> None:
    """As templates make them in older versions of Ansible."""
    targets = [{"url": "https://a.example", "weight": "3"}, {"url": "https://b.example"}]
    text = http(
        redirects=[redirect(targets=targets, status="308")],
        upstreams=[upstream(servers=[{"address": "192.0.2.1", "weight": "2"}])],
    )
    assert {"75.00% https://a.example;", "server 192.0.2.1:80 weight=2;"} <= set(lines(text)) and "return 308 $" in text


def test_a_drained_target_gets_nobody() -> None:
    targets = [{"url": "https://a.example", "drain": True}, {"url": "https://b.example"}]
    assert block(http(redirects=[redirect(targets=targets)]), "split_clients")[1:] == ["* https://b.example;", "}"]


def test_targets_are_checked_where_they_are() -> None:
    options = {"redirects": [redirect(check={"path": "/healthz"})]}
    (pool,) = told(**options)["pools"]
    assert pool["form"] == "split"
    asked = [(each["check"]["type"], each["check"]["address"], each["check"]["port"]) for each in pool["servers"]]
    assert asked == [("https", "a.example", 443), ("http", "b.example", 8080)]
    assert files(**options)[pool["file"]]["content"] == pools.text(redirected(pool), set())


def test_a_target_is_checked_at_an_address_where_one_is_given() -> None:
    targets = [{"url": "https://a.example", "address": "192.0.2.9"}]
    (pool,) = told(redirects=[redirect(targets=targets, check={"path": "/"})])["pools"]
    (check,) = (each["check"] for each in pool["servers"])
    assert (check["address"], check["host"]) == ("192.0.2.9", "a.example")


def redirected(pool: dict[str, t.Any]) -> pools.Pool:
    """A pool as the checker reads it."""
    members = tuple(pools.Server(*(each[name] for name in pools.Server._fields)) for each in pool["servers"])
    return pools.Pool(pool["name"], pool["file"], members, pool["form"], pool["head"])


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"targets": [{"url": "https://a.example/path"}]}, "scheme and host alone"),
        ({"targets": [{"url": "a.example"}]}, "scheme and host alone"),
        ({"targets": [{"url": "https://$host"}]}, "scheme and host alone"),
        ({"targets": []}, "no target that is not drained"),
        ({"targets": [{"url": "https://a.example", "drain": True}]}, "no target that is not drained"),
        ({"targets": [{"url": "https://a.example"}, {"url": "https://a.example/"}]}, "is there twice"),
        ({"targets": [{"url": "https://a.example", "weight": 0}]}, "say drain: true"),
        ({"targets": [{"url": "http://www.example"}]}, "the redirect itself"),
        ({"targets": [{"url": "http://WWW.example:80"}]}, "the redirect itself"),
        ({"targets": [{"url": "https://x.www.example"}]}, "the redirect itself"),
        ({"targets": [{"url": "http://www.example:8080"}], "listen": ["8080"]}, "the redirect itself"),
        ({"status": 301}, "must be one of 302, 307, 308"),
    ],
)
def test_redirects_that_cannot_work_are_refused(more: dict[str, t.Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        http(redirects=[redirect(**more)])


def test_another_port_of_the_same_host_is_no_loop() -> None:
    http(redirects=[redirect(targets=[{"url": "http://www.example:8080"}])])


def test_about_everything_is_what_nginx_has_accepted() -> None:
    options = yaml.safe_load((FIXTURES / "full.yml").read_text())
    text = "".join(f"##### {path}\n{each['content']}" for path, each in files(**options).items())
    assert text == (FIXTURES / "full.txt").read_text()
