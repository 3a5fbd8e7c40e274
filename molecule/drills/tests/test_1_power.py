# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The power of one host of each kind is cut, and comes back; then of two at once, and of all."""

from __future__ import annotations

import time

import clients
import pytest
from load import DIRECTOR, NOTHING, PROXY, Bound, Load, server
from pair import DETECTION, Pair
from whole import Whole

# The tier, and what a host of it costs that serves; one that waits costs nothing.
PAIRS = {"edges": PROXY, "directors": DIRECTOR}
# What may pass from the last boot until all of the stack serves, without Ansible, in seconds.
BACK = 60


@pytest.mark.parametrize("serves", [True, False], ids=["holder", "waiting"])
@pytest.mark.parametrize("tier", PAIRS)
def test_one_of_a_pair(whole: Whole, load: Load, tier: str, serves: bool) -> None:
    pair: Pair = getattr(whole, tier)
    holder = pair.gather()
    host = holder if serves else pair.other(holder)
    what = f"{host}, which {'holds the VIPs' if serves else 'waits'}"
    try:
        with load.under(f"power cut of {what}", PAIRS[tier] if serves else NOTHING) as outlast:
            pair.power_cut(host)
            pair.wait_for(pair.other(host))
            if not serves:
                outlast()
        with (
            load.under(f"return of {host}", NOTHING, whole.directors.alive),
            pair.one_holder_at_every_look(),
        ):
            pair.power_on(host)
            whole.check_service()
    finally:
        pair.recover()


def test_a_real_server(whole: Whole, load: Load) -> None:
    """The one that has half of all weight."""
    try:
        with load.under("power cut of web3", server(0.5)):
            whole.lab.power_cut(["web3"])
            begin = time.monotonic()
            whole.wait_until_gone("web3")
            assert time.monotonic() - begin <= DETECTION + 1
        with load.under("return of web3", NOTHING):
            whole.lab.power_on(["web3"])
            whole.check_service()
    finally:
        whole.lab.power_on(["web3"])


@pytest.mark.parametrize("host", ["dns1", "storage1"])
def test_a_host_that_few_miss(whole: Whole, load: Load, host: str) -> None:
    """Clients by name wait a second for a name server each second time, and ask the other one; nobody asks for files here."""
    try:
        with load.under(f"power cut of {host}", NOTHING) as outlast:
            whole.lab.power_cut([host])
            outlast()
        with load.under(f"return of {host}", NOTHING):
            whole.lab.power_on([host])
            whole.check_service()
    finally:
        whole.lab.power_on([host])


def test_a_director_and_a_real_server_at_once(whole: Whole, load: Load) -> None:
    """The one that holds the VIPs, and the one that has half of all weight."""
    pair = whole.directors
    holder, dead = pair.gather(), server(0.5)
    both = Bound(failed=DIRECTOR.failed + dead.failed, lost=dead.lost)
    try:
        with load.under(f"power cut of {holder} and web3 at once", both):
            pair.power_cut(holder)
            whole.lab.power_cut(["web3"])
            pair.wait_for(pair.other(holder))
            whole.wait_until_gone("web3")
        with load.under(f"return of {holder} and web3", NOTHING, whole.directors.alive):
            whole.lab.power_on([holder, "web3"])
            pair.power_on(holder)
            whole.check_service()
    finally:
        whole.lab.power_on(["web3"])
        pair.recover()


@pytest.mark.parametrize("how", ["reboot", "power cut"])
def test_everything_at_once(whole: Whole, how: str) -> None:
    """Nobody is there who could repair anything: all real servers are asked by name, and answer, within a minute."""
    if how == "reboot":
        whole.lab.reboot(whole.hosts)
    else:
        whole.lab.power_cut(whole.hosts)
        whole.lab.power_on(whole.hosts)
    begin = time.monotonic()
    while (found := whole.who_answers_by_name()) != set(whole.stack.real_servers):
        assert time.monotonic() - begin <= BACK, f"after {BACK} s only {found} answer"
    back = time.monotonic() - begin
    clients.REPORT.append(f"{how} of everything at once: all is back {back:.1f} s after the last boot; bound: {BACK} s")
    assert back <= BACK
