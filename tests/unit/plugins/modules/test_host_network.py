# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module's own part: options in, results out, errors as one message."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.mixed_lb.stack.plugins.modules import host_network
from ansible_collections.mixed_lb.stack.tests.unit.plugins.module_utils.network.fake_ip import FakeIp
from ansible_collections.mixed_lb.stack.tests.unit.plugins.module_utils.system.fakes import run_module

SHOWN = [task["mixed_lb.stack.host_network"] for task in yaml.safe_load(host_network.EXAMPLES)]


@pytest.fixture
def host(monkeypatch):
    fake = FakeIp()
    fake.iptables = True
    fake(["ip", "address", "add", "198.51.100.11/24", "dev", "eth1"])
    monkeypatch.setattr(host_network.command, "on_host", lambda module: fake)
    monkeypatch.setattr(host_network.files, "on_host", lambda module: fake.files)
    return fake


def run(**options):
    return run_module(host_network.main, **options)


@pytest.mark.parametrize("example", SHOWN[:-1])
def test_each_example_can_be_undone(host, example):
    before = host.state()
    predicted = run(**example, _ansible_check_mode=True)
    assert predicted["changed"] and host.state() == before
    result = run(**example)
    for field in ("commands", "before", "after", "files", "diff"):
        assert result[field] == predicted[field]
    assert not run(**example)["changed"]
    assert run(**SHOWN[-1])["changed"] and host.state() == before


def test_each_protocol_of_ipvs_may_be_in_a_rule(host):
    rules = [
        {"priority": 100 + at, "protocol": protocol, "source_port": 80, "table": "100"}
        for at, protocol in enumerate(["tcp", "udp", "sctp"])
    ]
    assert run(name="app", rules=rules)["changed"]
    assert not run(name="app", rules=rules)["changed"]


def test_the_diff_shows_the_running_network_and_the_files(host):
    result = run(name="app", addresses=[{"address": "192.0.2.100"}])
    headers = [part["before_header"] for part in result["diff"]]
    assert headers == ["running network", result["files"][0], result["files"][2]]
    assert result["diff"][0]["after"] == "address 192.0.2.100/32 dev lo\n"
    assert result["files"] == [
        "/etc/mixed_lb/network/app.sh",
        "/etc/mixed_lb/network/app.json",
        "/etc/systemd/system/mixed-lb-network-app.service",
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "A b"}, "name: 'A b' must be"),
        ({"name": "app", "addresses": [{"address": "192.0.2"}]}, "app: addresses[0]: '192.0.2' does not appear to be"),
        ({"name": "app", "addresses": [{"address": "192.0.2.7", "interface": "eth7"}]}, "there is no interface eth7"),
    ],
)
def test_errors_are_one_message(host, options, message):
    before = host.state()
    result = run(**options)
    assert result["failed"] and message in result["msg"]
    assert host.state() == before
