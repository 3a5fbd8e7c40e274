# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who was taken back is sent to again, as soon as the balancer's own checks say so."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.serving import not_serving

ROW = {"name": "web1", "address": "192.0.2.21", "port": 80, "tier": "app", "wanted_weight": 1}
END = {"address": "192.0.2.21", "port": 80}
SERVICE = {"protocol": "tcp", "address": "2001:DB8::1", "port": 80}


def row(daemon: str, service: str, **more: t.Any) -> dict[str, t.Any]:
    return {**ROW, "daemon": daemon, "service": service, **more}


def late(seen: dict[str, t.Any], one: dict[str, t.Any]) -> bool:
    return not_serving(seen, [one, one]) == ["web1"]


@pytest.mark.parametrize(("weight", "waits"), [(1, False), (0, True), (None, True)])
def test_the_kernels_table(weight: int | None, waits: bool) -> None:
    ends = [] if weight is None else [{**END, "weight": weight}]
    seen = {"ipvs": {"services": [{**SERVICE, "destinations": ends}]}}
    assert late(seen, row("ipvs", "tcp [2001:db8::1]:80")) is waits
    assert late(seen, row("ipvs", "tcp [2001:db8::2]:80"))
    assert late({"ipvs": None}, row("ipvs", "tcp [2001:db8::1]:80"))


@pytest.mark.parametrize(
    ("up", "state", "waits"), [(True, "ready", False), (False, "ready", True), (True, "drain", True)]
)
def test_haproxy(up: bool, state: str, waits: bool) -> None:
    seen = {"haproxy": {"backends": [{"name": "app", "servers": [{**END, "up": up, "state": state}]}]}}
    assert late(seen, row("haproxy", "app")) is waits
    assert late({"haproxy": None}, row("haproxy", "app"))


@pytest.mark.parametrize("out", [True, False])
def test_nginx(out: bool) -> None:
    seen = {"nginx": {"pools": {"app": {"http/app": {"192.0.2.21:80": {"out": out}, "192.0.2.22:80": {"out": True}}}}}}
    assert late(seen, row("nginx", "app")) is out
    # nobody checks it
    assert not late({"nginx": None}, row("nginx", "app"))


def test_who_is_not_waited_for() -> None:
    assert not late({}, row("dns", "www.shop.example"))
    assert not late({"ipvs": None}, row("ipvs", "tcp 192.0.2.1:80", wanted_weight=0))
