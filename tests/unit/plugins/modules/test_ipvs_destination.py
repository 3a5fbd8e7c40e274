# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``ipvs_destination`` and ``ipvs_service``: one record, and a server's way out of service and back."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.mixed_lb.stack.tests.unit.plugins.module_utils.system.fakes import Cut
from ansible_collections.mixed_lb.stack.tests.unit.plugins.modules.ipvs_host import Host, failure

KEY = (0, 4, "TCP", "192.0.2.100", 80)
SERVICE = {"protocol": "tcp", "address": "192.0.2.100", "port": 80}
WEIGHTS = "/var/lib/mixed_lb/ipvs/weights.json"
NAT = {"address": "192.0.2.11", "port": 8080}


@pytest.fixture
def host() -> Host:
    host = Host()
    found = [{**NAT, "forward": "nat", "weight": 5, "upper_threshold": 9}, {"address": "192.0.2.12"}]
    assert host.run("ipvs_service", **SERVICE, scheduler="wrr", destinations=found)["changed"]
    return host


def run(host: Host, **options: t.Any) -> dict[str, t.Any]:
    return host.run("ipvs_destination", service=SERVICE, **{**NAT, **options})


def test_out_of_service_and_back_with_the_weight_of_before(host: Host) -> None:
    live = host.kernel.table[KEY].dests["192.0.2.11", 8080]
    live.active = 3
    host.naps = [lambda: None, lambda: setattr(host.kernel.table[KEY].dests["192.0.2.11", 8080], "active", 0)]
    assert run(host, state="drained", check=True)["active_connections"] == 3
    drained = run(host, state="drained", drain_timeout=60)
    assert drained["commands"] == ["ipvsadm -e -t 192.0.2.100:80 -r 192.0.2.11:8080 -m -w 0 -x 9"]
    assert (drained["active_connections"], host.now) == (0, 2.0)
    assert WEIGHTS in host.files.content
    again = run(host, state="drained", drain_timeout=60)
    assert not again["changed"] and WEIGHTS in host.files.content
    back = run(host)
    assert back["commands"] == ["ipvsadm -e -t 192.0.2.100:80 -r 192.0.2.11:8080 -m -w 5 -x 9"]
    assert WEIGHTS not in host.files.content
    assert not run(host)["changed"]


def test_check_mode_of_each_state_is_what_happens(host: Host) -> None:
    for options in ({"state": "drained"}, {"weight": 7}, {"forward": "tun", "address": "192.0.2.12", "port": 80}):
        assert host.both("ipvs_destination", service=SERVICE, **{**NAT, **options})["changed"]
    assert host.both("ipvs_destination", service=SERVICE, **NAT, state="absent")["changed"]


def test_a_given_weight_wins_and_zero_is_one(host: Host) -> None:
    run(host, state="drained")
    assert run(host, weight=7)["changed"]
    assert run(host, weight=0)["changed"]
    assert not run(host)["changed"], "nobody drained it, so nothing is brought back"
    run(host, weight=7)
    run(host, state="drained")
    assert not run(host, weight=0)["changed"]
    assert not run(host)["changed"], "weight 0 is what somebody asked for since"


def test_time_is_up(host: Host) -> None:
    host.kernel.table[KEY].dests["192.0.2.11", 8080].active = 4
    result = run(host, state="drained", drain_timeout=3)
    assert (result["active_connections"], host.now) == (4, 3.0)
    message = failure(run(host, state="drained", drain_timeout=3, require_drained=True))
    assert "4 active ones are left after 3 s" in message


def test_absent_waits_and_may_insist(host: Host) -> None:
    host.kernel.table[KEY].dests["192.0.2.11", 8080].active = 4
    result = run(host, state="absent", drain_timeout=3, require_drained=True)
    assert "nothing was deleted" in failure(result) and result["active_connections"] == 4
    assert host.kernel.table[KEY].dests["192.0.2.11", 8080].weight == 0
    result = run(host, state="absent", drain_timeout=3)
    assert result["active_connections"] == 4 and len(host.kernel.table[KEY].dests) == 1
    assert not run(host, state="absent", drain_timeout=3)["changed"]


def test_absent_insists_without_a_wait(host: Host) -> None:
    live = host.kernel.table[KEY].dests["192.0.2.11", 8080]
    live.active = 4
    result = run(host, state="absent", require_drained=True)
    assert "4 active connections are left after 0 s, so nothing was deleted" in failure(result) and result["changed"]
    assert host.kernel.table[KEY].dests["192.0.2.11", 8080].weight == 0
    again = run(host, state="absent", require_drained=True)
    assert again["failed"] and not again["changed"]
    host.kernel.table[KEY].dests["192.0.2.11", 8080].active = 0
    assert host.both("ipvs_destination", service=SERVICE, **NAT, state="absent", require_drained=True)["changed"]


def test_one_that_could_not_go_comes_back_with_its_weight(host: Host) -> None:
    host.kernel.table[KEY].dests["192.0.2.11", 8080].active = 4
    failure(run(host, state="absent", drain_timeout=3, require_drained=True))
    assert run(host)["commands"] == ["ipvsadm -e -t 192.0.2.100:80 -r 192.0.2.11:8080 -m -w 5 -x 9"]
    assert WEIGHTS not in host.files.content


