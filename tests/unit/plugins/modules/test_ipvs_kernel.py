# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``ipvs_timeouts``, ``ipvs_sync_daemon``, ``ipvs_info`` and ``ipvs_wait``."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.mixed_lb.stack.tests.unit.plugins.modules.ipvs_host import Host, failure

UNITS = "/etc/systemd/system"
MASTER: dict[str, t.Any] = {"role": "master", "interface": "eth1", "sync_id": 5}


@pytest.fixture
def host() -> Host:
    return Host()


def test_timeouts_given_are_set_and_others_kept(host: Host) -> None:
    host.kernel.loaded = False
    result = host.both("ipvs_timeouts", tcp=600, udp=60, persist="app")
    assert result["commands"] == ["ipvsadm --set 600 0 60"] and host.kernel.timeouts == [600, 120, 60]
    assert result["before"] == {"tcp": 900, "tcpfin": 120, "udp": 300}
    unit = f"{UNITS}/mixed-lb-ipvs.timeouts.app.service"
    assert "ExecStart=ipvsadm --set 600 0 60\n" in host.files.content[unit]
    assert not host.both("ipvs_timeouts", udp=0)["changed"]
    assert host.both("ipvs_timeouts", udp=60, persist="app")["commands"] == ["ipvsadm --set 900 0 60"]
    assert "ExecStart=ipvsadm --set 0 0 60\n" in host.files.content[unit]


def test_timeouts_go_back_to_the_kernels_own_where_no_other_scope_sets_them(host: Host) -> None:
    host.both("ipvs_timeouts", tcp=600, udp=60, persist="app")
    host.both("ipvs_timeouts", tcp=600, persist="mail")
    assert host.both("ipvs_timeouts", persist="app")["commands"] == ["ipvsadm --set 0 0 300"]
    assert host.kernel.timeouts == [600, 120, 300]
    assert not host.both("ipvs_timeouts", persist="app")["changed"]
    assert host.both("ipvs_timeouts", persist="mail")["after"]["tcp"] == 900
    assert not host.files.content


def test_scopes_agree_on_timeouts(host: Host) -> None:
    host.both("ipvs_timeouts", tcp=600, persist="app")
    said = failure(host.run("ipvs_timeouts", tcp=700, persist="mail"))
    assert "tcp: scope mail wants 700, scope app wants 600" in said and host.kernel.timeouts[0] == 600


def test_timeouts_that_go_do_not_load_ip_vs(host: Host) -> None:
    host.both("ipvs_timeouts", tcp=600, persist="app")
    host.kernel.loaded = False
    assert host.both("ipvs_timeouts", persist="app")["commands"] == []
    assert not host.kernel.loaded and not host.files.content


def test_timeouts_out_of_range(host: Host) -> None:
    assert "out of range" in failure(host.run("ipvs_timeouts", tcp=2678401))


def test_a_sync_daemon_starts_changes_and_stops(host: Host) -> None:
    result = host.both("ipvs_sync_daemon", **MASTER, persist=True)
    start = (
        "ipvsadm --start-daemon master --mcast-interface eth1 --syncid 5 --mcast-group 224.0.0.81 --mcast-port 8848 "
        "--mcast-ttl 1"
    )
    assert result["commands"] == [start]
    unit = host.files.content[f"{UNITS}/mixed-lb-ipvs.sync-master.service"]
    assert f"ExecStart={start}\n" in unit and "After=network-online.target" in unit and "Before=" not in unit
    changed = host.both("ipvs_sync_daemon", **MASTER, ttl=2, max_length=1400)
    assert changed["commands"][0] == "ipvsadm --stop-daemon master" and len(changed["commands"]) == 2
    assert host.kernel.daemons["master"]["maxlen"] == "1400"
    assert host.both("ipvs_sync_daemon", role="backup", interface="eth1")["changed"], "both may run"
    assert host.both("ipvs_sync_daemon", role="master", state="stopped", persist=False)["changed"]
    assert list(host.kernel.daemons) == ["backup"] and not host.files.content


@pytest.mark.parametrize(
    ("name", "options"), [("ipvs_timeouts", {"tcp": 600}), ("ipvs_sync_daemon", MASTER)], ids=["timeouts", "daemon"]
)
def test_check_mode_before_ipvsadm_is_installed(host: Host, name: str, options: dict[str, t.Any]) -> None:
    host.kernel.installed = False
    result = host.run(name, **options, check=True)
    assert len(result["commands"]) == 1 and "ipvsadm is not installed" in str(result["warnings"])
    assert "ipvsadm is not installed" in failure(host.run(name, **options))


