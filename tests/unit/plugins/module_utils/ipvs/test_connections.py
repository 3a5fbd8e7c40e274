# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for connections that are open now, whatever comes later."""

from __future__ import annotations

import pytest
from ansible_collections.mixed_lb.stack.plugins.module_utils.ipvs import connections
from ansible_collections.mixed_lb.stack.plugins.module_utils.ipvs.app import Session
from ansible_collections.mixed_lb.stack.plugins.module_utils.ipvs.parse import ParseError
from ansible_collections.mixed_lb.stack.tests.unit.plugins.module_utils.ipvs.fake_kernel import FakeKernel

HEAD = "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n"
ROW = "TCP C633640A {port:04X} C0000264 1F90 C0000215 1F90 {state:<11}     899\n"
SIX = (
    "TCP 2001:0db8:0000:0051:0000:0000:0000:0010 CF08 2001:0db8:0000:0002:0000:0000:0000:0100 1F90 "
    "2001:0db8:0000:0002:0000:0000:0000:0022 1F90 ESTABLISHED     899\n"
)
OTHERS = (
    "TCP C633640A CF08 C0000265 1F90 C0000215 1F90 ESTABLISHED     899\n"  # another VIP
    "UDP C633640A CF08 C0000264 1F90 C0000215 1F90 UDP             299\n"
    "TCP C633640A 0000 C0000264 1F90 C0000215 1F90 NONE             49\n"  # persistence
)
VIPS = ["192.0.2.100", "2001:db8:0:2::100"]


def table(*ports: int, state: str = "ESTABLISHED") -> str:
    return HEAD + "".join(ROW.format(port=port, state=state) for port in ports) + OTHERS


def wait(*looks: str, timeout: float = 10) -> dict[str, object]:
    """What is found when the kernel shows one of the texts after the other, each for a second."""
    kernel, time = FakeKernel(), [0.0]

    def show() -> None:
        kernel.files.content[connections.TABLE] = looks[min(int(time[0]), len(looks) - 1)]

    def sleep(seconds: float) -> None:
        time[0] += seconds
        show()

    show()
    return connections.wait(Session(kernel, kernel.files), VIPS, timeout, lambda: time[0], sleep)


def test_both_families_are_read() -> None:
    found = connections.open_connections(table(7) + SIX, VIPS)
    assert {(one.client, one.client_port, one.vip, one.real_server) for one in found} == {
        ("198.51.100.10", 7, "192.0.2.100", "192.0.2.21"),
        ("2001:db8:0:51::10", 53000, "2001:db8:0:2::100", "2001:db8:0:2::22"),
    }


def test_those_that_come_later_are_not_waited_for() -> None:
    assert wait(table(1, 2), table(2, 3), table(3, 4)) == {
        "known": 2,
        "connections": 0,
        "left": {},
        "states": {},
        "waited": 2.0,
    }


def test_who_closes_has_sent_all() -> None:
    assert wait(table(1), table(1, state="FIN_WAIT"))["waited"] == 1.0


def test_what_is_left_is_told() -> None:
    left = {"known": 2, "connections": 1, "left": {"192.0.2.21": 1}, "states": {"ESTABLISHED": 1}, "waited": 3.0}
    assert wait(table(1, 2), table(1), timeout=3) == left


def test_without_ipvs_there_are_none() -> None:
    assert connections.open_connections("", VIPS) == {}


def test_nonsense_is_named() -> None:
    with pytest.raises(ParseError, match="'TCP x'"):
        connections.open_connections(HEAD + "TCP x\n", VIPS)