def test_one_whose_run_was_killed_comes_back_with_its_weight(host: Host) -> None:
    host.kernel.table[KEY].dests["192.0.2.11", 8080].active = 4

    def cut() -> None:
        raise Cut

    host.naps = [cut]
    with pytest.raises(Cut):
        run(host, state="absent", drain_timeout=3)
    assert run(host)["changed"] and host.kernel.table[KEY].dests["192.0.2.11", 8080].weight == 5


def test_one_that_is_gone_is_forgotten(host: Host) -> None:
    run(host, state="drained")
    run(host, state="absent", drain_timeout=3)
    assert WEIGHTS not in host.files.content and len(host.kernel.table[KEY].dests) == 1


def test_a_new_one_has_the_defaults_and_the_service_s_port(host: Host) -> None:
    result = host.both("ipvs_destination", service=SERVICE, address="192.0.2.13")
    assert result["commands"] == ["ipvsadm -a -t 192.0.2.100:80 -r 192.0.2.13:80 -g -w 1"]


def test_what_is_not_there(host: Host) -> None:
    other = {**SERVICE, "port": 81}
    missing = host.run("ipvs_destination", service=other, address="192.0.2.11")
    assert "there is no service tcp 192.0.2.100:81" in failure(missing)
    assert "is no destination" in failure(run(host, address="192.0.2.99", state="drained"))
    assert not host.run("ipvs_destination", service=other, address="192.0.2.11", state="absent")["changed"]
    predicted = host.run("ipvs_destination", service=other, address="192.0.2.11", check=True)
    assert predicted["commands"] == ["ipvsadm -a -t 192.0.2.100:81 -r 192.0.2.11:81 -g -w 1"]


def test_udp_is_drained_without_waiting() -> None:
    host = Host()
    service = {**SERVICE, "protocol": "udp"}
    host.run("ipvs_service", **service, destinations=[{"address": "192.0.2.11"}])
    host.kernel.table[0, 4, "UDP", "192.0.2.100", 80].dests["192.0.2.11", 80].inactive = 9
    result = host.run("ipvs_destination", service=service, address="192.0.2.11", state="drained", drain_timeout=60)
    assert (result["active_connections"], host.now) == (0, 0)


def test_a_port_mapping_in_dr_is_refused(host: Host) -> None:
    assert "forward dr cannot map ports" in failure(run(host, forward="dr"))


def test_a_damaged_memory_is_named(host: Host) -> None:
    host.files.content[WEIGHTS] = "[]"
    run(host, weight=0)
    assert WEIGHTS in failure(run(host))


@pytest.mark.parametrize("name", ["ipvs_table", "ipvs_service"])
def test_a_weight_that_a_table_gives_counts(host: Host, name: str) -> None:
    def give(weight: int, **options: t.Any) -> None:
        found = [{**NAT, "forward": "nat", "weight": weight, "upper_threshold": 9}, {"address": "192.0.2.12"}]
        described = {**SERVICE, "scheduler": "wrr", "destinations": found}
        host.run(name, **options, **(described if name == "ipvs_service" else {"services": [described]}))

    run(host, state="drained")
    give(5, keep_weights=True)
    give(5, check=True)
    assert WEIGHTS in host.files.content, "it is drained still"
    give(5)
    assert WEIGHTS not in host.files.content
    give(0)
    assert not run(host, upper_threshold=9)["changed"], "0 is what the table says"
    give(5)
    run(host, state="drained")
    give(0)
    assert WEIGHTS not in host.files.content


def test_an_edit_of_the_service_forgets_nothing_and_its_end_does(host: Host) -> None:
    run(host, state="drained")
    host.run("ipvs_service", **SERVICE, scheduler="wlc")
    assert run(host)["changed"], "it came back"
    run(host, state="drained")
    host.run("ipvs_service", **SERVICE, state="absent")
    assert WEIGHTS not in host.files.content


def test_a_table_does_not_fail_for_a_damaged_memory(host: Host) -> None:
    host.files.content[WEIGHTS] = "[]"
    result = host.run("ipvs_service", **SERVICE, scheduler="wlc")
    assert result["changed"] and WEIGHTS in str(result["warnings"])


def test_a_service_keeps_its_destinations_unless_they_are_given(host: Host) -> None:
    result = host.both("ipvs_service", **SERVICE, scheduler="sh", scheduler_flags=["sh-port"])
    assert result["commands"] == ["ipvsadm -E -t 192.0.2.100:80 -s sh -b sh-port"]
    assert len(host.kernel.table[KEY].dests) == 2
    result = host.both("ipvs_service", **SERVICE, destinations=[])
    assert len(result["commands"]) == 3 and not host.kernel.table[KEY].dests


def test_a_service_goes_by_its_key_alone(host: Host) -> None:
    assert host.run("ipvs_service", fwmark=7, family="ipv6")["commands"] == ["ipvsadm -A -f 7 -6 -s wlc"]
    result = host.both("ipvs_service", **SERVICE, state="absent")
    assert result["commands"] == ["ipvsadm -D -t 192.0.2.100:80"]
    assert list(host.kernel.table) == [(7, 6, "", "", 0)]
