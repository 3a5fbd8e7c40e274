# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A storage tier: exports first, then mounts, then what stands in front; taken back the other way round."""

from __future__ import annotations

import typing as t

import pytest

FILES = {"name": "files", "kind": "storage", "hosts": "storage", "path": "/srv/files"}


@pytest.fixture
def stored(world: t.Any) -> t.Any:
    made = world("dr").set("web", storage="files").host("nas1", lb_addresses=["192.0.2.31/24"])
    made.groups["storage"] = ["nas1"]
    made.tiers.append(dict(FILES))
    assert made.findings() == []
    return made


def steps(made: t.Any) -> list[tuple[str, str]]:
    return [(step.tier, step.part) for step in made.plan().steps]


def test_storage_is_ready_before_what_needs_it(stored: t.Any) -> None:
    assert steps(stored) == [("files", "server"), ("files", "client"), ("app", "real_server"), ("app", "director")]


def test_mounts_go_before_exports(stored: t.Any) -> None:
    plan = stored.set("files", state="absent").plan()
    assert [(step.tier, step.part) for step in plan.steps][:2] == [("files", "client"), ("files", "server")]
    assert plan.steps[1].parts["nas1"] == {"name": "files", "state": "absent", "exports": []}
    assert plan.steps[0].parts["web1"]["state"] == "absent"
    assert "nas1" not in plan.openings


def test_servers_are_let_in_by_the_address_that_they_ask_from(stored: t.Any) -> None:
    plan = stored.set("files", export="/srv/own").plan()
    (export,) = plan.steps[0].parts["nas1"]["exports"]
    assert export == {"path": "/srv/own", "clients": ["192.0.2.21", "192.0.2.22"], "writable": False}
    assert plan.steps[1].parts["web2"]["source"] == "192.0.2.31:/srv/own"
    (opening,) = [one.part() for one in plan.openings["nas1"]]
    assert (opening["protocol"], opening["ports"], opening["sources"]) == ("tcp", [2049], export["clients"])


def test_ipv6_is_asked_in_brackets(stored: t.Any) -> None:
    plan = stored.host("nas1", lb_addresses=["2001:db8:0:2::31/64"]).plan()
    assert plan.steps[1].parts["web1"]["source"] == "[2001:db8:0:2::31]:/srv/files"
    assert plan.steps[0].parts["nas1"]["exports"][0]["clients"] == ["2001:db8:0:2::21", "2001:db8:0:2::22"]


def test_a_source_of_others_is_only_mounted(stored: t.Any) -> None:
    stored.set("files", hosts=None, source="//filer.example/files", type="cifs", packages="cifs-utils")
    plan = stored.plan()
    assert [step.part for step in plan.steps if step.tier == "files"] == ["client"]
    part = plan.steps[0].parts["web1"]
    assert (part["source"], part["type"], part["packages"]) == ("//filer.example/files", "cifs", ["cifs-utils"])
