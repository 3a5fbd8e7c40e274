# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad stacks, one for every rule. A rule that is taken away makes its case fail; the last test proves that."""

from __future__ import annotations

import copy
import types
import typing as t

import pytest
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack import check
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.hosts import Inventory
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.kinds import vips
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.kinds.dns import Dns
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.kinds.external import External
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.kinds.front import Front
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.kinds.haproxy import Haproxy
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.kinds.lvs import rules, together
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.kinds.lvs.service import Service
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.kinds.nginx import Nginx
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.kinds.proxy import Proxy
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.kinds.redirect import Redirect
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.kinds.storage import Storage

ELSEWHERE = ["203.0.113.21/24", "2001:db8:0:113::21/64"]
FRONT = {"name": "app2", "kind": "lvs", "hosts": "directors", "mode": "dr", "vips": ["192.0.2.101"], "port": 80}
SECOND = {**FRONT, "backend": "web"}


EDGE = {"name": "edge", "kind": "nginx", "hosts": "directors", "port": 80, "backend": "web", "backend_port": 8080}
UDP = {**EDGE, "protocol": "udp", "port": 53}
OUTER = {"kind": "haproxy", "hosts": "outer", "protocol": "tcp", "backend": "app"}
AGAIN = {"name": "again", "kind": "dns", "hosts": "directors", "zone": "shop.example", "record": "w", "backend": "web"}
NO_ADDRESS = {"lb_addresses": None, "ansible_host": "web.example"}
FAMILIES_APART = {
    "lb1": {"lb_addresses": ["192.0.2.10/24"]},
    "web2": {"lb_addresses": ["2001:db8:0:2::22/64"]},
}
FILES = {"name": "files", "kind": "storage", "hosts": "storage", "path": "/srv/files"}
STORED: dict[str, t.Any] = {
    "web": {"storage": "files"},
    "groups": {"storage": ["nas1"]},
    "hosts": {"nas1": {"lb_addresses": ["192.0.2.31/24"]}},
}
NOTHING: t.Mapping[str, t.Any] = types.MappingProxyType({})
PAIR: dict[str, t.Any] = {
    "groups": {"directors": ["lb1", "lb2"]},
    "hosts": {"lb2": {"lb_addresses": ["192.0.2.11/24", "2001:db8:0:2::11/64"]}},
}


class Case(t.NamedTuple):
    """What is changed (options of tiers, variables of hosts, groups, ``more`` tiers), and the finding that must be."""

    rule: str
    words: str
    mode: str = "dr"
    app: t.Mapping[str, t.Any] = NOTHING
    web: t.Mapping[str, t.Any] = NOTHING
    hosts: t.Mapping[str, t.Any] = NOTHING
    groups: t.Mapping[str, t.Any] = NOTHING
    more: tuple[dict[str, t.Any], ...] = ()
    host: str = ""
    severity: str = "error"


