# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest
from ansible_collections.mixed_lb.stack.plugins.module_utils.system import info
from ansible_collections.mixed_lb.stack.plugins.module_utils.system.command import Result
from ansible_collections.mixed_lb.stack.plugins.modules import host_info
from ansible_collections.mixed_lb.stack.tests.unit.plugins.module_utils.system.fakes import MemoryFiles, run_module

ROUTE4 = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth1\t00000000\tFE0200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""
ROUTE6 = [
    {"dst": "default", "gateway": "fe80::2", "dev": "eth1", "protocol": "ra", "metric": 2048, "flags": []},
    {"dst": "default", "gateway": "fe80::1", "dev": "eth0", "protocol": "static", "metric": 1024, "flags": []},
    {"type": "unreachable", "dst": "default", "dev": "lo", "metric": 1, "flags": []},
]
STATUS = """\
Package: ipvsadm
Status: install ok installed
Architecture: amd64
Version: 1:1.31-1+b1
Description: a tool
 Package: not this one

Package: keepalived
Status: deinstall ok config-files
Version: 1:2.2.7-1+b2

Package: libc6
Status: deinstall ok config-files
Architecture: i386
Version: 2.30

Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36"""
LINKS = [
    {
        "ifname": "lo",
        "ifindex": 1,
        "mtu": 65536,
        "flags": ["LOOPBACK"],
        "address": "00:00:00:00:00:00",
        "addr_info": [],
    },
    {
        "ifname": "eth0",
        "ifindex": 2,
        "mtu": 1500,
        "flags": ["BROADCAST", "UP"],
        "address": "52:54:00:12:34:56",
        "addr_info": [{"local": "192.0.2.11", "prefixlen": 24}, {"local": "2001:db8::11", "prefixlen": 64}],
    },
]


class FakeHost(MemoryFiles):
    """Files, and /proc as files."""

    def __init__(self, content):
        super().__init__(content, read_only=True)
        self.calls = []

    def exists(self, path):
        return path in self.content

    def __call__(self, argv, stdin=None):
        self.calls.append(argv)
        return Result(0, json.dumps(ROUTE6 if "route" in argv else LINKS), "")


def host(**more):
    content = {
        "/etc/os-release": 'PRETTY_NAME="Debian 12"\nID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n',
        "/proc/sys/kernel/osrelease": "6.1.0",
        "/proc/net/route": ROUTE4,
        "/var/lib/dpkg/status": STATUS,
        "/run/systemd/netif/links/1": "ADMIN_STATE=unmanaged\nNETWORK_FILE=\n",
        "/run/systemd/netif/links/2": "ADMIN_STATE=configured\nNETWORK_FILE=/etc/systemd/network/10-lan.network\n",
        "/etc/systemd/system/mixed-lb-ipvs.timeouts.app.service": "",
        "/lib/modules/6.1.0/modules.dep": "kernel/net/netfilter/ipvs/ip_vs.ko: kernel/lib/libcrc32c.ko\n",
    }
    return FakeHost(content | more)


def gather(fake, packages=(), programs=()):
    return info.gather(packages, programs, fake, fake, fake, {"ipvsadm": "/usr/sbin/ipvsadm"}.get)


def test_everything_by_two_calls():
    fake = host()
    assert gather(fake, ["ipvsadm", "keepalived", "libc6", "nonsense"], ["ipvsadm", "iptables"]) == {
        "distribution": {"id": "debian", "version": "12", "codename": "bookworm"},
        "kernel": "6.1.0",
        "interfaces": [
            {
                "name": "lo",
                "mac": "00:00:00:00:00:00",
                "mtu": 65536,
                "up": False,
                "network_file": None,
                "addresses": [],
            },
            {
                "name": "eth0",
                "mac": "52:54:00:12:34:56",
                "mtu": 1500,
                "up": True,
                "network_file": "/etc/systemd/network/10-lan.network",
                "addresses": ["192.0.2.11/24", "2001:db8::11/64"],
            },
        ],
        "gateways": {
            "ipv4": {"address": "192.0.2.254", "interface": "eth1"},
            "ipv6": {"address": "fe80::1", "interface": "eth0"},
        },
        "packages": {"ipvsadm": "1:1.31-1+b1", "keepalived": None, "libc6": "2.36", "nonsense": None},
        "programs": {"ipvsadm": "/usr/sbin/ipvsadm", "iptables": None},
        "ipvs": {"loaded": False, "available": True, "writer": "none", "timeouts": ["app"]},
        "drained": {},
        "kernel_scopes": [],
    }
    # The main table alone: a tier's own tables have default routes too.
    assert fake.calls == [
        ["ip", "-json", "address", "show"],
        ["ip", "-json", "-6", "route", "show", "table", "main", "default"],
    ]


