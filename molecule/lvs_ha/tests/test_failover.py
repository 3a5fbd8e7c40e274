# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What clients see while directors die, lose each other and come back. Gaps are bounded by three adverts, skew and 1 s."""

from __future__ import annotations

import ipaddress
import json
import subprocess
import sys

import pytest
from pair import BOUND, CHECK_INTERVAL, PATIENT, Pair

from lab.client import PROGRAM

VIP = ("192.0.2.100", 8080)
# The tiers that are there in the second state only: TUN and NAT.
OTHERS = [
    pytest.param(*other, marks=pytest.mark.stage("second")) for other in (("192.0.2.110", 8080), ("192.0.2.120", 80))
]


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


@pytest.mark.parametrize(("vip", "port"), OTHERS)
def test_power_cut_in_the_other_modes(pair: Pair, vip: str, port: int) -> None:
    holder = pair.settle()
    with pair.watched(vip, port) as seen:
        pair.power_cut(holder)
        assert pair.settle() == pair.other(holder)
    assert seen["gap"] <= BOUND, seen


@pytest.mark.parametrize(("vip", "port"), [VIP, *OTHERS])
def test_an_open_connection_outlives_the_holder(pair: Pair, vip: str, port: int) -> None:
    """A download that began by one director goes on by the other, which knows its connection by sync."""
    holder = pair.settle()
    argv = [*pair.lab.sandbox.enter("client"), sys.executable, str(PROGRAM), "tcp", vip, str(port)]
    argv += ["--path", "/drip/100/0.1", "--timeout", "60"]
    download = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    known = f"grep -qi '{ipaddress.ip_address(vip):X}.*ESTABLISHED.*SYNC' /proc/net/ip_vs_conn_sync"
    pair.lab.run(
        pair.other(holder),
        f"for i in $(seq 100); do {known} && exit 0; sleep 0.1; done; cat /proc/net/ip_vs_conn_sync >&2; exit 1",
    )
    pair.power_cut(holder)
    (answer,) = json.loads(download.communicate()[0])
    assert answer.get("bytes") == 100, answer


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
