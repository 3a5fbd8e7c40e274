# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What clients see while a host of the pair dies, loses its daemon, or loses the other one."""

from __future__ import annotations

# pylint: disable=unused-import  # pytest finds hooks, fixtures and tests by their names
import pytest
from clients import Clients
from drills import (  # noqa: F401  # tests
    check_gaps,
    check_power_cut_and_return,
    test_graceful_stop_and_start,
    test_keepalived_says_who_holds_what,
    test_killed_daemon,
    test_maintenance_moves_the_vips_and_stops_nothing,
    test_those_that_lost_each_other_agree_again,
)
from proxies import DAEMONS, Proxies


@pytest.mark.once
def test_power_cut_and_return_of_the_holder(pair: Proxies, clients: Clients) -> None:
    check_power_cut_and_return(pair, clients)


@pytest.mark.once
@pytest.mark.stage("second")
@pytest.mark.parametrize(("tier", "daemon"), DAEMONS.items())
def test_without_its_daemon_a_host_lets_go_of_the_vip(pair: Proxies, clients: Clients, tier: str, daemon: str) -> None:
    """Of that tier alone: what the other daemon serves stays where it is. It stays dead, as systemd may start it again."""
    holder = pair.gather()
    override = f"/run/systemd/system/{daemon}.service.d/stays_dead.conf"
    pair.lab.run(
        holder,
        f"install -D /dev/null {override}; printf '[Service]\\nRestart=no\\n' >{override}; systemctl daemon-reload",
    )
    try:
        with clients.asking(f"kill -9 {daemon}") as seen:
            pair.lab.run(holder, f"kill -9 $(pidof {daemon})")
            pair.wait_until(f"{tier} moved", lambda now: now[tier] == [pair.other(holder)])
    finally:
        pair.lab.run(holder, f"rm {override}; systemctl daemon-reload; systemctl start {daemon}")
    check_gaps(seen)
    assert {name: held for name, held in pair.settle().items() if name != tier} == {
        name: holder for name in DAEMONS if name != tier
    }


@pytest.mark.once
@pytest.mark.stage("second")
def test_unplugged_holder_comes_back(pair: Proxies, clients: Clients) -> None:
    holder = pair.gather()
    with clients.asking("unplugged") as seen:
        pair.unplug(holder)
        pair.wait_for(pair.other(holder), alone=False)
    check_gaps(seen)
    with clients.asking("plugged in") as seen:
        pair.plug_in(holder)
        pair.settle()
    check_gaps(seen)