def test_a_refused_sync_daemon_brings_the_former_one_back(host: Host) -> None:
    host.run("ipvs_sync_daemon", **MASTER)
    message = failure(host.run("ipvs_sync_daemon", role="master", interface="missing0"))
    assert "this host has no interface missing0; the former daemon runs again" in message
    assert host.kernel.daemons["master"]["mcast"] == "eth1"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"role": "master"}, "interface"),
        ({**MASTER, "interface": "a name"}, "no interface name"),
        ({**MASTER, "group": "192.0.2.1"}, "no multicast address"),
        ({**MASTER, "group": "ff02::81", "ttl": 256}, "out of range"),
        ({**MASTER, "sync_id": 256}, "out of range"),
        ({**MASTER, "role": "backup", "max_length": 576}, "576 is out of range, 1024 to 65507 for a backup"),
        ({**MASTER, "group": "ff02::81", "max_length": 65500}, "65500 is out of range, 1 to 65487 for a master"),
    ],
)
def test_sync_daemons_that_cannot_be(host: Host, options: dict[str, t.Any], words: str) -> None:
    assert words in failure(host.run("ipvs_sync_daemon", **options))
    assert not host.kernel.daemons


@pytest.mark.parametrize(
    "options",
    [
        {"max_length": 576},
        {"max_length": 65507},
        {"role": "backup", "max_length": 1024},
        {"role": "backup", "max_length": 65487, "group": "ff02::81"},
        {"group": "ff02::81"},
    ],
)
def test_lengths_that_the_kernel_takes_as_they_are(host: Host, options: dict[str, t.Any]) -> None:
    assert host.both("ipvs_sync_daemon", **{**MASTER, **options})["changed"]


def test_info_says_what_ipvs_table_takes(host: Host) -> None:
    destinations = [{"address": "198.51.100.1", "forward": "tun", "tunnel": {"type": "gue", "port": 6080}}]
    services = [
        {"protocol": "tcp", "address": "192.0.2.100", "port": 0, "persistent": 60, "persistence_mask": 24},
        {"fwmark": 7, "family": "ipv6", "destinations": destinations},
    ]
    host.run("ipvs_table", services=services)
    info = host.run("ipvs_info", check=True)
    assert (info["version"], info["size"], info["changed"]) == ("1.2.1", 4096, False)
    assert not host.run("ipvs_table", services=info["services"])["changed"]


def test_info_gathers(host: Host) -> None:
    host.run("ipvs_sync_daemon", **MASTER)
    service = {"protocol": "tcp", "address": "192.0.2.100", "port": 80, "destinations": [{"address": "192.0.2.11"}]}
    host.run("ipvs_table", services=[service])
    host.kernel.table[0, 4, "TCP", "192.0.2.100", 80].dests["192.0.2.11", 80].active = 4
    host.files.content["/proc/net/ip_vs_conn_sync"] = (
        "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Origin Expires\n"
        "TCP C0A8320A A6AA C0000264 0050 C000020B 0050 ESTABLISHED SYNC       899\n"
    )
    gather = ["activity", "persistent", "stats", "rates", "timeouts", "daemons", "connections"]
    info = host.run("ipvs_info", gather=gather, check=True)
    (found,) = info["services"][0]["destinations"]
    assert (found["active_connections"], found["inactive_connections"], found["persistent_connections"]) == (4, 0, 7)
    counted = {"connections": 1, "in_packets": 2, "out_packets": 3, "in_bytes": 4, "out_bytes": 5}
    assert found["stats"] == found["rates"] == info["services"][0]["stats"] == counted
    assert info["timeouts"]["tcp"] == 900 and info["daemons"][0]["interface"] == "eth1"
    assert info["connections"][0]["origin"] == "SYNC"


def test_info_never_loads_ip_vs(host: Host) -> None:
    host.kernel.loaded = False
    info = host.run("ipvs_info", gather=["timeouts", "daemons", "connections", "stats"])
    assert info["loaded"] is False and info["services"] == info["connections"] == [] and info["timeouts"] is None
    assert not host.kernel.loaded and not host.kernel.calls


def test_wait_takes_addresses_only(host: Host) -> None:
    assert host.run("ipvs_wait", vips=["192.0.2.100"])["known"] == 0
    assert "'192.0.2.100/32' is not an IP address" in failure(host.run("ipvs_wait", vips=["192.0.2.100/32"]))
