# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user may not ask for, since ipvsadm would change it without a word, or could never do it."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.mixed_lb.stack.plugins.module_utils.ipvs import plan, wanted
from ansible_collections.mixed_lb.stack.plugins.module_utils.ipvs.model import ModelError

WEB = {"protocol": "tcp", "address": "192.0.2.100", "port": 80}
MARK = {"fwmark": 7}
RS = {"address": "192.0.2.11"}


def with_rs(**options: t.Any) -> dict[str, t.Any]:
    return {**WEB, "destinations": [{**RS, **options}]}


@pytest.mark.parametrize(
    ("service", "words"),
    [
        ({**WEB, "port": 0}, "needs persistent"),
        ({**WEB, "port": 65536}, "out of range, 0 to 65535"),
        ({**WEB, "address": "lb.example"}, "is not an IP address"),
        ({**WEB, "address": "fe80::1%eth0"}, "names a zone"),
        ({"protocol": "tcp", "port": 80}, "address missing"),
        ({**WEB, **MARK}, "remove protocol, address, port"),
        ({"fwmark": 0}, "out of range, 1 to"),
        ({"fwmark": 2**32}, "out of range"),
        ({**WEB, "family": "ipv6"}, "is an ipv4 address"),
        ({**WEB, "scheduler": "lbl"}, "scheduler 'lbl' is unknown"),
        ({**WEB, "scheduler": "rr", "scheduler_flags": ["sh-port"]}, "scheduler rr has no flag 'sh-port'"),
        ({**WEB, "scheduler": "sh", "scheduler_flags": ["flag-3"]}, "scheduler sh has no flag 'flag-3'"),
        ({**WEB, "persistent": 2678401}, "out of range"),
        ({**WEB, "persistence_mask": 24}, "does nothing without persistent"),
        ({**WEB, "persistence_engine": "sip"}, "does nothing without persistent"),
        ({**WEB, "persistent": 60, "persistence_mask": 33}, "out of range, 0 to 32"),
        ({**WEB, "one_packet": True}, "one_packet is for udp"),
        (with_rs(port=8080), "dr cannot map ports: 8080 is not the service's 80"),
        (with_rs(port=8080, forward="tun"), "tun cannot map ports"),
        (with_rs(address="2001:db8::1"), "needs an ipv4 address"),
        (with_rs(address="2001:db8::1", forward="nat"), "needs an ipv4 address"),
        (with_rs(wieght=3), "destinations[0]: unknown option wieght; there are address, forward"),
        (
            with_rs(forward="tun", tunnel={"kind": "gre"}),
            ", tunnel: unknown option kind; there are checksum, port, type",
        ),
        (with_rs(forward="tun", tunnel="gre"), "tunnel 'gre' is no mapping"),
        (with_rs(weight=3.9), "weight 3.9 is not a whole number"),
        (with_rs(weight=True), "weight True is not a whole number"),
        (with_rs(weight="many"), "weight 'many' is not a whole number"),
        (with_rs(forward="masq"), "forward 'masq' is unknown; there are dr, nat, tun"),
        (with_rs(weight=-1), "out of range"),
        (with_rs(weight=2**31), "out of range, 0 to 2147483647"),
        (with_rs(lower_threshold=5), "lower_threshold 5 is above upper_threshold 0"),
        (with_rs(tunnel={"type": "gre"}), "tunnel is for forward: tun"),
        (with_rs(forward="tun", tunnel={"type": "gue"}), "gue needs a port"),
        (with_rs(forward="tun", tunnel={"type": "gre", "port": 1}), "gre has no port"),
        (with_rs(forward="tun", tunnel={"type": "gre", "checksum": "remcsum"}), "gre has no checksum remcsum"),
        (with_rs(forward="tun", tunnel={"checksum": "csum"}), "ipip has no checksum csum"),
        ({**WEB, "destinations": [RS, RS]}, "is there twice"),
    ],
)
def test_refused_with_the_place_and_the_reason(service: dict[str, t.Any], words: str) -> None:
    with pytest.raises(ModelError) as failed:
        wanted.table([MARK, service])
    assert words in str(failed.value)
    assert str(failed.value).startswith("services[1]") and "\n" not in str(failed.value)


def test_a_service_described_twice_is_refused_whatever_its_spelling() -> None:
    one, other = ({"protocol": "tcp", "address": text, "port": 80} for text in ("2001:db8::1", "2001:DB8:0::1"))
    with pytest.raises(ModelError, match="is there twice"):
        wanted.table([one, other])


def test_defaults_are_those_of_the_tool_and_equal_spellings_are_equal() -> None:
    assert wanted.service(with_rs()) == wanted.service(
        {
            **with_rs(port=80, forward="dr", weight=1, tunnel=None, upper_threshold=0),
            "scheduler": "wlc",
            "persistent": 0,
        }
    )
    assert wanted.service({**WEB, "scheduler": "sh", "scheduler_flags": ["flag-2", "sh-fallback"]}) == wanted.service(
        {**WEB, "scheduler": "sh", "scheduler_flags": ["sh-fallback", "sh-port"]}
    )
    assert wanted.service({**WEB, "persistent": 9, "persistence_mask": 32}) == wanted.service({**WEB, "persistent": 9})


def test_weight_zero_is_a_value() -> None:
    assert wanted.service(with_rs(weight=0)).destinations[0].weight == 0


def test_nat_maps_ports_tun_crosses_families_and_marks_keep_ports() -> None:
    assert wanted.service(with_rs(port=8080, forward="nat")).destinations[0].port == 8080
    assert wanted.service(with_rs(address="2001:db8::1", forward="tun")).destinations[0].port == 80
    assert wanted.service({**MARK, "destinations": [{**RS, "port": 8080}]}).destinations[0].port == 8080


def test_a_scope_is_addresses_and_marks() -> None:
    assert wanted.scope(["192.0.2.1", "2001:DB8::1", {"fwmark": 7}]) == {"192.0.2.1", "2001:db8::1", 7}
    for entry in ({"mark": 7}, {"fwmark": 0}, "lb.example", 7):
        with pytest.raises(ModelError, match=r"restrict\[0\]"):
            wanted.scope([entry])


def test_purge_stays_within_restrict() -> None:
    table = wanted.table([WEB])
    with pytest.raises(ModelError, match="purge needs restrict"):
        plan.target(table, {}, plan.Policy(purge=True))
    with pytest.raises(ModelError, match="is not within restrict"):
        plan.target({}, table, plan.Policy(frozenset({"192.0.2.101"})))


def test_a_weight_of_one_is_not_a_weight_of_ten() -> None:
    before, after = wanted.table([with_rs(weight=1)]), wanted.table([with_rs(weight=10)])
    (op,) = plan.diff(before, after)
    assert str(op) == "ipvsadm -e -t 192.0.2.100:80 -r 192.0.2.11:80 -g -w 10"
