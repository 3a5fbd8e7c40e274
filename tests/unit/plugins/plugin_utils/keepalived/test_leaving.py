# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real servers that leave are those of the file of before, and of nobody else."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.keepalived.leaving import keepalived_leaving
from ansible_collections.mixed_lb.stack.tests.unit.plugins.plugin_utils.keepalived.test_keepalived import scope

Options = dict[str, t.Any]
BOTH = [{"address": "192.0.2.21"}, {"address": "192.0.2.22"}]


def service(destinations: list[Options], **more: t.Any) -> Options:
    return {"protocol": "tcp", "address": "192.0.2.100", "port": 80, "destinations": destinations, **more}


def live(it: Options, *addresses: str) -> Options:
    ends = [{"address": address, "port": it.get("port", 0), "weight": 1} for address in addresses]
    return {"scheduler": "wlc", **it, "destinations": ends}


def left(before: Options, *addresses: str, after: list[Options]) -> list[str]:
    config = scope(virtual_servers=[before])
    found = keepalived_leaving([live(before, *addresses)], [{**before, "destinations": after}], config)
    return [entry["destination"]["address"] for entry in found]


@pytest.mark.parametrize("more", [{}, {"address": "2001:db8::100"}, {"fwmark": 7, "family": "ipv4", "port": 0}])
def test_who_is_no_longer_wanted_leaves(more: Options) -> None:
    before = service(BOTH, **more)
    assert left(before, "192.0.2.21", "192.0.2.22", after=BOTH[:1]) == ["192.0.2.22"]
    assert left(before, "192.0.2.21", "192.0.2.22", after=BOTH) == []


def test_who_is_out_already_or_was_put_there_by_others_does_not() -> None:
    assert left(service(BOTH), "192.0.2.21", "192.0.2.66", after=BOTH[:1]) == []


def test_an_other_weight_is_no_leaving() -> None:
    assert left(service(BOTH), "192.0.2.21", "192.0.2.22", after=[{**one, "weight": 0} for one in BOTH]) == []


def test_datagrams_are_not_waited_for() -> None:
    assert left(service(BOTH, protocol="udp"), "192.0.2.21", "192.0.2.22", after=BOTH[:1]) == []