CASES = [
    # names
    Case("option", "unknown option 'sheduler'; did you mean 'scheduler'?", app={"sheduler": "rr"}),
    Case("option", "unknown option 'hosst'; did you mean 'hosts'?", web={"hosst": "web"}),
    Case("vips-of-tunnel", "vips: is missing", app={"vips": None}),
    Case("option", "vips must not be empty", app={"vips": []}),
    Case("option", "leave out the prefix length", app={"vips": ["192.0.2.100/32"]}),
    Case("option", "other hosts can reach", app={"vips": ["224.0.0.1"]}),
    Case("option", "names 192.0.2.100 twice", app={"vips": ["192.0.2.100", "192.0.2.100"]}),
    Case("option", "'wcl'; did you mean 'wlc'?", app={"scheduler": "wcl"}),
    Case("option", "mode cannot be 'direct'", app={"mode": "direct"}),
    Case("option", "from 0 to 65535", app={"port": 65536}),
    Case("option", "conn_tab_bits must be a whole number from 8 to 27", app={"conn_tab_bits": 28}),
    Case("option", "one_packet must be true or false", app={"one_packet": "maybe"}),
    Case("option", "services[0]: unknown option 'prot'", app={"port": None, "services": [{"prot": "tcp"}]}),
    Case("option", "services must be a non-empty list", app={"services": []}),
    Case("option", "unknown option 'cheksum'; did you mean 'checksum'?", "tun", {"tunnel": {"cheksum": "csum"}}),
    Case("option", "kind cannot be 'lsv'; did you mean 'lvs'?", more=({"name": "x", "kind": "lsv"},)),
    Case("option", "kind cannot be ['nginx']", more=({"name": "x", "kind": ["nginx"]},)),
    Case("option", "must be 1 to 32 of", more=({"name": "A B", "kind": "servers", "hosts": "web"},)),
    Case("option", "unknown option 'hosts'", "external", more=({"name": "x", "kind": "external", "hosts": "web"},)),
    Case("tier-name", "two tiers have this name", more=({**SECOND, "name": "app"},)),
    # tiers and groups
    Case("group", "no group 'wbe'; did you mean 'web'?", web={"hosts": "wbe"}),
    Case("group", "'empty' is empty", web={"hosts": "empty"}),
    Case("backend", "no tier 'wep'; did you mean 'web'?", app={"backend": "wep"}),
    Case("backend", "behind lvs stands servers", app={"backend": "x"}, more=({**AGAIN, "name": "x"},)),
    Case("option", "backend names web twice", app={"backend": ["web", "web"]}),
    Case("backend-cycle", "app -> app", app={"backend": "app"}),
    Case("vip-twice", "belongs to tier app too", more=({**SECOND, "vips": ["192.0.2.100"]},)),
    # hosts
    Case("host-variables", "as 10.20.0.11/24", hosts={"web1": {"lb_addresses": ["192.0.2.21"]}}, host="web1"),
    Case("host-variables", "no valid prefix", hosts={"web1": {"lb_addresses": ["192.0.2.21/33"]}}, host="web1"),
    Case("host-variables", "broadcast", hosts={"web1": {"lb_addresses": ["192.0.2.255/24"]}}, host="web1"),
    Case("host-variables", "lb_weight must be", hosts={"web1": {"lb_weight": -1}}, host="web1"),
    Case("host-variables", "not among its lb_addresses", hosts={"lb1": {"lb_dip": "192.0.2.9"}}, host="lb1"),
    Case("host-variables", "has no address", hosts={"web1": {"lb_addresses": []}}, host="web1"),
    Case("host-variables", "has no address", groups={"web": ["web1", "web9"]}, hosts={"web9": {}}, host="web9"),
    Case("address-twice", "an address of web1 too", hosts={"web2": {"lb_addresses": ["192.0.2.21/24"]}}, host="web2"),
    # services
    Case("scheduler-flags", "sh takes sh-fallback, sh-port", app={"scheduler": "sh", "scheduler_flags": "mh-port"}),
    Case("scheduler-flags", "wlc takes no flag", app={"scheduler_flags": ["sh-port"]}),
    Case("port-zero", "needs persistent or fwmark", app={"port": 0}),
    Case("port-zero", "gateway_mode: default", "nat", {"port": 0, "persistent": 60}),
    Case("one-packet", "only UDP", app={"one_packet": True}),
    Case("one-packet", "only UDP", app={"one_packet": True, "protocol": ["tcp", "udp"]}),
    Case("persistence", "persistence_mask: has a meaning", app={"persistence_mask": 24}),
    Case("persistence", "no IPv6 VIP", app={"persistence_mask": {"ipv6": 64}, "persistent": 60}),
    Case("persistence", "sip needs", app={"persistence_engine": "sip", "persistent": 60}),
    Case("thresholds", "lower_threshold", app={"lower_threshold": 5, "upper_threshold": 4}),
    Case("port-missing", "neither this tier nor web", app={"port": None}),
    Case("service-twice", "tcp 80 is there twice", app={"services": [{"port": 80}, {"port": [80, 81]}]}),
    Case("port-mapping", "only mode nat maps", web={"port": 8080}),
    Case("port-mapping", "dr cannot map port 80 to 81", app={"server_port": 81}),
    Case("port-mapping", "tun cannot map port 80 to 81", "tun", app={"server_port": 81}),
    Case("port-mapping", "with server_port", "nat", web={"port": [8080, 8081]}),
    Case("port-mapping", "a marked group keeps", "nat", {"fwmark": 1}, web={"port": 8080}),
    Case("port-mapping", "web listens on 8080, not on 80", "external", {"port": 80}, web={"port": 8080}),
    Case(
        "fwmark",
        "one virtual service",
        app={"fwmark": 1, "services": [{"port": 80}, {"port": 443, "scheduler": "rr"}]},
    ),
    Case("helper", "ftp is for mode nat", app={"helpers": ["ftp"], "port": 21}, web={"port": 21}),
    Case("helper", "set gateway_mode: default", "nat", {"helpers": ["ftp"], "port": 21}),
    Case("helper", "is about tcp port 21", "nat", {"helpers": ["ftp"], "gateway_mode": "default"}),
    # the tier and its hosts
    Case("check-vip", "with nat no real server", "nat", {"check": {"type": "vip"}}),
    Case("check-vip", "asks for one VIP by TCP", "dr", {"check": {"type": "vip"}, "protocol": ["tcp", "udp"]}),
    Case("check-vip", "of the VIP's own family only", "tun", {"check": {"type": "vip"}, "tunnel_family": "ipv6"}),
    Case("sorry-server", "only nat maps ports", app={"pool": {"sorry_server": "192.0.2.9", "sorry_port": 81}}),
    Case("sorry-server", "only nat maps ports, and only for", "nat", {"pool": {"sorry_port": 81}}),
    Case("sorry-server", "with dr it must be in a network", app={"pool": {"sorry_server": "198.51.100.9"}}, host="lb1"),
    Case("sorry-server", "give one of IPv4, not 2", app={"pool": {"sorry_server": ["192.0.2.8", "192.0.2.9"]}}),
    Case("sorry-server", "there is no IPv6 VIP", app={"pool": {"sorry_server": ["2001:db8:0:2::9"]}}),
    Case(
        "sorry-server",
        "by ipip, not by gre",
        "tun",
        {"tunnel": {"type": "gre"}, "pool": {"sorry_server": "192.0.2.9"}},
    ),
    Case("inner-vips", "give the IPv4 address that the real servers", "nat", **PAIR),
    Case("inner-vips", "holds the inner VIP 198.51.100.9", "nat", {"inner_vips": ["198.51.100.9"]}, host="lb1"),
    Case(
        "inner-vips",
        "none of its networks holds 198.51.100.9",
        "nat",
        {"inner_vips": ["198.51.100.9"]},
        hosts={"lb1": {"lb_addresses": ["192.0.2.10/24", "198.51.100.10/24"]}},
        host="web2",
    ),
    Case("weights", "500 is above 2", **PAIR, app={"pool": {"quorum": 500}}, host="lb2", severity="warning"),
    Case("min-available", "3 is more than its 2 hosts", web={"min_available": 3}, severity="warning"),
    Case("mode-option", "inner_vips: is for mode nat", app={"inner_vips": ["192.0.2.99"]}, severity="warning"),
    Case(
        "router-id",
        "router_id 7 is that of tier app too",
        app={"vrrp": {"router_id": 7}},
        more=({**SECOND, "vrrp": {"router_id": 7}},),
        **PAIR,
    ),
    Case("mode-option", "one_armed: is for mode nat", app={"one_armed": True}),
    Case("mode-option", "tunnel: is for mode tun", "nat", app={"tunnel": {"type": "gre"}}),
    Case("mode-option", "tunnel_from_anybody: is for mode tun", app={"tunnel_from_anybody": True}),
    Case("director-is-real-server", "of the same tier", "nat", groups={"directors": ["web1"]}, host="web1"),
    Case(
        "director-is-real-server",
        "director of app2",
        groups={"others": ["web1"], "behind": ["web2"]},
        more=(
            {**SECOND, "hosts": "others", "backend": "more"},
            {"name": "more", "kind": "servers", "hosts": "behind"},
        ),
        host="web1",
    ),
    Case("leaving-vips", "192.0.2.101 is none of its vips", app={"leaving_vips": ["192.0.2.101"]}),
    Case("leaving-vips", "no IPv4 VIP is left", app={"leaving_vips": ["192.0.2.100"]}),
    Case("vip-on-nic", "the VIP 192.0.2.22", app={"vips": ["192.0.2.22"]}, host="web2"),
    Case("vip-on-nic", "the VIP 192.0.2.10", app={"vips": ["192.0.2.10"]}, host="lb1"),
    Case("vip-on-nic", "the VIP 192.0.2.22", "external", {"vips": ["192.0.2.22"]}, host="web2"),
    Case("vip-on-nic", "the VIP 192.0.2.31", app={"vips": ["192.0.2.31"]}, **STORED, more=(FILES,), host="nas1"),
    Case("vip-on-nic", "the VIP 192.0.2.11", "nat", {"inner_vips": ["192.0.2.11"]}, **PAIR, host="lb2"),
    Case("vip-address", "broadcast address of 192.0.2.0/24", app={"vips": ["192.0.2.255"]}),
    Case("vip-address", "192.0.2.0 is the network's own", "nginx", {"vips": ["192.0.2.0"]}),
    Case("vip-address", "the VIP 192.0.2.1 is its lb_gateway", "nat", {"vips": ["192.0.2.1"]}, host="lb1"),
    Case("vip-interface", "name the NIC", app={"vips": ["198.51.100.1"]}, host="lb1"),
    Case(
        "vip-interface",
        "no IPv6 address to send adverts of the VIP 2001:db8:0:2::100",
        "nginx",
        {"vips": ["192.0.2.100", "2001:db8:0:2::100"], "interface": "eth0"},
        hosts={"lb2": {"lb_addresses": ["192.0.2.11/24"]}},
        host="lb2",
    ),
    # networks
    Case("dr-segment", "no IPv4 network with lb1", hosts={"web1": {"lb_addresses": ELSEWHERE}}, host="web1"),
    Case("dr-segment", "with the box", "external", hosts={"web1": {"lb_addresses": ELSEWHERE}}, host="web1"),
    Case("nat-network", "must pass the director", "nat", hosts={"web1": {"lb_addresses": ELSEWHERE}}, host="web1"),
    Case(
        "family",
        "has no IPv6 address",
        app={"vips": ["2001:db8:0:2::100"]},
        hosts={"web1": {"lb_addresses": ["192.0.2.21/24"]}},
        host="web1",
    ),
    Case("family", "no IPv6 address", "external", {"vips": ["2001:db8:0:2::100"]}),
    Case(
        "tun-address",
        "shares no address family",
        "tun",
        hosts={
            "lb1": {"lb_addresses": ["192.0.2.10/24"]},
            "web1": {"lb_addresses": ["2001:db8:0:113::21/64"]},
        },
        host="web1",
    ),
    Case(
        "tun-address",
        "tunnel_family: it and lb1 need an address of ipv6 each",
        "tun",
        {"tunnel_family": "ipv6"},
        hosts={"web1": {"lb_addresses": ["203.0.113.21/24"]}},
        host="web1",
    ),
    Case(
        "tun-route",
        "without an IPv6 lb_gateway",
        "tun",
        {"vips": ["2001:db8:0:2::100"]},
        hosts={"web1": {"lb_addresses": ELSEWHERE}},
        host="lb1",
        severity="warning",
    ),
    Case(
        "networks-unknown",
        "was not checked",
        hosts={"web1": {"lb_addresses": None, "ansible_host": "192.0.2.21"}},
        host="web1",
        severity="warning",
    ),
    Case(
        "networks-unknown",
        "was not checked",
        "external",
        hosts={"web1": {"lb_addresses": None, "ansible_host": "192.0.2.21"}},
        host="web1",
        severity="warning",
    ),
    Case(
        "gateway-is-director", "192.0.2.10 is the balancer", hosts={"web1": {"lb_gateway": "192.0.2.10"}}, host="web1"
    ),
    Case("gateway-is-director", "192.0.2.10", "tun", hosts={"web1": {"lb_gateway": "192.0.2.10"}}, host="web1"),
    Case("gateway-is-director", "192.0.2.100", hosts={"web1": {"lb_gateway": "192.0.2.100"}}, host="web1"),
    Case("gateway-is-director", "192.0.2.5", "external", hosts={"web1": {"lb_gateway": "192.0.2.5"}}, host="web1"),
    Case(
        "nat-gateway",
        "the director's 192.0.2.10",
        "nat",
        {"gateway_mode": "default"},
        hosts={"web1": {"lb_gateway": "192.0.2.1"}},
        host="web1",
    ),
    Case("tunnel", "gue needs a port", "tun", {"tunnel": {"type": "gue"}}),
    Case("tunnel", "port is for type gue", "tun", {"tunnel": {"type": "gre", "port": 6080}}),
    Case("tunnel", "is none or csum, not remcsum", "tun", {"tunnel": {"type": "gre", "checksum": "remcsum"}}),
    Case("tunnel-open", "can make them answer to forged", "tun", {"tunnel_from_anybody": True}, severity="warning"),
    # kernels
    Case("conntrack", "one_armed needs it", "nat", {"one_armed": True, "conntrack": False}),
    Case("conntrack", "set by the option", app={"sysctls": {"net.ipv4.vs.conntrack": 1}}),
    Case("one-kernel", "conntrack is False here but True", "nat", more=(SECOND,), host="lb1"),
    Case(
        "one-kernel",
        "conn_tab_bits is 14",
        app={"conn_tab_bits": 13},
        more=({**SECOND, "conn_tab_bits": 14},),
        host="lb1",
    ),
    Case(
        "one-kernel",
        "timeouts is {'udp': 61}",
        app={"timeouts": {"tcp": 60}},
        more=({**SECOND, "timeouts": {"udp": 61}},),
        host="lb1",
    ),
    Case(
        "one-kernel",
        "net.ipv4.vs.pmtu_disc is 0",
        app={"sysctls": {"net.ipv4.vs.pmtu_disc": 1}},
        more=({**SECOND, "sysctls": {"net.ipv4.vs.pmtu_disc": 0}},),
        host="lb1",
    ),
    Case("one-kernel", "give app2 a check", app={"check": {"type": "tcp"}}, more=(SECOND,), host="lb1"),
    Case("one-kernel", "give app a check", more=({**SECOND, "check": {"type": "tcp"}},), host="lb1"),
    Case("fwmark", "take another number", app={"fwmark": 3}, more=({**SECOND, "fwmark": 3},), host="lb1"),
    # weights
    Case("weights", "will be refused", hosts={"web1": {"lb_weight": 0}, "web2": {"lb_weight": 0}}, severity="warning"),
    # proxies
    Case("client-in-tier", "is in tier app too", more=({**EDGE, "hosts": "directors", "backend": "app"},), host="lb1"),
    Case("option", "front must be a mapping of options", "nginx", {"front": ["x"]}),
    Case("port-missing", "say on which port web is asked", "nginx", {"backend_port": None}),
    Case("port-missing", "say on which port web is asked", "haproxy", {"backend_port": None}, web={"port": [1, 2]}),
    Case("port-twice", "tier app listens on tcp 80", "haproxy", more=({**EDGE, "kind": "haproxy"},), host="lb1"),
    Case("port-twice", "for all domains", "nginx", more=(EDGE,), host="lb1"),
    Case("port-twice", "tier app listens on tcp 80", "nginx", more=({**EDGE, "kind": "haproxy"},), host="lb1"),
    Case("port-twice", "tier app listens on tcp 80", "nginx", more=({**EDGE, "protocol": "tcp"},), host="lb1"),
    Case("port-twice", "tier app listens on udp 53", "dns", more=(UDP,), host="lb1"),
    Case("port-twice", "tier app listens on tcp 53", "dns", more=({**EDGE, "port": 53},), host="lb1"),
    Case("port-twice", "listens on tcp 8080", "nginx", {"hosts": "web", "port": 8080}, {"port": 8080}, host="web1"),
    Case("port-twice", "10000 is where hosts with peers", "haproxy", {"peers": True, "port": 10000}),
    Case("port-twice", "tcp 10000", "haproxy", {"peers": True}, more=({**EDGE, "port": 10000},), host="lb1"),
    Case(
        "port-twice",
        "tcp 10000",
        "haproxy",
        {"peers": True},
        more=({**EDGE, "kind": "haproxy", "port": 81, "peers": True},),
        host="lb1",
    ),
    Case(
        "port-twice",
        "tier app listens on tcp 80",
        "nginx",
        {"front": {"listen": ["80", "192.0.2.100:81"]}},
        more=({**EDGE, "kind": "haproxy", "front": {"binds": [{"address": "192.0.2.101", "port": 80}]}},),
        host="lb1",
    ),
    Case("protocol-option", "domains: is for protocol http", "nginx", {"protocol": "tcp", "domains": ["a.example"]}),
    Case("proxy-protocol", "protocol tcp or udp only", "nginx", {"send_proxy_protocol": True}),
    Case(
        "proxy-protocol",
        "some tiers in front of it",
        "nginx",
        more=(
            {**OUTER, "name": "outer1", "send_proxy_protocol": True},
            {**OUTER, "name": "outer2", "port": 81},
        ),
        groups={"outer": ["web1"], "web": ["web2"]},
    ),
    *(
        Case(
            "proxy-protocol",
            "the clients that a name or redirect leads here",
            "nginx",
            more=({**OUTER, "name": "outer", "send_proxy_protocol": True}, *more),
            groups={"outer": ["web1"], "web": ["web2"]},
        )
        for more in (
            ({**AGAIN, "backend": "app"},),
            ({"name": "see", "kind": "redirect", "hosts": "outer", "port": 81, "url": "http://x", "backend": "app"},),
            ({**AGAIN, "backend": "far"}, {**SECOND, "name": "far", "mode": "nat", "hosts": "outer", "backend": "app"}),
        )
    ),
    *(
        Case(
            "proxy-protocol",
            "tcp 80 is also that of tier app",
            "nginx",
            more=({**OUTER, "name": "outer", "send_proxy_protocol": True}, {**EDGE, **other}),
            groups={"outer": ["web1"], "web": ["web2"]},
            host="lb2",
        )
        for other in ({"domains": ["b.example"]}, {"kind": "redirect", "backend_port": None, "url": "http://b.example"})
    ),
    Case("sticky", "a cookie is for protocol http", "haproxy", {"protocol": "tcp", "sticky": "S"}),
    Case("family", "no address family with lb1: give both", "nginx", hosts=FAMILIES_APART, host="web2"),
    Case(
        "family",
        "no address family with tier app",
        more=({**OUTER, "name": "outer"},),
        groups={"outer": ["out1"]},
        hosts={"out1": {"lb_addresses": ["2001:db8:0:2::31/64"]}},
        host="out1",
    ),
    Case("weights", "the highest of HAProxy", "haproxy", hosts={"web1": {"lb_weight": 300}}, host="web1"),
    Case("leaving-vips", "192.0.2.101 is none", "nginx", {"leaving_vips": ["192.0.2.101"]}),
    Case("vip-on-nic", "the VIP 192.0.2.11", "nginx", {"vips": ["192.0.2.11"]}, host="lb2"),
    Case("vip-interface", "name the NIC", "haproxy", {"vips": ["198.51.100.1"]}, host="lb2"),
    Case(
        "router-id",
        "that of tier app too",
        "nginx",
        {"vips": ["192.0.2.100"], "vrrp": {"router_id": 9}},
        more=({**EDGE, "port": 81, "vips": ["192.0.2.101"], "vrrp": {"router_id": 9}},),
    ),
    Case("redirect", "303 may be cached", "redirect", {"status": 303}),
    *(
        Case("option", f"url {words}", "redirect", {"url": url})
        for url, words in (
            ("http://shop.example:eighty", "is wrong: Port could not be cast"),
            ("http://shop.example:99999", "is wrong: Port out of range"),
            ("http://[2001:db8::1", "is wrong: Invalid IPv6 URL"),
            ("http://", "must have the name of the target"),
        )
    ),
    Case(
        "redirect",
        "url: http://2001:db8:0:2::29 is none",
        "redirect",
        {"url": "http://{host}"},
        groups={"web": ["2001:db8:0:2::29"]},
        hosts={"2001:db8:0:2::29": {}},
    ),
    Case(
        "family",
        "has no IPv6 address, but checks http://web2.shop.example:8080 at 2001:db8:0:2::22",
        "redirect",
        {"engine": "haproxy"},
        hosts=FAMILIES_APART,
        host="lb1",
    ),
    Case("redirect", "must begin with http", "redirect", {"url": "//{host}.shop.example"}),
    Case(
        "redirect",
        "stands for several targets",
        "redirect",
        {"url": None, "targets": [{"url": "http://x.example"}, {"url": "http://x.example/", "weight": 2}]},
    ),
    Case("redirect", "is a name of this tier itself", "redirect", {"url": "http://shop.example"}),
    Case("vip-on-nic", "the VIP 192.0.2.10", "redirect", {"vips": ["192.0.2.10"]}, host="lb1"),
    # names
    Case(
        "option", "zone_options has records: write it as records of the tier", "dns", {"zone_options": {"records": []}}
    ),
    Case("option", "records names", "dns", {"records": [{"name": "a", "type": "A", "values": ["192.0.2.9"]}] * 2}),
    Case("name-servers", "take two", "dns", groups={"directors": ["lb1"]}, severity="warning"),
    Case("dns-weights", "has 2 of them for 1 tiers", "dns", {"weights": [1, 2]}),
    Case("places", "elsewhere is no backend of www", "dns", {"places": {"elsewhere": {"countries": ["US"]}}}),
    Case(
        "record-twice", "www is there twice", "dns", {"record": None, "names": [{"record": "www"}, {"record": "www"}]}
    ),
    Case("dns-address", "tier web has no address", "dns", hosts={"web1": NO_ADDRESS, "web2": NO_ADDRESS}),
    Case("port-missing", "which port of web", "dns", {"check": {"type": "tcp"}}),
    Case(
        "port-missing",
        "but have 81 and 8080",
        "dns",
        {"backend": ["web", "edge"], "check": {"type": "tcp"}},
        {"port": 8080},
        more=({**EDGE, "port": 81},),
    ),
    Case(
        "client-in-tier",
        "would not leave the host",
        more=({"name": "www", "kind": "dns", "hosts": "web", "zone": "a.example", "record": "w", "backend": "app"},),
        host="web2",
    ),
    Case("storage", "either hosts", **STORED, more=({**FILES, "source": "filer.example:/files"},)),
    Case("storage", "name it there", **{**STORED, "web": {}}, more=(FILES,)),
    Case("storage", "one host holds the files", **{**STORED, "groups": {"storage": ["nas1", "lb1"]}}, more=(FILES,)),
    Case("storage", "cifs goes with source", **STORED, more=({**FILES, "type": "cifs"},)),
    Case("storage", "mounts from itself", **{**STORED, "groups": {"storage": ["web1"]}}, more=(FILES,), host="web1"),
    Case(
        "family",
        "a family that nas1 has",
        app={"vips": ["2001:db8:0:2::100"]},
        **{**STORED, "hosts": {**STORED["hosts"], "web1": {"lb_addresses": ["2001:db8:0:2::21/64"]}}},
        more=(FILES,),
        host="web1",
    ),
    Case(
        "mount-twice",
        "tier files is mounted at /srv/files",
        **{**STORED, "web": {"storage": ["files", "more"]}},
        more=(FILES, {**FILES, "name": "more", "export": "/srv/more"}),
        host="web2",
    ),
    Case("backend", "storage: there is no tier 'file'", web={"storage": "file"}, more=()),
    Case("option", "path is wrong", **STORED, more=({**FILES, "path": "/srv/../etc"},)),
    Case("port-twice", "udp 53 for zone shop.example", "dns", more=(AGAIN,), host="lb1"),
    Case("weights", "take wrr or wlc", app={"scheduler": "rr"}, hosts={"web1": {"lb_weight": 3}}, severity="warning"),
]


