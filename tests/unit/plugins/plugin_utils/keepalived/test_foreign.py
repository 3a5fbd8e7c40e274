# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What others put into the table is found, what keepalived itself may do to it is not."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.keepalived.foreign import keepalived_foreign

Options = dict[str, t.Any]
WEB: Options = {
    "protocol": "tcp",
    "address": "192.0.2.100",
    "port": 80,
    "scheduler": "wrr",
    "persistent": 60,
    "destinations": [{"address": "192.0.2.21", "port": 80}, {"address": "192.0.2.22"}],
    "sorry_server": {"address": "192.0.2.9"},
}
MARKED: Options = {"fwmark": 7, "destinations": [{"address": "192.0.2.21", "port": 0}]}


def live(service: Options, *ends: tuple[str, int], **more: t.Any) -> Options:
    destinations = [{"address": address, "port": port, "weight": 1} for address, port in ends]
    plain = {name: value for name, value in service.items() if name != "sorry_server"}
    return {"scheduler": "wlc", **plain, **more, "destinations": destinations}


def found(*services: Options) -> list[str]:
    return [entry["text"] for entry in keepalived_foreign(services, [WEB, MARKED])]


@pytest.mark.parametrize("ends", [(), (("192.0.2.22", 80),), (("192.0.2.9", 80),)])
def test_a_pool_that_shrank_or_is_sorry_is_its_own(ends: t.Any) -> None:
    assert found(live(WEB, *ends), live(MARKED, ("192.0.2.21", 0), family="ipv4")) == []


def test_other_addresses_are_nobodys_business() -> None:
    assert found(live({**WEB, "address": "192.0.2.101"}), live({**MARKED, "fwmark": 8}, family="ipv4")) == []
    assert found(live(MARKED, family="ipv6")) == []


def test_what_others_put_there_is_named() -> None:
    services = [
        live(WEB, ("192.0.2.21", 80), ("192.0.2.66", 80), scheduler="rr"),
        live({**WEB, "port": 81}),
        live(MARKED, ("192.0.2.66", 0), family="ipv4"),
    ]
    entries = keepalived_foreign(services, [WEB, MARKED])
    key = {"protocol": "tcp", "address": "192.0.2.100", "port": 80}
    assert [entry["text"] for entry in entries] == [
        "scheduler rr of tcp 192.0.2.100 80, in place of wrr",
        "destination 192.0.2.66 port 80 of tcp 192.0.2.100 80",
        "service tcp 192.0.2.100 81",
        "destination 192.0.2.66 port 0 of 7 ipv4",
    ]
    assert entries[0]["service"] == key and entries[0]["wanted"] == {"scheduler": "wrr", "persistent": 60}
    assert entries[1]["service"] == key and entries[1]["destination"] == {"address": "192.0.2.66", "port": 80}
    assert "destination" not in entries[2] and "wanted" not in entries[2]


@pytest.mark.parametrize(("weight", "more", "known"), [(5, {}, True), (0, {}, True), (1, {}, False)])
def test_weights_of_others_are_named(weight: int, more: Options, known: bool) -> None:
    service = live(WEB, ("192.0.2.21", 80), scheduler="wrr")
    service["destinations"][0]["weight"] = weight
    entries = keepalived_foreign([service], [WEB])
    assert bool(entries) is known
    for entry in entries:
        assert entry["destination"] == {"address": "192.0.2.21", "port": 80} and entry["weight"] == 1
        assert (
            entry["text"] == f"weight {weight} of destination 192.0.2.21 port 80 of tcp 192.0.2.100 80, in place of 1"
        )


def test_weights_that_checks_decide_are_keepaliveds_own() -> None:
    service = live(WEB, ("192.0.2.21", 80), scheduler="wrr")
    service["destinations"][0]["weight"] = 0
    assert keepalived_foreign([service], [{**WEB, "inhibit_on_failure": True}]) == []
    assert keepalived_foreign([service], [WEB], True) == []
    assert keepalived_foreign([service], [{**WEB, "checks": [{"type": "misc", "dynamic": True}]}]) == []
