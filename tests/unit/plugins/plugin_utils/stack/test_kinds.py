# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kind that is not there yet slots in: what the next file in ``kinds/`` can rely on."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack import kinds
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.hosts import Inventory
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.model import Stack, Step, Tier
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.options import integer, option


@dataclasses.dataclass(frozen=True, kw_only=True)
class Proxy(Tier):
    KIND = "proxy"
    BACKENDS = ("lvs", "servers")
    port: int = option(integer(1, 65535))

    def derive(self, stack: Stack, inventory: Inventory) -> t.Iterator[Step]:
        behind = stack.behind(self)
        upstreams = [str(one) for one in behind.addresses_for_clients] if behind else []
        parts = {host.name: {"port": self.port, "upstreams": upstreams} for host in inventory.members(self.hosts)}
        yield Step(f"{self.name}: proxies", self.name, "main", "proxy", parts)


@pytest.fixture
def proxied(world: t.Any, monkeypatch: pytest.MonkeyPatch) -> t.Any:
    """A proxy before an lvs tier, described first."""
    monkeypatch.setitem(kinds.KINDS, "proxy", Proxy)
    made = world("dr")
    made.tiers.insert(0, {"name": "edge", "kind": "proxy", "hosts": "edge", "port": 80, "backend": "app"})
    made.groups["edge"] = ["edge1"]
    return made.host("edge1", lb_addresses=["192.0.2.30/24"])


def test_a_new_kind_is_loaded_checked_and_derived_in_its_place(proxied: t.Any) -> None:
    assert proxied.findings() == []
    steps = proxied.plan().steps
    assert [(step.tier, step.part) for step in steps] == [("app", "real_server"), ("app", "director"), ("edge", "main")]
    assert steps[-1].parts == {"edge1": {"port": 80, "upstreams": ["192.0.2.100"]}}


@pytest.mark.parametrize("host", ["web1", "lb1"])
@pytest.mark.parametrize(("mode", "refused"), [("dr", True), ("tun", True), ("nat", False)])
def test_a_client_of_dr_and_tun_is_neither_director_nor_real_server(
    proxied: t.Any, mode: str, host: str, refused: bool
) -> None:
    proxied.set("app", mode=mode).groups["edge"] = [host]
    assert [(one.rule, one.tier, one.host) for one in proxied.findings()] == (
        [("client-in-tier", "edge", host)] if refused else []
    )


def test_a_bad_option_of_a_new_kind_is_found(proxied: t.Any) -> None:
    proxied.set("edge", prot=1)
    assert any("did you mean 'port'?" in one.message for one in proxied.findings())
