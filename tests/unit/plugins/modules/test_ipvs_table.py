# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``ipvs_table``: the whole table, what boots, what it refuses."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.mixed_lb.stack.tests.unit.plugins.modules.ipvs_host import Host, failure

VIP = "192.0.2.100"
RULES = "/etc/mixed_lb/ipvs/web.rules"
UNIT = "/etc/systemd/system/mixed-lb-ipvs-web.service"
LINK = "/etc/systemd/system/multi-user.target.wants/mixed-lb-ipvs-web.service"


def service(*addresses: str, port: int = 80, **options: t.Any) -> dict[str, t.Any]:
    found = [{"address": address} for address in addresses]
    return {"protocol": "tcp", "address": VIP, "port": port, "destinations": found, **options}


@pytest.fixture
def host() -> Host:
    return Host()


def test_from_nothing_to_a_table_that_boots(host: Host) -> None:
    host.kernel.loaded = False
    result = host.both("ipvs_table", services=[service("192.0.2.11", "192.0.2.12")], persist="web")
    assert result["commands"] == [
        "ipvsadm -A -t 192.0.2.100:80 -s wlc",
        "ipvsadm -a -t 192.0.2.100:80 -r 192.0.2.11:80 -g -w 1",
        "ipvsadm -a -t 192.0.2.100:80 -r 192.0.2.12:80 -g -w 1",
    ]
    assert [call[1] for call in host.kernel.calls if call[1] == "-R"] == ["-R"], "one call for all"
    assert host.files.content[RULES].splitlines() == [line.removeprefix("ipvsadm ") for line in result["commands"]]
    unit = host.files.content[UNIT]
    assert f"StandardInput=file:{RULES}" in unit and f"ConditionPathExists={RULES}" in unit
    assert "DefaultDependencies=no" in unit and "Before=network-pre.target" in unit
    assert LINK in host.files.links


def test_what_boots_is_repaired_although_the_live_table_is_right(host: Host) -> None:
    options = {"services": [service("192.0.2.11")], "persist": "web"}
    host.run("ipvs_table", **options)
    host.files.content[RULES] = "-A -t 192.0.2.100:80 -s rr\n"
    result = host.both("ipvs_table", **options)
    assert result["changed"] and not result["commands"]
    assert [part["before_header"] for part in result["diff"]] == [RULES]
    host.files.links.clear()
    assert host.both("ipvs_table", **options)["changed"]


def test_thresholds_boot_too(host: Host) -> None:
    found = [{"address": "192.0.2.11", "upper_threshold": 9, "lower_threshold": 5}]
    host.both("ipvs_table", services=[service(destinations=found)], persist="web")
    assert "-x 9 -y 5" in host.files.content[RULES]


def test_nothing_wanted_leaves_nothing(host: Host) -> None:
    host.run("ipvs_table", services=[service("192.0.2.11")], restrict=[VIP], purge=True, persist="web")
    result = host.both("ipvs_table", services=[], restrict=[VIP], purge=True, persist="web")
    assert result["commands"] == ["ipvsadm -D -t 192.0.2.100:80"]
    assert not host.kernel.table and not host.files.content and not host.files.links


MARK = {"fwmark": 7, "family": "ipv6", "destinations": [{"address": "2001:db8::11"}]}
ELSEWHERE = {**service("192.0.2.11"), "address": "192.0.2.101"}
NOW: dict[str, t.Any] = {"services": [service("192.0.2.11")], "restrict": [VIP], "purge": True, "persist": "web"}
GONE = ["ipvsadm -D -f 7 -6", "ipvsadm -D -t 192.0.2.101:80"]


@pytest.fixture
def two(host: Host) -> Host:
    """Its table has more than is described by now, and a service that nobody described."""
    host.kernel(["ipvsadm", "-A", "-t", "203.0.113.9:25", "-s", "rr"])
    restrict = [VIP, "192.0.2.101", {"fwmark": 7}]
    services = [service("192.0.2.11"), ELSEWHERE, MARK]
    host.run("ipvs_table", services=services, restrict=restrict, purge=True, persist="web")
    return host


def test_what_the_scope_had_elsewhere_goes(two: Host) -> None:
    assert sorted(two.both("ipvs_table", **NOW)["commands"]) == GONE
    assert len(two.kernel.table) == 2 and "192.0.2.101" not in two.files.content[RULES]


def test_what_the_scope_had_elsewhere_is_drained_as_all_else(two: Host) -> None:
    found = two.kernel.table[0, 4, "TCP", "192.0.2.101", 80].dests["192.0.2.11", 80]
    found.active = 2
    result = two.run("ipvs_table", **NOW, drain_timeout=3)
    assert result["active_connections"] == 2 and two.now == 3.0
    assert "ipvsadm -e -t 192.0.2.101:80 -r 192.0.2.11:80 -g -w 0" in result["commands"]


