# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role's data becomes in keepalived's words; the scenario ``keepalived`` has the real one read it."""

from __future__ import annotations

import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.blocks import Block, render
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.keepalived.files import (
    keepalived_main,
    keepalived_scope,
    keepalived_sync,
)
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.keepalived.networkd import keepalived_networkd_files
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.keepalived.units import keepalived_unit_files

ROLE = Path(__file__).resolve().parents[5] / "roles" / "keepalived"
DEFAULTS = {
    name.removeprefix("keepalived_"): value
    for name, value in yaml.safe_load((ROLE / "defaults" / "main.yml").read_text()).items()
}


def scope(**options: t.Any) -> str:
    return keepalived_scope({**DEFAULTS, "name": "app", "maintenance_file": "/m", **options})


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines()]


INSTANCE = {
    "name": "app4",
    "interface": "eth0",
    "virtual_router_id": 51,
    "priority": 200,
    "addresses": ["192.0.2.100/32"],
}
SERVICE = {"protocol": "tcp", "address": "192.0.2.100", "port": 80, "scheduler": "wrr"}


def test_blocks_are_indented_and_only_lines_are_ended() -> None:
    assert (
        render([Block("a", ["# why", "b 1", Block("c", []), ""])], end=";")
        == "a {\n    # why\n    b 1;\n    c {\n    }\n\n}\n"
    )


def test_main_refuses_broken_reloads_and_runs_no_insecure_script() -> None:
    text = lines(keepalived_main({**DEFAULTS, "router_id": "lb1", "global_lines": ["vrrp_rt_priority 50"]}))
    assert {"reload_check_config /run/keepalived.refused", "enable_script_security", "script_user nobody"} <= set(text)
    assert {"vrrp_rt_priority 50", "router_id lb1", "include /etc/keepalived/mixed_lb/*.conf"} <= set(text)


BOTH = [INSTANCE, {**INSTANCE, "name": "app6"}]


def test_unicast_needs_peers_and_multicast_none() -> None:
    unicast = scope(instances=[{**INSTANCE, "source": "192.0.2.11", "peers": ["192.0.2.12"]}])
    assert {"unicast_src_ip 192.0.2.11", "unicast_peer {", "192.0.2.12", "nopreempt"} <= set(lines(unicast))
    assert "unicast" not in scope(instances=[INSTANCE])


def test_adverts_are_the_same_before_and_after_a_vip_is_added() -> None:
    """Peers compare the addresses in them with their own, and take who has others for nobody."""
    told = [
        scope(instances=[{**INSTANCE, "addresses": addresses}])
        .partition("virtual_ipaddress {")[2]
        .partition("}")[0]
        .split()
        for addresses in (["192.0.2.100/32"], ["192.0.2.100/32", "192.0.2.101/32"])
    ]
    assert told == [["192.0.2.100/32"]] * 2


def test_a_holder_is_dead_when_many_adverts_are_missed() -> None:
    """Three, as the standard has it, are soon lost one after the other where packets get lost at all."""
    assert {"advert_int 0.1", "down_timer_adverts 7"} <= set(lines(scope(instances=[INSTANCE])))
    other = lines(scope(instances=[{**INSTANCE, "advert_interval": 1, "missed_adverts": 3}]))
    assert {"advert_int 1", "down_timer_adverts 3"} <= set(other)


def test_preempting_hosts_wait() -> None:
    text = lines(scope(instances=[{**INSTANCE, "preempt": True, "preempt_delay": 30}]))
    assert "preempt_delay 30" in text and "nopreempt" not in text


def test_all_instances_move_together_and_maintenance_moves_them() -> None:
    text = scope(instances=[INSTANCE, {**INSTANCE, "name": "app6"}, {**INSTANCE, "name": "old", "state": "absent"}])
    group = text[text.index("vrrp_sync_group app {") :]
    assert lines(group)[1:9] == ["group {", "app4", "app6", "}", "track_file {", "app_maintenance weight 0", "}", "}"]
    assert "old" not in text


