# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What clients see while directors die, lose each other and come back. Gaps are bounded by three adverts, skew and 1 s."""

from __future__ import annotations

import pytest
from pair import BOUND, CHECK_INTERVAL, PATIENT, Pair

VIP = ("192.0.2.100", 8080)


def test_power_cut_and_return_of_the_holder(pair: Pair) -> None:
    """The other one takes over; when the first comes back, the VIPs stay where they are."""
    holder = pair.settle()
    with pair.watched(*VIP) as seen:
        pair.power_cut(holder)
        assert pair.settle() == pair.other(holder)
    assert seen["gap"] <= BOUND, seen
    with pair.watched(*VIP, PATIENT) as seen:
        pair.power_on(holder)
        assert pair.settle() == pair.other(holder)
    assert seen["failed"] == 0, seen


@pytest.mark.stage("second")
@pytest.mark.parametrize(("vip", "port"), [("192.0.2.110", 8080), ("192.0.2.120", 80)], ids=["tun", "nat"])
def test_power_cut_in_the_other_modes(pair: Pair, vip: str, port: int) -> None:
    holder = pair.settle()
    with pair.watched(vip, port) as seen:
        pair.power_cut(holder)
        assert pair.settle() == pair.other(holder)
    assert seen["gap"] <= BOUND, seen


@pytest.mark.stage("first")
def test_graceful_stop(pair: Pair) -> None:
    """A daemon that stops says so: nobody has to wait for it."""
    holder = pair.settle()
    with pair.watched(*VIP) as seen:
        pair.lab.run(holder, "systemctl stop keepalived")
        assert pair.settle() == pair.other(holder)
    assert seen["gap"] <= BOUND, seen


@pytest.mark.stage("first")
def test_maintenance_moves_the_vips_and_stops_nothing(pair: Pair) -> None:
    holder = pair.settle()
    switch = "/etc/keepalived/mixed_lb/app.maintenance"
    with pair.watched(*VIP) as seen:
        pair.lab.run(holder, f"echo 1 >{switch}")
        try:
            pair.wait_until_held_by(pair.other(holder))
            assert pair.settle() == pair.other(holder)
            pair.lab.run(holder, "systemctl is-active keepalived")
        finally:
            pair.lab.run(holder, f"echo 0 >{switch}")
    assert seen["gap"] <= BOUND, seen


@pytest.mark.stage("first")
def test_partition_heals_to_one_holder(pair: Pair) -> None:
    """Cut off, each believes the other dead; connected again, one gives up all VIPs.

    The one that was cut off from the real servers too has an empty pool until its next check, and may be the one that
    stays: that is the time without an answer.
    """
    holder = pair.settle()
    pair.unplug(holder)
    pair.wait_until_held_by(pair.other(holder))
    with pair.watched(*VIP) as seen:
        pair.plug_in(holder)
        pair.settle()
        pair.wait_for_pool()
    assert seen["gap"] <= BOUND + CHECK_INTERVAL, seen
