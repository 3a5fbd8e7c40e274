# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client of the whole stack sees while hosts of each tier die and come back."""

from __future__ import annotations

import time

import pytest
from browser import browse
from clients import PATIENT, Clients
from described import Described
from drills import check_all_answered, check_power_cut_and_return
from pair import DETECTION, Pair
from proxies import BACK, front
from waiting import until

from lab.cluster import Lab

pytestmark = pytest.mark.once


@pytest.mark.parametrize("tier", ["edges", "directors"])
def test_power_cut_and_return_of_a_holder(request: pytest.FixtureRequest, tier: str, clients: Clients) -> None:
    check_power_cut_and_return(request.getfixturevalue(tier), clients)


def test_power_cut_and_return_of_a_real_server(lab: Lab, stack: Described, directors: Pair, clients: Clients) -> None:
    """When the directors have seen that it is dead, no request fails."""
    forgotten = directors.watch(stack.addresses("web2"))
    lab.power_cut(["web2"])
    begin = time.monotonic()
    try:
        assert forgotten() - begin <= DETECTION + 1
        with clients.asking("without web2", PATIENT) as seen:
            answers = browse(lab, [{"address": front(stack)["vips"][0], "port": 80}] * 20)
        check_all_answered(seen)
        assert "web2" not in {answer["said"]["server"] for answer in answers}
    finally:
        lab.power_on(["web2"])
    directors.wait_for_server(stack.addresses("web2"))


@pytest.mark.stage("second")
def test_a_dead_name_server_is_not_missed(lab: Lab, stack: Described, edges: Pair) -> None:
    """Clients that know both get the answer of the other one."""

    def answer(server: str) -> list[str]:
        return lab.run("client", f"dig @{server} +short www.shop.example A", check=False).split()

    lab.power_cut(["dns1"])
    try:
        assert answer("192.0.2.6") == [front(stack)["vips"][0]]
    finally:
        lab.power_on(["dns1"])
    until(lambda: answer("192.0.2.5"), [front(stack)["vips"][0]], "dns1 answers again")


@pytest.mark.stage("second")
def test_all_is_back_after_a_power_cut_of_everything(lab: Lab, stack: Described, edges: Pair, directors: Pair) -> None:
    """Without Ansible, and within a minute of the last boot."""
    hosts = [host.name for host in lab.topology.machines()]
    lab.power_cut(hosts)
    lab.power_on(hosts)
    begin = time.monotonic()

    def served() -> set[str]:
        asks = [f"dig @{stack.addresses(host)[0]} +short www.shop.example A" for host in ("dns1", "dns2")]
        vips = {line for ask in asks for line in lab.run("client", ask, check=False).split() if line[0].isdigit()}
        asked = [{"address": vip, "port": 80} for vip in vips] * 6
        return {answer.get("said", {}).get("server", "") for answer in browse(lab, asked, all_answered=False)}

    until(served, set(stack.real_servers), "every real server answers by name")
    print(f"back after {time.monotonic() - begin:.1f} s")
    assert time.monotonic() - begin <= BACK