def test_no_gateway():
    assert info.gateway4(ROUTE4.splitlines()[0]) is None
    assert info.gateway6("") is None and info.gateway6("[]") is None


def test_several_hops_of_one_route():
    hops = [{"gateway": "fe80::7", "dev": "eth2", "weight": 1}, {"gateway": "fe80::8", "dev": "eth3", "weight": 1}]
    routes = [{"dst": "default", "metric": 1024, "nexthops": hops}]
    assert info.gateway6(json.dumps(routes)) == {"address": "fe80::7", "interface": "eth2"}


@pytest.mark.parametrize(
    ("content", "ipvs"),
    [
        ({"/lib/modules/6.1.0/modules.dep": ""}, {"loaded": False, "available": False, "writer": "none"}),
        (
            {"/lib/modules/6.1.0/modules.dep": "", "/lib/modules/6.1.0/modules.builtin": "kernel/net/ipvs/ip_vs.ko\n"},
            {"loaded": False, "available": True, "writer": "none"},
        ),
        (
            {"/proc/net/ip_vs": "", "/etc/default/ipvsadm": '# yes\nAUTO="true"\nDAEMON="none"\n'},
            {"loaded": True, "available": True, "writer": "ipvsadm_service"},
        ),
        ({"/etc/default/ipvsadm": 'AUTO="false"\n'}, {"loaded": False, "available": True, "writer": "none"}),
    ],
)
def test_ipvs(content, ipvs):
    assert gather(host(**content))["ipvs"] == ipvs | {"timeouts": ["app"]}


KEEPALIVED = {"/proc/7/comm": "keepalived", "/proc/8/comm": "sh"}


@pytest.mark.parametrize(
    ("content", "writer"),
    [
        (KEEPALIVED | {"/etc/keepalived/keepalived.conf": "virtual_server 192.0.2.1 80 {\n}\n"}, "keepalived"),
        (
            KEEPALIVED
            | {
                "/etc/keepalived/keepalived.conf": "include conf.d/*.conf\n",
                "/etc/keepalived/conf.d/a.conf": " virtual_server fwmark 1 {\n",
            },
            "keepalived",
        ),
        (KEEPALIVED | {"/etc/keepalived/keepalived.conf": "# virtual_server 192.0.2.1 80 {\n"}, "none"),
        (KEEPALIVED | {"/etc/keepalived/keepalived.conf": "vrrp_instance a {\n"}, "none"),
        ({"/etc/keepalived/keepalived.conf": "virtual_server 192.0.2.1 80 {\n"}, "none"),
    ],
)
def test_keepalived_writes_only_if_it_runs_and_has_services(content, writer):
    assert gather(host(**content))["ipvs"]["writer"] == writer


def test_the_module_runs_here():
    result = run_module(host_info.main, packages=["nonsense-package"])
    assert result["changed"] is False and result["packages"] == {"nonsense-package": None}
    assert {"name", "mac", "mtu", "up", "network_file", "addresses"} == set(result["interfaces"][0])


def test_errors_are_one_message(monkeypatch):
    monkeypatch.setattr(host_info.command, "on_host", lambda module: lambda argv: Result(1, "", "Cannot talk\n"))
    assert run_module(host_info.main)["msg"] == "ip address show failed: Cannot talk"


def test_scopes_of_the_kernel_are_told():
    records = {f"/var/lib/mixed_lb/kernel/{name}": "{}" for name in ("far.json", "app.json", ".app.json.new")}
    assert gather(host(**records))["kernel_scopes"] == ["app", "far"]


def test_who_is_drained_is_told():
    fake = host(**{"/etc/mixed_lb/drained.json": '{"web1": ["192.0.2.21"]}'})
    assert gather(fake)["drained"] == {"web1": ["192.0.2.21"]}