def test_an_empty_pool_costs_priority() -> None:
    """It decides which of two holders that meet gives up; who has no VIPs or runs its own program at the event is left out."""
    own = {**SERVICE, "port": 81, "quorum_down": "/usr/local/bin/tell"}
    mark = {"fwmark": 7, "family": "ipv6"}
    text = scope(instances=BOTH, virtual_servers=[{**SERVICE, "address": "2001:db8::1"}, own, mark])
    path = "/run/keepalived-app-pool-tcp-2001.db8..1-80"
    assert f"track_file app_pool-tcp-2001.db8..1-80 {{\n    file {path}\n    init_file 0\n}}" in text
    assert {
        f"quorum_{event} \"/bin/sh -c 'echo {value} >{path}'\" root" for event, value in (("up", 0), ("down", 1))
    } <= set(lines(text))
    group = lines(text[text.index("vrrp_sync_group app {") :])
    assert [line for line in group if "app_pool" in line] == [
        "app_pool-tcp-2001.db8..1-80 weight -10",
        "app_pool-fwmark-7-ipv6 weight -10",
    ]
    assert 'quorum_down "/usr/local/sbin/mixed-lb-run-as nobody /usr/local/bin/tell" root' in lines(text)
    assert "pool" not in scope(instances=[INSTANCE], virtual_servers=[SERVICE], empty_pool_priority=0)
    assert "pool" not in scope(virtual_servers=[SERVICE])


def test_an_instance_alone_is_no_group_and_watches_for_itself() -> None:
    """keepalived refuses a group of one."""
    text = scope(instances=[INSTANCE], processes=[{"name": "nginx"}])
    found = lines(text[text.index("vrrp_instance app4 {") :])
    assert {"app_maintenance weight 0", "app_nginx"} <= set(found)
    assert "vrrp_sync_group" not in text


def test_units_processes_and_scripts_are_watched_by_the_group() -> None:
    text = scope(
        instances=BOTH,
        units=["haproxy.service"],
        processes=[{"name": "nginx", "quorum": 2}],
        scripts=[{"name": "probe", "command": "/usr/local/bin/probe -v", "interval": 2}],
    )
    assert "track_process app_nginx {\n    process nginx\n    quorum 2\n}" in text.replace("vrrp_", "")
    assert 'script "/usr/local/sbin/mixed-lb-run-as nobody /usr/local/bin/probe -v"' in text
    group = text[text.index("vrrp_sync_group app {") :]
    assert "app_nginx" in group and "app_unit_haproxy" in group and "app_probe" in group
    assert "track_file app_unit_haproxy {\n    file /etc/keepalived/mixed_lb/app.unit_haproxy\n}" in text


def test_systemd_says_how_a_unit_is() -> None:
    state, drop_in = keepalived_unit_files({"name": "app", "units": ["haproxy.service"]})
    assert (state["path"], state["content"], state["keep"]) == (
        "/etc/keepalived/mixed_lb/app.unit_haproxy",
        "0\n",
        True,
    )
    assert drop_in["path"].startswith("/etc/systemd/system/haproxy.service.d/")
    for hook, word in (("ExecStartPost", 0), ("ExecStopPost", 1)):
        assert f"{hook}=+-/bin/sh -c 'echo {word} >{state['path']}'" in drop_in["content"]


def test_networkd_leaves_vips_alone_on_each_interface_that_it_manages() -> None:
    def files(*addresses: str) -> dict[str, str]:
        instance = {"name": "app4", "source": "192.0.2.11", "addresses": addresses}
        interfaces = [
            {"name": name, "addresses": [address], "network_file": path and f"/run/systemd/network/{path}"}
            for name, address, path in (
                ("eth0", "192.0.2.11/24", "10-lan.network"),
                ("eth1", "203.0.113.11/24", "20-wan.network"),
                ("eth2", "10.0.0.11/24", None),
            )
        ]
        options = {"name": "app", "instances": [instance], "host_interfaces": interfaces}
        return {file["path"]: file["content"].splitlines()[-1] for file in keepalived_networkd_files(options)}

    lan, wan = "/etc/systemd/network/10-lan.network.d", "/etc/systemd/network/20-wan.network.d"
    assert files("192.0.2.100/32", "10.0.0.100/32 dev eth2") == {
        f"{lan}/50-mixed-lb-keepalived-app.conf": "KeepConfiguration=static"
    }
    assert files("2001:db8::100/128", "203.0.113.100/32 dev eth1") == {
        f"{lan}/60-mixed-lb-keepalived-app.conf": "KeepConfiguration=yes",
        f"{wan}/50-mixed-lb-keepalived-app.conf": "KeepConfiguration=static",
    }


