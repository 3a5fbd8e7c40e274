# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cables are pulled, pairs lose each other, and packets get lost."""

from __future__ import annotations

import contextlib
import time
import typing as t

import pytest
from clients import PATIENT
from load import ALL, DIRECTOR, NOTHING, PROXY, Bound, Load, asked_in, server
from pair import BOUND, Pair
from whole import Whole

PAIRS = {"edges": PROXY, "directors": DIRECTOR}
LOSS, SECONDS = 5, 200


@pytest.mark.parametrize("tier", PAIRS)
def test_unplugged_holder(whole: Whole, load: Load, tier: str) -> None:
    """It goes on in its own eyes; plugged in again, one of two holders gives up."""
    pair: Pair = getattr(whole, tier)
    holder = pair.gather()
    try:
        with load.under(f"{holder}, which holds the VIPs, unplugged", PAIRS[tier]):
            pair.unplug(holder)
            pair.wait_for(pair.other(holder), alone=False)
        others = [one for one in whole.directors.hosts if one != holder]
        with load.under(f"{holder} plugged in", PAIRS[tier]._replace(lost=ALL), others):
            pair.plug_in(holder)
            whole.check_service()
    finally:
        pair.recover()


@pytest.mark.parametrize(("host", "bound"), [("web3", server(0.5)), ("dns1", NOTHING)], ids=["web3", "dns1"])
def test_unplugged(whole: Whole, load: Load, host: str, bound: Bound) -> None:
    try:
        with load.under(f"{host} unplugged", bound) as outlast:
            whole.lab.partition([host])
            if host == "web3":
                whole.wait_until_gone(host)
            else:
                outlast()
        with load.under(f"{host} plugged in", NOTHING):
            whole.lab.heal([host])
            whole.check_service()
    finally:
        whole.lab.heal([host])


@pytest.mark.parametrize("tier", PAIRS)
def test_partition_of_a_pair(whole: Whole, load: Load, tier: str) -> None:
    """All others reach both of them meanwhile, and both hold the VIPs until they meet again."""
    pair: Pair = getattr(whole, tier)
    holder = pair.gather()
    bound = PAIRS[tier]._replace(lost=ALL)
    try:
        with load.under(f"{' and '.join(pair.hosts)} lose each other", bound) as outlast:
            pair.part()
            pair.wait_for(pair.other(holder), alone=False)
            outlast()
        # directors that have lost each other share no connections
        sharing = () if pair is whole.directors else whole.directors.hosts
        with load.under(f"{' and '.join(pair.hosts)} meet again", bound, sharing):
            pair.part(wanted=False)
            whole.check_service()
    finally:
        pair.recover()


@contextlib.contextmanager
def packets_lost(whole: Whole) -> t.Iterator[None]:
    """Each host loses some of the packets that it sends, whatever they are."""
    begin = f"modprobe sch_netem; tc qdisc replace dev $nic root netem loss {LOSS}%"
    nics = "for nic in $(ls /sys/class/net | grep ^eth); do %s; done"
    try:
        for host in whole.hosts:
            whole.lab.run(host, nics % begin)
        yield
    finally:
        for host in whole.hosts:
            whole.lab.run(host, nics % "tc qdisc del dev $nic root || true")


def share_lost(whole: Whole) -> float:
    """What part of all packets was lost so far."""
    words = "tc -s qdisc show | grep -A1 netem | awk '/dropped/ {gsub(/[^0-9 ]/, \"\"); print $2, $3}'"
    rows = [line.split() for host in whole.hosts for line in whole.lab.run(host, words).splitlines()]
    sent, lost = sum(int(row[0]) for row in rows), sum(int(row[1]) for row in rows)
    return lost / (sent + lost)


def test_loss_of_packets_moves_nothing(whole: Whole, load: Load) -> None:
    """For 200 s of the clock, also where hosts are slow. keepalived writes down each time that it changes its mind."""
    edges, directors = whole.edges.gather(), whole.directors.gather()
    before = {host: whole.transitions(host) for host in (*whole.edges.hosts, *whole.directors.hosts)}
    assert all(before.values()), "each has changed its mind when it started"
    bound = Bound(gap=BOUND, failed=asked_in(SECONDS, 0.01), lost=0)
    what = f"{LOSS} % of packets lost for {SECONDS} s"
    with load.under(what, bound, seconds=SECONDS, timeout=PATIENT), packets_lost(whole):
        time.sleep(SECONDS)
        assert share_lost(whole) * 100 == pytest.approx(LOSS, rel=0.2)
    assert {host: whole.transitions(host) for host in before} == before
    assert (whole.edges.gather(), whole.directors.gather()) == (edges, directors)