def findings(world: t.Any, case: Case) -> list[t.Any]:
    made = world(case.mode)
    made.set("box" if case.mode == "external" else "app", **copy.deepcopy(dict(case.app)))
    made.set("web", **case.web)
    made.groups.update(case.groups)
    made.tiers += copy.deepcopy(case.more)
    for host, variables in case.hosts.items():
        made.host(host, **variables)
    found: list[t.Any] = made.findings()
    return found


def is_found(world: t.Any, case: Case) -> bool:
    return any(
        (one.rule, one.host, one.severity) == (case.rule, case.host, case.severity) and case.words in one.message
        for one in findings(world, case)
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}: {case.words}")
def test_a_bad_stack_is_found_out(world: t.Any, case: Case) -> None:
    assert is_found(world, case), [str(one) for one in findings(world, case)]


@pytest.mark.parametrize("mode", ["dr", "nat", "tun", "external", "nginx", "haproxy", "redirect", "dns"])
def test_a_sound_stack_has_no_findings(world: t.Any, mode: str) -> None:
    assert world(mode).findings() == []


def test_one_port_serves_many_where_they_can_be_told_apart(world: t.Any) -> None:
    made = world("nginx").set("app", domains=["a.example"]).set("web", port=8080)
    made.tiers += [{**EDGE, "domains": ["b.example"]}, {**EDGE, "name": "rest"}, {**UDP, "port": 80, "name": "udp"}]
    # the same service of the servers, for another tier in front of it
    made.tiers += [
        {"name": "web2", "kind": "servers", "hosts": "web", "port": 8080},
        {**EDGE, "name": "more", "port": 81, "backend": "web2"},
    ]
    assert made.findings() == []
    made = world("nginx").set("app", front={"listen": ["192.0.2.100:80", "[2001:db8::100]:80", "unix:/run/a"]})
    binds = [{"address": "192.0.2.101", "port": 80}, {"address": "*", "port": 80, "state": "absent"}]
    made.tiers.append({**EDGE, "kind": "haproxy", "front": {"binds": binds}})
    assert made.findings() == []
    made = world("dns")
    made.tiers.append({**UDP, "front": {"listen": ["192.0.2.100:53"]}})
    assert made.findings() == []


