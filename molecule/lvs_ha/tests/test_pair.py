# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pair at rest: one holder, every mode serves, shares follow the weights, connections are shared."""

from __future__ import annotations

import pytest
from ask import ask, share
from described import Described
from module import answer
from pair import PATIENT, Pair

from lab.cluster import Lab

ROUNDS = 3


def test_one_director_holds_all_vips(pair: Pair) -> None:
    holder = pair.settle()
    for vip in pair.vips:
        assert pair.holders(vip) == [holder]


def test_keepalived_says_the_same(pair: Pair) -> None:
    holder = pair.settle()
    for host in pair.hosts:
        found = answer(host, "keepalived_info")
        wanted = "master" if host == holder else "backup"
        assert {one["state"] for one in found["instances"]} == {wanted}, (host, found)
        assert {entry["held"] for one in found["instances"] for entry in one["addresses"]} == {host == holder}


def test_every_service_serves_in_its_share(lab: Lab, stack: Described, pair: Pair) -> None:
    weights = {host: stack.weight(host) for host in stack.real_servers}
    for tier in stack.fronts:
        for service in stack.services_of(tier):
            wanted = weights if service.scheduler == "wrr" else dict.fromkeys(weights, 1)
            answers = ask(lab, service, ROUNDS * sum(wanted.values()))
            assert share(answers) == {host: ROUNDS * weight for host, weight in wanted.items()}, service


def test_both_have_the_table_and_know_each_other(lab: Lab, pair: Pair) -> None:
    """The one that waits could take over at once: same services, same real servers; its daemon listens."""
    holder = pair.settle()
    tables = [lab.run(host, "ipvsadm -Sn | sort") for host in pair.hosts]
    assert tables[0] == tables[1] and tables[0]
    assert "master sync daemon" in lab.run(holder, "ipvsadm -Ln --daemon")
    assert "backup sync daemon" in lab.run(pair.other(holder), "ipvsadm -Ln --daemon")


@pytest.mark.stage("first")
def test_a_dead_real_server_leaves_and_comes_back(lab: Lab, stack: Described, pair: Pair) -> None:
    """HTTP checks every 2 s with a timeout of 1 s and one repetition after 1 s: gone after 5 s; then no request fails."""
    holder = pair.settle()
    gone = "for i in $(seq 150); do ipvsadm -Ln | grep -q '2[.:]22]*:' || exit 0; sleep 0.1; done; exit 1"
    back = gone.replace("||", "&&")
    lab.power_cut(["web2"])
    try:
        lab.run(holder, gone)
        with pair.watched("192.0.2.100", 8080, PATIENT) as seen:
            for vip in pair.vips:
                ask(lab, next(one for one in stack.services if one.vip == vip and one.protocol == "tcp"), 20)
        assert seen["failed"] == 0 and set(seen["servers"]) == {"web1"}, seen
    finally:
        lab.power_on(["web2"])
    lab.run(holder, back)