def test_programs_change_their_user_themselves() -> None:
    """2.2.7 refuses every reload with one that it would have to run as another user than root."""
    run_as = "/usr/local/sbin/mixed-lb-run-as"
    checks = [
        {"type": "misc", "command": "/bin/ask"},
        {"type": "misc", "command": "/bin/ask mail", "user": "mail adm"},
        {"type": "misc", "command": "/bin/ask root", "user": "root"},
    ]
    service = {**SERVICE, "quorum_up": "/bin/told", "checks": checks, "destinations": [{"address": "192.0.2.21"}]}
    text = scope(
        instances=[{**INSTANCE, "notify": "/bin/notified"}],
        scripts=[{"name": "probe", "command": "/bin/probe -v", "user": "adm"}],
        virtual_servers=[service],
    )
    assert {
        f'misc_path "{run_as} nobody /bin/ask"',
        f'misc_path "{run_as} mail:adm /bin/ask mail"',
        'misc_path "/bin/ask root"',
        f'quorum_up "{run_as} nobody /bin/told" root',
        f'notify "{run_as} nobody /bin/notified" root',
        f'script "{run_as} adm /bin/probe -v"',
    } <= set(lines(text))
    assert {line for line in lines(text) if line.startswith("user ")} == {"user root"}
    assert "reload_check_config" in keepalived_main(DEFAULTS)
    assert "reload_check_config" not in keepalived_main({**DEFAULTS, "reload_check": False})


def test_who_changes_the_user_says_so_to_the_kernel(tmp_path: Path) -> None:
    """roles/keepalived/files/run_as.sh: the user's own group, or the one that is given."""
    for name, says in (("setpriv", 'echo "$@"'), ("id", "echo group of $2")):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{says}\n")
        program.chmod(0o755)
    for user, words in (("ann", "--regid=group of ann"), ("ann:mail", "--regid=mail")):
        argv = ["sh", ROLE / "files" / "run_as.sh", user, "/bin/ask", "a b"]
        environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
        said = subprocess.run(argv, env=environment, check=True, capture_output=True, text=True).stdout
        assert said == f"--reuid=ann {words} --init-groups -- /bin/ask a b\n"


def test_masks_are_netmasks_for_ipv4_and_lengths_for_ipv6() -> None:
    persistent = {"persistent": 60, "persistence_mask": 24}
    assert "persistence_granularity 255.255.255.0" in scope(virtual_servers=[{**SERVICE, **persistent}])
    six = {**SERVICE, "address": "2001:db8::1", **persistent}
    assert "persistence_granularity 24" in scope(virtual_servers=[six])


def test_marks_name_their_family() -> None:
    text = lines(scope(virtual_servers=[{"fwmark": 7, "family": "ipv6", "destinations": [{"address": "2001:db8::2"}]}]))
    assert {"virtual_server fwmark 7 {", "ip_family inet6", "real_server 2001:db8::2 0 {"} <= set(text)


def test_each_real_server_has_its_own_method_weight_and_tunnel() -> None:
    gue = {"type": "gue", "port": 6080, "checksum": "remcsum"}
    destinations = [
        {"address": "192.0.2.21", "weight": 0},
        {"address": "192.0.2.22", "port": 81, "forward": "nat"},
        {"address": "192.0.2.23", "forward": "tun", "tunnel": gue},
        {"address": "192.0.2.24", "forward": "tun", "tunnel": {"type": "gre", "checksum": "none"}},
        {"address": "192.0.2.25", "forward": "tun"},
        {"address": "192.0.2.26", "state": "absent"},
    ]
    text = lines(scope(virtual_servers=[{**SERVICE, "destinations": destinations}]))
    methods = [line for line in text if line.startswith("lvs_method")]
    assert methods[1:] == [
        "lvs_method DR",
        "lvs_method NAT",
        "lvs_method TUN type gue port 6080 remcsum",
        "lvs_method TUN type gre nocsum",
        "lvs_method TUN",
    ]
    assert "weight 0" in text and "real_server 192.0.2.22 81 {" in text and "192.0.2.26" not in str(text)


def test_checks_of_a_real_server_replace_those_of_the_service() -> None:
    own = {"address": "192.0.2.22", "checks": [{"type": "misc", "command": "/bin/true", "timeout": 3}]}
    text = scope(
        virtual_servers=[
            {**SERVICE, "checks": [{"type": "http", "path": "/healthz", "status": "200", "host": "shop.example"}]}
            | {"destinations": [{"address": "192.0.2.21"}, own]}
        ]
    )
    first, second = text[text.index("real_server") :].split("real_server 192.0.2.22")
    assert {"HTTP_GET {", "path /healthz", "virtualhost shop.example", "status_code 200"} <= set(lines(first))
    assert {
        "MISC_CHECK {",
        'misc_path "/usr/local/sbin/mixed-lb-run-as nobody /bin/true"',
        "misc_timeout 3",
        "warmup 0",
    } <= set(lines(second))
    assert "HTTP_GET" not in second


