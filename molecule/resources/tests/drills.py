# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What clients see while keepalived dies, stops or loses the other host: the same over directors and over proxies.

The host that it happens to holds all tiers. Gaps are bounded by seven adverts, skew and one second. Verifications import
these tests.
"""

from __future__ import annotations

import typing as t

import pytest
from clients import PATIENT, Clients
from module import answer
from pair import BOUND, Pair

Seen = dict[str, dict[str, t.Any]]


def check_gaps(seen: Seen) -> None:
    assert all(found["gap"] <= BOUND for found in seen.values()), seen


def check_all_answered(seen: Seen) -> None:
    assert all(found["failed"] == 0 for found in seen.values()), seen


def check_power_cut_and_return(pair: Pair, clients: Clients) -> None:
    """The other one takes over; when the first comes back, the VIPs stay where they are."""
    holder = pair.gather()
    with clients.asking(f"power cut of {holder}") as seen:
        pair.power_cut(holder)
        pair.wait_for(pair.other(holder))
    check_gaps(seen)
    with clients.asking(f"return of {holder}", PATIENT) as seen, pair.one_holder_at_every_look():
        pair.power_on(holder)
        pair.wait_for_pools()
    check_all_answered(seen)


@pytest.mark.once
@pytest.mark.stage("second")
@pytest.mark.parametrize("processes", ["$(cat /run/keepalived.pid)", "$(pidof keepalived)"], ids=["parent", "all"])
def test_killed_daemon(pair: Pair, clients: Clients, processes: str) -> None:
    """systemd starts it again, and that one finds out that it holds nothing any more."""
    holder = pair.gather()
    with clients.asking("kill -9") as seen:
        pair.lab.run(holder, f"kill -9 {processes}")
        pair.wait_for(pair.other(holder))
    check_gaps(seen)
    pair.lab.run(holder, "for i in $(seq 100); do systemctl is-active keepalived && exit 0; sleep 0.1; done; exit 1")


@pytest.mark.once
@pytest.mark.stage("second")
def test_graceful_stop_and_start(pair: Pair, clients: Clients) -> None:
    """A daemon that stops says so: nobody has to wait for it."""
    holder = pair.gather()
    with clients.asking("stop") as seen:
        pair.lab.run(holder, "systemctl stop keepalived")
        pair.wait_for(pair.other(holder))
    check_gaps(seen)
    with clients.asking("start", PATIENT) as seen, pair.one_holder_at_every_look():
        pair.lab.run(holder, "systemctl start keepalived")
        pair.wait_for_pools()
    check_all_answered(seen)


@pytest.mark.once
@pytest.mark.stage("second")
def test_maintenance_moves_the_vips_and_stops_nothing(pair: Pair, clients: Clients) -> None:
    holder = pair.gather()
    with clients.asking("maintenance") as seen:
        pair.maintain(holder, pair.tiers)
        try:
            pair.wait_for(pair.other(holder))
            pair.lab.run(holder, "systemctl is-active keepalived")
        finally:
            pair.maintain(holder, pair.tiers, wanted=False)
    check_gaps(seen)


@pytest.mark.once
@pytest.mark.stage("second")
def test_those_that_lost_each_other_agree_again(pair: Pair, clients: Clients) -> None:
    """All others reach both of them meanwhile, and both hold everything."""
    holder = pair.gather()
    pair.part()
    pair.wait_for(pair.other(holder), alone=False)
    with clients.asking("meeting again") as seen:
        pair.part(wanted=False)
        pair.settle()
    check_gaps(seen)


def test_keepalived_says_who_holds_what(pair: Pair) -> None:
    holders = pair.settle()
    by_vip = {vip: holders[tier] for tier, vips in pair.tiers.items() for vip in vips}
    for host in pair.hosts:
        found = answer(host, "keepalived_info")["instances"]
        said = {entry["address"]: (one["state"], entry["held"]) for one in found for entry in one["addresses"]}
        assert said == {vip: ("master", True) if host == by_vip[vip] else ("backup", False) for vip in by_vip}, host
