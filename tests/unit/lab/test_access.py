# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How ssh finds the hosts of a lab."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import yaml
from ansible_collections.mixed_lb.stack.lab import access, cache, sandbox, topology
from tools.paths import ROOT


def load(name: str, **change: t.Any) -> topology.Topology:
    data = yaml.safe_load((ROOT / f"lab/topologies/{name}.yml").read_text())
    return topology.load({**data, **change})


@pytest.fixture
def ways(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> access.Access:
    monkeypatch.setattr(sandbox.Sandbox, "keeper", lambda self: 4711)
    monkeypatch.setattr(cache, "ssh_key", lambda: tmp_path / "key")
    return access.Access(sandbox.Sandbox(tmp_path))


def test_ssh_takes_the_network_for_it() -> None:
    assert [load("lan").ssh_address(name) for name in ("lb1", "web1", "box")] == [
        "198.18.0.10",
        "198.18.0.11",
        "198.18.0.14",
    ]


def test_ssh_takes_the_first_network_where_there_is_none_for_it() -> None:
    assert load("lan", management=False).ssh_address("web1") == "192.0.2.21"


@pytest.mark.parametrize(("source", "address"), [("client", "192.0.2.10"), ("neighbour", "203.0.113.10")])
def test_from_a_light_host_ssh_takes_the_network_that_both_are_in(source: str, address: str) -> None:
    assert load("nat").ssh_address("lb1", source) == address


def test_an_inventory_leads_by_the_hosts_own_addresses(ways: access.Access) -> None:
    hosts = ways.inventory(load("lan"), "client")["all"]["hosts"]
    assert list(hosts) == ["lb1", "web1", "web2", "web3", "box"]
    assert hosts["web1"]["ansible_host"] == "192.0.2.21"
    options = hosts["web1"]["ansible_ssh_common_args"]
    assert "ip netns exec client nc %h %p'" in options
    assert "/web1@client " in options


def test_one_host_has_a_shared_connection_for_each_way(ways: access.Access) -> None:
    (way, other) = (ways.inventory(load("lan"), source)["all"]["hosts"] for source in (None, "client"))
    paths = {
        word for hosts in (way, other) for host in hosts.values() for word in host["ansible_ssh_common_args"].split()
        if word.startswith("ControlPath=")
    }  # fmt: skip
    assert len(paths) == 2 * len(way)


def test_ssh_does_not_come_from_a_host_with_a_kernel_of_its_own(ways: access.Access) -> None:
    with pytest.raises(topology.TopologyError, match=r"^web1 is not a light host"):
        ways.inventory(load("lan"), "web1")
