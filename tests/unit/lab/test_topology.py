# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's topologies, as files, as docs/lab.md describes them, and as they must not be."""

from __future__ import annotations

import dataclasses
import ipaddress
import re
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.mixed_lb.stack.lab import topology
from tools.paths import ROOT

PAGE = (ROOT / "docs/lab.md").read_text()
HOST: dict[str, t.Any] = {"nics": [{"network": "lan", "addresses": ["192.0.2.21/24"]}]}


@pytest.mark.parametrize("file", sorted((ROOT / "lab/topologies").glob("*.yml")), ids=lambda file: file.stem)
def test_every_topology_loads_and_gives_no_address_twice(file: Path) -> None:
    lab = topology.load(yaml.safe_load(file.read_text()))
    addresses = [ipaddress.ip_interface(each).ip for host in lab.hosts for nic in host.nics for each in nic.addresses]
    assert len(addresses) == len(set(addresses))


def test_the_page_has_a_topology_that_loads() -> None:
    (block,) = (each for each in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL) if "nics" in each)
    assert [host.name for host in topology.load(yaml.safe_load(block)).machines()] == ["web1"]


def test_the_page_has_every_key_and_its_default() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| .* \| (.*?) \|$", PAGE, re.MULTILINE))
    fields = {field.name: field for field in dataclasses.fields(topology.Host) if field.name != "name"}
    assert set(rows) == set(fields)
    for name, field in fields.items():
        words = {dataclasses.MISSING: "required", (): "none", False: "false"}
        assert rows[name].strip("`") == words.get(field.default, str(field.default))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"relase": "trixie"}, "host web1: unknown key relase; known are app, "),
        ({"release": "sid"}, "host web1: release is one of bookworm, trixie, not sid"),
        ({"nics": []}, "host web1: needs at least one entry in nics"),
        ({"nics": [{"network": "lna"}]}, "host web1: network lna is not one of lan"),
        (
            {"nics": [{"network": "lan", "addresses": ["192.0.2.300/24"]}]},
            "host web1: '192.0.2.300/24' does not appear",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(change: dict[str, t.Any], error: str) -> None:
    with pytest.raises(topology.TopologyError, match=f"^{re.escape(error)}"):
        topology.load({"networks": ["lan"], "hosts": {"web1": {**HOST, **change}}})


@pytest.mark.parametrize("name", ["Web1", "1web", "a-host-too-long"])
def test_a_name_must_fit_its_tap(name: str) -> None:
    with pytest.raises(topology.TopologyError, match=f"^host {name}: a name has at most 11"):
        topology.load({"networks": ["lan"], "hosts": {name: HOST}})


@pytest.mark.parametrize("data", [None, [], {}, {"networks": ["lan"]}, {"hosts": {"web1": HOST}}])
def test_nothing_is_no_topology(data: t.Any) -> None:
    with pytest.raises(topology.TopologyError):
        topology.load(data)