@pytest.mark.parametrize(("timeout", "limit"), [(0.5, 1), (1.0, 1), (2.5, 3)])
def test_programs_end_after_whole_seconds(timeout: float, limit: int) -> None:
    """keepalived refuses 1.0 there, which is what a stack's seconds come as."""
    checks = [{"type": "misc", "command": "/bin/true", "timeout": timeout}]
    text = lines(scope(virtual_servers=[{**SERVICE, "checks": checks, "destinations": [{"address": "192.0.2.21"}]}]))
    assert f"misc_timeout {limit}" in text
    vip = [{"type": "vip", "timeout": timeout}]
    text = lines(scope(virtual_servers=[{**SERVICE, "checks": vip, "destinations": [{"address": "192.0.2.21"}]}]))
    assert f"misc_timeout {limit + 4}" in text and f"check-vip {timeout} " in str(text)


def test_real_servers_are_asked_for_the_vip_as_it_is_forwarded_to_them() -> None:
    gue = {"type": "gue", "port": 6080, "checksum": "csum"}
    destinations = [
        {"address": "192.0.2.21", "forward": "dr"},
        {"address": "192.0.2.22", "forward": "tun"},
        {"address": "192.0.2.23", "forward": "tun", "tunnel": gue},
        {"address": "192.0.2.24", "forward": "tun", "tunnel": {"type": "gre", "checksum": "csum"}},
    ]
    checked = {**SERVICE, "checks": [{"type": "vip", "timeout": 2}]}
    text = lines(scope(virtual_servers=[{**checked, "destinations": destinations}]))
    ways = [line.split("192.0.2.100 80 ")[1] for line in text if "check-vip 2 " in line]
    assert ways == ['192.0.2.21"', '192.0.2.22 ipip"', '192.0.2.23 gue:6080"', '192.0.2.24 gre+csum"']
    assert {"misc_timeout 6", "user root"} <= set(text)


@pytest.mark.parametrize(
    ("service", "server", "words"),
    [
        ({"protocol": "udp"}, {}, "which VIP and TCP port"),
        ({}, {"forward": "nat"}, "has no VIP to answer for"),
        ({}, {"address": "2001:db8::21"}, "of another family than 192.0.2.100"),
    ],
)
def test_who_cannot_be_asked_for_a_vip(service: dict[str, t.Any], server: dict[str, t.Any], words: str) -> None:
    destination = {"address": "192.0.2.21", "forward": "dr", **server}
    with pytest.raises(ValueError, match=words):
        scope(virtual_servers=[{**SERVICE, **service, "checks": [{"type": "vip"}], "destinations": [destination]}])


def test_the_sync_daemon_follows_its_instance() -> None:
    daemon = {"instance": "app4", "id": 51}
    text = lines(scope(instances=[INSTANCE], sync_daemon=daemon, timeouts={"tcp": 800}))
    assert {"lvs_sync_daemon eth0 app4 id 51", "lvs_timeouts tcp 800"} <= set(text)
    with pytest.raises(ValueError, match="no instance 'app4' for it to follow"):
        scope(sync_daemon=daemon)


def test_a_sync_daemon_of_both_roles_follows_nobody() -> None:
    daemon = {"instance": "app4", "both": True, "id": 51, "max_length": 1400, "interface": ""}
    assert "lvs_sync_daemon eth0 id 51 maxlen 1400" in lines(scope(instances=[INSTANCE], sync_daemon=daemon))
    told = keepalived_sync({"instances": [INSTANCE], "sync_daemon": daemon})
    assert told == {"interface": "eth0", "sync_id": 51, "max_length": 1400}
    assert keepalived_sync({"instances": [INSTANCE], "sync_daemon": {}}) == {}


def test_what_another_process_left_in_the_table_goes() -> None:
    assert "lvs_flush" in lines(scope(virtual_servers=[SERVICE], flush=True))
    assert "lvs_flush" not in lines(scope(instances=[INSTANCE])), "who has no services there owns no table"
    assert "lvs_flush" not in lines(scope(virtual_servers=[SERVICE], flush=False))


def test_an_instance_is_where_its_source_is() -> None:
    """Addresses alone are known of a host before anybody looks at it."""
    interfaces = [{"name": "lo", "addresses": ["127.0.0.1/8"]}, {"name": "ens3", "addresses": ["192.0.2.11/24"]}]
    instance = {**INSTANCE, "interface": "", "source": "192.0.2.11"}
    assert "interface ens3" in lines(scope(instances=[instance], host_interfaces=interfaces))
    with pytest.raises(ValueError, match=r"app4: no interface of this host has the address 192.0.2.12"):
        scope(instances=[{**instance, "source": "192.0.2.12"}], host_interfaces=interfaces)