@pytest.mark.parametrize("front", [{"listen": "80"}, {"listen": [None]}, {"binds": ["x"]}, {"binds": [{"port": 1}]}])
def test_what_the_role_will_refuse_is_no_matter_of_ports(world: t.Any, front: t.Any) -> None:
    for kind in ("nginx", "haproxy"):
        assert world(kind).set("app", front=front).findings() == []


def test_who_leads_replies_back_may_be_a_gateway_and_a_short_network_has_no_address_of_its_own(world: t.Any) -> None:
    made = world("nat").set("app", inner_vips=["192.0.2.99"], gateway_mode="default")
    made.host("lb2", lb_addresses=["192.0.2.11/24"]).groups["directors"] = ["lb1", "lb2"]
    made.host("web1", lb_gateway="192.0.2.99").host("web2", lb_gateway="192.0.2.99")
    assert made.findings() == []
    addresses = ["192.0.2.10/24", "198.51.100.1/31", "198.51.100.3/32"]
    assert world("nat").set("app", vips=["198.51.100.0"]).host("lb1", lb_addresses=addresses).findings() == []


def test_a_vip_of_another_family_stays_with_one_host_and_goes_by_multicast(world: t.Any) -> None:
    made = world("tun").set("app", vips=["2001:db8:0:2::100"], interface="eth0", tunnel_family="ipv4")
    made.host("lb1", lb_addresses=["192.0.2.10/24"])
    assert made.findings() == []
    made.host("lb2", lb_addresses=["192.0.2.11/24"]).groups["directors"] = ["lb1", "lb2"]
    assert made.findings() == []
    made.host("lb1", lb_addresses=["192.0.2.10/24", "2001:db8:0:2::10/64"])
    assert [one.host for one in made.findings()] == ["lb2"], "which alone would send by multicast"
    assert made.set("app", vrrp={"multicast": True}).findings() == []


