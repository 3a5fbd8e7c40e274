# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each daemon is killed, by the signal that it cannot answer."""

from __future__ import annotations

import pytest
from load import DIRECTOR, NOTHING, PROXY, Load, server
from pair import Pair
from whole import Whole

PAIRS = {"edges": PROXY, "directors": DIRECTOR}
PARENT, EVERY = "$(cat /run/keepalived.pid)", "$(pidof keepalived)"


@pytest.mark.parametrize(("tier", "processes"), [("edges", EVERY), ("directors", PARENT)])
def test_keepalived_of_the_holder(whole: Whole, load: Load, tier: str, processes: str) -> None:
    """systemd starts it again, and that one finds out that it holds nothing any more."""
    pair: Pair = getattr(whole, tier)
    holder = pair.gather()
    which = "the parent" if processes == PARENT else "all"
    with load.under(f"kill -9 of keepalived ({which}) on {holder}, which holds the VIPs", PAIRS[tier]):
        whole.lab.run(holder, f"kill -9 {processes}")
        pair.wait_for(pair.other(holder))
        whole.check_service()


def test_keepalived_that_waits(whole: Whole, load: Load) -> None:
    waiting = [pair.other(pair.gather()) for pair in (whole.edges, whole.directors)]
    with load.under(f"kill -9 of keepalived on {' and '.join(waiting)}, which wait", NOTHING) as outlast:
        for host in waiting:
            whole.lab.run(host, f"kill -9 {EVERY}")
        outlast()
        whole.check_service()


MASTER, WORKERS_TOO = "$(cat /run/nginx.pid)", "$(pidof nginx)"


@pytest.mark.parametrize(
    ("serves", "processes"),
    [(True, MASTER), (True, WORKERS_TOO), (False, WORKERS_TOO)],
    ids=["master", "all", "waiting"],
)
def test_nginx(whole: Whole, load: Load, serves: bool, processes: str) -> None:
    """Without it a host lets go of the VIP; systemd starts it again."""
    holder = whole.edges.gather()
    host = holder if serves else whole.edges.other(holder)
    which = "the master" if processes == MASTER else "all"
    what = f"nginx ({which}) on {host}, which {'holds the VIPs' if serves else 'waits'}"
    with load.under(f"kill -9 of {what}", PROXY if serves else NOTHING) as outlast:
        whole.lab.run(host, f"kill -9 {processes}")
        if not serves:
            outlast()
        whole.check_service()


def test_name_server(whole: Whole, load: Load) -> None:
    with load.under("kill -9 of pdns on dns1", NOTHING) as outlast:
        whole.lab.run("dns1", "kill -9 $(pidof pdns_server)")
        outlast()


def test_application(whole: Whole, load: Load) -> None:
    """systemd starts it again, before the directors have noticed as a rule."""
    with load.under("kill -9 of the application on web3", server(0.5)) as outlast:
        whole.lab.run("web3", "systemctl kill --signal=KILL lab-app")
        outlast()
        whole.check_service()


def test_application_that_stays_dead(whole: Whole, load: Load) -> None:
    try:
        with load.under("the application on web3 stays dead", server(0.5)):
            whole.lab.run("web3", "systemctl stop lab-app")
            whole.wait_until_gone("web3")
        with load.under("the application on web3 is back", NOTHING):
            whole.lab.run("web3", "systemctl start lab-app")
            whole.check_service()
    finally:
        whole.lab.run("web3", "systemctl start lab-app")