def test_a_vip_is_on_the_interface_of_its_network() -> None:
    interfaces = [
        {"name": "eth0", "addresses": ["192.0.2.11/24", "203.0.113.100/32"]},
        {"name": "eth1", "addresses": ["198.51.100.11/24", "192.0.2.100/32"]},
    ]
    vips = ["192.0.2.100/32", "198.51.100.100/32", "198.51.100.101/32 dev eth2", "203.0.113.100/32"]
    instance = {**INSTANCE, "interface": "", "source": "192.0.2.11", "addresses": vips}
    found = lines(scope(instances=[instance], host_interfaces=interfaces))
    assert "interface eth0" in found and {*vips, "198.51.100.100/32 dev eth1"} - {vips[1]} <= set(found)
    named = scope(instances=[{**instance, "interface": "eth0"}], host_interfaces=interfaces)
    assert "dev eth1" not in named, "whoever names it wants all of them there"


def test_raw_lines_keep_their_order() -> None:
    text = scope(lines=["bfd_instance b {", "    neighbor_ip 192.0.2.9", "}"])
    assert text.endswith("bfd_instance b {\n    neighbor_ip 192.0.2.9\n}\n")


def test_what_is_taken_away_before_a_start_is_what_the_scope_makes(tmp_path: Path) -> None:
    """roles/keepalived/files/clear.sh reads what is written here."""
    marked = {"fwmark": 7, "destinations": []}
    services = [
        SERVICE,
        {**SERVICE, "address": "2001:db8::100", "protocol": "udp"},
        marked,
        {**marked, "family": "ipv6"},
    ]
    (tmp_path / "app.conf").write_text(scope(virtual_servers=services))
    program = tmp_path / "ipvsadm"
    program.write_text(f"#!/bin/sh\necho $1 >{tmp_path}/asked\ncat >>{tmp_path}/asked\n")
    program.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "MIXED_LB_SCOPES": str(tmp_path)}
    subprocess.run(["sh", ROLE / "files" / "clear.sh"], env=environment, check=True)
    address, port = SERVICE["address"], SERVICE["port"]
    assert (tmp_path / "asked").read_text().splitlines() == [
        "-R",
        f"-D -t {address}:{port}",
        f"-D -u [2001:db8::100]:{port}",
        "-D -f 7",
        "-D -f 7 -6",
    ]


def test_a_file_can_be_a_check() -> None:
    """Declared once, whoever reads it, and no matter of VRRP; or a name of the user's own lines."""
    check = {"type": "file", "path": "/etc/shop/web1.down"}
    weighed = {"address": "192.0.2.22", "checks": [{**check, "weight": -2}, {"type": "file", "name": "mine"}]}
    text = scope(
        instances=[INSTANCE],
        virtual_servers=[{**SERVICE, "checks": [check], "destinations": [{"address": "192.0.2.21"}, weighed]}],
    )
    label = "app_check-etc-shop-web1.down"
    assert text.count(f"track_file {label} {{\n    file /etc/shop/web1.down\n    init_file 0\n}}") == 1
    assert f"{label} weight" not in text
    first, second = text[text.index("real_server") :].split("real_server 192.0.2.22")
    assert lines(first)[lines(first).index("FILE_CHECK {") :][1:3] == [f"track_file {label}", "weight 0"]
    assert {f"track_file {label}", "weight -2", "track_file mine"} <= set(lines(second))
    for wrong in ({"type": "file"}, {**check, "name": "mine"}):
        with pytest.raises(ValueError, match="either path"):
            scope(virtual_servers=[{**SERVICE, "checks": [wrong], "destinations": [{"address": "192.0.2.21"}]}])


def test_neighbours_are_watched_for_checks_alone() -> None:
    neighbour = {"name": "web1", "neighbor": "192.0.2.21", "source": "192.0.2.11", "interval": 0.05, "max_hops": 2}
    text = lines(scope(bfd_instances=[neighbour, {**neighbour, "name": "old", "state": "absent"}]))
    begin = text.index("bfd_instance web1 {")
    assert text[begin + 1 : begin + 8] == [
        "checker",
        "neighbor_ip 192.0.2.21",
        "source_ip 192.0.2.11",
        "min_rx 50",
        "min_tx 50",
        "multiplier 3",
        "max_hops 2",
    ]
    assert "bfd_instance old {" not in text
    for wrong, words in (({"name": "x" * 32}, "at most 31"), ({"neighbor": "2001:db8::21"}, "different families")):
        with pytest.raises(ValueError, match=words):
            scope(bfd_instances=[{**neighbour, **wrong}])