def test_servers_listen_where_they_are_asked(world: t.Any) -> None:
    services = [{"protocol": "udp", "port": 53}, {"protocol": "tcp", "port": 443}]
    made = world("dr").set("app", port=None, services=services).set("web", port=[53, 443])
    edge = {**EDGE, "hosts": "web", "protocol": "udp", "backend": "far", "backend_port": 9}
    made.tiers += [{**edge, "port": 443}, {"name": "far", "kind": "servers", "hosts": "far"}]
    made.groups["far"] = ["far1"]
    made.host("far1", lb_addresses=["192.0.2.51/24"])
    assert made.findings() == []
    made.set("edge", port=53)
    assert {(one.rule, one.host) for one in made.findings()} == {("port-twice", "web1"), ("port-twice", "web2")}


def test_a_proxy_without_an_address_is_not_the_fault_of_the_servers(world: t.Any) -> None:
    made = world("nginx").host("lb1", **NO_ADDRESS)
    assert [one.host for one in made.findings() if one.severity == "error"] == ["lb1"]


def test_a_host_without_an_address_is_said_once(world: t.Any) -> None:
    (finding,) = world("nginx").host("web2", lb_addresses=[]).findings()
    assert finding.rule == "host-variables"


def test_all_findings_come_at_once(world: t.Any) -> None:
    made = world("dr").set("app", sheduler="rr", vips=["192.0.2.22", "x"], one_packet=True).set("web", port=8080)
    made.host("web1", lb_gateway="192.0.2.10")
    rules_found = {one.rule for one in made.findings()}
    assert rules_found >= {"option", "vip-on-nic", "one-packet", "port-mapping", "gateway-is-director"}