def test_a_teardown_takes_what_the_scope_had_elsewhere(two: Host) -> None:
    two.both("ipvs_table", **{**NOW, "services": []})
    assert list(two.kernel.table) == [(0, 4, "TCP", "203.0.113.9", 25)] and not two.files.content


def test_what_another_scope_has_stays(two: Host) -> None:
    two.run("ipvs_table", services=[ELSEWHERE], restrict=["192.0.2.101"], purge=True, persist="other")
    assert two.both("ipvs_table", **NOW)["commands"] == GONE[:1]


def test_without_purge_it_stays_for_who_takes_it_over(two: Host) -> None:
    assert not two.run("ipvs_table", services=[], persist="web")["commands"]
    assert len(two.kernel.table) == 4 and RULES not in two.files.content


def test_what_is_put_back_is_the_scope_s_still(two: Host) -> None:
    two.kernel.refuse.add("-D -t 192.0.2.101:80")
    failure(two.run("ipvs_table", **NOW))
    assert len(two.kernel.table) == 4
    two.kernel.refuse.clear()
    assert sorted(two.both("ipvs_table", **NOW)["commands"]) == GONE


@pytest.mark.parametrize("path", [RULES, "/etc/mixed_lb/ipvs/other.rules"])
def test_a_damaged_file_is_told_and_nobody_s_service_goes(two: Host, path: str) -> None:
    two.files.content[path] = "-A -t 192.0.2.101\n"
    result = two.run("ipvs_table", **NOW)
    assert not result["commands"] and path in str(result["warnings"])
    assert len(two.kernel.table) == 4


def test_a_teardown_where_ip_vs_is_not_loaded_does_not_load_it(host: Host) -> None:
    host.kernel.loaded = False
    assert not host.run("ipvs_table", services=[], restrict=[VIP], purge=True, persist="web")["changed"]
    assert not host.kernel.loaded and not host.kernel.calls


def test_one_weight_is_one_command_in_one_call(host: Host) -> None:
    many = [{"address": f"10.0.{n // 250}.{n % 250 + 1}", "weight": 1} for n in range(1000)]
    host.run("ipvs_table", services=[service(destinations=many)])
    many[500]["weight"] = 0
    host.kernel.calls.clear()
    result = host.run("ipvs_table", services=[service(destinations=many)])
    assert result["commands"] == ["ipvsadm -e -t 192.0.2.100:80 -r 10.0.2.1:80 -g -w 0"]
    assert [call[1] for call in host.kernel.calls] == ["-Ln", "-Sn", "-e", "-Ln", "-Sn"]


def test_an_edit_keeps_what_ipvsadm_would_reset(host: Host) -> None:
    nat = {"address": "192.0.2.11", "port": 8080, "forward": "nat", "weight": 3, "upper_threshold": 7}
    options = {"scheduler": "mh", "scheduler_flags": ["mh-port"], "persistent": 60, "persistence_mask": 24}
    host.run("ipvs_table", services=[service(destinations=[nat], **options)])
    host.both("ipvs_table", services=[service(destinations=[{**nat, "weight": 0}], **{**options, "persistent": 61})])
    (live,) = host.kernel.table.values()
    assert (live.scheduler, live.bits, live.persistent, live.mask) == ("mh", 2, 61, "255.255.255.0")
    assert vars(live.dests["192.0.2.11", 8080]) | {"weight": 0, "upper": 7, "method": "Masq"} == vars(
        live.dests["192.0.2.11", 8080]
    )


def test_keep_weights_leaves_a_drained_server_drained(host: Host) -> None:
    host.run("ipvs_table", services=[service("192.0.2.11", "192.0.2.12")])
    host.kernel.table[0, 4, "TCP", VIP, 80].dests["192.0.2.11", 80].weight = 0
    assert not host.run("ipvs_table", services=[service("192.0.2.11", "192.0.2.12")], keep_weights=True)["changed"]
    assert host.run("ipvs_table", services=[service("192.0.2.11", "192.0.2.12")], check=True)["changed"]


def test_a_weight_that_is_kept_is_not_that_of_boot(host: Host) -> None:
    options = {"services": [service("192.0.2.11")], "persist": "web", "keep_weights": True}
    host.run("ipvs_table", **options)
    host.kernel.table[0, 4, "TCP", VIP, 80].dests["192.0.2.11", 80].weight = 0
    assert not host.run("ipvs_table", **options)["changed"]
    assert "-r 192.0.2.11:80 -g -w 1" in host.files.content[RULES]
    drained = [service(destinations=[{"address": "192.0.2.11", "weight": 0}])]
    host.both("ipvs_table", **{**options, "services": drained})
    assert "-r 192.0.2.11:80 -g -w 0" in host.files.content[RULES], "who is described at 0 boots so"


