# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What clients see while directors die, lose each other and come back; in all modes at once, as far as the state has them.

The director that dies holds all tiers. Gaps are bounded by seven adverts, skew and one second.
"""

from __future__ import annotations

# pylint: disable=unused-import  # pytest finds hooks, fixtures and tests by their names
import time

import pytest
from clients import PATIENT, Clients, broken
from drills import (  # noqa: F401  # tests
    check_all_answered,
    check_gaps,
    check_power_cut_and_return,
    test_graceful_stop_and_start,
    test_keepalived_says_who_holds_what,
    test_killed_daemon,
    test_maintenance_moves_the_vips_and_stops_nothing,
    test_those_that_lost_each_other_agree_again,
)
from pair import EMPTY, Pair

# Seconds that the kernel keeps packets for a neighbour that does not answer ARP, adverts of full priority among them.
KEPT = 3


@pytest.mark.once
def test_power_cut_and_return_of_the_holder(pair: Pair, clients: Clients) -> None:
    """Open connections go on meanwhile."""
    other = pair.other(pair.gather())
    downloads = [clients.download(service) for service in clients.services]
    for download in downloads:
        clients.is_known(download, other)
    check_power_cut_and_return(pair, clients)
    assert broken(downloads) == []


@pytest.mark.once
def test_a_new_start_of_networkd_moves_nothing(pair: Pair, clients: Clients) -> None:
    """As each upgrade of systemd has one. networkd would take away what it did not set, and keepalived then lets go of all."""
    holders = pair.settle()
    configured = "/lib/systemd/systemd-networkd-wait-online --interface=eth0 --timeout=30"
    with clients.asking("networkd starts anew", PATIENT) as seen, pair.one_holder_at_every_look():
        for host in pair.hosts:
            pair.lab.run(host, f"systemctl restart systemd-networkd && {configured}")
    check_all_answered(seen)
    assert pair.settle() == holders


@pytest.mark.once
@pytest.mark.stage("second")
def test_unplugged_holder_comes_back(pair: Pair, clients: Clients) -> None:
    """Cut off from all, the one that is preferred keeps its VIPs and loses its real servers; back, it must not serve so."""
    pair.gather("lb1")
    with clients.asking("unplugged") as seen:
        pair.unplug("lb1")
        pair.wait_for("lb2", alone=False)
    check_gaps(seen)
    pair.wait_for_pools(EMPTY, ["lb1"])
    # before that it may be taken for what it was: docs/keepalived.md, "Limits"
    time.sleep(KEPT + 1)
    with clients.asking("plugged in") as seen:
        pair.plug_in("lb1")
        pair.settle()
        pair.wait_for_pools()
    check_gaps(seen)