def test_a_finding_says_where_and_which_rule(world: t.Any) -> None:
    (finding,) = world("dr").host("web1", lb_gateway="192.0.2.10").findings()
    assert str(finding).startswith("tier app, host web1: lb_gateway 192.0.2.10 is the balancer")
    assert str(finding).endswith("[gateway-is-director]")


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_every_rule_of_lvs_has_a_case_that_only_it_finds(
    world: t.Any, rule: t.Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "RULES", tuple(one for one in rules.RULES if one is not rule))
    assert not all(is_found(world, case) for case in CASES)


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (check, "_vips"),
        (check, "_cycles"),
        (check, "_group"),
        (check, "_routers"),
        (check, "_available"),
        (check, "_listeners"),
        (vips, "apart"),
        (vips, "free"),
        (vips, "in_networks"),
        *((kind, "findings") for kind in (Front, Proxy, Nginx, Haproxy, Redirect, Dns, Storage)),
        (Storage, "check_together"),
        (Nginx, "check_together"),
        (Dns, "_reachable"),
        (together, "between_tiers"),
        (Inventory, "findings"),
        (Service, "problems"),
        (External, "findings"),
        (External, "_segments"),
    ],
    ids=lambda value: getattr(value, "__name__", value).rpartition(".")[2],
)
def test_every_other_rule_has_one_too(world: t.Any, owner: t.Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owner, name, lambda *_args, **_options: [])
    assert not all(is_found(world, case) for case in CASES)