def test_a_server_to_go_is_drained_first(host: Host) -> None:
    host.run("ipvs_table", services=[service("192.0.2.11", "192.0.2.12")])
    found = host.kernel.table[0, 4, "TCP", VIP, 80].dests
    found["192.0.2.12", 80].active = 2
    host.naps = [lambda left=left: setattr(found["192.0.2.12", 80], "active", left) for left in (1, 0)]
    result = host.run("ipvs_table", services=[service("192.0.2.11")], drain_timeout=60)
    assert result["commands"] == [
        "ipvsadm -e -t 192.0.2.100:80 -r 192.0.2.12:80 -g -w 0",
        "ipvsadm -d -t 192.0.2.100:80 -r 192.0.2.12:80",
    ]
    assert (result["active_connections"], host.now) == (0, 2.0)


def test_draining_ends_when_the_time_is_up_and_tells_what_is_left(host: Host) -> None:
    host.run("ipvs_table", services=[service("192.0.2.11")], restrict=[VIP])
    host.kernel.table[0, 4, "TCP", VIP, 80].dests["192.0.2.11", 80].active = 5
    result = host.run("ipvs_table", services=[], restrict=[VIP], purge=True, drain_timeout=2.5)
    assert (result["active_connections"], host.now) == (5, 2.5)
    assert not host.kernel.table


def test_udp_is_not_waited_for(host: Host) -> None:
    host.run("ipvs_table", services=[{**service("192.0.2.11"), "protocol": "udp"}])
    host.kernel.table[0, 4, "UDP", VIP, 80].dests["192.0.2.11", 80].active = 5
    result = host.run("ipvs_table", services=[{**service(), "protocol": "udp"}], drain_timeout=60)
    assert result["commands"] == ["ipvsadm -d -u 192.0.2.100:80 -r 192.0.2.11:80"] and host.now == 0


def test_a_failed_line_of_a_batch_is_named_and_all_is_put_back(host: Host) -> None:
    refused = "-a -t 192.0.2.100:80 -r 192.0.2.12:80 -g -w 1"
    host.kernel.refuse.add(refused)
    result = host.run("ipvs_table", services=[service("192.0.2.11", "192.0.2.12", "192.0.2.13")], persist="web")
    assert failure(result) == (
        f"'ipvsadm {refused}' failed: Memory allocation problem; the table was put back as it was"
    )
    assert (result["failed_command"], result["rolled_back"]) == (f"ipvsadm {refused}", True)
    assert result["not_applied"] == [f"ipvsadm {refused}"] and len(result["applied"]) == 3
    assert not host.kernel.table and not host.files.content


def test_without_rollback_what_is_in_force_is_said(host: Host) -> None:
    host.kernel.refuse.add("-a -t 192.0.2.100:80 -r 192.0.2.12:80 -g -w 1")
    result = host.run("ipvs_table", services=[service("192.0.2.11", "192.0.2.12")], rollback=False)
    assert "2 of 3 commands are in effect" in failure(result)
    assert result["changed"] and not result["rolled_back"]


def test_a_rollback_that_fails_is_said(host: Host) -> None:
    host.run("ipvs_table", services=[service("192.0.2.11")])
    host.kernel.refuse |= {
        "-a -t 192.0.2.100:80 -r 192.0.2.13:80 -g -w 1",
        "-d -t 192.0.2.100:80 -r 192.0.2.12:80",
    }
    result = host.run("ipvs_table", services=[service("192.0.2.11", "192.0.2.12", "192.0.2.13")])
    assert "half changed" in failure(result) and result["changed"]


def test_a_line_that_fails_once_is_sent_again(host: Host) -> None:
    """As when the kernel was short of memory for a moment: the second try is alone, and the rest goes on."""

    class Once(set[str]):
        def __contains__(self, line: object) -> bool:
            found = super().__contains__(line)
            self.discard(str(line))
            return found

    host.kernel.refuse = Once({"-A -t 192.0.2.100:80 -s wlc"})
    result = host.run("ipvs_table", services=[service("192.0.2.11", "192.0.2.12")])
    assert result["changed"] and len(host.kernel.table[0, 4, "TCP", VIP, 80].dests) == 2


def test_another_writer_is_noticed(host: Host) -> None:
    host.kernel._write_service = lambda words: None  # type: ignore[method-assign]
    assert "another program is writing" in failure(host.run("ipvs_table", services=[service()]))


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"installed": False}, "ipvsadm is not installed on this host: install the package ipvsadm"),
        ({"root": False}, "become: true"),
        ({"has_module": False, "loaded": False}, "this kernel has no IPVS"),
    ],
)
def test_a_host_that_cannot(host: Host, state: dict[str, bool], words: str) -> None:
    vars(host.kernel).update(state)
    assert words in failure(host.run("ipvs_table", services=[service("192.0.2.11")]))


@pytest.mark.parametrize("scheduler", ["twos"])
def test_a_scheduler_that_the_kernel_lacks(host: Host, scheduler: str) -> None:
    message = failure(host.run("ipvs_table", services=[service("192.0.2.11", scheduler=scheduler)]))
    assert "-s twos' failed: Scheduler or persistence engine not found" in message and "ip_vs_NAME" in message
    assert message.endswith("nothing was changed")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"services": [service(scheduler="lb")]}, "scheduler must be one of: rr, wrr"),
        ({"services": [], "purge": True}, "restrict"),
        ({"services": [service()], "restrict": ["192.0.2.101"]}, "is not within restrict"),
        ({"services": [service(destinations=[{"address": "192.0.2.11", "port": 8080}])]}, "cannot map ports"),
        ({"services": [service()], "persist": "../web"}, "is no scope name"),
    ],
)
def test_mistakes_are_told_in_a_line(host: Host, options: dict[str, t.Any], words: str) -> None:
    assert words in failure(host.run("ipvs_table", **options))
    assert not host.kernel.calls or host.kernel.calls[-1][1] == "-Sn"


def test_check_mode_on_a_virgin_host_predicts_and_warns(host: Host) -> None:
    host.kernel.installed = host.kernel.loaded = False
    result = host.run("ipvs_table", services=[service("192.0.2.11")], persist="web", check=True)
    assert result["changed"] and len(result["commands"]) == 2 and len(result["diff"]) == 3
    assert not host.kernel.loaded


def test_check_mode_before_ipvsadm_is_installed_predicts_and_warns(host: Host) -> None:
    """As where a role would install it first, and something else has loaded ip_vs."""
    host.kernel.installed = False
    options = {"services": [service("192.0.2.11")], "restrict": [VIP], "purge": True, "persist": "web"}
    result = host.run("ipvs_table", **options, check=True)
    assert len(result["commands"]) == 2 and "ipvsadm is not installed" in str(result["warnings"])
    assert "ipvsadm is not installed" in failure(host.run("ipvs_table", **options))


def test_keepalived_owns_the_table_where_it_runs(host: Host) -> None:
    host.files.content["/etc/keepalived/keepalived.conf"] = "global_defs {\n}\ninclude conf.d/*.conf\n"
    host.files.content["/etc/keepalived/conf.d/web.conf"] = "# virtual_server\n  virtual_server 192.0.2.100 80 {\n}\n"
    assert host.run("ipvs_table", services=[service()], check=True)["changed"], "it does not run"
    host.kernel.keepalived = True
    message = failure(host.run("ipvs_table", services=[service()]))
    assert "virtual_server in /etc/keepalived/conf.d/web.conf line 2" in message and "ignore_keepalived" in message
    assert host.run("ipvs_table", services=[service()], ignore_keepalived=True)["changed"]
    host.files.content["/etc/keepalived/conf.d/web.conf"] = "vrrp_instance VI_1 {\n}\n"
    assert not host.run("ipvs_table", services=[service()]).get("failed")


def test_the_distribution_may_not_flush_what_is_persisted(host: Host) -> None:
    host.files.content["/etc/default/ipvsadm"] = '# comment\nAUTO="true"\n'
    message = failure(host.run("ipvs_table", services=[service()], persist="web"))
    assert '/etc/default/ipvsadm line 2 says AUTO="true"' in message
    assert host.run("ipvs_table", services=[service()])["changed"]
    host.files.content["/etc/default/ipvsadm"] = '#AUTO="true"\nAUTO="false"\n'
    assert not host.run("ipvs_table", services=[service()], persist="web").get("failed")


def test_a_unit_that_cannot_be_enabled_does_not_hide_what_was_done(host: Host) -> None:
    host.kernel.systemctl = lambda argv, stdin=None: type("R", (), {"rc": 1, "out": "", "err": "no bus"})()  # type: ignore[assignment]
    result = host.run("ipvs_table", services=[service()], persist="web")
    assert "will not be after a reboot" in failure(result) and "no bus" in result["msg"]
    assert result["changed"] and result["commands"]
